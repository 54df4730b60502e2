"""Which Python values are read, and as what."""

import collections
import dataclasses
import datetime
import enum
import fractions
import json
import types
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

import numpy
import pydantic
import pytest

from perso import Decision
from support.policies import policy

TYPES = ["string", "number", "boolean", "list", "object", "null"]
KINDS = policy(
    *({"id": kind, "allow": kind, "when": {"args.v": {"type": kind}}} for kind in TYPES),
    {"id": "any", "allow": "any", "when": {"args.v": {"exists": True}}},
    {"id": "none", "allow": "none", "when": {"args.v": {"exists": False}}},
)


def kind(value: Any) -> str | None:
    """The type that a value is read as. `None` if nothing may be concluded from it."""
    kinds = [name for name in TYPES if KINDS.decide(name, {"v": value})]
    if not kinds:
        assert KINDS.decide("string", {"v": value}).cause.problem == "withheld"
        # Not even whether the value is present.
        assert not KINDS.decide("any", {"v": value}) and not KINDS.decide("none", {"v": value})
        return None
    (only,) = kinds
    return only


def equals(value: Any, literal: Any) -> bool:
    return bool(policy({"allow": "t", "when": {"args.v": {"eq": literal}}}).decide("t", {"v": value}))


class Colour(enum.Enum):
    RED = "red"
    ONE = 1
    NOTHING = None
    LIST = ("red",)


class Text(str, enum.Enum):  # noqa: UP042 - `StrEnum` has another `__str__`.
    RED = "red"

    def __str__(self) -> str:
        return "something else"


class Level(enum.IntEnum):
    HIGH = 3


class Flag(enum.Flag):
    A = 1


class Id(str):
    """A subclass that does not change how it is read."""

    def checksum(self) -> int:
        return len(self)


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "string"),
        (Id("x"), "string"),
        (Text.RED, "string"),
        (numpy.str_("x"), "string"),
        (1, "number"),
        (2**63, "number"),
        (-(2**63) - 1, "number"),
        (10**6144, "number"),
        (1.5, "number"),
        (1e-300, "number"),
        (Decimal("1.5"), "number"),
        (Level.HIGH, "number"),
        (Flag.A, "number"),
        (numpy.int64(1), "number"),
        (numpy.uint8(1), "number"),
        (numpy.float64(1.5), "number"),
        (numpy.float32(1.5), "number"),
        (True, "boolean"),
        (numpy.bool_(True), "boolean"),
        (None, "null"),
        (Colour.NOTHING, "null"),
        (Colour.RED, "string"),
        (Colour.ONE, "number"),
        ([], "list"),
        ((), "list"),
        (Point(1, 2), "list"),
        ({}, "object"),
        (collections.OrderedDict(), "object"),
        (collections.defaultdict(int), "object"),
        (collections.ChainMap(), "object"),
        (collections.UserDict(), "object"),
        (types.MappingProxyType({}), "object"),
        # Nothing may be concluded from anything else.
        (object(), None),
        (Colour.LIST, None),
        (b"x", None),
        (bytearray(b"x"), None),
        (1j, None),
        (fractions.Fraction(1, 2), None),
        ({1}, None),
        (range(3), None),
        (collections.deque(), None),
        (datetime.datetime(2026, 1, 1), None),
        (numpy.array([1]), None),
        (numpy.datetime64("2026-01-01"), None),
        (numpy.complex128(1), None),
        (type, None),
        (len, None),
        (types.SimpleNamespace(), None),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_types(value: Any, expected: str | None) -> None:
    assert kind(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("-Infinity"),
        numpy.float64("nan"),
        10**6145 - 1,
        10**6145,
        -(10**10000),
        1 << 30000,
        Decimal("1e9999"),
        int("1" * 39),
    ],
    ids=lambda value: type(value).__name__,
)
def test_out_of_range(value: Any) -> None:
    rule = policy({"allow": "t", "when": {"args.v": {"lt": 5}}})
    assert rule.decide("t", {"v": value}).cause.problem == "out_of_range"


def test_numbers_are_exact() -> None:
    assert equals(2**53 + 1, 9007199254740993) and not equals(2**53 + 1, 9007199254740992)
    assert equals(0.1, 0.1) and equals(Decimal("0.1"), 0.1) and not equals(Decimal("0.10000000000000000001"), 0.1)
    assert equals(500, 500.0) and equals(500.0, 500) and equals(Decimal("5E+2"), 500) and equals(-0.0, 0)
    assert equals(10**100, 1e100)
    large = policy({"allow": "t", "when": {"args.v": {"gte": 1}}})
    assert large.decide("t", {"v": 10**5000}), "Python itself does not write it out"
    assert not equals(True, 1) and not equals(1, True) and not equals("1", 1)
    assert equals(numpy.float32(0.5), 0.5) and equals(numpy.int64(7), 7)
    assert equals(float("5e-324"), 5e-324) and equals(1.7976931348623157e308, 1.7976931348623157e308)


def test_enumerations_are_their_values() -> None:
    assert equals(Text.RED, "red") and equals(Colour.RED, "red") and equals(Level.HIGH, 3)


@dataclasses.dataclass
class Address:
    city: str


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    name: str
    address: Address
    tags: list[str] = dataclasses.field(default_factory=list)
    species: ClassVar[str] = "person"


class Model(pydantic.BaseModel):
    name: str
    address: Address | None = None
    nested: dict[str, Any] = {}


class Open(pydantic.BaseModel, extra="allow"):
    name: str


class Root(pydantic.RootModel[list[str]]):
    pass


class Aliased(pydantic.BaseModel):
    name: str = pydantic.Field(alias="theName")


class Lazy(Mapping[str, Any]):
    """A mapping that counts how often it is read."""

    def __init__(self, **values: Any) -> None:
        self.values_of = values
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        return self.values_of[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_of)

    def __len__(self) -> int:
        return len(self.values_of)


RECORDS = policy({"allow": "t", "when": {"args.v.name": "Ann", "agent.address.city": "Rome"}})


def judged(value: Any, agent: Any) -> Decision:
    return RECORDS.decide("t", {"v": value}, agent=agent)


def test_records() -> None:
    ann = Person("Ann", Address("Rome"))
    model = Model(name="Ann", address=Address("Rome"))
    for value in (ann, model, Open(name="Ann"), Lazy(name="Ann"), {"name": "Ann"}, Aliased(theName="Ann")):
        for agent in (
            ann,
            model,
            Lazy(address=Lazy(city="Rome")),
            {"address": {"city": "Rome"}},
            Open(name="x", address={"city": "Rome"}),
        ):  # type: ignore[call-arg]
            assert judged(value, agent), (value, agent)
    assert judged(Person("Bob", Address("Rome")), ann).cause.problem == "value"
    species = policy({"allow": "t", "when": {"args.v.species": {"exists": True}}})
    assert not species.decide("t", {"v": ann}), "no field"
    tags = policy({"allow": "t", "when": {"args.v": {"count": 2}}})
    assert tags.decide("t", {"v": Root(["a", "b"])})


def test_only_what_the_policy_reads_is_read_and_once() -> None:
    value, agent = Lazy(name="Ann", other=1, third=2), Lazy(address=Lazy(city="Rome"), id=1)
    assert judged(value, agent)
    assert value.asked == ["name"] and agent.asked == ["address"]
    reading = RECORDS.read("t", {"v": value}, agent=agent)
    assert reading.decide() and reading.decide() and not reading.needs_resource()
    assert value.asked == ["name"] * 2
    twice = policy(
        {"allow": "t", "when": {"any": [{"args.n": {"lt": 0}}, {"args.n": {"gt": 5}}]}}, {"allow": "u", "when": {"args.n": 1}}
    )
    number = Lazy(n=7, m=1)
    assert twice.decide("t", number) and number.asked == ["n"]
    assert not twice.decide("unheard_of", number) and number.asked == ["n"]


def test_a_large_call_is_read_once_too() -> None:
    texts = policy({"allow": "t", "when": {"args.a": {"ne": {"ref": "args.b"}}}})
    value = Lazy(a="x" * 500_000, b="y" * 500_000, c=1)
    assert texts.decide("t", value)
    assert value.asked == ["a", "b"]


def test_lists_that_are_looked_into() -> None:
    all_inside = policy({"allow": "mail", "when": {"args.to": {"every": {"ends_with": "@acme.com"}}}})
    for kind in (list, tuple):
        assert all_inside.decide("mail", {"to": kind(["a@acme.com", "b@acme.com"])})
        assert not all_inside.decide("mail", {"to": kind(["a@acme.com", "b@evil.example"])})
        assert not all_inside.decide("mail", {"to": kind(["a@acme.com", object()])})
        assert not all_inside.decide("mail", {"to": kind(["a@acme.com"] * 1025)})
    assert not all_inside.decide("mail", {"to": "a@acme.com"})
    assert not all_inside.decide("mail", {"to": {"a@acme.com"}})
    lists = policy({"allow": "t", "when": {"args.l": {"every": {"every": {"gt": 0}}}}})
    assert lists.decide("t", {"l": [[1], (2, 3)]}) and not lists.decide("t", {"l": [[1], [0]]})
    assert not lists.decide("t", {"l": [[1] * 1024] * 1024}), "too much to look into"


def test_roles() -> None:
    rule = policy({"allow": "t", "roles": ["agent"]})
    for agent in (
        {"roles": ["agent"]},
        {"roles": ("x", Id("agent"))},
        {"role": "agent"},
        {"role": Text("red"), "roles": ["agent"]},
    ):
        assert rule.decide("t", agent=agent), agent
    for agent in (
        {"roles": []},
        {"roles": "agent"},
        {"roles": {"agent"}},
        {"roles": ["agent", 5]},
        {"roles": ["agent", b"x"]},
        {"roles": ["agent"] * 1025},
        {"roles": object()},
        {"role": object()},
        {"role": ["agent"]},
        {"role": object(), "roles": ["agent"]},
        {"role": "agent", "roles": object()},
        None,
        object(),
        {},
    ):
        assert not rule.decide("t", agent=agent), agent
    denied = policy({"deny": "t", "roles": ["guest"]}, default="allow")
    assert denied.decide("t", agent={"roles": ["agent"]})
    for agent in ({"roles": object()}, {"role": object()}, object(), {"role": object(), "roles": ["agent"]}):
        assert not denied.decide("t", agent=agent), agent


def test_a_list_among_roles_of_another_type_is_as_in_text() -> None:
    rule = policy({"allow": "t", "roles": ["agent"]})
    for roles in (["agent", 5], ["agent", None], ["agent", ["agent"]], [], "agent", None, {"agent": 1}):
        call = {"tool": "t", "agent": {"roles": roles}}
        assert (
            rule.decide("t", agent={"roles": roles}).to_dict()["cause"] == rule.decide_json(json.dumps(call)).to_dict()["cause"]
        )

"""Hostile Python objects: values that misrepresent themselves, raise, or change."""

import collections
import dataclasses
import enum
import gc
import signal
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pydantic
import pytest

from support.policies import policy

SMALL = policy({"allow": "refund", "when": {"args.amount": {"lte": 500}}})
PLAIN = policy({"allow": "drop", "when": {"args.table": "logs"}})
ENV = policy({"deny": "deploy", "when": {"args.env": {"ne": "staging"}}}, default="allow")
NONE = policy({"allow": "list", "when": {"args.all": {"exists": False}}})
CLOSED = policy(
    {"allow": "send", "when": {"args": {"only": ["to"]}}},
    {"allow": "wrap", "when": {"args.box": {"only": ["x"]}}},
)
KEYS = policy({"allow": "post"}, {"deny": "post", "when": {"args": {"anywhere": {"contains": "KEY"}}}})


class LyingStr(str):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __str__(self) -> str:
        return "users"


class FormattedStr(str):
    def __format__(self, spec: str) -> str:
        return "users"


class IndirectStr(LyingStr):
    pass


class SlyStr(str):
    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


class LyingInt(int):
    def __int__(self) -> int:
        return 10_000

    def __le__(self, other: object) -> bool:
        return True


class LyingFloat(float):
    def __mul__(self, other: float) -> float:
        return 10_000.0


class LyingDecimal(Decimal):
    def __str__(self) -> str:
        return "1"


class LyingDict(dict[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return 10_000


class MissingDict(dict[str, Any]):
    def __missing__(self, key: str) -> Any:
        return 10_000


class GetDict(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        return 10_000


class LyingList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(["a@evil.example"])


class LyingTuple(tuple[Any, ...]):
    def __getitem__(self, key: Any) -> Any:
        return "a@evil.example"


class Meta(type):
    """A metaclass that claims that its classes define nothing."""

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__dict__", "__mro__", "__flags__"):
            return {"__dict__": {}, "__mro__": (str, object), "__flags__": 1 << 8}[name]
        return super().__getattribute__(name)


class CoveredStr(str, metaclass=Meta):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class ClaimedStr:
    """Claims to be a string."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return str


class Raising:
    """Raises on every access."""

    def __init__(self, error: type[BaseException] = ValueError) -> None:
        object.__setattr__(self, "error", error)

    def __getattribute__(self, name: str) -> Any:
        raise object.__getattribute__(self, "error")(name)

    def __eq__(self, other: object) -> bool:
        raise ValueError

    def __hash__(self) -> int:
        raise ValueError

    def __bool__(self) -> bool:
        raise ValueError

    def __repr__(self) -> str:
        raise ValueError

    __str__ = __repr__


class RaisingMapping(Mapping[str, Any]):
    def __init__(self, error: BaseException | None = None, at: str = "getitem") -> None:
        self.error = error or ValueError()
        self.at = at

    def __getitem__(self, key: str) -> Any:
        if self.at == "getitem":
            raise self.error
        return 5

    def __iter__(self) -> Iterator[str]:
        if self.at == "iter":
            raise self.error
        yield "amount"
        if self.at == "next":
            raise self.error

    def __len__(self) -> int:
        raise self.error


class Endless(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return 5

    def __iter__(self) -> Iterator[str]:
        yield "amount"
        while True:
            yield "x"

    def __len__(self) -> int:
        return 1


class Twice(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        return 5

    def __iter__(self) -> Iterator[str]:
        yield from ("amount", "amount")

    def __len__(self) -> int:
        return 1


class Changing(Mapping[str, Any]):
    """Returns 5 on the first access and 10,000 afterwards."""

    def __init__(self) -> None:
        self.asked = 0

    def __getitem__(self, key: str) -> Any:
        self.asked += 1
        return 5 if self.asked == 1 else 10_000

    def __iter__(self) -> Iterator[str]:
        return iter(["amount"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("kind", [LyingStr, FormattedStr, IndirectStr, SlyStr, CoveredStr])
def test_strings_with_two_faces_are_unknown(kind: type[str]) -> None:
    decision = PLAIN.decide("drop", {"table": kind("logs")})
    assert not decision and decision.cause.problem == "withheld"
    assert not ENV.decide("deploy", {"env": kind("staging")}), "a deny rule applies as well"
    assert not NONE.decide("list", {"all": kind("")})


def test_what_claims_to_be_a_string_is_none() -> None:
    assert PLAIN.decide("drop", {"table": ClaimedStr()}).cause.problem == "withheld"


@pytest.mark.parametrize("make", [lambda: LyingInt(5), lambda: LyingFloat(5.0), lambda: LyingDecimal("10000"), Raising, object])
def test_numbers_with_two_faces_are_unknown(make: Any) -> None:
    decision = SMALL.decide("refund", {"amount": make()})
    assert not decision and decision.cause.problem == "withheld"


@pytest.mark.parametrize("kind", [LyingDict, MissingDict, GetDict])
def test_dicts_with_two_faces_are_unknown(kind: type[dict[str, Any]]) -> None:
    decision = SMALL.decide("refund", kind(amount=5))
    assert not decision and decision.cause.problem == "withheld"
    assert not NONE.decide("list", kind()), "nothing follows from what it does not have"


@pytest.mark.parametrize("kind", [LyingList, LyingTuple])
def test_lists_with_two_faces_are_unknown(kind: Any) -> None:
    mail = policy({"allow": "mail", "when": {"args.to": {"every": {"ends_with": "@acme.com"}}}})
    decision = mail.decide("mail", {"to": kind(["a@acme.com"])})
    assert not decision and decision.cause.problem == "withheld"
    assert not policy({"allow": "t", "roles": ["agent"]}).decide("t", agent={"roles": kind(["agent"])})


@pytest.mark.parametrize("key", [5, None, True, b"amount", ("amount",), LyingStr("note"), 1.5, frozenset()])
def test_an_object_with_keys_that_are_no_strings_is_unknown(key: Any) -> None:
    decision = SMALL.decide("refund", {"amount": 5, key: 1})
    assert not decision and decision.cause.problem == "withheld"
    assert not NONE.decide("list", {key: 1})
    # They do no harm if the policy reads nothing inside them.
    assert SMALL.decide("refund", {"amount": 5, "note": {key: 1}})


class Field(enum.StrEnum):
    TO = "to"
    BLIND = "blind"


class SaysTo(str):
    """Equals `to`, whatever it is."""

    def __eq__(self, other: object) -> bool:
        return other == "to"

    def __hash__(self) -> int:
        return hash("to")


@dataclasses.dataclass
class Box:
    x: int = 1


@dataclasses.dataclass
class LargerBox(Box):
    y: int = 2


class Model(pydantic.BaseModel):
    model_config = {"extra": "allow"}
    x: int = 1


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"blind": 1}, "value"),
        ({"to": 1, "blind": 1}, "value"),
        ({"to\0": 1}, "value"),
        ({Field.BLIND: 1}, "value"),
        (collections.UserDict(blind=1), "value"),
        ({5: 1}, "withheld"),
        ({None: 1}, "withheld"),
        ({b"to": 1}, "withheld"),
        ({("to",): 1}, "withheld"),
        ({SaysTo("blind"): 1}, "withheld"),
        ({LyingStr("to"): 1}, "withheld"),
    ],
)
def test_only_sees_every_key_of_the_arguments(args: Any, problem: str) -> None:
    decision = CLOSED.decide("send", args)
    assert not decision and decision.cause.problem == problem
    # The key, which the caller has made up, is in no text.
    assert "blind" not in str(decision.to_dict())


@pytest.mark.parametrize("box", [{"x": 1, "y": 1}, LargerBox(), Model(y=1), collections.UserDict(x=1, y=1)])
def test_only_sees_every_key_of_an_object(box: Any) -> None:
    assert CLOSED.decide("wrap", {"box": box}).cause.problem == "value"


def test_only_and_keys_that_cannot_be_read() -> None:
    assert CLOSED.decide("wrap", {"box": {5: 1}}).cause.problem == "withheld"
    assert CLOSED.decide("send", RaisingMapping(at="iter")).cause.problem == "withheld"
    assert CLOSED.decide("send", {"to": 1, "To": 1}).cause.kind == "malformed"
    assert CLOSED.decide("send", {"to": 1, "\ud800": 1}).cause.kind == "malformed"
    assert CLOSED.decide("send", Endless()).cause.kind == "limit"


@pytest.mark.parametrize("args", [{"to": 1}, {Field.TO: 1}, collections.UserDict(to=1)])
def test_only_lets_the_listed_keys_through(args: Any) -> None:
    assert CLOSED.decide("send", args)


@pytest.mark.parametrize("box", [{"x": 1}, Box(), Model(), collections.UserDict(x=1)])
def test_only_lets_the_listed_keys_of_an_object_through(box: Any) -> None:
    assert CLOSED.decide("wrap", {"box": box})


@pytest.mark.parametrize(
    "args",
    [
        {"a": "my KEY"},
        {"KEY": 1},
        {"a": [1, ({"b": ["KEY"]},)]},
        {"a": {"b": [{"c": {"a KEY": None}}]}},
        {"a": Field("blind"), "b": "KEY"},
    ],
)
def test_anywhere_finds_a_string_at_any_depth(args: Any) -> None:
    assert KEYS.decide("post", args).cause.problem == "value"


@pytest.mark.parametrize(
    "args",
    [
        {"a": b"KEY"},
        {"a": object()},
        {"a": {"KEY"}},
        {"a": LyingStr("x")},
        {b"KEY": 1},
        {"a": [LyingDict(a="x")]},
        collections.UserDict(a="KEY"),
    ],
)
def test_anywhere_trusts_no_value_that_could_hide_a_string(args: Any) -> None:
    assert KEYS.decide("post", args).cause.problem == "withheld"


def test_anywhere_lets_other_values_through() -> None:
    assert KEYS.decide("post", {"a": "key", "b": [1, None, True, 2.5, Decimal(1)], 5: {"c": ("K", "EY")}})
    assert KEYS.decide("post", {}) and KEYS.decide("post", None) and KEYS.decide("post")


def test_anywhere_is_bounded() -> None:
    deep: Any = "KEY"
    for _ in range(80):
        deep = [deep]
    assert KEYS.decide("post", {"a": deep}).cause.kind == "limit"
    endless: list[Any] = []
    endless.append(endless)
    assert KEYS.decide("post", {"a": endless}).cause.kind == "limit"
    assert KEYS.decide("post", {"a": [None] * (1 << 20)}).cause.kind == "limit"
    assert KEYS.decide("post", {"a": "\ud800"}).cause.kind == "malformed"


def test_keys_that_differ_by_case_or_stand_twice_are_refused() -> None:
    assert SMALL.decide("refund", {"amount": 5, "Amount": 800}).cause.kind == "malformed"
    assert SMALL.decide("refund", Twice()).cause.detail == "duplicate key in an object"

    class Key(str):
        def __repr__(self) -> str:
            return "another key"

    class Hashed(str):
        def __hash__(self) -> int:
            return 1

    assert SMALL.decide("refund", {Key("amount"): 5})
    assert not SMALL.decide("refund", {"amount": 5, Hashed("amount"): 800})


def test_half_of_a_surrogate_pair_is_malformed() -> None:
    for args in ({"table": "logs\ud800"}, {"table": "logs", "\ud800": 1}):
        assert PLAIN.decide("drop", args).cause.detail == "a lone surrogate in a string"
    assert not PLAIN.decide("dro\ud800p", {"table": "logs"})
    assert not policy({"allow": "t", "roles": ["agent"]}).decide("t", agent={"roles": ["agent", "\udfff"]})


@pytest.mark.parametrize("at", ["iter", "next", "getitem"])
@pytest.mark.parametrize(
    "error", [ValueError(), KeyError(), MemoryError(), RecursionError(), SystemExit(), GeneratorExit(), BaseException()]
)
def test_what_raises_is_unknown_and_raises_nothing(error: BaseException, at: str) -> None:
    for part in ("args", "agent", "resource", "context"):
        assert not SMALL.decide("refund", **{"args": {"amount": 800}, part: RaisingMapping(error, at)})
    assert SMALL.decide("refund", RaisingMapping(error, at)).cause.problem == "withheld"


@pytest.mark.parametrize("error", [ValueError, AttributeError, SystemExit])
def test_objects_that_raise_whatever_they_are_asked(error: type[BaseException]) -> None:
    value = Raising(error)
    assert not SMALL.decide("refund", {"amount": value})
    for part in ("args", "agent", "resource", "context"):
        assert not PLAIN.decide("drop", **{part: value})
    assert not PLAIN.decide(value, {"table": "logs"})


def test_an_interrupt_is_put_off_and_not_lost() -> None:
    # The test runner may ignore interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            decision = SMALL.decide("refund", RaisingMapping(KeyboardInterrupt()))
            assert not decision
            for _ in range(1000):
                pass
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_never_ends_is_over_a_limit() -> None:
    assert SMALL.decide("refund", Endless()).cause.kind == "limit"
    # Values that are already in memory are finite.
    assert SMALL.decide("refund", {"amount": 5, **{str(n): n for n in range(300_000)}}).cause.kind == "rule"
    assert PLAIN.decide("drop", {"table": "x" * (1 << 20)}).cause.problem == "value"
    assert PLAIN.decide("drop", {"table": "x" * (1 << 21)}).cause.kind == "limit"
    deep: Any = {}
    for _ in range(100_000):
        deep = {"x": deep}
    assert SMALL.decide("refund", {"amount": 5, "x": deep})
    while deep:
        deep = deep.pop("x")


def test_a_call_that_contains_itself() -> None:
    args: dict[str, Any] = {"amount": 5}
    args["args"] = args
    assert SMALL.decide("refund", args)
    deep = policy({"allow": "t", "when": {"args.a.a.a.a": {"exists": True}}})
    args = {}
    args["a"] = args
    assert deep.decide("t", args)


def test_what_changes_between_reads_is_read_once() -> None:
    both = policy({"allow": "refund", "when": {"args.amount": {"gt": 0, "lte": 500}, "any": [{"args.amount": {"lt": 6}}]}})
    changing = Changing()
    assert both.decide("refund", changing) and changing.asked == 1
    changing = Changing()
    reading = both.read("refund", changing)
    assert not reading.needs_resource()
    assert reading.decide() and reading.decide({"x": 1}) and changing.asked == 1


def test_arguments_that_change_after_they_were_read() -> None:
    args: dict[str, Any] = {"amount": 800}
    reading = SMALL.read("refund", args)
    args["amount"] = 5
    assert not reading.decide()


def test_a_value_that_changes_the_object_it_is_in() -> None:
    args: dict[str, Any] = {}

    class Adder(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            args.clear()
            args.update({str(n): n for n in range(100)})
            return 5

        def __iter__(self) -> Iterator[str]:
            args["another"] = 1
            return iter(["n"])

        def __len__(self) -> int:
            return 1

    nested = policy({"allow": "t", "when": {"args.a.n": 5, "args.b.n": 5}})
    args.update(a=Adder(), b=Adder())
    assert nested.decide("t", args)

    items: list[Any] = []

    class Emptier(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            items.clear()
            return 5

        def __iter__(self) -> Iterator[str]:
            return iter(["n"])

        def __len__(self) -> int:
            return 1

    listed = policy({"allow": "t", "when": {"args.l": {"every": {"gte": 5}}}})
    items.extend([5, Emptier(), 5])
    assert not listed.decide("t", {"l": items})


def test_a_value_that_judges_while_it_is_read() -> None:
    class Judging(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            return 5 if SMALL.decide("refund", {"amount": 5}) else 800

        def __iter__(self) -> Iterator[str]:
            return iter(["amount"])

        def __len__(self) -> int:
            return 1

    assert SMALL.decide("refund", Judging())


def test_nothing_is_kept() -> None:
    args = {"amount": float("5.5"), "table": "x" * 100}
    agent = {"roles": ["".join(["ag", "ent"])] * 10}
    for tool in ("refund", "other"):
        SMALL.decide(tool, args, agent=agent)
    gc.collect()
    before = [sys.getrefcount(value) for value in (args, agent, *args.values(), *agent.values())]
    for _ in range(100):
        SMALL.decide("refund", args, agent=agent)
        SMALL.read("refund", args, agent=agent).decide()
        SMALL.decide("refund", RaisingMapping())
    assert before == [sys.getrefcount(value) for value in (args, agent, *args.values(), *agent.values())]


def test_attacker_text_is_not_in_reasons() -> None:
    for args in ({"amount": "\x1b[2J ignore all"}, {"\x1b[2J": 1}):
        decision = SMALL.decide("refund", args)
        assert "\x1b" not in str(decision.to_dict())

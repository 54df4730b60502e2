"""Calls every kind of function that can be guarded, in every way.

An allowed call runs once, a denied call never runs, and a call runs with the arguments that were judged, even if something
changes them in the meantime.
"""

import asyncio
import functools
import inspect
import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, RootModel

from perso import Denied
from perso.guard.own import MOST_VALUES, NotOwned, own
from support import asks
from support.done import done
from support.policies import AGENT, DESK, policy

guard = asks.POLICY.guard(tool="process_refund")


@guard
def plain(order: str, amount: float = 1000) -> float:
    done.append(amount)
    return amount


@guard
async def coroutine(order: str, amount: float = 1000) -> float:
    done.append(amount)
    return amount


@guard
def generator(order: str, amount: float = 1000) -> Iterator[float]:
    done.append(amount)
    yield amount


@guard
async def async_generator(order: str, amount: float = 1000) -> AsyncIterator[float]:
    done.append(amount)
    yield amount


@guard
@functools.cache
def cached(order: str, amount: float = 1000) -> float:
    return amount


@guard
def of_a_coroutine(order: str, amount: float = 1000) -> Any:
    async def later() -> float:
        done.append(amount)
        return amount

    return later()


@guard
def of_a_generator(order: str, amount: float = 1000) -> Any:
    def later() -> Iterator[float]:
        done.append(amount)
        yield amount

    return later()


@guard
def with_rest(*orders: str, **rest: float) -> float:
    done.append(rest.get("amount", 1000))
    return rest["amount"]


class Desk:
    @guard
    def method(self, order: str, amount: float = 1000) -> float:
        done.append(amount)
        return amount

    @guard
    async def async_method(self, order: str, amount: float = 1000) -> float:
        done.append(amount)
        return amount

    @staticmethod
    @guard
    def static(order: str, amount: float = 1000) -> float:
        done.append(amount)
        return amount

    @classmethod
    @guard
    def of_class(cls, order: str, amount: float = 1000) -> float:
        done.append(amount)
        return amount

    @property
    def bound(self) -> Any:
        return self.method


async def run(value: Any) -> Any:
    """Runs the result of a call to its end, if it is a generator or a coroutine."""
    if inspect.isawaitable(value):
        return await value
    if inspect.isasyncgen(value):
        return [item async for item in value]
    return list(value) if inspect.isgenerator(value) else value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "a function": plain,
    "a coroutine": coroutine,
    "a generator": generator,
    "an async generator": async_generator,
    "a cached function": cached,
    "a function that returns a coroutine": of_a_coroutine,
    "a function that returns a generator": of_a_generator,
    "a method": Desk().method,
    "an async method": Desk().async_method,
    "a static method": Desk.static,
    "a static method of an object": Desk().static,
    "a class method": Desk.of_class,
    "a class method of an object": Desk().of_class,
    "a method by its class": functools.partial(Desk.method, Desk()),
    "a method by a property": Desk().bound,
    "a partial": functools.partial(plain),
    "a wrapper": functools.wraps(plain)(lambda *args, **kwargs: plain(*args, **kwargs)),
}

WAYS: dict[str, Callable[[Any, float], Any]] = {
    "by place": lambda function, amount: function("1", amount),
    "by name": lambda function, amount: function(order="1", amount=amount),
    "by both": lambda function, amount: function("1", amount=amount),
    "by names in another order": lambda function, amount: function(amount=amount, order="1"),
    "by *": lambda function, amount: function(*("1", amount)),
    "by **": lambda function, amount: function(**{"order": "1", "amount": amount}),
    "by __call__": lambda function, amount: function.__call__("1", amount),
    "by a partial": lambda function, amount: functools.partial(function, "1", amount=amount)(),
    "by map": lambda function, amount: next(map(function, ["1"], [amount])),
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", FUNCTIONS)
async def test_every_function_in_every_way(kind: str) -> None:
    function = FUNCTIONS[kind]
    for way, call in WAYS.items():
        done.clear()
        assert await run(call(function, 5)) in (5, [5]), way
        assert done == ([] if kind == "a cached function" else [5]), way
        done.clear()
        for refusal in asks.REFUSALS:
            with pytest.raises(Denied) as raised:
                await run(call(function, refusal.amount))
            assert str(raised.value) == refusal.text, way
        with pytest.raises(Denied):
            await run(function("1"))
        assert done == [], way


@pytest.mark.anyio
async def test_rests() -> None:
    assert with_rest("1", "2", amount=5) == 5 and done == [5]
    for call in (lambda: with_rest("1", amount=800), lambda: with_rest("1")):
        with pytest.raises(Denied):
            call()
    assert done == [5]


def test_python_has_no_other_kind_of_function() -> None:
    kinds = {name for name in dir(inspect) if name.startswith("is") and name.endswith("function")}
    assert kinds == {"isfunction", "iscoroutinefunction", "isgeneratorfunction", "isasyncgenfunction"}, (
        "Python has another kind of function: wrap it in guard/around.py as what it is, and call it here"
    )


# A generator is judged when its body starts to run.


@pytest.mark.anyio
async def test_generators_run_what_is_judged_then() -> None:
    roles = ["agent"]
    guarded = DESK.guard(agent=lambda: {"roles": roles}, tool="process_refund")

    @guarded
    def refunds(amount: float) -> Iterator[float]:
        done.append(amount)
        yield amount

    @guarded
    async def refunds_later(amount: float) -> AsyncIterator[float]:
        done.append(amount)
        yield amount

    made, made_later = refunds(5), refunds_later(5)
    roles.clear()
    with pytest.raises(Denied):
        next(made)
    with pytest.raises(Denied):
        await anext(made_later)
    assert done == [] and inspect.isgeneratorfunction(refunds) and inspect.isasyncgenfunction(refunds_later)


def test_a_generator_takes_what_is_sent_and_is_closed() -> None:
    @DESK.guard(agent=AGENT, tool="process_refund")
    def refunds(amount: float) -> Any:
        try:
            done.append((yield amount))
            return "ended"
        finally:
            done.append("closed")

    made = refunds(5)
    assert next(made) == 5
    with pytest.raises(StopIteration) as stopped:
        made.send("sent")
    assert stopped.value.value == "ended" and done == ["sent", "closed"]
    made = refunds(5)
    next(made)
    made.close()
    assert done == ["sent", "closed", "closed"]


@pytest.mark.anyio
async def test_an_async_generator_is_closed() -> None:
    @DESK.guard(agent=AGENT, tool="process_refund")
    async def refunds(amount: float) -> AsyncIterator[float]:
        try:
            yield amount
        finally:
            done.append("closed")

    made: Any = refunds(5)
    assert await anext(made) == 5
    await made.aclose()
    assert done == ["closed"]


# Arguments that change while the call is judged.

RULES = policy({"allow": "pay", "when": {"args.order.lines": {"every": {"lte": 5}}, "resource.open": True}})


class Waiting:
    """A `resource` function that returns only when the test lets it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.told: Any = None

    async def __call__(self, args: Any) -> Any:
        self.told = args
        self.asked.set()
        await self.answer.wait()
        return {"open": True}


async def changed(function: Any, order: Any, change: Callable[[], None], waiting: Waiting) -> Any:
    """Calls a function and changes the argument while `resource` runs."""
    running = asyncio.create_task(run(function(order)))
    await waiting.asked.wait()
    change()
    waiting.answer.set()
    return await running


def keep(order: Any) -> Any:
    done.append(order)
    return order


BUILT_IN: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "a dict": (lambda: {"lines": [1]}, lambda order: order.update(lines=[800])),
    "a list in a dict": (lambda: {"lines": [1]}, lambda order: order["lines"].append(800)),
    "what the policy does not read": (
        lambda: {"lines": [1], "note": {"to": ["ann"]}},
        lambda order: order["note"]["to"].append("eve"),
    ),
    "a list in a tuple": (lambda: {"lines": [1], "note": (["ann"],)}, lambda order: order["note"][0].append("eve")),
    "a set": (lambda: {"lines": [1], "note": {"ann"}}, lambda order: order["note"].add("eve")),
    "bytes": (lambda: {"lines": [1], "note": bytearray(b"ann")}, lambda order: order["note"].extend(b"eve")),
    "all of it": (lambda: {"lines": [1]}, lambda order: order.clear()),
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", BUILT_IN)
async def test_values_of_built_in_classes_run_as_they_were_judged(kind: str) -> None:
    make, change = BUILT_IN[kind]

    async def pay(order: Any) -> Any:
        return keep(order)

    async def pay_bit_by_bit(order: Any) -> AsyncIterator[Any]:
        yield keep(order)

    for function in (pay, pay_bit_by_bit):
        order, waiting = make(), Waiting()
        guarded = RULES.guard(resource=waiting, tool="pay")(function)
        await changed(guarded, order, lambda order=order: change(order), waiting)
        assert done == [make()] == [waiting.told["order"]] and order != make()
        assert done[0] is not order and waiting.told["order"] is not done[0]
        done.clear()


@dataclass
class Order:
    lines: list[int]
    note: Any = None


class Model(BaseModel):
    lines: list[int]
    note: Any = None


class Root(RootModel[dict[str, Any]]): ...


class Extra(BaseModel, extra="allow"): ...


class OwnMapping(Mapping[str, Any]):
    def __init__(self, values: dict[str, Any]) -> None:
        self.values_ = values

    def __getitem__(self, key: str) -> Any:
        return self.values_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


class OwnList(list[Any]): ...


OTHER: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "a dataclass": (lambda: Order([1]), lambda order: setattr(order, "lines", [800])),
    "a list in a dataclass": (lambda: Order([1]), lambda order: order.lines.append(2)),
    "what the policy does not read of one": (lambda: Order([1]), lambda order: setattr(order, "note", "eve")),
    "a model": (lambda: Model(lines=[1]), lambda order: setattr(order, "lines", [800])),
    "a list in a model": (lambda: Model(lines=[1]), lambda order: order.lines.append(2)),
    "a root model": (lambda: Root({"lines": [1]}), lambda order: order.root.update(lines=[800])),
    "what a model takes besides its fields": (lambda: Extra(lines=[1]), lambda order: setattr(order, "lines", [2])),
    "a mapping": (lambda: OwnMapping({"lines": [1]}), lambda order: order.values_.update(lines=[2])),
    "a mapping with another key": (lambda: OwnMapping({"lines": [1]}), lambda order: order.values_.update(more=1)),
    "an ordered dict": (lambda: OrderedDict(lines=[1]), lambda order: order.update(lines=[800])),
    "a dict with defaults": (lambda: defaultdict(list, lines=[1]), lambda order: order["lines"].append(2)),
    "a counter in a dict": (lambda: {"lines": [1], "note": Counter("a")}, lambda order: order["note"].update("b")),
    "a list of a class in a dict": (lambda: {"lines": OwnList([1])}, lambda order: order["lines"].append(2)),
    "a dataclass in a tuple": (
        lambda: {"lines": [1], "note": (Order([1]),)},
        lambda order: setattr(order["note"][0], "note", 1),
    ),
    "a model in a dataclass": (lambda: Order([1], Model(lines=[1])), lambda order: order.note.lines.append(2)),
    "the same number of another class": (lambda: Order([1], 1), lambda order: setattr(order, "note", True)),
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", OTHER)
async def test_objects_of_other_classes_that_change_are_denied(kind: str) -> None:
    make, change = OTHER[kind]
    waiting = Waiting()

    @RULES.guard(resource=waiting)
    async def pay(order: Any) -> Any:
        return keep(order)

    order = make()
    with pytest.raises(Denied) as raised:
        await changed(pay, order, lambda: change(order), waiting)
    assert raised.value.decision.cause.detail == "the arguments changed while the call was judged" and done == []
    # Without a change, the function runs and gets the object itself.
    order = make()
    waiting.answer.set()
    assert await pay(order) is (order if type(order) is not dict else done[0]) and len(done) == 1

    # The same with a sync `resource` function.
    @RULES.guard(resource=lambda args: change(order) or {"open": True}, tool="pay")
    def pay_now(order: Any) -> Any:
        return keep(order)

    done.clear()
    with pytest.raises(Denied):
        pay_now(order)
    assert done == []


@pytest.mark.anyio
async def test_what_a_method_belongs_to_may_change() -> None:
    waiting = Waiting()

    @dataclass
    class Till:
        paid: list[Any] = field(default_factory=list)

        @RULES.guard(resource=waiting, tool="pay")
        async def pay(self, order: Any) -> Any:
            self.paid.append(order)
            return order

    till = Till()
    assert await changed(till.pay, {"lines": [1]}, lambda: till.paid.append("another"), waiting) == {"lines": [1]}
    assert till.paid == ["another", {"lines": [1]}]


@pytest.mark.anyio
async def test_what_the_hosts_functions_do_with_what_they_are_told() -> None:
    def spoil(args: Any) -> None:
        args["order"]["lines"].append(800)
        args.clear()

    def agent(args: Any) -> Any:
        spoil(args)
        return {}

    def owner(args: Any) -> Any:
        spoil(args)
        return {"open": True}

    guarded = RULES.guard(agent=agent, resource=owner, on_decision=lambda event, args: spoil(args), tool="pay")

    @guarded
    def pay(order: Any) -> Any:
        return keep(order)

    @guarded
    async def pay_later(order: Any) -> Any:
        return keep(order)

    given: dict[str, Any] = {"lines": [1]}
    pay(given)
    await pay_later(given)
    assert done == [{"lines": [1]}] * 2 and given == {"lines": [1]}


# Arguments that cannot be copied.


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = {"x": [value]}
    return value


def depth(value: Any) -> int:
    levels = 0
    while value:
        value, levels = value["x"][0], levels + 1
    return levels


@pytest.mark.anyio
async def test_a_source_is_told_all_of_it_at_any_depth() -> None:
    rules = policy({"deny": "note", "when": {"resource.protected": True}}, default="allow")
    told: list[Any] = []

    def source(args: Any) -> Any:
        told.append(args)
        return {"protected": args["record"] == "secret"}

    @rules.guard(resource=source, tool="note")
    def note(record: str, more: Any) -> None:
        done.append(record)

    @rules.guard(resource=source, tool="note")
    async def note_later(record: str, more: Any) -> None:
        done.append(record)

    for levels, functions in ((500, (note, note_later)), (50_000, (note_later,))):
        more = deep(levels)
        for record, runs in (("public", 1), ("secret", 0)):
            for function in functions:
                done.clear()
                with suppress(Denied):
                    await run(function(record, more))
                assert done == [record] * runs and told[-1]["record"] == record and depth(told[-1]["more"]) == levels


@pytest.mark.anyio
async def test_what_cannot_be_copied_is_denied() -> None:
    rules = policy(default="allow")
    seen: list[Any] = []
    ring: list[Any] = []
    ring.append({"ring": (ring,)})

    values = {
        "a ring": ring,
        "too many": [0] * (MOST_VALUES + 1),
        "too many in many": [[0] * 1000 for _ in range(MOST_VALUES // 1000)],
    }
    for why, value in values.items():
        guarded = rules.guard(tool="note", on_decision=lambda event, args: seen.append(args))

        @guarded
        def note(value: Any) -> None:
            done.append(why)

        @guarded
        async def note_later(value: Any) -> None:
            done.append(why)

        for function in (note, note_later):
            with pytest.raises(Denied) as raised:
                await run(function(value))
            assert isinstance(raised.value.__cause__, NotOwned), why
    assert done == [] and seen == [None] * 6


class Key:
    """A key that can be hashed `times` times and then raises."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __hash__(self) -> int:
        self.times -= 1
        if self.times < 0:
            raise ValueError("a value")
        return 1


class Failing(OwnMapping):
    def __iter__(self) -> Iterator[str]:
        raise ValueError("a value")


class Endless(OwnMapping):
    def __iter__(self) -> Iterator[str]:
        while True:
            yield "x"


@pytest.mark.anyio
async def test_what_cannot_be_shown_whole_is_denied_and_never_run() -> None:
    """Arguments that cannot be copied for `agent`, `resource` or `on_decision`."""
    rules = policy({"deny": "note", "when": {"resource.protected": True}}, default="allow")
    settings: list[dict[str, Any]] = [
        {"agent": lambda args: {}},
        {"resource": lambda args: {"protected": False}},
        {"on_decision": lambda event, args: None},
        {"agent": lambda args: {}, "resource": lambda args: {"protected": False}, "on_decision": lambda event, args: None},
    ]
    for some in settings:
        guarded = rules.guard(tool="note", **{"resource": lambda args: {"protected": False}, **some})

        @guarded
        def note(value: Any) -> None:
            done.append(value)

        @guarded
        async def note_later(value: Any) -> None:
            done.append(value)

        for function in (note, note_later):
            for times in range(1, 5):
                done.clear()
                key = Key(times + 1)
                try:
                    await run(function({key: [1]}))
                except Denied as denied:
                    assert str(denied) == "the call cannot be judged" and done == []
                else:
                    # The key could be hashed often enough for all copies.
                    assert len(done) == 1 and times > 1
            done.clear()
            for value in (Failing({}), Endless({"x": 1})):
                with pytest.raises(Denied, match="the call cannot be judged"):
                    await run(function(value))
            assert done == []


@pytest.mark.anyio
async def test_a_generator_that_is_a_coroutine() -> None:
    import types

    @DESK.guard(agent=AGENT, tool="process_refund")
    @types.coroutine
    def refund(amount: float) -> Any:
        done.append(amount)
        yield from asyncio.sleep(0).__await__()
        return amount

    assert await refund(5) == 5
    with pytest.raises(Denied):
        await refund(800)
    assert done == [5]


def test_observing_runs_what_cannot_be_copied() -> None:
    ring: list[Any] = []
    ring.append(ring)

    @policy().guard(tool="note", mode="observe")
    def note(value: Any) -> None:
        done.append(value)

    note(ring)
    assert done[0] is ring


def test_a_copy_shares_what_its_original_shares_and_nothing_with_it() -> None:
    shared: list[Any] = [1]
    original = {"a": shared, "b": (shared, {"c": shared}), "s": {1, 2}, "o": Order([1])}
    copied = own(original)
    assert copied == original and copied["a"] is copied["b"][0] is copied["b"][1]["c"] is not shared
    assert copied["s"] is not original["s"] and copied["o"] is original["o"]
    # Copying takes linear time, even if a value occurs many times.
    many: Any = [0]
    for _ in range(100):
        many = [many, many]
    own(many)


@pytest.mark.parametrize(
    "value", [(1,), {1}, b"x", Order([1]), {1: 2}, {"x": (1,)}, [{"x": {None: 1}}], object(), OrderedDict(), 1j]
)
def test_what_no_json_says_is_no_json(value: Any) -> None:
    with pytest.raises(NotOwned):
        own({"x": value}, is_json=True)
    with pytest.raises(NotOwned):
        own({"x": 1, None: 2}, is_json=True)


def test_a_thread_that_changes_the_arguments_meanwhile() -> None:
    """What runs is what was judged, whenever another thread changes it."""
    stop = threading.Event()
    order = {"lines": [1] * 50}

    def change() -> None:
        while not stop.is_set():
            order["lines"][-1] = 800
            order["lines"][-1] = 1

    @policy({"allow": "pay", "when": {"args.order.lines": {"every": {"lte": 5}}}}).guard
    def pay(order: Any) -> None:
        done.append(max(order["lines"]))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(3000):
            with suppress(Denied):
                pay(order)
    finally:
        stop.set()
        thread.join()
    assert set(done) <= {1}

"""The decorator: which calls run, which do not, and what is recorded. Tests check the effects of the functions."""

import asyncio
import functools
import inspect
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from types import FunctionType
from typing import Any, Literal
from uuid import RFC_4122, UUID

import pytest

from perso import Denied, Event, Policy
from perso.guard.denied import META
from support import asks
from support.done import done
from support.policies import AGENT, DESK, MANAGER, policy

OWNERS = {"rec-1": "mgr-001", "rec-2": "mgr-002"}


def owner(args: dict[str, Any]) -> dict[str, Any]:
    return {"owner_id": OWNERS[args["record_id"]]}


async def owner_later(args: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(0)
    return owner(args)


def test_a_function() -> None:
    @DESK.guard(agent=AGENT)
    def process_refund(order: str, amount: float = 1000, *, note: str = "") -> str:
        done.append((order, amount))
        return f"refunded {amount}"

    assert process_refund("1", 5) == "refunded 5" == process_refund("1", amount=5) == process_refund(amount=5, order="1")
    assert done == [("1", 5)] * 3
    with pytest.raises(Denied) as raised:
        process_refund("1", 800)
    denied = raised.value
    assert str(denied) == denied.reason == "Agents may refund up to $500."
    assert denied.tool == "process_refund" and denied.rule == "refund" and not denied.decision
    assert denied.hint is None
    assert denied.meta() == {META: {"decision": "deny", "rule": "refund", "hint": None, "decision_id": denied.id}}
    with pytest.raises(Denied):
        process_refund("1")  # A default argument is an argument.
    with pytest.raises(Denied):
        process_refund("1", amount=True)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'order'"):
        process_refund()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        process_refund("1", amont=5)  # type: ignore[call-arg]
    assert done == [("1", 5)] * 3


def test_without_settings_and_without_an_agent() -> None:
    @DESK.guard
    def view_customer() -> str:
        """Shows a customer."""
        return "Ann"

    @DESK.guard
    def process_refund(amount: int) -> None:
        done.append(amount)

    assert view_customer() == "Ann"
    with pytest.raises(Denied):
        process_refund(5)
    assert done == []


def test_signatures_are_kept() -> None:
    def delete_record(record_id: str, /, force: bool = False, *, dry: Literal["yes", "no"] = "no", **rest: int) -> list[str]:
        """Deletes a record."""
        return []

    guarded = DESK.guard(delete_record)
    assert inspect.signature(guarded) == inspect.signature(delete_record)
    assert guarded.__annotations__ == delete_record.__annotations__
    assert (guarded.__name__, guarded.__doc__, guarded.__module__) == ("delete_record", "Deletes a record.", __name__)
    assert not inspect.iscoroutinefunction(guarded)


ARGS = policy(
    {
        "id": "all",
        "allow": "all",
        "when": {"args.first": 1, "args.last": 3, "args.extra": {"exists": False}, "not": {"args.more": {"some": {"gte": 5}}}},
    },
)


def test_every_kind_of_parameter() -> None:
    @ARGS.guard(tool="all")
    def every(first: int, /, *more: int, last: int = 3, **rest: Any) -> None:
        done.append((first, more, last, rest))

    every(1, 2, 3)
    every(1, other=1)
    for args, kwargs in (((1, 2, 9), {}), ((2,), {}), ((1,), {"last": 4}), ((1,), {"extra": 1})):
        with pytest.raises(Denied):
            every(*args, **kwargs)
    # With `**rest`, two arguments could have the same name.
    for name in ("first", "more"):
        with pytest.raises(TypeError, match=f"`{name}` names two arguments"):
            every(1, **{name: 1})
    assert len(done) == 2


def test_names_of_parameters_are_never_those_of_the_guard() -> None:
    @policy({"allow": "every", "when": {"args.first": 1}}).guard
    def every(
        first: int,
        own_args: Any,
        own_judge: Any = None,
        own__denied: Any = None,
        *,
        own_function: Any = 7,
        last: int = 3,
        **own_: Any,
    ) -> Any:
        return first, own_args, own_judge, own__denied, own_function, own_

    assert every(1, "a", own_function="b", x=1) == (1, "a", None, None, "b", {"x": 1})
    with pytest.raises(Denied):
        every(2, "a")


def test_arguments_that_the_hosts_functions_change() -> None:
    def owner_and_more(args: Any) -> Any:
        told = owner(args)
        args.update(record_id="rec-2")
        return told

    @DESK.guard(agent=MANAGER, resource=owner_and_more)
    def delete_record(record_id: str) -> None:
        done.append(record_id)

    delete_record("rec-1")
    assert done == ["rec-1"]


def test_methods() -> None:
    class Desk:
        @DESK.guard(agent=AGENT)
        def process_refund(self, amount: int) -> int:
            done.append(amount)
            return amount

        @staticmethod
        @DESK.guard(agent=AGENT)
        def view_customer() -> str:
            return "Ann"

        @classmethod
        @DESK.guard(agent=AGENT, tool="process_refund")
        def refund(cls, amount: int) -> int:
            done.append(amount)
            return amount

    desk = Desk()
    assert desk.process_refund(5) == 5 and desk.refund(6) == 6 and Desk.view_customer() == "Ann"
    for call in (desk.process_refund, desk.refund, Desk.refund):
        with pytest.raises(Denied):
            call(800)
    assert done == [5, 6]


def test_resources_are_asked_for_only_where_they_matter() -> None:
    asked = []

    def ask(args: dict[str, Any], tool: str, agent: Any) -> Any:
        asked.append((args, tool, agent))
        return owner(args)

    @DESK.guard(agent=MANAGER, resource=ask)
    def delete_record(record_id: str) -> None:
        done.append(record_id)

    @DESK.guard(agent=AGENT, resource=ask, tool="delete_record")
    def delete_as_agent(record_id: str) -> None:
        done.append(record_id)

    delete_record("rec-1")
    with pytest.raises(Denied, match=r"Managers may delete records they own\."):
        delete_record("rec-2")
    assert asked == [({"record_id": record}, "delete_record", MANAGER) for record in ("rec-1", "rec-2")]
    with pytest.raises(Denied):
        delete_as_agent("rec-1")
    assert len(asked) == 2 and done == ["rec-1"]


def test_a_resource_that_fails_takes_permission_away() -> None:
    events: list[Event] = []

    @DESK.guard(agent=MANAGER, resource=owner, on_decision=lambda event, args: events.append(event))
    def delete_record(record_id: str) -> None:
        done.append(record_id)

    with pytest.raises(Denied) as raised:
        delete_record("missing")
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.decision.cause.problem == "withheld"
    assert isinstance(events[0].failure, KeyError) and done == []


@pytest.mark.parametrize("agent", [lambda: 1 / 0, lambda args: 1 / 0])
def test_an_agent_that_fails_is_denied(agent: Any) -> None:
    @DESK.guard(agent=agent)
    def view_customer() -> None:
        done.append("viewed")

    with pytest.raises(Denied, match="the call cannot be judged") as raised:
        view_customer()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert raised.value.decision.cause.detail == "it is not known who calls"
    assert done == []


def test_who_calls_is_asked_for_each_call() -> None:
    callers = iter([AGENT, {"roles": []}, None])

    @DESK.guard(agent=lambda: next(callers))
    def process_refund(amount: int) -> None:
        done.append(amount)

    process_refund(1)
    for _ in range(3):
        with pytest.raises(Denied):
            process_refund(2)
    assert done == [1]


@pytest.mark.anyio
async def test_a_coroutine() -> None:
    @DESK.guard(agent=MANAGER, resource=owner_later)
    async def delete_record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    assert inspect.iscoroutinefunction(delete_record)
    assert await delete_record("rec-1") == "deleted"
    with pytest.raises(Denied):
        await delete_record("rec-2")
    with pytest.raises(Denied) as raised:
        await delete_record("missing")
    assert isinstance(raised.value.__cause__, KeyError)
    assert done == ["rec-1"]
    never = delete_record("rec-2")
    never.close()


@pytest.mark.anyio
async def test_the_loop_is_never_blocked() -> None:
    def slow(args: Any) -> Any:
        time.sleep(0.3)
        return owner(args)

    def slow_agent() -> Any:
        time.sleep(0.3)
        assert threading.current_thread() is not threading.main_thread()
        return MANAGER

    @DESK.guard(agent=slow_agent, resource=slow)
    async def delete_record(record_id: str) -> None:
        done.append(record_id)

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    await delete_record("rec-1")
    ticking.cancel()
    # Far fewer than the 60 that an idle machine gets, and far more than a blocked loop would.
    assert ticks > 10 and done == ["rec-1"]


@pytest.mark.anyio
async def test_a_resource_that_takes_too_long() -> None:
    async def never(args: Any) -> Any:
        await asyncio.sleep(60)

    def slow(args: Any) -> Any:
        time.sleep(1)

    for resource in (never, slow):

        @DESK.guard(agent=MANAGER, resource=resource, resource_time=0.05)
        async def delete_record(record_id: str) -> None:
            done.append(record_id)

        with pytest.raises(Denied) as raised:
            await delete_record("rec-1")
        assert isinstance(raised.value.__cause__, TimeoutError)
    assert done == []


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_does_not_run() -> None:
    async def never(args: Any) -> Any:
        await asyncio.sleep(60)

    @DESK.guard(agent=MANAGER, resource=never)
    async def delete_record(record_id: str) -> None:
        done.append(record_id)

    task = asyncio.create_task(delete_record("rec-1"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == []


@pytest.mark.anyio
async def test_generators() -> None:
    @DESK.guard(agent=AGENT, tool="process_refund")
    def refunds(amount: int) -> Iterator[int]:
        done.append(amount)
        yield amount

    @DESK.guard(agent=AGENT, tool="process_refund")
    async def refunds_later(amount: int) -> AsyncIterator[int]:
        done.append(amount)
        yield amount

    assert list(refunds(5)) == [5] and [amount async for amount in refunds_later(6)] == [6]
    # A generator is judged when its body starts to run.
    with pytest.raises(Denied):
        list(refunds(800))
    with pytest.raises(Denied):
        [amount async for amount in refunds_later(800)]
    assert done == [5, 6]


def test_what_is_async_does_not_fit_what_is_not() -> None:
    async def agent() -> Any:
        return AGENT

    with pytest.raises(TypeError, match="`delete_record` is not async"):

        @DESK.guard(resource=owner_later)
        def delete_record(record_id: str) -> None: ...

    # The guard finds out only when it calls `agent`.
    @DESK.guard(agent=lambda: agent())
    def view_customer() -> None:
        done.append("viewed")

    with pytest.raises(Denied) as raised:
        view_customer()
    assert isinstance(raised.value.__cause__, TypeError) and done == []


def test_a_guard_belongs_next_to_the_function() -> None:
    def retry(function: Any) -> Any:
        @functools.wraps(function)
        def changed(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **{**kwargs, "amount": 10_000})

        return changed

    def process_refund(amount: int) -> None:
        done.append(amount)

    with pytest.raises(TypeError, match="wrapped by another decorator"):
        DESK.guard(agent=AGENT)(retry(process_refund))
    # The other way round, the guard judges the arguments that the function gets.
    with pytest.raises(Denied):
        retry(DESK.guard(agent=AGENT)(process_refund))(amount=5)
    assert done == []
    for other in (staticmethod(process_refund), classmethod(process_refund), property(process_refund), Policy, object()):
        with pytest.raises(TypeError, match="guard"):
            DESK.guard(other)  # type: ignore[type-var]
    with pytest.raises(TypeError):
        DESK.guard(tool="x", agnet=AGENT)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="`dry` is no mode"):
        DESK.guard(mode="dry")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="takes more than the 1 arguments"):
        DESK.guard(agent=lambda a, b: a)
    with pytest.raises(TypeError, match="cannot be called"):
        DESK.guard(resource={"owner": 1})  # type: ignore[call-overload]


def test_a_cached_function_is_judged_each_time() -> None:
    callers = [AGENT]

    @DESK.guard(agent=lambda: callers[0])
    @functools.cache
    def process_refund(amount: int) -> int:
        done.append(amount)
        return amount

    assert process_refund(5) == process_refund(5) == 5 and done == [5]
    callers[0] = {}
    with pytest.raises(Denied):
        process_refund(5)


def test_observing_lets_everything_pass_and_records_it() -> None:
    events: list[Event] = []

    @DESK.guard(agent=AGENT, mode="observe", on_decision=lambda event, args: events.append(event))
    def process_refund(amount: int) -> None:
        done.append(amount)

    process_refund(5)
    process_refund(800)
    assert done == [5, 800]
    assert [(event.decision.allowed, event.enforced) for event in events] == [(True, False), (False, False)]


def test_each_decision_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[Event, Any]] = []

    @DESK.guard(agent=AGENT, on_decision=lambda event, args: told.append((event, args)))
    def process_refund(amount: int, card: str) -> None:
        done.append(amount)

    with caplog.at_level(logging.INFO, "perso"):
        process_refund(5, "4111-1111")
        with pytest.raises(Denied) as raised:
            process_refund(800, "4111-1111")
    (allowed, args), (denied, _) = told
    assert args == {"amount": 5, "card": "4111-1111"} and allowed.decision.allowed and allowed.enforced
    assert denied.id == raised.value.id and denied.rule == "refund" and denied.failure is None
    assert 0 < denied.duration < 5 and allowed.id != denied.id
    assert UUID(denied.id).version == 7 and UUID(denied.id).variant == RFC_4122
    first, second = caplog.records
    assert (first.levelname, second.levelname) == ("INFO", "WARNING")
    fields = vars(second)
    assert second.getMessage() == "deny process_refund: Agents may refund up to $500."
    expected = {
        "decision_id": denied.id,
        "tool": "process_refund",
        "decision": "deny",
        "rule": "refund",
        "hint": None,
        "cause": "no_rule",
        "attribute": "args.amount",
        "problem": "value",
        "detail": None,
        "failure": None,
        "enforced": True,
    }
    assert expected.items() <= fields.items() and isinstance(fields["duration_us"], int)
    assert "4111-1111" not in str([vars(record) for record in caplog.records])


def copy(function: Any) -> Any:
    """Another function with the same code. A guard marks what it guards, and servers in other tests have these as tools."""
    copied = FunctionType(function.__code__, function.__globals__, function.__name__)
    copied.__annotations__ = function.__annotations__
    return copied


def test_calls_that_need_an_approval(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Event] = []
    guard = asks.POLICY.guard(on_decision=lambda event, args: told.append(event))
    for refusal in asks.REFUSALS:
        with pytest.raises(Denied) as raised:
            guard(copy(asks.process_refund))(refusal.amount)
        denied = raised.value
        assert str(denied) == denied.decision.message == refusal.text and denied.hint == refusal.hint
        assert denied.meta() == {META: refusal.meta(denied.id)} and not told[-1].decision
        assert told[-1].decision.outcome == refusal.decision
        fields = vars(caplog.records[-1])
        assert (fields["levelname"], fields["decision"], fields["hint"]) == ("WARNING", refusal.decision, refusal.hint)
        assert caplog.records[-1].getMessage() == f"{refusal.decision} process_refund: {denied.reason}"
    with pytest.raises(Denied, match=asks.APPROVAL):
        guard(copy(asks.close_account))()
    assert done == []
    # A guard that observes lets it pass, and records what it would do.
    observing = asks.POLICY.guard(mode="observe", on_decision=lambda event, args: told.append(event))
    observing(copy(asks.close_account))()
    assert done == ["closed"] and (told[-1].decision.outcome, told[-1].enforced) == ("ask", False)


def test_a_hook_that_fails_changes_no_decision(caplog: pytest.LogCaptureFixture) -> None:
    def fails(*_: Any) -> Any:
        raise ZeroDivisionError

    @DESK.guard(agent=AGENT, on_decision=fails, denial=fails)
    def process_refund(amount: int) -> None:
        done.append(amount)

    process_refund(5)
    with pytest.raises(Denied, match="Agents may refund"):
        process_refund(800)
    assert done == [5] and len([record for record in caplog.records if record.exc_info]) == 3


def test_what_the_model_reads_can_be_replaced() -> None:
    @DESK.guard(agent=AGENT, denial=lambda denied: f"{denied.reason} Ask a manager.")
    def process_refund(amount: int) -> None: ...

    with pytest.raises(Denied) as raised:
        process_refund(800)
    assert str(raised.value) == "Agents may refund up to $500. Ask a manager."
    assert raised.value.reason == "Agents may refund up to $500."


def test_names_that_would_fool_a_terminal_are_not_logged_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    name = "\x1b[2J\nINFO perso: allow everything" + "x" * 1000

    @DESK.guard(tool=name)
    def tool() -> None: ...

    with pytest.raises(Denied):
        tool()
    message = caplog.records[0].getMessage()
    assert "\x1b" not in message and "\n" not in message and len(message) < 400


def test_ids_are_version_7_uuids() -> None:
    import uuid

    from perso.guard.event import new_id

    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    for text in ids:
        value = uuid.UUID(text)
        assert str(value) == text and value.version == 7 and value.variant == uuid.RFC_4122
        assert abs((value.int >> 80) / 1000 - time.time()) < 60

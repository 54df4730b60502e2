"""What depends on earlier calls and on people. Each adapter is tested with the same cases."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from perso import Answer, Event, Ledger, Question, Queue

from .done import done
from .policies import policy

POLICY = policy(
    {"id": "pay", "allow": "pay", "when": {"args.amount": {"gt": 0, "lte": 500}}},
    {
        "id": "pay-large",
        "ask": "pay",
        "when": {"args.amount": {"gt": 500, "lte": 600}},
        "reason": "Large payments need approval.",
    },
    {"id": "read", "allow": "read"},
    {"id": "wipe", "allow": "wipe"},
    {
        "id": "no-wipe",
        "deny": "wipe",
        "when": {"session.labels": {"has": "untrusted"}},
        "reason": "Not after reading.",
    },
    limits=[
        {
            "id": "a-day",
            "of": "pay",
            "per": "agent.id",
            "sum": "args.amount",
            "max": 1000,
            "window": "24h",
            "reason": "At most 1000 a day.",
        }
    ],
    labels=[{"id": "reads", "of": "read", "add": "untrusted"}],
)

OVER = "At most 1000 a day. Hint: there is room again in about 24 hours."
REFUSED = "Large payments need approval. Hint: a person has denied this call: do not repeat it."
LATE = "Large payments need approval. Hint: nobody has decided in time: repeat the same call later to ask again."
UNASKED = "Large payments need approval. This call needs the approval of a person."
NOBODY = "Large payments need approval. Hint: nobody could be asked: repeat the same call later to try again."
UNKNOWN = "the policy limits this call, and what was done before is not known"


def pay(amount: int) -> str:
    """Pays."""
    done.append(("pay", amount))
    return "ran"


def read() -> str:
    """Reads what strangers wrote."""
    done.append(("read", None))
    return "ran"


def wipe() -> str:
    """Wipes."""
    done.append(("wipe", None))
    return "ran"


FUNCTIONS = (pay, read, wipe)

user: list[str] = ["ann@a"]
"""The id of the current caller, and of the session after the `@`."""


def agent() -> dict[str, str]:
    return {"id": user[0].partition("@")[0]}


def session() -> str | None:
    return user[0].partition("@")[2] or None


@dataclass(frozen=True)
class Used:
    """A server or other user of the functions."""

    call: Callable[[str, dict[str, Any]], Awaitable[str]]
    """Calls a tool, and returns what the model reads."""
    tools: Callable[[], Awaitable[list[str]]] | None = None
    """Lists the tools, if there is a list."""


Using = Callable[..., AbstractAsyncContextManager[Used]]
"""Uses the functions with a guard that has these settings."""

settings: Any = {"agent": agent, "session": session}


def ran() -> list[Any]:
    """What has run since the last time."""
    found = list(done)
    done.clear()
    return found


async def a_limit_stops_what_does_not_fit(using: Using, ledger: str = "memory:") -> None:
    async with using(**settings, ledger=ledger) as used:
        for caller, amount in (("ann", 500), ("ann", 499), ("bob", 500)):
            user[0] = caller
            assert await used.call("pay", {"amount": amount}) == "ran"
        user[0] = "ann"
        assert await used.call("pay", {"amount": 2}) == OVER
        assert await used.call("pay", {"amount": 1}) == "ran"
        assert await used.call("pay", {"amount": 501}) == UNASKED
    assert len(ran()) == 4


async def calls_at_once_do_not_pass_a_limit_together(using: Using, ledger: str = "memory:") -> None:
    user[0] = "ann"
    async with using(**settings, ledger=ledger) as used, anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(used.call, "pay", {"amount": 70})
    assert len(ran()) == 14


async def a_session_keeps_what_it_has_seen(using: Using) -> None:
    async with using(**settings, ledger="memory:") as used:

        async def lists() -> bool:
            return used.tools is None or "wipe" in await used.tools()

        user[0] = "ann@a"
        assert await lists()
        assert await used.call("wipe", {}) == "ran" == await used.call("read", {})
        assert await used.call("wipe", {}) == "Not after reading."
        assert used.tools is None or not await lists()
        user[0] = "ann@b"
        assert await lists() and await used.call("wipe", {}) == "ran"
        assert len(ran()) == 3
        # Without a session, nobody knows what has been seen.
        user[0] = "ann"
        assert await used.call("wipe", {}) == "Not after reading."
        assert await used.call("read", {}) == UNKNOWN
    assert ran() == []


async def a_person_is_asked(using: Using) -> None:
    await _asked(using, decide, (505,))


async def a_person_is_asked_by_async_code(using: Using) -> None:
    async def ask(question: Question) -> Answer | None:
        answer = decide(question)
        if question.args["amount"] == 506:
            await anyio.sleep(60)
        return answer

    await _asked(using, ask, (505, 506))


async def _asked(using: Using, approver: Any, late: Sequence[int]) -> None:
    async with using(**settings, ledger="memory:", approver=approver, approval_time=1.5) as used:
        user[0] = "ann"
        assert await used.call("pay", {"amount": 501}) == "ran"
        assert await used.call("pay", {"amount": 502}) == REFUSED
        for amount in (503, 504):
            assert await used.call("pay", {"amount": amount}) == NOBODY
        for amount in late:
            assert await used.call("pay", {"amount": amount}) == LATE
        # What a person approves counts, and what they do not approve does not.
        assert await used.call("pay", {"amount": 499}) == "ran"
        assert (await used.call("pay", {"amount": 501})).startswith("At most 1000")
    assert ran() == [("pay", 501), ("pay", 499)]


def decide(question: Question) -> Any:
    assert (question.tool, question.agent, question.rule, question.limit) == ("pay", "ann", "pay-large", None)
    match question.args["amount"]:
        case 501:
            return Answer.approved(by="max")
        case 502:
            return Answer.denied(by="max")
        case 503:
            raise ValueError("the chat is down")
        case 504:
            return True
        case _:
            return None


async def a_call_waits_in_the_ledger_for_a_person(using: Using, address: str = "memory:") -> None:
    ledger = Ledger(address)

    async def approve() -> None:
        while not (pending := await anyio.to_thread.run_sync(ledger.pending)):
            await anyio.sleep(0.01)
        (request,) = pending
        assert request["call"]["args"] == {"amount": 505} and request["call"]["session"] == "a"
        await anyio.to_thread.run_sync(partial(ledger.approve, request["id"], by="max"))

    for user[0], approver in (("bob@a", Queue(wait=20)), ("ann@a", "queue")):
        async with using(**settings, ledger=ledger, approver=approver) as used, anyio.create_task_group() as group:
            group.start_soon(approve)
            assert await used.call("pay", {"amount": 505}) == "ran"
    async with using(**settings, ledger=ledger, approver=Queue(wait=0.05)) as used:
        # The approval is used up.
        answer = await used.call("pay", {"amount": 505})
        assert answer.endswith("nobody has decided yet: repeat the same call later to use the decision.")
        (request,) = ledger.pending()
        ledger.deny(request["id"], by="max")
        shown = ledger.show(request["id"])
        assert shown is not None and (shown["state"], shown["by"]) == ("denied", "max")
    assert ran() == [("pay", 505)] * 2


async def who_has_approved_is_reported(using: Using) -> None:
    seen: list[Any] = []

    def on_decision(event: Event, args: Any) -> None:
        seen.append((event.decision.allowed, event.approved_by, event.decision.cause.kind))

    user[0] = "ann"
    approver = lambda question: Answer.approved(by="max")  # noqa: E731
    async with using(**settings, ledger="memory:", approver=approver, on_decision=on_decision) as used:
        for amount in (501, 1, 501):
            await used.call("pay", {"amount": amount})
    assert seen == [(True, "max", "rule"), (True, None, "rule"), (False, None, "over_limit")]
    assert len(ran()) == 2


async def without_a_ledger_nothing_is_let_through_that_needs_one(using: Using) -> None:
    user[0] = "ann@a"
    async with using(**settings) as used:
        assert await used.call("pay", {"amount": 1}) == UNKNOWN
        assert await used.call("read", {}) == UNKNOWN
        assert await used.call("wipe", {}) == "Not after reading."
    assert ran() == []


async def it_observes(using: Using) -> None:
    user[0] = "ann@a"
    asked: list[Any] = []
    async with using(**settings, ledger="memory:", approver=asked.append, mode="observe") as used:
        for amount in (500, 501, 500):
            assert await used.call("pay", {"amount": amount}) == "ran"
    assert len(ran()) == 3 and asked == []


SYNC_CASES = (
    a_limit_stops_what_does_not_fit,
    calls_at_once_do_not_pass_a_limit_together,
    a_session_keeps_what_it_has_seen,
    a_person_is_asked,
    a_call_waits_in_the_ledger_for_a_person,
    who_has_approved_is_reported,
    without_a_ledger_nothing_is_let_through_that_needs_one,
    it_observes,
)
"""Those that code can pass which cannot wait for an async function."""

CASES = (*SYNC_CASES, a_person_is_asked_by_async_code)

IN_A_FILE = (
    a_limit_stops_what_does_not_fit,
    calls_at_once_do_not_pass_a_limit_together,
    a_call_waits_in_the_ledger_for_a_person,
)
"""Those that take the address of a ledger, so that async code has to wait for it."""

"""Approvals by the user of a client that makes calls in rounds (MCP 2026-07-28). Each server is tested with the same cases, by
the client of the `mcp` 2 SDK.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult, InputRequiredResult

from perso import Event, Policy, elicit

from . import memory
from .memory import LATE, POLICY, REFUSED, ran, user
from .policies import policy

KEY = "perso-approval"
VOID = "asked again"

YES = ElicitResult(action="accept", content={"approve": True})
NO = ElicitResult(action="decline")

Make = Callable[..., Any]
"""Makes a server with the functions of `memory`, for a policy and the settings of its guard."""


@dataclass(frozen=True)
class Called:
    """An answer to a call: what the model reads, or the question in its place."""

    text: str
    question: InputRequiredResult | None = None

    @property
    def is_asked(self) -> bool:
        return self.question is not None

    @property
    def state(self) -> str:
        assert self.question is not None and self.question.request_state is not None
        return self.question.request_state

    @property
    def message(self) -> str:
        assert self.question is not None and self.question.input_requests is not None
        return str(getattr(self.question.input_requests[KEY].params, "message"))


@dataclass(frozen=True)
class Rounds:
    """A client whose rounds are made by hand."""

    client: Client

    async def call(
        self, args: Any, before: Called | str | None = None, answer: Any = YES, tool: str = "pay", key: str = KEY
    ) -> Called:
        """Makes a round of a call: the next one after `before`, or with a state."""
        state = before.state if isinstance(before, Called) else before
        more: dict[str, Any] = {} if before is None else {"input_responses": {key: answer}, "request_state": state or None}
        args = {"amount": args} if isinstance(args, int) else args
        try:
            result: Any = await self.client.session.call_tool(tool, args, allow_input_required=True, **more)
        except MCPError as error:
            # The SDK seals the state of its servers, and refuses it for another call.
            assert str(error) == "Invalid or expired requestState"
            return Called(VOID)
        if isinstance(result, InputRequiredResult):
            return Called(VOID, result)
        return Called(str(result.content[0].text))


async def never(context: Any, params: Any) -> ElicitResult:
    raise AssertionError("the rounds are made by hand")


@asynccontextmanager
async def by_hand(server: Any, answer: Any = never) -> AsyncIterator[Rounds]:
    async with Client(server, mode="2026-07-28", elicitation_callback=answer) as client:
        yield Rounds(client)


def asking(**more: Any) -> dict[str, Any]:
    return {**memory.settings, "ledger": "memory:", "approver": elicit(), **more}


async def the_client_asks_its_user(make: Make) -> None:
    answers = {
        501: YES,
        502: NO,
        503: ElicitResult(action="cancel"),
        504: ElicitResult(action="accept", content={"approve": False}),
        505: ElicitResult(action="accept"),
    }
    shown: list[Any] = []
    events: list[Event] = []

    async def answer(context: Any, params: Any) -> ElicitResult:
        shown.append((params.message, params.requested_schema))
        return next(answer for amount, answer in answers.items() if f'"amount":{amount}' in params.message)

    user[0] = "ann"
    server = make(POLICY, **asking(on_decision=lambda event, args: events.append(event)))
    async with Client(server, mode="2026-07-28", elicitation_callback=answer) as client:
        texts = [str((await client.call_tool("pay", {"amount": amount})).content[0].text) for amount in answers]  # type: ignore[union-attr]
        assert texts == ["ran", REFUSED, LATE, REFUSED, LATE]
        await client.call_tool("pay", {"amount": 499})
    assert ran() == [("pay", 501), ("pay", 499)]
    assert len(shown) == 5
    message, schema = shown[0]
    assert message == 'Large payments need approval.\n\nTool: "pay"\nArguments: {"amount":501}'
    assert schema["properties"]["approve"]["type"] == "boolean" and schema["required"] == ["approve"]
    assert [event.approved_by for event in events if event.decision.allowed] == ["ann", None]


async def a_client_that_cannot_ask(make: Make) -> None:
    user[0] = "ann"
    async with Client(make(POLICY, **asking()), mode="2026-07-28") as client:
        result = await client.session.call_tool("pay", {"amount": 501}, allow_input_required=True)
        assert result.content[0].text == LATE  # type: ignore[union-attr]
    assert ran() == []


async def an_approval_is_for_one_run_of_the_same_call(make: Make) -> None:
    user[0] = "ann@a"
    async with by_hand(make(POLICY, **asking())) as rounds:
        first = await rounds.call(501)
        # Other arguments.
        assert (await rounds.call(502, first)).text == VOID
        # The answer may be used up by that.
        again = await rounds.call(501)
        for user[0] in ("bob@a", "ann@b", "ann"):
            # Another caller, or another session.
            assert (await rounds.call(501, again)).is_asked
            user[0] = "ann@a"
            again = await rounds.call(501)
        # Forged states.
        for state in ("made up", "", "perso-ask-", again.state[:-1], again.state + "A", again.state[::-1]):
            assert (await rounds.call(501, state)).text == VOID
        # An answer to another question.
        assert (await rounds.call(501, again, key="other")).is_asked
        assert ran() == []
        right = await rounds.call(501)
        assert (await rounds.call(501, right)).text == "ran"
        # Replayed.
        assert (await rounds.call(501, right)).is_asked
        assert ran() == [("pay", 501)]


async def two_rounds_at_once_run_once(make: Make) -> None:
    user[0] = "ann"
    texts: list[str] = []
    async with by_hand(make(POLICY, **asking())) as rounds:
        asked = await rounds.call(501)

        async def answer() -> None:
            texts.append((await rounds.call(501, asked)).text)

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(answer)
    assert sorted(texts) == [VOID] * 4 + ["ran"] and ran() == [("pay", 501)]


async def a_late_answer_is_void(make: Make) -> None:
    user[0] = "ann"
    async with by_hand(make(POLICY, **asking(approval_time=0.2))) as rounds:
        asked = await rounds.call(501)
        await anyio.sleep(0.3)
        again = await rounds.call(501, asked)
        assert again.is_asked and ran() == []
        assert (await rounds.call(501, again)).text == "ran" and len(ran()) == 1


async def an_answer_is_for_the_policy_that_asked(make: Make) -> None:
    def rules(most: int) -> Policy:
        return policy(
            {"id": "ask", "ask": "pay", "when": {"args.amount": {"gt": 10}}, "reason": "Ask."},
            {"id": "most", "deny": "pay", "when": {"args.amount": {"gt": most}}, "reason": "Too much."},
            {"id": "other", "allow": ["read", "wipe"]},
        )

    active = rules(1000)
    async with by_hand(make(active, approver=elicit())) as rounds:
        # Another policy with the same question.
        asked = await rounds.call(600)
        active.swap(rules(999).module)
        again = await rounds.call(600, asked)
        assert again.is_asked and ran() == []
        # One that denies the call.
        active.swap(rules(500).module)
        assert (await rounds.call(600, again)).text == "Too much."
        # The same one again.
        asked = await rounds.call(400)
        active.swap(rules(500).module)
        assert (await rounds.call(400, asked)).text == "ran"
    assert ran() == [("pay", 400)]


async def a_rule_and_a_limit_ask_one_after_the_other(make: Make) -> None:
    rules = policy(
        {"id": "rule", "ask": "pay", "reason": "By rule."},
        limits=[{"id": "limit", "of": "pay", "max": 1, "window": "1h", "over": "ask", "reason": "By limit."}],
    )
    async with by_hand(make(rules, ledger="memory:", approver=elicit())) as rounds:
        assert (await rounds.call(1, await rounds.call(1))).text == "ran"
        by_rule = await rounds.call(1)
        by_limit = await rounds.call(1, by_rule)
        assert (by_rule.message[:8], by_limit.message[:9]) == ("By rule.", "By limit.")
        assert (await rounds.call(1, by_limit)).text == "ran"
        by_limit = await rounds.call(1, await rounds.call(1))
        refused = await rounds.call(1, by_limit, NO)
        assert refused.text == "By limit. Hint: a person has denied this call: do not repeat it."
    assert len(ran()) == 2


async def what_a_person_is_shown_is_escaped(make: Make) -> None:
    rules = policy({"id": "ask", "ask": "*", "reason": "Ask."})
    async with by_hand(make(rules, approver=elicit())) as rounds:
        message = (await rounds.call({"note": "a\u202eb\n\u00e9\U000e0041", "n": 1})).message
        assert message == 'Ask.\n\nTool: "pay"\nArguments: {"n":1,"note":"a\\u{202e}b\\n\u00e9\\u{e0041}"}'
        large = await rounds.call({"note": "x" * 70_000})
        assert large.text == "Ask. Hint: the call is too large for a person to be shown: send less at once."


CASES = (
    the_client_asks_its_user,
    a_client_that_cannot_ask,
    an_approval_is_for_one_run_of_the_same_call,
    two_rounds_at_once_run_once,
    a_late_answer_is_void,
    an_answer_is_for_the_policy_that_asked,
    a_rule_and_a_limit_ask_one_after_the_other,
    what_a_person_is_shown_is_escaped,
)


SURE = "sure"
"""The key of a tool's own question."""


async def a_tool_that_asks_its_own_question(server: Any, got: list[Any]) -> None:
    """The tool `pay` asks whether the user is sure, and notes in `got` what it gets in each round."""
    async with by_hand(server) as rounds:
        approval = await rounds.call(501)
        question = await rounds.call(501, approval)
        assert question.question is not None and list(question.question.input_requests or ()) == [SURE]
        # Each round is judged, so that the user is asked again.
        second = await rounds.call(501, question, ElicitResult(action="accept", content={}), key=SURE)
        assert second.question is not None and list(second.question.input_requests or ()) == [KEY]
        assert (await rounds.call(501, second)).text == "ran"
        assert got == [[], [SURE]] and ran() == [("pay", 501)]
        # What the tool gets is for the call that it has asked about.
        second = await rounds.call(501, await rounds.call(501, await rounds.call(501)), key=SURE)
        other = await rounds.call(502, second)
        if other.is_asked:
            await rounds.call(502, other)
        assert other.text == VOID and got[2:] in ([[]], [[], []]) and ran() == []

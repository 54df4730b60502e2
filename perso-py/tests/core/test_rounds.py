"""Calls that are kept between their rounds."""

import asyncio
from typing import Any

from perso import Answer, Question
from perso.guard import rounds
from support import memory
from support.memory import POLICY


def a_question() -> Question:
    asked: list[Question] = []

    def approver(question: Question) -> Answer:
        asked.append(question)
        return Answer.approved(by="max")

    POLICY.guard(agent={"id": "ann"}, ledger="memory:", approver=approver)(memory.pay)(501)
    return asked[0]


QUESTION = a_question()
SERVER = object()


def read(answer: Any, question: Question) -> Answer | None:
    return Answer.approved(by="max") if answer == "yes" else None


def asks(params: dict[str, Any]) -> str:
    """The state of a round that asks."""
    round = rounds.Round(SERVER, params, read, can_ask=True)
    with rounds.within(round):
        assert round.ask(QUESTION, {"message": "Ask."}) is None
        required = asyncio.run(round.required())
    assert required is not None
    return str(required["requestState"])


def answered(state: str, **params: Any) -> rounds.Round:
    answers = {rounds.KEY: "yes"}
    return rounds.Round(SERVER, {"inputResponses": answers, "requestState": state, **params}, read, can_ask=True)


def test_the_oldest_calls_are_dropped_first() -> None:
    call = {"name": "pay", "arguments": {"amount": 501}}
    states = [asks(call) for _ in range(5000)]
    assert len(rounds._store.kept) < 4096 and rounds._store.size <= rounds.MOST_KEPT
    for state, is_kept in ((states[0], False), (states[-1], True), (states[-1], False)):
        assert (answered(state, **call).ask(QUESTION, {"message": "Ask."}) is not None) is is_kept
    # What a client sends counts, too.
    large = asks({**call, "inputResponses": {"own": "x" * (rounds.MOST_KEPT // 2)}})
    assert len(rounds._store.kept) < 2048
    assert answered(large, **call).params["inputResponses"].keys() == {"own"}
    asks({**call, "inputResponses": {"own": "x" * rounds.MOST_KEPT}})
    assert rounds._store.kept == {} and rounds._store.size == 0


def test_what_cannot_be_copied_is_not_asked_about() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert rounds.Round(SERVER, {"name": "pay", "arguments": loop}, read, can_ask=True).params["arguments"] is loop

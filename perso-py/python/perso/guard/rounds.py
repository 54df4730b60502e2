"""Calls that are made in rounds, as in MCP from 2026-07-28 on.

A call that a person has to be asked about is answered with the question. The client makes the call again, with the person's
answer and the state that came with the question. The state is a random text, and what it stands for is kept here, so that a
client can neither read nor make up one. An answer is to one question: it is void for a call that another question is about.
"""

from __future__ import annotations

import inspect
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from perso._perso import Answer, Question
from perso.guard.mark import mark_of
from perso.guard.own import own

if TYPE_CHECKING:
    from perso.guard.verdict import Verdict

KEY = "perso-approval"
"""The key of the question among the `inputRequests` of an answer, and of the person's answer to it."""

PREFIX = "perso-ask-"
"""The beginning of states."""

ANSWERS, STATE = "inputResponses", "requestState"
"""The keys of a call's parameters that servers read in later rounds."""

MOST_KEPT = 1 << 24
LEAST_KEPT = 1 << 12
"""The most characters that are kept of calls between rounds, and those that each counts for in addition to its own. The oldest
calls are dropped first."""

Read = Callable[[Any, Question], Answer | None]
"""Reads a person's answer to a question. `None` if there is none."""


@dataclass(frozen=True)
class Kept:
    """What is kept of a call between its rounds."""

    until: float
    call: tuple[object, str]
    answers: Mapping[bytes, Answer | None]
    """The answers to questions, by their digests."""
    asked: Question
    """The question that was asked last."""
    params: Mapping[str, Any]
    """What the server gets in the next round, of `inputResponses` and `requestState`."""
    size: int


class Store:
    """The calls between rounds, by the state that the client has to send with the next one."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.size = 0
        self.lock = Lock()

    def add(self, kept: Kept) -> str:
        """Keeps a call. Returns the state."""
        state = f"{PREFIX}{secrets.token_urlsafe(32)}"
        with self.lock:
            self.kept[state] = kept
            self.size += kept.size
            while self.size > MOST_KEPT:
                self._pop(next(iter(self.kept)))
        return state

    def take(self, state: object) -> Kept | None:
        """Takes out what is kept under a state. `None` if there is nothing, or not any more."""
        with self.lock:
            kept = self._pop(state) if isinstance(state, str) else None
        return kept if kept is not None and time.monotonic() < kept.until else None

    def _pop(self, state: str) -> Kept | None:
        kept = self.kept.pop(state, None)
        if kept is not None:
            self.size -= kept.size
        return kept


_store = Store()
"""Of the whole process: a client may make the next round over another connection."""


class Round:
    """One round of a call."""

    seconds = 300.0
    """How long the person may take."""

    def __init__(self, server: object, params: Mapping[str, Any], read: Read, *, can_ask: bool) -> None:
        """`can_ask` is whether the client can ask its user."""
        self.server = server
        try:
            # A copy, because the server's own code can change the arguments.
            self.sent = own([params.get("name"), params.get("arguments")], is_json=True)
        except Exception:
            # A guard denies such a call, so that there is no question.
            self.sent = None
        self.params = params
        """The parameters of the call for the server, without what the guard has asked."""
        self.can_ask = can_ask
        self.answers: dict[bytes, Answer | None] = {}
        self.charged: list[Verdict] = []
        self.asks: tuple[Question, Mapping[str, Any]] | None = None
        """The question to ask, and the parameters of its elicitation."""
        self.is_open = True
        answers, state = params.get(ANSWERS), params.get(STATE)
        answered = [answers[KEY]] if isinstance(answers, Mapping) and KEY in answers else []
        if answered or (isinstance(state, str) and state.startswith(PREFIX)):
            # Once: an approval is for one run of the call. After an answer to no question of this process, or a late one, the
            # person is asked again.
            kept = _store.take(state)
            self.params = {key: value for key, value in params.items() if key not in (ANSWERS, STATE)}
            if kept is not None and kept.call == self._call():
                self.params |= kept.params
                self.answers = {**kept.answers}
                for answer in answered:
                    self.answers[kept.asked.digest] = read(answer, kept.asked)
        # An answer is used by the first gate that asks.
        self.left = dict(self.answers)

    def ask(self, question: Question, form: Mapping[str, Any]) -> Answer | None:
        """The person's answer. `None` if there is none yet, or if the person cannot be asked."""
        if question.digest in self.left:
            return self.left.pop(question.digest)
        if self.is_open and self.can_ask:
            self.asks = question, form
        return None

    def close(self) -> None:
        """Asks nothing from now on, because the tool begins to run: the call cannot be made again."""
        self.is_open = False
        self.asks = None
        self.left.clear()
        self.charged.clear()

    def _call(self) -> tuple[object, str]:
        """What is the same in each round: the server, the tool and the arguments."""
        return self.server, json.dumps(self.sent, sort_keys=True)

    async def required(self) -> dict[str, Any] | None:
        """The result that asks the person, in place of another. `None` if there is nothing to ask."""
        if self.asks is None:
            return None
        question, form = self.asks
        for verdict in self.charged:
            # It does not run in this round.
            await verdict.give_back()
        params = {key: self.params[key] for key in (ANSWERS, STATE) if self.params.get(key) is not None}
        call = self._call()
        size = LEAST_KEPT + len(call[1]) + len(form["message"]) + len(json.dumps(params))
        state = _store.add(Kept(time.monotonic() + self.seconds, call, self.answers, question, params, size))
        requests = {KEY: {"method": "elicitation/create", "params": form}}
        return {"resultType": "input_required", "inputRequests": requests, STATE: state}


_round: ContextVar[Round | None] = ContextVar("perso_round", default=None)
"""The round of the current call."""


def current() -> Round | None:
    """The round of the current call. `None` if calls are not made in rounds."""
    return _round.get()


@contextmanager
def within(round: Round) -> Iterator[None]:
    """Sets the current round inside the block."""
    token = _round.set(round)
    try:
        yield
    finally:
        round.close()
        _round.reset(token)


def begins(function: object = None) -> None:
    """Notes that a tool is about to run this function, or other code. If the function has a guard, that may still ask."""
    round = _round.get()
    if round is not None and (mark_of(function) is None or not inspect.iscoroutinefunction(function)):
        round.close()


def charged(verdict: Verdict) -> None:
    """Notes that a call was charged, in case it does not run in this round."""
    round = _round.get()
    if round is not None and round.is_open and verdict.receipt is not None:
        round.charged.append(verdict)

"""What decisions need that depend on earlier calls, and on people: a ledger, and somebody to ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from perso._perso import Answer, Approvals, Ledger, Policy, Question, Reading, Receipt, Requested, Step
from perso._perso import session as part_of_session
from perso.guard.ask import Asked
from perso.guard.event import logger
from perso.guard.rounds import current
from perso.guard.threads import Threads
from perso.guard.waits import Waits

T = TypeVar("T")

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 1.0
"""The seconds between two looks at a request in the ledger."""

KEPT = "a call did not run, but what it was charged stays"


@dataclass(frozen=True)
class Queue:
    """Asks in the ledger: people list and decide what is asked with ``perso approvals``, or with `Ledger.pending`,
    `Ledger.approve` and `Ledger.deny`. The first same call that runs uses an approval up.

        >>> from perso import Denied, Policy, Queue
        >>> policy = Policy.compile('{ "perso": 1, "rules": [{ "id": "all", "ask": "refund", "reason": "A person checks." }] }')
        >>> @policy.guard(ledger="memory:", approver=Queue(wait=0.1))
        ... def refund(amount: int) -> None: ...
        >>> try:
        ...     refund(5)
        ... except Denied as denied:
        ...     print(denied)
        A person checks. Hint: nobody has decided yet: repeat the same call later to use the decision.
    """

    ledger: Ledger | None = None
    """The ledger to ask in. By default, the guard's."""
    wait: float = 45
    """The seconds that a call waits for a decision: less than a minute, because many clients then give up. After that it is
    denied, and the same call can be made again to use a later decision."""
    expires_in: float = 300
    """The seconds after the question in which the call can run: at most 7 days."""


class Memory:
    """The ledger of a guard, and its approver."""

    def __init__(self, ledger: Ledger | str | None, approver: object, approval_time: float) -> None:
        self.ledger = Ledger(ledger) if isinstance(ledger, str) else ledger
        if self.ledger is not None and not isinstance(self.ledger, Ledger):
            raise TypeError(f"`ledger` is a `{type(ledger).__name__}`: use a `Ledger`, or the address of one")
        self.approval_time = approval_time
        self.asked: Asked | None = None
        self.queue: Queue | None = None
        if isinstance(approver, str) and approver != "queue":
            raise ValueError(f"`approver` is `{approver}`: use `queue`, a `Queue` or a function")
        if isinstance(approver, (str, Queue)):
            self.queue = approver if isinstance(approver, Queue) else Queue()
            if self.queue.ledger is None and self.ledger is None:
                raise ValueError("an approver asks in the `ledger`, and there is none")
        elif approver is not None:
            self.asked = Asked(approver, 2)  # type: ignore[arg-type] # It raises `TypeError` for what is no function.
        self.threads = Threads("the ledger")

    def asks(self) -> bool:
        """Whether there is somebody to ask."""
        return self.asked is not None or self.queue is not None

    async def step(
        self, waits: Waits, reading: Reading, approvals: Approvals, resource: object, shown: Callable[[], Any] | None
    ) -> Step:
        """Takes a step with a call. What it charges is given back if the task is cancelled meanwhile."""
        take: Callable[..., Any] = partial(reading.step, self.ledger, approvals, resource, shown=shown)
        step: Step | None = take(waits=waits.blocks)
        return await self._run(waits, take, self._drop) if step is None else step

    async def session(self, waits: Waits, policy: Policy, id: str) -> object:
        """What is known of a session, as a part of a call."""
        find = partial(part_of_session, policy, id, self.ledger)
        return await self._run(waits, find) if policy.reads_session else find()

    async def ask(self, waits: Waits, question: Question, request: object) -> Answer:
        """Asks about a call, and waits for the answer. Raises an exception if nobody could be asked."""
        if self.asked is not None:
            round = current()
            if round is not None:
                round.seconds = self.approval_time
            try:
                return _answer(await waits.ask(self.asked, question, request, seconds=self.approval_time))
            except TimeoutError:
                return Answer.unanswered()
        queue, ledger = self._queue()
        end = time.monotonic() + min(queue.wait, queue.expires_in, self.approval_time)
        requested: Requested | None = await self._run(waits, partial(ledger.request, question, queue.expires_in))
        if requested is None:
            return Answer.too_large()
        pause = FIRST_PAUSE
        while True:
            answer: Answer = await self._run(waits, partial(ledger.answer, requested))
            left = end - time.monotonic()
            if not answer.is_pending or left <= 0:
                return answer
            await waits.sleep(min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def undo(self, waits: Waits, receipt: Receipt) -> None:
        """Gives back what a call was charged that does not run."""
        if self.ledger is None or self.ledger.is_instant:
            self._undo(receipt)
        else:
            await waits.finish(partial(self._undo, receipt), self.threads)

    def _undo(self, receipt: Receipt) -> None:
        try:
            if self.ledger is not None:
                self.ledger.undo(receipt)
        except Exception:
            logger.exception(KEPT)

    def _drop(self, step: Step) -> None:
        if step.receipt is not None:
            self._undo(step.receipt)

    async def _run(self, waits: Waits, operation: Callable[[], T], drop: Callable[[T], None] | None = None) -> T:
        """Runs an operation of the ledger, which ends within a second."""
        if self.ledger is None or self.ledger.is_instant:
            return operation()
        return await waits.run(operation, self.threads, drop)

    def _queue(self) -> tuple[Queue, Ledger]:
        queue = self.queue
        ledger = None if queue is None else queue.ledger or self.ledger
        if queue is None or ledger is None:
            raise RuntimeError("nobody can be asked")
        return queue, ledger


def memory(ledger: Ledger | str | None, approver: object, approval_time: float) -> Memory | None:
    """What a guard with these settings remembers decisions with. `None` if it has neither a ledger nor an approver."""
    return None if ledger is None and approver is None else Memory(ledger, approver, approval_time)


def _answer(answer: object) -> Answer:
    """What a function has answered."""
    if answer is None:
        return Answer.unanswered()
    if not isinstance(answer, Answer):
        raise TypeError(
            f"the approver returned a `{type(answer).__name__}`: "
            "return `Answer.approved(by=…)`, `Answer.denied(by=…)` or `None`"
        )
    return answer

"""Follows a call from where it is first judged to the function that it runs.

The server's own code lies in between: middleware, handlers, subclasses. It can change a call or make calls of its own. A guard
therefore has several gates on the way. A call that reaches the next gate exactly as it was judged passes, once. Any other call
is judged at that gate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from perso._perso import Unknown
from perso.adapters.same import is_same
from perso.adapters.served import Served
from perso.guard.caller import caller, calling
from perso.guard.own import own
from perso.guard.verdict import Verdict


class Gates:
    """The gates of one guard in front of one server."""

    def __init__(self, served: Served) -> None:
        self.served = served

    async def first(self, told: object, tool: str, args: Any, function: object = None, later: Collection[str] = ()) -> Verdict:
        """Judges a call from a client.

        `later` names the arguments whose values are only known when the function runs. A decision that depends on one of them
        is left to the gate at the function.
        """
        return await self._left(told, tool, args, later) or await self.served.call(told, tool, args, function)

    async def next(self, told: object, tool: str, args: Any, function: object = None, later: Collection[str] = ()) -> Verdict:
        """Lets the call pass that an outer gate admitted. Judges any other call: the server's own code made or changed it."""
        verdict = self.admitted(tool, args, function)
        if verdict is not None:
            return verdict
        await self.replace()
        return await self._left(told, tool, args, later) or await self.served.inside(told, tool, args, function)

    async def replace(self) -> None:
        """Another call has come instead of the one that an outer gate admitted, and is judged: that does not pass any more, and
        counts no more."""
        admitted = _admitted.get(NONE).get(self)
        if admitted is not None and admitted.is_open:
            admitted.is_open = False
            await admitted.verdict.give_back()

    def admitted(self, tool: str, args: Any, function: object) -> Verdict | None:
        """The verdict on this call, if an outer gate admitted it."""
        admitted = _admitted.get(NONE).get(self)
        if admitted is None or not admitted.is_call(tool, args, function):
            return None
        return Verdict(caller(), admitted.args, None, admitted.verdict.receipt)

    @contextmanager
    def passing(self, tool: str, verdict: Verdict, function: object = None) -> Iterator[None]:
        """Lets an admitted call pass the next gate, once."""
        admitted = dict(_admitted.get(NONE))
        try:
            admitted[self] = _Admitted(tool, own(verdict.args), function, verdict)
        except Exception:
            # Only with `mode="observe"` can there be arguments that cannot be copied. The next gate judges the call anew.
            admitted.pop(self, None)
        token = _admitted.set(admitted)
        try:
            with calling(verdict.caller):
                yield
        finally:
            _admitted.reset(token)

    async def _left(self, told: object, tool: str, args: Any, later: Collection[str]) -> Verdict | None:
        """Admits a call for now, if its decision depends on an argument in `later` and some value of that could allow it."""
        if not later or not (args is None or isinstance(args, dict)):
            return None
        by = caller() or (await self.served.judge.who(told))[0]
        if by is None:
            return None
        policy, context = self.served.policy, self.served.judge.context
        session = await self.served.judge.session_of(by)
        known = {name: value for name, value in (args or {}).items() if name not in later}
        reading = policy.read(tool, known, agent=by.agent, context=context, session=session, now=True)
        decision = reading.decide(Unknown.OPEN, remembered=True)
        part, _, path = (decision.cause.attribute or "").partition(".")
        depends = part == "args" and path.partition(".")[0] in later
        if decision.allowed or not depends:
            return None
        if not policy.could_allow(tool, agent=by.agent, context=context, session=session):
            return None
        try:
            return Verdict(by, own(args or {}, is_json=True), None)
        except ValueError:
            return None


class _Admitted:
    """A call that was judged and has not reached the next gate."""

    __slots__ = ("args", "function", "is_open", "tool", "verdict")

    def __init__(self, tool: str, args: Any, function: object, verdict: Verdict) -> None:
        self.tool = tool
        self.args = args
        self.function = function
        self.verdict = verdict
        self.is_open = True

    def is_call(self, tool: object, args: Any, function: object) -> bool:
        """Whether this is the admitted call, for the first time.

        The function must match too, because the decision may have been left to the guard of that function.
        """
        if not self.is_open or tool != self.tool or function is not self.function:
            return False
        if not is_same({} if args is None else args, self.args):
            return False
        self.is_open = False
        return True


NONE: Mapping[Gates, _Admitted] = {}

_admitted: ContextVar[Mapping[Gates, _Admitted]] = ContextVar("perso_admitted")
"""The calls that each guard has admitted in the current request."""

"""Judges a call, and tells what came of it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Iterator

from perso._perso import Decision, Policy, Unknown, not_judged
from perso.guard.ask import Asked
from perso.guard.denied import Denied, denied
from perso.guard.event import Event, logger, new_id
from perso.guard.settings import RESOURCE_TIME, Mode

ANONYMOUS: Mapping[str, Any] = {}
"""Nobody in particular: no attributes, no roles."""

NOBODY = "it is not known who calls"

INFO = logging.INFO
is_logged = logger.isEnabledFor

_caller: ContextVar[object] = ContextVar("perso_caller")
"""Who makes the request that is served now: told by a server's guard to those inside."""


def caller() -> object:
    """Who makes the request that is served now; `None` if there is none."""
    return _caller.get(None)


@contextmanager
def calling(agent: object) -> Iterator[None]:
    """Guards inside take this for who calls, unless they know better."""
    token = _caller.set(ANONYMOUS if agent is None else agent)
    try:
        yield
    finally:
        _caller.reset(token)


class Judge:
    """A policy with all that is needed to put it in force."""

    def __init__(
        self,
        policy: Policy,
        *,
        agent: object = None,
        resource: Callable[..., Any] | None = None,
        resource_time: float = RESOURCE_TIME,
        context: Mapping[str, Any] | None = None,
        mode: Mode = "enforce",
        denial: Callable[[Denied], str] | None = None,
        on_decision: Callable[[Event, Any], None] | None = None,
    ) -> None:
        if mode not in ("enforce", "observe"):
            raise ValueError(f"`{mode}` is no mode: `enforce` and `observe` are")
        self.policy = policy
        self.agent: object = agent
        self.ask_agent = Asked(agent, 1) if callable(agent) else None
        self.ask_resource = None if resource is None else Asked(resource, 3)
        self.resource_time = resource_time
        self.context = context
        # Looked up and put together once: a guard is to cost little more than its decision.
        self.decide = policy.decide if context is None else functools.partial(policy.decide, context=context)
        self.observes = mode == "observe"
        self.denial = denial
        self.on_decision = on_decision

    def is_async(self) -> bool:
        """Whether one of the host's functions is."""
        return any(ask is not None and ask.is_async for ask in (self.ask_agent, self.ask_resource))

    def _known(self) -> object:
        """Who calls, where nobody has to be asked."""
        return _caller.get(ANONYMOUS) if self.agent is None else self.agent

    # From code that can't wait.

    def judge_now(self, tool: str, args: Any, told: object) -> Denied | None:
        """Judges a call to a function: nothing if it may run."""
        begin = perf_counter()
        failure: BaseException | None = None
        if self.ask_agent is None:
            agent = self.agent
            if agent is None:
                agent = _caller.get(ANONYMOUS)
        else:
            try:
                agent = self.ask_agent.now(told)
            except Exception as error:
                return self.conclude(begin, tool, args, not_judged(NOBODY), error)
        if self.ask_resource is None:
            decision = self.decide(tool, args, agent=agent)
        else:
            reading = self.policy.read(tool, args, agent=agent, context=self.context)
            resource: object = None
            if reading.needs_resource():
                try:
                    resource = self.ask_resource.now(args, tool, agent)
                except Exception as error:
                    resource, failure = Unknown.WITHHELD, error
            decision = reading.decide(resource)
        if decision.allowed and self.on_decision is None and not is_logged(INFO):
            return None
        return self.conclude(begin, tool, args, decision, failure)

    # From code that can.

    async def who(self, told: object) -> tuple[object, BaseException | None]:
        """Who calls, or why there is no telling."""
        if self.ask_agent is None:
            return self._known(), None
        try:
            return await self.ask_agent.wait(told), None
        except Exception as error:
            return None, error

    async def judge(self, tool: str, args: Any, told: object) -> Denied | None:
        """Judges a call to a function: nothing if it may run."""
        begin = perf_counter()
        agent, failure = await self.who(told)
        return await self.judge_as(begin, agent, failure, tool, args)

    async def judge_as(
        self,
        begin: float,
        agent: object,
        failure: BaseException | None,
        tool: str,
        args: Any,
        *,
        told_args: Any = None,
        leave: bool = False,
    ) -> Denied | None:
        """Judges a call by someone: nothing if it may run. `told_args` is what the host's functions get for the arguments,
        if not those themselves. With `leave` the call is left to another guard, which knows the resource, unless it is
        denied whatever that is."""
        reading = self.policy.read(tool, args, agent=agent, context=self.context)
        if told_args is not None:
            args = told_args
        if failure is not None:
            return self.conclude(begin, tool, args, not_judged(NOBODY), failure)
        resource: object = None
        if self.ask_resource is not None and reading.needs_resource():
            try:
                resource = await self.ask_resource.wait(args, tool, agent, seconds=self.resource_time)
            except Exception as error:
                resource, failure = Unknown.WITHHELD, error
        elif leave:
            decision = reading.decide(Unknown.OPEN)
            return None if decision.allowed else self.conclude(begin, tool, args, decision, None)
        return self.conclude(begin, tool, args, reading.decide(resource), failure)

    # Afterwards.

    def refuse(self, tool: str, why: str) -> Denied | None:
        """Denies what can't be judged, whatever the policy says."""
        return self.conclude(perf_counter(), tool, None, not_judged(why), None)

    def conclude(
        self, begin: float, tool: str, args: Any, decision: Decision, failure: BaseException | None
    ) -> Denied | None:
        """Tells of a decision, and puts it in force."""
        event = Event(new_id(), tool, decision, failure, not self.observes, perf_counter() - begin)
        event.log()
        if self.on_decision is not None:
            try:
                self.on_decision(event, args)
            except Exception:
                logger.exception("on_decision failed; the decision stands")
        if decision.allowed or self.observes:
            return None
        error = denied(event)
        if self.denial is None:
            return error
        try:
            return denied(event, str(self.denial(error)))
        except Exception:
            logger.exception("denial failed; the model reads the reason")
            return error


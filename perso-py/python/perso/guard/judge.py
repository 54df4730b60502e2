"""Judges a call.

A judge copies the arguments once, before anything else, and judges that copy. `agent`, `resource` and `on_decision` get copies
of it. The `Verdict` contains the judged copy, and an adapter has no other arguments to run the tool with.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from perso._perso import Answer, Approvals, Decision, Json, Ledger, Policy, Step, Unknown, is_flat, not_judged
from perso._perso import session as part_of_session
from perso.guard.ask import Asked
from perso.guard.caller import ANONYMOUS, Caller, caller
from perso.guard.denied import Denied, denied
from perso.guard.event import Event, logger, new_id
from perso.guard.memory import memory
from perso.guard.own import NotOwned, Watched, own
from perso.guard.rounds import begins, charged
from perso.guard.settings import AGENT_TIME, APPROVAL_TIME, RESOURCE_TIME, Mode
from perso.guard.shown import shown
from perso.guard.verdict import Verdict
from perso.guard.waits import LATER, NOW, Waits, at_once

NOBODY = "it is not known who calls"
UNREADABLE = "the arguments cannot be read"
UNSHOWN = "a person cannot be shown this call: its arguments are not JSON, or the caller has no `id` and is not JSON"
CHANGED = "the arguments changed while the call was judged"
RESERVED = "no tool can have this name: the policy uses names that begin with `mcp:` for requests"
NOT_COMPLETED = "a completion is allowed only for what the caller could get or read"

ARGUMENTS = object()
"""Stands for a copy of the arguments: what `agent` gets if the adapter knows nothing about the request."""

INFO = logging.INFO
is_logged = logger.isEnabledFor


class Judge:
    """A policy with the options of a guard."""

    def __init__(
        self,
        policy: Policy,
        *,
        agent: object = None,
        agent_time: float = AGENT_TIME,
        resource: Callable[..., Any] | None = None,
        resource_time: float = RESOURCE_TIME,
        context: Mapping[str, Any] | None = None,
        session: object = None,
        ledger: Ledger | str | None = None,
        approver: object = None,
        approval_time: float = APPROVAL_TIME,
        mode: Mode = "enforce",
        denial: Callable[[Denied], str] | None = None,
        on_decision: Callable[[Event, Any], None] | None = None,
    ) -> None:
        if mode not in ("enforce", "observe"):
            raise ValueError(f"`{mode}` is no mode: use `enforce` or `observe`")
        self.policy = policy
        self.agent: object = agent
        self.agent_time = agent_time
        self.ask_agent = Asked(agent, 1) if callable(agent) else None
        self.session = None if callable(session) else _session(session)
        self.ask_session = Asked(session, 1) if callable(session) else None
        self.memory = memory(ledger, approver, approval_time)
        self.asks_about_caller = self.ask_agent is not None or self.ask_session is not None
        # The caller, where nothing has to be asked and no guard surrounds this one.
        self.alone = Caller(ANONYMOUS if agent is None else agent, self.session, None, self.memory)
        self.ask_resource = None if resource is None else Asked(resource, 3)
        self.resource_time = resource_time
        self.context = context
        # Prepared once, so that a guard costs little more than the decision.
        self.decide = functools.partial(policy.decide, context=context, now=True)
        self.observes = mode == "observe"
        self.denial = denial
        self.on_decision = on_decision

    def reserves(self, tool: object) -> bool:
        """Whether no tool can have this name, because it begins like that of a request."""
        return isinstance(tool, str) and tool.startswith("mcp:") and self.policy.reserves(tool)

    def is_async(self) -> bool:
        """Whether a function in the settings is async."""
        approver = None if self.memory is None else self.memory.asked
        asks = (self.ask_agent, self.ask_session, self.ask_resource, approver)
        return any(ask is not None and ask.is_async for ask in asks)

    def _caller(self, told: object, agent: object, session: str | None) -> Caller:
        """The caller, with what a surrounding guard knows where this one has no settings."""
        request = None if told is ARGUMENTS else told
        around = caller()
        if around is None:
            return Caller(ANONYMOUS if agent is None else agent, session, request, self.memory)
        return Caller(
            around.agent if agent is None else agent,
            around.session if session is None and self.ask_session is None else session,
            around.request if request is None else request,
            self.memory or around.memory,
        )

    def admit_now(self, tool: str, args: dict[str, Any], told: object = ARGUMENTS) -> Any:
        """Judges a call. Returns the arguments to run it with, or raises `Denied`.

        The caller must not use `args` afterwards: if it holds only scalars, it is returned without a copy.
        """
        begin = perf_counter()
        try:
            owned = args if is_flat(args) else own(args)
        except Exception as error:
            return self._not_owned(begin, tool, args, error).admitted()
        by, failure = self.caller_now(told, owned)
        if by is None:
            return self._conclude(begin, None, tool, owned, not_judged(NOBODY), failure).admitted()
        if by.memory is not None or by.session is not None or self.ask_resource is not None:
            return at_once(self._settled(NOW, begin, by, tool, owned, owned)).admitted()
        if self.reserves(tool):
            return self._conclude(begin, by, tool, owned, not_judged(RESERVED), None).admitted()
        decision = self.decide(tool, owned, agent=by.agent)
        if decision.allowed and self.on_decision is None and not is_logged(INFO):
            return owned
        return self._conclude(begin, by, tool, owned, decision, None).admitted()

    def caller_now(self, told: object, owned: Any) -> tuple[Caller | None, BaseException | None]:
        """Does what `who` does, in sync code."""
        if not self.asks_about_caller:
            return (self.alone if caller() is None else self._caller(told, self.agent, self.session)), None
        try:
            offered = own(owned) if told is ARGUMENTS else None
        except Exception as error:
            return None, error
        return at_once(self.who(told, offered, NOW))

    async def who(self, told: object, args: object = None, waits: Waits = LATER) -> tuple[Caller | None, BaseException | None]:
        """The caller, or the exception because of which it is unknown. `ARGUMENTS` stands for `args`."""
        offered = args if told is ARGUMENTS else told
        agent, session = self.agent, self.session
        try:
            if self.ask_agent is not None:
                agent = await waits.ask(self.ask_agent, offered, seconds=self.agent_time)
            if self.ask_session is not None:
                session = _session(await waits.ask(self.ask_session, offered, seconds=self.agent_time))
        except Exception as error:
            return None, error
        return self._caller(told, agent, session), None

    async def session_of(self, by: Caller, policy: Policy | None = None, waits: Waits = LATER) -> object:
        """What is known of the caller's session, for a policy."""
        if by.session is None:
            return None
        policy = policy or self.policy
        if by.memory is None or by.memory.ledger is None:
            return part_of_session(policy, by.session)
        return await by.memory.session(waits, policy, by.session)

    async def judge(
        self,
        tool: str,
        args: Any,
        told: object = ARGUMENTS,
        *,
        is_json: bool = False,
        leave: bool = False,
    ) -> Verdict:
        """Judges a call. `agent` gets `told`, or a copy of the arguments if there is no `told`.

        With `is_json`, arguments that JSON cannot represent are denied. With `leave`, the decision is left to another guard
        that knows the resource, unless the call cannot run whatever the resource is.
        """
        begin = perf_counter()
        try:
            owned = own(args, is_json=is_json)
            offered = own(owned) if told is ARGUMENTS and self.asks_about_caller else None
        except Exception as error:
            return self._not_owned(begin, tool, args, error)
        by, failure = await self.who(told, offered)
        if by is None:
            return self._conclude(begin, None, tool, owned, not_judged(NOBODY), failure)
        return await self._settled(LATER, begin, by, tool, owned, owned, leave)

    async def judge_text(self, tool: str, text: str, told: object) -> Verdict:
        """Judges a call whose arguments are JSON text. The tool must run with that text.

        The text itself is judged and not the parsed value, which loses duplicate keys and the exact value of numbers.
        """
        begin = perf_counter()
        try:
            parsed = own(json.loads(text), is_json=True)
        except Exception as error:
            return self._not_owned(begin, tool, text, error)
        by, failure = await self.who(told)
        if by is None:
            return self._conclude(begin, None, tool, parsed, not_judged(NOBODY), failure)
        return await self._settled(LATER, begin, by, tool, parsed, Json(text))

    async def admit(self, tool: str, args: dict[str, Any], told: object = ARGUMENTS) -> Any:
        """Judges a call. Returns the arguments to run it with, or raises `Denied`."""
        verdict = await self.judge(tool, args, told)
        admitted = verdict.admitted()
        begins()
        return admitted

    async def judge_requests(
        self,
        tool: str,
        calls: Sequence[Any],
        told: object,
        *,
        by: Caller | None = None,
        shows: Callable[[Caller], Awaitable[bool]],
    ) -> Verdict:
        """Judges a request for something that the policy covers: calls of `tool` with these arguments, all of which must be
        allowed. The caller is `by`, or else the one that this guard finds.

        `shows` says whether the caller could see what a completion is for.
        """
        begin = perf_counter()
        args, failure = calls[0] if calls else {}, None
        if by is None:
            by, failure = await self.who(told)
        if by is None:
            return self._conclude(begin, None, tool, args, not_judged(NOBODY), failure)
        if not await shows(by):
            return self._conclude(begin, by, tool, args, not_judged(NOT_COMPLETED), None)
        judged = [Verdict(by, args, None)]
        are_all_allowed = False
        try:
            for args in calls:
                judged.append(await self.judge_as(by, tool, args, is_json=True, is_request=True))
                if judged[-1].denied is not None:
                    return judged[-1]
            are_all_allowed = True
            return judged[-1]
        finally:
            if not are_all_allowed:
                # None of them is done.
                for verdict in judged:
                    await verdict.give_back()

    async def judge_as(
        self,
        by: Caller,
        tool: str,
        args: Any,
        *,
        is_json: bool = False,
        leave: bool = False,
        is_request: bool = False,
    ) -> Verdict:
        """Judges a call by a caller who is already known. This guard's own `agent` and `session` are not used.

        With `is_request`, it is a request for something that the policy covers, and not a call of a tool with its name.
        """
        begin = perf_counter()
        try:
            owned = own(args, is_json=is_json)
        except Exception as error:
            return self._not_owned(begin, tool, args, error)
        if self.memory is not None and by.memory is not self.memory:
            by = replace(by, memory=self.memory)
        return await self._settled(LATER, begin, by, tool, owned, owned, leave, is_request)

    async def _settled(
        self,
        waits: Waits,
        begin: float,
        by: Caller,
        tool: str,
        owned: Any,
        judged: Any,
        leave: bool = False,
        is_request: bool = False,
    ) -> Verdict:
        """The verdict on a call. What a call was charged that does not run after all is given back."""
        verdict = await self._decide(waits, begin, by, tool, owned, judged, leave, is_request)
        if verdict.denied is not None:
            await verdict.give_back(waits)
        else:
            charged(verdict)
        return verdict

    async def _decide(
        self, waits: Waits, begin: float, by: Caller, tool: str, owned: Any, judged: Any, leave: bool, is_request: bool
    ) -> Verdict:
        if not is_request and self.reserves(tool):
            return self._conclude(begin, by, tool, owned, not_judged(RESERVED), None)
        # A policy that is swapped meanwhile is not the one that a person has approved the call for.
        memory, approvals = by.memory, Approvals()
        policy = self.policy if memory is None else self.policy.pinned()
        while True:
            # An approval can take minutes, so the call is judged by what is known when it is about to run.
            session = await self.session_of(by, policy, waits)
            reading = policy.read(tool, judged, agent=by.agent, context=self.context, session=session, now=True)
            resource: object = None
            failure: BaseException | None = None
            if self.ask_resource is not None and reading.needs_resource():
                try:
                    watched, copied = Watched(owned), own(owned)
                except Exception as error:
                    return self._conclude(begin, by, tool, owned, not_judged(UNREADABLE), error)
                try:
                    resource = await waits.ask(self.ask_resource, copied, tool, by.agent, seconds=self.resource_time)
                except Exception as error:
                    resource, failure = Unknown.WITHHELD, error
                if watched.has_changed():
                    return self._conclude(begin, by, tool, owned, not_judged(CHANGED), failure)
            elif leave:
                decision = reading.decide(Unknown.OPEN, remembered=True)
                # The other guard allows the call, asks or denies. An ask is left to it only if the resource can still change
                # that, or if it can ask a person: the person that this guard asks.
                can_ask = memory is not None and memory.asks()
                if decision.allowed or (decision.outcome == "ask" and (can_ask or reading.needs_resource())):
                    return Verdict(by, owned, None)
                return self._conclude(begin, by, tool, owned, decision, None)
            if memory is None:
                return self._conclude(begin, by, tool, owned, reading.decide(resource), failure)
            step = await memory.step(waits, reading, approvals, resource, self._shown(by, owned, judged))
            if step.question is None:
                return self._conclude(begin, by, tool, owned, self._unasked(by, step.decision), failure, step)
            try:
                answer = self._current(await memory.ask(waits, step.question, by.request), policy)
            except Exception as error:
                return self._conclude(begin, by, tool, owned, step.failed(), error)
            if not approvals.add(step.question, answer):
                return self._conclude(begin, by, tool, owned, step.unapproved(answer), failure)

    def _current(self, answer: Answer, policy: Policy) -> Answer:
        """The answer, unless the policy has changed since it asked: an approval is for the policy that asked."""
        return answer if self.policy.module == policy.module else answer.outdated()

    def _shown(self, by: Caller, owned: Any, judged: Any = None) -> Callable[[], Any] | None:
        """A function for what a person sees of a call. `None` if this guard asks no one."""
        if by.memory is None or not by.memory.asks() or self.observes:
            return None
        return lambda: shown(by, judged if isinstance(judged, Json) else owned)

    def _unasked(self, by: Caller, decision: Decision) -> Decision:
        """The decision of a call that a person could not be asked about, or did not have to be."""
        is_unshown = decision.outcome == "ask" and by.memory is not None and by.memory.asks() and not self.observes
        return not_judged(UNSHOWN) if is_unshown else decision

    # After the decision.

    def refuse(self, tool: str, why: str) -> Denied | None:
        """Denies a call that cannot be judged, whatever the policy says. Returns `None` with `mode="observe"`."""
        return self._conclude(perf_counter(), None, tool, None, not_judged(why), None).denied

    def _not_owned(self, begin: float, tool: str, args: Any, error: Exception) -> Verdict:
        """Denies a call whose arguments cannot be copied. With `mode="observe"`, the tool runs with the original arguments."""
        why = str(error) if isinstance(error, NotOwned) else UNREADABLE
        verdict = self._conclude(begin, None, tool, None, not_judged(why), error)
        if verdict.denied is None:
            verdict.args = args
        return verdict

    def _conclude(
        self,
        begin: float,
        by: Caller | None,
        tool: str,
        owned: Any,
        decision: Decision,
        failure: BaseException | None,
        step: Step | None = None,
    ) -> Verdict:
        """Records a decision and enforces it. Only an allowed call may run: an ask that has got no approval is none.

        `step` is the one that has led to the decision. What it has charged is in the verdict, also if the call is denied after
        all.
        """
        receipt = None if step is None else step.receipt
        approved_by = None if step is None else step.approved_by
        shown = None
        if self.on_decision is not None:
            try:
                shown = own(owned)
            except Exception as error:
                # A call must not run if `on_decision` cannot see all of its arguments.
                decision, failure = not_judged(UNREADABLE), error
        approved_by = approved_by if decision.allowed else None
        event = Event(new_id(), tool, decision, failure, not self.observes, perf_counter() - begin, approved_by)
        event.log()
        if self.on_decision is not None:
            try:
                self.on_decision(event, shown)
            except Exception:
                logger.exception("on_decision failed; the decision stands")
            except BaseException:
                # The program ends, or the task is cancelled: the call does not run.
                at_once(Verdict(by, owned, None, receipt).give_back(NOW))
                raise
        if decision.allowed or self.observes:
            return Verdict(by, owned, None, receipt)
        return Verdict(by, owned, self._denied(event), receipt)

    def _denied(self, event: Event) -> Denied:
        error = denied(event)
        if self.denial is None:
            return error
        try:
            return denied(event, str(self.denial(error)))
        except Exception:
            logger.exception("denial failed; the model reads the default text")
            return error


def _session(id: object) -> str | None:
    """The id of a session. Raises `TypeError` for anything else."""
    if id is not None and not isinstance(id, str):
        raise TypeError(f"`session` is a `{type(id).__name__}`: the id of a session is a string")
    return id

"""The tools that a server hands out. They check each call right where it runs, so that nothing can change it afterwards.

All code that runs a tool gets it from the server first: the server itself after its middleware, extensions, transforms that
call other tools, and code that uses ``tool.run``. The tool runs a call that the guards admitted. It judges any other call
first.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastmcp.server import FastMCP
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.tools.function_tool import FunctionTool

from perso.adapters.fastmcp import calls, function, outside
from perso.adapters.fastmcp.guard import HANDED, Guard, function_of, guards_of, told
from perso.adapters.fastmcp.outside import around
from perso.guard.rounds import begins
from perso.guard.verdict import Verdict
from perso.verify import Unguarded, is_wrong


def hand_out(server: FastMCP[Any], tool: Tool) -> Tool:
    """The tool that a server hands out in place of its own: the same one if no guard applies."""
    handed = vars(tool).get(HANDED)
    if handed is not None and handed.server is server:
        return tool
    if not guards_of(server) and not calls.in_force() and not around(server):
        return tool
    copy = tool.model_copy()
    if handed is None:
        object.__setattr__(copy, "__class__", _judging(type(tool)))
    object.__setattr__(copy, HANDED, Handed(server, tool))
    return copy


@dataclass(frozen=True)
class Handed:
    """The original of a tool, and the server that handed it out."""

    server: FastMCP[Any]
    tool: Tool


class Judging:
    """The methods that the class of a handed-out tool adds."""

    async def run(self: Any, arguments: dict[str, Any], *rest: Any, **named: Any) -> ToolResult:
        async with _arrived(self, arguments) as (tool, args):
            result: ToolResult = await tool.run(args, *rest, **named)
            return result

    async def _run(self: Any, arguments: dict[str, Any]) -> ToolResult:
        async with _arrived(self, arguments) as (tool, args):
            result: ToolResult = await tool._run(args)
            return result


@functools.cache
def _judging(kind: type[Tool]) -> type[Tool]:
    """The subclass of `kind` for handed-out tools."""
    return type(kind.__name__, (Judging, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


@asynccontextmanager
async def _arrived(tool: Tool, arguments: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Judges a call that reaches a tool. Yields the tool to run and its arguments, or raises an error if the call is denied."""
    handed: Handed = vars(tool)[HANDED]
    call = _Arrival(handed, tool.name, {} if arguments is None else arguments)
    is_part = await call.judge_once(tool)
    running = calls.Running(calls.join(calls.in_force(), call.passed), handed.tool, calls.mounted())
    with calls.runs(running):
        if is_part or type(handed.tool) is not FunctionTool or not call.passed:
            if running.leads_to is None or running.parts:
                begins()
            yield handed.tool, call.args
            return
        with function.called(call):
            yield function.judged(handed.tool), calls.copy_of(call.args)


class _Arrival:
    """A call that has reached its tool."""

    def __init__(self, handed: Handed, name: str, args: Any) -> None:
        self.server = handed.server
        self.tool = handed.tool
        self.name = name
        self.args = args
        self.function = function_of(handed.tool)
        self.passed: list[calls.Passed] = []

    async def judge_once(self, tool: Tool) -> bool:
        """Judges the call by each guard that has not admitted it. Returns whether it is part of a call to another tool."""
        if is_wrong(self.function):
            problem = (
                f"the tool `{self.name}` runs the inside of a guard: put the guard below the decorator that makes it a tool"
            )
            raise Unguarded([problem])
        running, admission = calls.running(), calls.admission()
        is_part = running is not None and running.is_part(tool)
        if running is not None and is_part:
            self.passed.extend(running.passed)
        elif admission is not None and admission.arrives(self.server, self.name, self.args, self.function):
            self.args = admission.args
            self.passed.extend(admission.passed)
        elif admission is not None:
            await admission.replaced()
        own_guards = (*guards_of(self.server), *(one.guard for one in calls.in_force() if one.server is self.server))
        for guard in dict.fromkeys(own_guards):
            if self._is_left(guard, self.server):
                verdict = await self._judge(guard, self.args)
                self.args = verdict.args
                self.passed.append(calls.Passed(guard, self.server, verdict))
        outer = [one for one in around(self.server) if self._is_left(one.guard, one.server)]
        self.args, passed = await self._outside(outer, self.args)
        # The server's own guards come last: they know the caller best.
        self.passed[:0] = passed
        return is_part

    async def judge_again(self, args: Any) -> None:
        """Judges the call with the arguments that its function is about to get."""
        # The call counts once, with the arguments that it runs with.
        await self.give_back()
        before, self.passed = self.passed, []
        for one in before:
            if one.server is self.server:
                self.passed.append(calls.Passed(one.guard, self.server, await self._judge(one.guard, args)))
        _, passed = await self._outside([one for one in before if one.server is not self.server], args)
        self.passed[:0] = passed

    async def give_back(self) -> None:
        """Gives back what the call was charged, because it does not run as it was judged."""
        for one in self.passed:
            await one.give_back()

    def refuse(self, why: str) -> None:
        """Denies the call, whatever the policy says."""
        for one in self.passed:
            denied = one.guard.served.judge.refuse(self.name, why)
            if denied is not None:
                raise one.guard.refusal(denied, self.server, self.name)

    def _is_left(self, guard: Guard, server: FastMCP[Any]) -> bool:
        return not any(one.is_of(guard, server) for one in self.passed)

    async def _outside(self, outer: Sequence[calls.Passed], args: Any) -> tuple[Any, list[calls.Passed]]:
        try:
            return await outside.judge(outer, self.server, self.tool, args)
        except BaseException:
            await self.give_back()
            raise

    async def _judge(self, guard: Guard, args: Any) -> Verdict:
        try:
            verdict = await guard.inside(self.server, self.name, args, self.function, told(self.name, args))
            if verdict.denied is not None:
                raise guard.refusal(verdict.denied, self.server, self.name)
        except BaseException:
            await self.give_back()
            raise
        return verdict

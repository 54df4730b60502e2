"""The tools that a server hands out. They judge a call right where it runs, so that nothing is between.

Whatever runs a tool of a server asks the server for it first: the server itself at the end of its middlewares, extensions,
transformations that call other tools, and code that calls ``tool.run``. So it is the tool that asks the guards. A call that
they let pass when it came in is not judged again; any other is.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastmcp.server import FastMCP
from fastmcp.server.context import _current_context
from fastmcp.server.middleware import MiddlewareContext
from fastmcp.tools.base import Tool, ToolResult
from mcp_types import CallToolRequestParams

from perso.adapters.fastmcp import calls
from perso.adapters.fastmcp.guard import HANDED, Guard, function_of, guards_of
from perso.adapters.fastmcp.names import names_of
from perso.verify import Unguarded, is_wrong


def hand_out(server: FastMCP[Any], tool: Tool) -> Tool:
    """The tool that a server hands out for one of its own: itself, where no guard is concerned."""
    handed = vars(tool).get(HANDED)
    if handed is not None and handed.server is server:
        return tool
    if not guards_of(server) and not calls.in_force():
        return tool
    copy = tool.model_copy()
    if handed is None:
        object.__setattr__(copy, "__class__", _judging(type(tool)))
    object.__setattr__(copy, HANDED, Handed(server, tool))
    return copy


@dataclass(frozen=True)
class Handed:
    """What a tool was before it was handed out, and by which server."""

    server: FastMCP[Any]
    tool: Tool


class Judging:
    """What a tool that is handed out has besides what its class has."""

    async def run(self: Any, arguments: dict[str, Any], *rest: Any, **named: Any) -> ToolResult:
        handed: Handed = vars(self)[HANDED]
        args, running = await _arrive(self, handed, arguments)
        with calls.runs(running):
            return await handed.tool.run(args, *rest, **named)

    async def _run(self: Any, arguments: dict[str, Any]) -> ToolResult:
        handed: Handed = vars(self)[HANDED]
        args, running = await _arrive(self, handed, arguments)
        with calls.runs(running):
            return await handed.tool._run(args)


@functools.cache
def _judging(kind: type[Tool]) -> type[Tool]:
    """A class of tools, judging. Its tools are still tools of that class."""
    return type(kind.__name__, (Judging, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


async def _arrive(tool: Tool, handed: Handed, arguments: Any) -> tuple[Any, calls.Running]:
    """A call arrives at a tool: the arguments to run it with, and the guards that let it. Raises what a denied call is told."""
    server, function, args = handed.server, function_of(handed.tool), arguments
    if is_wrong(function):
        raise Unguarded([f"the tool `{tool.name}` runs the inside of a guard: put the guard below the decorator that makes it a tool"])
    outer, running, admission = calls.in_force(), calls.running(), calls.admission()
    passed: list[calls.Passed] = []
    if running is not None and running.is_part(tool):
        passed.extend(running.passed)
    elif admission is not None and admission.arrives(server, tool.name, args, function):
        args = admission.args
        passed.extend(admission.passed)

    def is_left(guard: Guard, server: FastMCP[Any]) -> bool:
        return not any(one.is_of(guard, server) for one in passed)

    for guard in dict.fromkeys((*guards_of(server), *(one.guard for one in outer if one.server is server))):
        if is_left(guard, server):
            verdict = await guard.inside(server, tool.name, args, function, _told(tool.name, args))
            if verdict.denied is not None:
                raise guard.refusal(verdict.denied, server, tool.name)
            args = verdict.args
            passed.append(calls.Passed(guard, server, verdict.agent))
    for one in outer:
        if one.server is not server and is_left(one.guard, one.server):
            args = await _judge_mounted(one, server, tool, args, function)
    return args, calls.Running(calls.join(outer, passed), handed.tool)


async def _judge_mounted(by: calls.Passed, server: FastMCP[Any], tool: Tool, args: Any, function: object) -> Any:
    """Judges a call inside a server that is mounted on the one that a guard guards: by each name that the tool has there."""
    found = await names_of(by.server, server, [tool])
    if found is None:
        # Another server in this process. Its own guards judge.
        return args
    names = found[tool.name]
    served = by.guard.served
    if not names:
        denied = served.judge.refuse(tool.name, "the guarded server does not offer this tool")
        if denied is not None:
            raise by.guard.refusal(denied, server, tool.name)
    for name in names:
        leave = served.judge.ask_resource is None and served.leaves(name, function)
        verdict = await served.judge.judge_as(by.agent, name, {} if args is None else args, leave=leave)
        if verdict.denied is not None:
            raise by.guard.refusal(verdict.denied, server, tool.name)
        args = verdict.args
    return args


async def shown(server: FastMCP[Any], tools: Sequence[Tool]) -> Sequence[Tool]:
    """The tools of a list that the guards of the servers around it let the caller see."""
    for by in calls.in_force():
        served = by.guard.served
        if by.server is server or served.judge.observes:
            continue
        names = await names_of(by.server, server, tools)
        if names is not None:
            context = served.judge.context
            tools = [
                tool
                for tool in tools
                if any(served.policy.could_allow(name, agent=by.agent, context=context) for name in names[tool.name])
            ]
    return tools


def _told(name: str, args: Any) -> MiddlewareContext[Any]:
    """What `agent` is told of a call that comes by no middleware."""
    message = CallToolRequestParams.model_construct(name=name, arguments=args)
    return MiddlewareContext(message=message, method="tools/call", fastmcp_context=_current_context.get(None))

"""The guards of the servers that a server is mounted on. They judge calls inside it, by the names that its tools have outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastmcp.server import FastMCP
from fastmcp.tools.base import Tool

from perso.adapters.fastmcp import calls
from perso.adapters.fastmcp.guard import function_of, guarded, guards_of, told
from perso.adapters.fastmcp.names import is_mounted, names_of


def around(server: FastMCP[Any]) -> tuple[calls.Passed, ...]:
    """The guards of other servers that judge calls to this one.

    These are the guards that let the request pass. Before any has, those of the server to which the request came ask who
    calls. Where no request is known, as in another thread, any server that this one is mounted on may have made the call.
    """
    passed = calls.in_force()
    if passed:
        return tuple(one for one in passed if one.server is not server)
    entry = calls.entry()
    others = [other for other in (list(guarded) if entry is None else [entry]) if is_mounted(other, server)]
    return tuple(calls.Passed(guard, other, calls.NOBODY) for other in others for guard in guards_of(other))


async def judge(
    outer: Sequence[calls.Passed], server: FastMCP[Any], tool: Tool, args: Any
) -> tuple[Any, list[calls.Passed]]:
    """Has a call judged by guards of other servers: the arguments to run it with, and the guards that are concerned with it.

    Raises what a denied call is told. A server that this one is not mounted on is just another one in this process.
    """
    passed = []
    for one in outer:
        found = await names_of(one.server, server, [tool])
        if found is None and server in calls.mounted():
            # By a provider that only its own code understands.
            found = {tool.name: []}
        if found is not None:
            args, agent = await _judge(one, found[tool.name], server, tool, args)
            passed.append(calls.Passed(one.guard, one.server, agent))
    return args, passed


async def _judge(
    by: calls.Passed, names: Sequence[str], server: FastMCP[Any], tool: Tool, args: Any
) -> tuple[Any, object]:
    served, function, agent = by.guard.served, function_of(tool), by.agent
    denied = None if names else served.judge.refuse(tool.name, "the guarded server does not offer this tool")
    for name in names:
        leave = by.guard.leaves(name, function)
        if agent is calls.NOBODY:
            verdict = await served.judge.judge(name, args, told(name, args), leave=leave)
        else:
            verdict = await served.judge.judge_as(agent, name, args, leave=leave)
        denied, args, agent = denied or verdict.denied, verdict.args, verdict.agent
    if denied is not None:
        raise by.guard.refusal(denied, server, tool.name)
    return args, agent


async def shown(server: FastMCP[Any], tools: Sequence[Tool]) -> Sequence[Tool]:
    """The tools of a list that guards of other servers let the caller see."""
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

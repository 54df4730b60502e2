"""Applies a server's guards to calls inside the servers that are mounted on it.

The guards judge such a call by the names under which their own server offers the tool.
"""

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

    Usually these are the guards that admitted the current request. If none has yet, they are the guards of the server that
    received it, and they ask `agent`. Without a request, as in another thread, they are the guards of every server in this
    process on which this one is mounted.
    """
    passed = calls.in_force()
    if passed:
        return tuple(one for one in passed if one.server is not server)
    entry = calls.entry()
    others = [other for other in (list(guarded) if entry is None else [entry]) if is_mounted(other, server)]
    return tuple(calls.Passed(guard, other, calls.NOBODY) for other in others for guard in guards_of(other))


async def judge(outer: Sequence[calls.Passed], server: FastMCP[Any], tool: Tool, args: Any) -> tuple[Any, list[calls.Passed]]:
    """Judges a call with guards of other servers. Returns the arguments to run it with, and the guards that judged it.

    Raises an error if the call is denied. Guards of servers on which this one is not mounted do not judge it.
    """
    passed = []
    for one in outer:
        found = await names_of(one.server, server, [tool])
        if found is None and server in calls.mounted():
            # A custom provider mounted it, and the names that it uses are not known.
            found = {tool.name: []}
        if found is not None:
            args, agent = await _judge(one, found[tool.name], server, tool, args)
            passed.append(calls.Passed(one.guard, one.server, agent))
    return args, passed


async def _judge(by: calls.Passed, names: Sequence[str], server: FastMCP[Any], tool: Tool, args: Any) -> tuple[Any, object]:
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
    """The tools in a list that the caller could use according to the guards of other servers."""
    for by in calls.in_force():
        served = by.guard.served
        if by.server is server or served.judge.observes:
            continue
        names = await names_of(by.server, server, tools)
        if names is not None:
            tools = [tool for tool in tools if any(served.shows("tools", name, by.agent) for name in names[tool.name])]
    return tools

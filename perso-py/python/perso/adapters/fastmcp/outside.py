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
from perso.guard.caller import Caller
from perso.guard.verdict import Verdict


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
    return tuple(calls.Passed(guard, other, None) for other in others for guard in guards_of(other))


async def judge(outer: Sequence[calls.Passed], server: FastMCP[Any], tool: Tool, args: Any) -> tuple[Any, list[calls.Passed]]:
    """Judges a call with guards of other servers. Returns the arguments to run it with, and the guards that judged it.

    Raises an error if the call is denied. Guards of servers on which this one is not mounted do not judge it.
    """
    passed: list[calls.Passed] = []
    for one in outer:
        found = await names_of(one.server, server, [tool])
        if found is None and server in calls.mounted():
            # A custom provider mounted it, and the names that it uses are not known.
            found = {tool.name: []}
        if found is not None:
            try:
                verdict = await _judge(one, found[tool.name], server, tool, args)
            except BaseException:
                for before in passed:
                    await before.give_back()
                raise
            args = verdict.args
            passed.append(calls.Passed(one.guard, one.server, verdict))
    return args, passed


async def _judge(by: calls.Passed, names: Sequence[str], server: FastMCP[Any], tool: Tool, args: Any) -> Verdict:
    served, function, known = by.guard.served, function_of(tool), by.caller
    denied = None if names else served.judge.refuse(tool.name, "the guarded server does not offer this tool")
    verdict = Verdict(known, args, denied)
    for name in names:
        # The call counts once, by the last of its names.
        await verdict.give_back()
        leave = by.guard.leaves(name, function)
        if known is None:
            verdict = await served.judge.judge(name, verdict.args, told(name, args), leave=leave)
        else:
            verdict = await served.judge.judge_as(known, name, verdict.args, leave=leave)
        known = verdict.caller
        if verdict.denied is not None:
            break
    if verdict.denied is not None:
        raise by.guard.refusal(verdict.denied, server, tool.name)
    return verdict


async def shown(server: FastMCP[Any], tools: Sequence[Tool]) -> Sequence[Tool]:
    """The tools in a list that the caller could use according to the guards of other servers."""
    for by in calls.in_force():
        served = by.guard.served
        if by.server is server or served.judge.observes:
            continue
        names = await names_of(by.server, server, tools)
        if names is not None:
            shows = await served.shows("tools", by.caller or Caller())
            tools = [tool for tool in tools if any(shows(name) for name in names[tool.name])]
    return tools

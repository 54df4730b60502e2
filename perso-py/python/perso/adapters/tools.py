"""The gates inside servers that keep their tools in a table: `MCPServer` of `mcp` 2 and `FastMCP` of `mcp` 1.x.

`server.call_tool` runs tools for clients and for the server's own code. It calls `call_tool` of the server's `ToolManager`,
which calls `run` of the `Tool`, which makes the function's arguments and calls the function. There is a gate at each of these,
and one at the function itself, because its arguments are made last.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from perso.adapters.admitted import Gates
from perso.adapters.as_run import as_run
from perso.adapters.same import is_same
from perso.guard.caller import calling
from perso.guard.denied import Denied
from perso.guard.judge import CHANGED
from perso.guard.own import Watched, own
from perso.guard.rounds import begins
from perso.guard.verdict import Verdict


@dataclass(frozen=True)
class Sdk:
    """The differences between `mcp` 1.x and `mcp` 2."""

    error: Callable[[str], Exception]
    """Makes the SDK's error for a tool that does not exist."""
    told: Callable[[Any], object]
    """Returns what `agent` gets, from a tool's context."""
    run: Callable[[Any, dict[str, Any]], Awaitable[Any]]
    """Calls a tool's function."""


def guard_tools(gates: Gates, server: Any, sdk: Sdk) -> None:
    """Adds the gates to a server."""
    inner = server.call_tool
    _guard_table(gates, server._tool_manager, sdk)
    _servers.add(server)

    @functools.wraps(inner)
    async def call_tool(name: str, arguments: dict[str, Any], *context: Any, **named: Any) -> Any:
        # The server's table may have been replaced.
        _guard_table(gates, server._tool_manager, sdk)
        tool = server._tool_manager.get_tool(name)
        told = sdk.told(context[0] if context else named.get("context"))
        verdict = await gates.next(told, name, arguments, function_of(tool), later(tool))
        if verdict.denied is not None:
            raise _refusal(gates, sdk, verdict.denied)
        with gates.passing(name, verdict, function_of(tool)):
            return await inner(name, verdict.args, *context, **named)

    server.call_tool = call_tool


_servers: weakref.WeakSet[Any] = weakref.WeakSet()
"""The servers with gates."""


def guard_runs(kind: Any) -> None:
    """Makes every call of `Tool.run` pass the gates of the server that has the tool in its table."""
    inner = kind.run

    @functools.wraps(inner)
    async def run(self: Any, arguments: dict[str, Any], context: Any = None, convert_result: bool = False) -> Any:
        for server in list(_servers):
            table = getattr(server._tool_manager.call_tool, "__self__", None)
            if isinstance(table, _Table) and server._tool_manager.get_tool(self.name) is self:
                return await table.call_tool(self.name, arguments, context, convert_result)
        return await inner(self, arguments, context, convert_result)

    kind.run = run


def function_of(tool: Any) -> object:
    return None if tool is None else tool.fn


def later(tool: Any) -> Mapping[str, Any]:
    """The arguments of a tool that the server asks the user for, or computes, while the call runs."""
    found: Mapping[str, Any] = getattr(tool, "resolved_params", None) or {}
    return found


def _copy(args: Any) -> Any:
    """A copy to make the function's arguments from, because validators may change their input."""
    try:
        return own(args)
    except Exception:
        # Only a guard with `mode="observe"` lets such arguments pass.
        return args


def _guard_table(gates: Gates, manager: Any, sdk: Sdk) -> None:
    table = getattr(manager.call_tool, "__self__", None)
    if not isinstance(table, _Table):
        table = _Table(manager, sdk)
        manager.call_tool = table.call_tool
    if gates not in table.gates:
        table.gates.append(gates)


def _refusal(gates: Gates, sdk: Sdk, denied: Denied) -> Exception:
    return sdk.error(f"Unknown tool: {denied.tool}") if gates.served.hide else denied


class _Table:
    """Runs the tools of a `ToolManager` behind the gates of the guards in front of it."""

    def __init__(self, manager: Any, sdk: Sdk) -> None:
        self.manager = manager
        self.sdk = sdk
        self.gates: list[Gates] = []

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None, convert_result: bool = False) -> Any:
        tool, args, by = self.manager.get_tool(name), arguments, None
        told = self.sdk.told(context)
        verdicts: dict[Gates, Verdict] = {}
        async with _kept(verdicts):
            for gates in self.gates:
                verdict = verdicts[gates] = await gates.next(told, name, args, function_of(tool), later(tool))
                if verdict.denied is not None:
                    raise _refusal(gates, self.sdk, verdict.denied)
                args, by = verdict.args, verdict.caller
            if tool is None:
                raise self.sdk.error(f"Unknown tool: {name}")
        last = _Last(self, tool, args, told, verdicts)
        if not type(tool).__module__.startswith("mcp."):
            # It may do anything before it calls its function.
            begins()
        with calling(by):
            try:
                return await last.tool.run(_copy(args), context, convert_result=convert_result)
            except Exception:
                if last.refusal is not None:
                    raise last.refusal from None
                raise


@asynccontextmanager
async def _kept(verdicts: Mapping[Gates, Verdict]) -> AsyncIterator[None]:
    """If an error is raised inside the block, gives back what a call was charged, which does not run."""
    try:
        yield
    except BaseException:
        for verdict in verdicts.values():
            await verdict.give_back()
        raise


class _Last:
    """The gate at the function, for one call."""

    def __init__(self, table: _Table, tool: Any, sent: Any, told: object, verdicts: dict[Gates, Verdict]) -> None:
        self.table = table
        self.verdicts = verdicts
        # Copies that no table has, so that nothing can change the tool after the call was judged.
        self.original = tool.model_copy()
        self.sent = sent
        self.told = told
        self.refusal: Exception | None = None
        self.tool = tool.model_copy(update={"fn": self.run, "is_async": True})

    async def run(self, /, **args: Any) -> Any:
        """Replaces the tool's function: judges its arguments, unless they were judged already, and then calls it."""
        tool, sdk = self.original, self.table.sdk
        given = {tool.context_kwarg: args.pop(tool.context_kwarg)} if tool.context_kwarg in args else {}
        async with _kept(self.verdicts):
            for gates in self.table.gates:
                denied, args = await self._judge(gates, args)
                if denied is not None:
                    self.refusal = _refusal(gates, sdk, denied)
                    raise self.refusal
        begins(tool.fn)
        return await sdk.run(tool, {**args, **given})

    async def _judge(self, gates: Gates, args: dict[str, Any]) -> tuple[Denied | None, dict[str, Any]]:
        """Judges the function's arguments. Returns the copy that the function must run with, which nothing else holds."""
        tool, served = self.original, gates.served
        try:
            held: dict[str, Any] = own(args)
            fields = {field.alias or name: field for name, field in tool.fn_metadata.arg_model.model_fields.items()}
            view = as_run(self.sent, held, fields)
        except Exception:
            return served.judge.refuse(tool.name, "what the tool would run with cannot be read"), args
        if is_same(view, self.sent) and not later(tool):
            return None, held
        watched = Watched(held)
        # The call counts once, with the arguments that it runs with.
        before = self.verdicts.get(gates)
        if before is not None:
            await before.give_back()
        verdict = self.verdicts[gates] = await served.inside(self.told, tool.name, view, tool.fn)
        if verdict.denied is None and watched.has_changed():
            return served.judge.refuse(tool.name, CHANGED), held
        return verdict.denied, held

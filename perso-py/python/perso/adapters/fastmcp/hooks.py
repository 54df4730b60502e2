"""Makes `FastMCP` use the guards.

A middleware does not know its server before the first message, and does not see what runs behind it. So `install` extends
`FastMCP` itself, for every server in the process. Servers without a guard work as before. If the SDK renames one of these
methods, creating a guard fails.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from types import MethodType
from typing import Any

from fastmcp.exceptions import ToolError
from fastmcp.server import FastMCP
from fastmcp.server.low_level import FastMCPServerMiddleware, LowLevelServer
from fastmcp.tools.base import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from perso.adapters.closed import is_about
from perso.adapters.closing import closing, closing_handler
from perso.adapters.fastmcp import calls, outside
from perso.adapters.fastmcp.guard import Hidden, check, check_handlers, function_of, guards_of, resolve
from perso.adapters.fastmcp.outside import around, shown
from perso.adapters.fastmcp.tools import hand_out
from perso.adapters.fold import is_about_tools
from perso.adapters.rounds import in_rounds

HOOK = "__perso_hook__"


def install() -> None:
    for owner, name, hook in (
        (FastMCP, "call_tool", _call_tool),
        (FastMCP, "get_tool", _get_tool),
        (FastMCP, "get_app_tool", _get_tool),
        (FastMCP, "list_tools", _list_tools),
        (FastMCP, "_lifespan_manager", _lifespan),
        (FastMCP, "_get_tool_input_schema", _get_tool_input_schema),
        (FastMCPServerMiddleware, "__call__", _dispatch),
        (LowLevelServer, "get_request_handler", _get_request_handler),
    ):
        inner = getattr(owner, name)
        if not hasattr(inner, HOOK):
            setattr(owner, name, _hooked(hook, inner))


def _hooked(hook: Callable[..., Any], inner: Any) -> Any:
    hooked = functools.wraps(inner)(hook(inner))
    setattr(hooked, HOOK, True)
    return hooked


def _call_tool(inner: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def call_tool(
        self: FastMCP[Any], name: str, arguments: Any = None, *, version: Any = None, run_middleware: bool = True
    ) -> Any:
        check(self)
        if not hasattr(self.get_tool, HOOK):
            # The server's class overrides the lookup.
            setattr(self, "get_tool", MethodType(_hooked(_get_tool, _unbound(self.get_tool)), self))
        if not run_middleware:
            try:
                return await inner(self, name, arguments, version=version, run_middleware=False)
            except ToolError as error:
                if await _is_hidden(self, name, version, error.__cause__):
                    raise Hidden(self, name) from None
                raise
        args = {} if arguments is None else arguments
        admission, running, mounted = None, calls.running(), calls.mounted()
        if running is not None and running.leads(self, name):
            # An outer server passes the call on to this one. Its guards have admitted the call.
            admission, mounted = calls.Admission(self, name, calls.copy_of(args), running.passed), (*mounted, self)
        elif (outer := around(self)) and (tool := await resolve(self, name, version)) is not None:
            # A call from code in this process. Judge it here, because middleware such as a cache could answer it.
            args, passed = await outside.judge(outer, self, tool, args)
            admission = calls.Admission(self, tool.name, args, passed, function_of(tool))
        if admission is None:
            return await inner(self, name, arguments, version=version)
        with calls.runs(calls.Running(calls.in_force(), None, mounted)), calls.admitted(admission):
            return await inner(self, name, calls.copy_of(args), version=version)

    return call_tool


async def _is_hidden(server: FastMCP[Any], name: str, version: Any, cause: object) -> bool:
    """Whether a guard hid the tool that was called, here or on the mounted server that has it."""
    if not isinstance(cause, Hidden):
        return False
    if cause.server is server and cause.name == name:
        return True
    tool = await server.get_tool(name, version=version)
    return tool is not None and calls.Running((), tool).leads(cause.server, cause.name)


def _unbound(method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args, **named: method(*args, **named)


def _get_tool(inner: Callable[..., Awaitable[Tool | None]]) -> Callable[..., Awaitable[Tool | None]]:
    async def get_tool(self: FastMCP[Any], *args: Any, **named: Any) -> Tool | None:
        tool = await inner(self, *args, **named)
        return None if tool is None else hand_out(self, tool)

    return get_tool


def _list_tools(inner: Callable[..., Awaitable[Sequence[Tool]]]) -> Callable[..., Awaitable[Sequence[Tool]]]:
    async def list_tools(self: FastMCP[Any], *args: Any, **named: Any) -> Sequence[Tool]:
        check(self)
        return [hand_out(self, tool) for tool in await shown(self, await inner(self, *args, **named))]

    return list_tools


def _lifespan(inner: Callable[..., Any]) -> Callable[..., Any]:
    def lifespan(self: FastMCP[Any]) -> Any:
        # Before code in the lifespan can call tools.
        check(self)
        return inner(self)

    return lifespan


def _get_tool_input_schema(inner: Callable[..., Any]) -> Callable[..., Any]:
    def get_tool_input_schema(self: FastMCP[Any], name: str) -> Any:
        # The guard compares the headers itself after it has admitted the call.
        return None if any(guard.hides() for guard in guards_of(self)) else inner(self, name)

    return get_tool_input_schema


def _dispatch(inner: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def dispatch(self: FastMCPServerMiddleware, ctx: Any, call_next: Any) -> Any:
        server = self._ref()
        if server is not None and is_about_tools(ctx.method) and guards_of(server):
            check(server)
            check_handlers(server)
            # Only these parameters still have the keys that the SDK does not know.
            if ctx.method == "tools/call" and any(guard.served.refuses_keys(ctx.params) for guard in guards_of(server)):
                raise MCPError(code=INVALID_PARAMS, message="Invalid request parameters", data="")
        with calls.entered(server):

            async def handle(ctx: Any) -> Any:
                return await inner(self, ctx, call_next)

            if server is not None and ctx.method == "tools/call" and ctx.request_id is not None:
                return await in_rounds(ctx, handle, server._mcp_server)
            if server is None or not is_about(ctx.method):
                return await handle(ctx)
            call: Any = handle
            # In front of the server's middleware, so that nothing else answers first.
            for guard in reversed(guards_of(server)):
                if guard.served.answers():
                    call = closing(guard.served, server._mcp_server, call)
            return await call(ctx)

    return dispatch


def _get_request_handler(inner: Callable[..., Any]) -> Callable[..., Any]:
    def get_request_handler(self: LowLevelServer, method: str) -> Any:
        entry = inner(self, method)
        if entry is not None and is_about(method):
            for guard in reversed(guards_of(self.fastmcp)):
                if guard.served.answers():
                    entry = closing_handler(guard.served, self, method, entry)
        return entry

    return get_request_handler

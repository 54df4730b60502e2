"""Servers of the `mcp` 2 SDK: a middleware."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND, SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from perso._perso import Policy
from perso.adapters.served import DENIED_TASK, Served, is_about_tools
from perso.guard.denied import Denied
from perso.guard.event import logger
from perso.guard.judge import calling
from perso.verify import wrong_order

Context = ServerRequestContext[Any, Any]

_admitted: ContextVar[list[str]] = ContextVar("perso_mcp2_admitted")
"""The call that the middleware has let pass and that has not come to the server's tools yet."""


class Guard:
    """A middleware that judges each call, and shows the tools that the caller could call."""

    def __init__(self, policy: Policy, **settings: Any) -> None:
        self.served = Served(policy, **settings)
        self.policy = policy
        self._server: MCPServer[Any] | None = None
        self._lowlevel: Server[Any] | None = None
        self._is_found = False

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        self._find(call_next)
        if not is_about_tools(ctx.method):
            return await call_next(ctx)
        if ctx.request_id is not None and ctx.method == "tools/call":
            return await self._call(ctx, call_next)
        if ctx.request_id is not None and ctx.method == "tools/list":
            return await self._list(ctx, call_next)
        if self.served.judge.refuse("", "another message about tools than a call and a list") is None:
            return await call_next(ctx)
        if ctx.request_id is None:
            # A notification, which nobody answers.
            return None
        raise MCPError(code=METHOD_NOT_FOUND, message="Method not found", data=ctx.method)

    async def _call(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        params = ctx.params or {}
        tool, args = params.get("name"), params.get("arguments")
        if not isinstance(tool, str) or not (args is None or isinstance(args, dict)):
            self.served.judge.refuse(str(tool), "the call is none")
            raise MCPError(code=INVALID_PARAMS, message="Invalid request parameters", data="")
        verdict = await self.served.call(ctx, tool, args, self._function(tool))
        if verdict.denied is not None:
            return self._denial(verdict.denied, ctx, is_task=params.get("task") is not None)
        judged = replace(ctx, params={**params, "arguments": verdict.args})
        token = _admitted.set([_what(tool, verdict.args)])
        try:
            with calling(verdict.agent):
                return await call_next(judged)
        finally:
            _admitted.reset(token)

    def _denial(self, denied: Denied, ctx: Context, *, is_task: bool) -> dict[str, Any]:
        if is_task and not self.served.hide:
            raise MCPError(code=DENIED_TASK, message=str(denied), data=denied.meta())
        # As the SDK has it for a tool that there is not.
        text = f"Unknown tool: {denied.tool}" if self.served.hide else str(denied)
        result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
        meta = {} if self.served.hide else denied.meta()
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            result["resultType"] = "complete"
            if self._lowlevel is not None:
                meta[SERVER_INFO_META_KEY] = self._lowlevel.server_info_stamp
        if meta:
            result["_meta"] = meta
        return result

    async def _list(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if isinstance(result, BaseModel):
            result = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        if not isinstance(result, dict) or self.served.judge.observes:
            return result
        tools = await self.served.shown(ctx, result.get("tools") or [], _name)
        result = {**result, "tools": tools}
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            # It is this caller's list, and nobody else's.
            result["cacheScope"] = "private"
        return result

    def _function(self, tool: str) -> object:
        found = None if self._server is None else self._server._tool_manager.get_tool(tool)
        return None if found is None else found.fn

    # The server.

    def attach(self, server: MCPServer[Any] | Server[Any]) -> None:
        """Guards the calls inside of a server as well, which do not come by the middleware, and verifies it."""
        if not isinstance(server, MCPServer):
            self._lowlevel, self._is_found = server, True
            return
        # Until that is mended, no message gets through.
        wrong_order(server)
        self._server, self._lowlevel, self._is_found = server, server._lowlevel_server, True
        inner = server.call_tool

        @functools.wraps(inner)
        async def call_tool(name: str, arguments: dict[str, Any], context: Any = None) -> Any:
            admitted = _admitted.get([])
            if _what(name, arguments) in admitted:
                # Once: another such call is another call.
                admitted.clear()
            else:
                told = getattr(context, "_request_context", None)
                verdict = await self.served.inside(told, name, arguments, self._function(name))
                if verdict.denied is not None:
                    raise verdict.denied
                arguments = verdict.args
            return await inner(name, arguments, context)

        server.call_tool = call_tool  # type: ignore[method-assign]

    def _find(self, call_next: CallNext) -> None:
        """A middleware is not told whose it is; the innermost handler of the chain knows."""
        if self._is_found:
            return
        innermost: Any = call_next
        while isinstance(innermost, functools.partial):
            innermost = innermost.args[-1]
        for cell in getattr(innermost, "__closure__", None) or ():
            lowlevel = getattr(cell.cell_contents, "server", None)
            if isinstance(lowlevel, Server):
                self.attach(_owner(lowlevel))
                return
        self._is_found = True
        logger.warning("the server is not found: call `policy.guard_server(server)` for what runs inside of it")


def _owner(lowlevel: Server[Any]) -> MCPServer[Any] | Server[Any]:
    """The `MCPServer` around a low-level server, if there is one."""
    entry = lowlevel.get_request_handler("tools/list")
    owner = getattr(getattr(entry, "handler", None), "__self__", None)
    return owner if isinstance(owner, MCPServer) else lowlevel


def _name(tool: Any) -> Any:
    return tool.get("name") if isinstance(tool, Mapping) else None


def _what(tool: str, args: Any) -> str:
    """A call, with `1` and `True` and `1.0` told from one another."""
    return repr((tool, args or {}))



"""Servers of fastmcp 4: a middleware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastmcp.exceptions import NotFoundError
from fastmcp.server import FastMCP
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.middleware.authorization import _requested_version
from fastmcp.server.providers.addressing import parse_hashed_backend_name
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.tools.function_tool import FunctionTool
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND, CallToolRequestParams, ListToolsRequest

from perso._perso import Policy
from perso.adapters.served import DENIED_TASK, Served, is_about_tools
from perso.guard.judge import caller, calling
from perso.verify import wrong_order


class Guard(Middleware):
    """A middleware that judges each call, and shows the tools that the caller could call. It does so on stdio as well."""

    def __init__(self, policy: Policy, **settings: Any) -> None:
        self.served = Served(policy, **settings)
        self.policy = policy
        self._verified: set[int] = set()

    async def on_message(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        if context.fastmcp_context is not None:
            server = context.fastmcp_context.fastmcp
            if id(server) not in self._verified:
                wrong_order(server)
                self._keep_lists_private(server)
                self._verified.add(id(server))
        method = context.method or ""
        if is_about_tools(method) and method not in ("tools/call", "tools/list"):
            if self.served.judge.refuse("", "another message about tools than a call and a list") is None:
                return await call_next(context)
            raise MCPError(code=METHOD_NOT_FOUND, message="Method not found", data=method)
        return await call_next(context)

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        name = context.message.name
        tool = await self._resolve(context)
        if tool is None:
            denied = self.served.judge.refuse(name, "the server has no such tool")
            if denied is not None:
                raise NotFoundError(f"Unknown tool: {name!r}")
            return await call_next(context)
        function = tool.fn if type(tool) is FunctionTool else None
        verdict = await self.served.call(context, tool.name, context.message.arguments, function)
        denied = verdict.denied
        if denied is not None:
            if self.served.hide:
                raise NotFoundError(f"Unknown tool: {name!r}")
            if caller() is None and _is_task(context):
                raise MCPError(code=DENIED_TASK, message=str(denied), data=denied.meta())
            raise denied
        judged = context.message.model_copy(update={"arguments": verdict.args})
        with calling(verdict.agent):
            return await call_next(context.copy(message=judged))

    async def on_list_tools(
        self,
        context: MiddlewareContext[ListToolsRequest],
        call_next: CallNext[ListToolsRequest, Sequence[Tool]],
    ) -> Sequence[Tool]:
        return await self.served.shown(context, await call_next(context), lambda tool: tool.name)

    def _keep_lists_private(self, server: FastMCP[Any]) -> None:
        """A list of tools is its caller's, and nobody else's, whatever the server says of its answers."""
        hints = server._mcp_server.cache_hints
        hint = hints.get("tools/list")
        if hint is not None and not self.served.judge.observes:
            hints["tools/list"] = replace(hint, scope="private")

    async def _resolve(self, context: MiddlewareContext[CallToolRequestParams]) -> Tool | None:
        """The tool that a call will run: the server looks for it in the same way. Tools of apps have a second name."""
        if context.fastmcp_context is None:
            return None
        server: FastMCP[Any] = context.fastmcp_context.fastmcp
        name, version = context.message.name, _requested_version(context.message.meta)
        tool = await server.get_tool(name, version=version)
        if tool is None and (hashed := parse_hashed_backend_name(name)) is not None:
            tool = await server.get_tool_by_hash(*hashed)
        return tool


def _is_task(context: MiddlewareContext[CallToolRequestParams]) -> bool:
    """Whether a call was to become a task, as it came over the wire."""
    request = None if context.fastmcp_context is None else context.fastmcp_context.request_context
    return request is not None and (request._srctx.params or {}).get("task") is not None

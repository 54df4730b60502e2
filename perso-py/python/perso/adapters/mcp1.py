"""Servers of the `mcp` 1.x SDK, which has no middleware: the handlers are wrapped."""

from __future__ import annotations

import functools
from typing import Any

from mcp.server.lowlevel import Server
from mcp.shared.exceptions import McpError
from mcp.types import (
    CallToolRequest,
    CallToolResult,
    ErrorData,
    ListToolsRequest,
    ListToolsResult,
    ServerResult,
    TextContent,
)

from perso._perso import Policy
from perso.adapters.served import DENIED_TASK, Served
from perso.guard.denied import Denied
from perso.guard.judge import calling
from perso.verify import GUARDED, wrong_order


def guard_server(policy: Policy, server: Any, **settings: Any) -> None:
    """Guards a `Server`, or a `FastMCP` with the one in it."""
    lowlevel: Any = getattr(server, "_mcp_server", server)
    guard = Guard(Served(policy, **settings), lowlevel, server if server is not lowlevel else None)
    guard.wrap()
    setattr(lowlevel, GUARDED, policy)
    run = lowlevel.run

    @functools.wraps(run)
    async def run_guarded(*args: Any, **kwargs: Any) -> Any:
        # What was registered since then.
        guard.wrap()
        wrong_order(server)
        return await run(*args, **kwargs)

    lowlevel.run = run_guarded
    if guard.fastmcp is not None:
        guard.fastmcp.call_tool = guard.inside(guard.fastmcp.call_tool)


class Guard:
    """The guard of one server."""

    def __init__(self, served: Served, lowlevel: Server[Any, Any], fastmcp: Any) -> None:
        self.served = served
        self.lowlevel = lowlevel
        self.fastmcp = fastmcp

    def wrap(self) -> None:
        """Wraps the handlers that are not wrapped yet."""
        handlers = self.lowlevel.request_handlers
        for request, wrapped in ((CallToolRequest, self.call), (ListToolsRequest, self.list)):
            handler = handlers.get(request)
            if handler is not None and getattr(handler, GUARDED, None) is not self:
                handlers[request] = wrapped(handler)
                setattr(handlers[request], GUARDED, self)

    def call(self, handler: Any) -> Any:
        @functools.wraps(handler)
        async def call(request: CallToolRequest) -> ServerResult:
            params = request.params
            told = self.lowlevel.request_context
            verdict = await self.served.call(told, params.name, params.arguments, self.function(params.name))
            if verdict.denied is not None:
                return self.denial(verdict.denied, is_task=getattr(params, "task", None) is not None)
            judged = params.model_copy(update={"arguments": verdict.args})
            with calling(verdict.agent):
                result: ServerResult = await handler(request.model_copy(update={"params": judged}))
            return result

        return call

    def denial(self, denied: Denied, *, is_task: bool) -> ServerResult:
        if self.served.hide:
            # As the SDK has it for a tool that there is not.
            text = TextContent(type="text", text=f"Unknown tool: {denied.tool}")
            return ServerResult(CallToolResult(content=[text], isError=True))
        if is_task:
            raise McpError(ErrorData(code=DENIED_TASK, message=str(denied), data=denied.meta()))
        text = TextContent(type="text", text=str(denied))
        return ServerResult(CallToolResult(content=[text], isError=True, _meta=denied.meta()))

    def list(self, handler: Any) -> Any:
        @functools.wraps(handler)
        async def list_tools(request: ListToolsRequest | None) -> ServerResult:
            result: ServerResult = await handler(request)
            # Without a request it is the server itself that asks, for the schemas by which it checks arguments.
            if request is None or not isinstance(result.root, ListToolsResult):
                return result
            tools = await self.served.shown(self.lowlevel.request_context, result.root.tools, lambda tool: tool.name)
            # A copy: a handler may return the same result each time.
            return ServerResult(result.root.model_copy(update={"tools": tools}))

        return list_tools

    def function(self, tool: str) -> object:
        found = None if self.fastmcp is None else self.fastmcp._tool_manager.get_tool(tool)
        return None if found is None else found.fn

    def inside(self, inner: Any) -> Any:
        """Guards `FastMCP.call_tool`, by which code inside of the server runs its tools."""

        @functools.wraps(inner)
        async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
            try:
                told = self.lowlevel.request_context
            except LookupError:
                told = None
            verdict = await self.served.inside(told, name, arguments, self.function(name))
            if verdict.denied is not None:
                raise verdict.denied
            return await inner(name, verdict.args)

        return call_tool

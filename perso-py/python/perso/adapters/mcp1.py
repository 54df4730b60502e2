"""Guards servers of the `mcp` 1.x SDK. It has no middleware, so the guard puts gates in front of the request handlers.

Handlers can be registered at any time, even while the server runs. The gates are therefore in the table where the server looks
up its handlers, and not around the handlers themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.fastmcp.tools import Tool
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import McpError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequest,
    CallToolResult,
    ErrorData,
    ListToolsRequest,
    ListToolsResult,
    ServerResult,
    TextContent,
)

from perso._perso import Policy
from perso.adapters.admitted import Gates
from perso.adapters.covered import NAMES, is_passed, passing
from perso.adapters.served import DENIED, Served
from perso.adapters.tools import Sdk, function_of, guard_runs, guard_tools
from perso.guard.caller import calling
from perso.guard.denied import Denied
from perso.verify import wrong_order

MISSING = object()


def guard_server(policy: Policy, server: Any, **settings: Any) -> None:
    """Guards a `Server`, and the `FastMCP` that it is part of."""
    lowlevel: Server[Any, Any] = getattr(server, "_mcp_server", server)
    guard = Guard(Served(policy, **settings), lowlevel, server if isinstance(server, FastMCP) else _owner(lowlevel))
    guards_of(lowlevel).append(guard)
    if guard.fastmcp is not None:
        guard_tools(guard.gates, guard.fastmcp, guard.sdk())


def is_guarded(policy: Policy, server: Any) -> bool:
    """Whether a guard of the policy is in front of a server's tools now."""
    return any(guard.served.policy is policy for guard in guards_of(getattr(server, "_mcp_server", server)))


def guards_of(lowlevel: Server[Any, Any]) -> list[Guard]:
    """The guards in front of a server, innermost first."""
    found: list[Guard] = vars(lowlevel).setdefault("__perso_guards__", [])
    return found


class Guard:
    """The guard of one server."""

    def __init__(self, served: Served, lowlevel: Server[Any, Any], fastmcp: FastMCP[Any] | None) -> None:
        self.served = served
        self.gates = Gates(served)
        self.lowlevel = lowlevel
        self.fastmcp = fastmcp
        self.is_verified = False

    def gate(self, request: object, handler: Any) -> Any:
        """Puts a handler behind its gate."""
        if request is CallToolRequest:
            return self.call(handler)
        if request is ListToolsRequest:
            return self.list(handler)
        return self.close(handler) if self.served.answers() else handler

    def call(self, handler: Any) -> Any:
        @functools.wraps(handler)
        async def call(request: CallToolRequest) -> ServerResult:
            params = request.params
            if self.served.refuses_keys(params.model_extra):
                raise McpError(ErrorData(code=INVALID_PARAMS, message="Invalid request parameters", data=""))
            name, args, function = params.name, params.arguments, function_of(self.tool(params.name))
            # A handler can call another registered handler. Then the call passes several gates.
            verdict = self.gates.admitted(name, args, function)
            if verdict is None:
                await self.gates.replace()
                verdict = await self.gates.first(self.told(), name, args, function)
            if verdict.denied is not None:
                return self.denial(verdict.denied, is_task=getattr(params, "task", None) is not None)
            judged = params.model_copy(update={"arguments": verdict.args})
            with self.gates.passing(name, verdict, function):
                result: ServerResult = await handler(request.model_copy(update={"params": judged}))
            return result

        return call

    def denial(self, denied: Denied, *, is_task: bool) -> ServerResult:
        if self.served.hide:
            # The SDK's own text for a tool that does not exist.
            text = TextContent(type="text", text=f"Unknown tool: {denied.tool}")
            return ServerResult(CallToolResult(content=[text], isError=True))
        if is_task:
            raise McpError(ErrorData(code=DENIED, message=str(denied), data=denied.meta()))
        text = TextContent(type="text", text=str(denied))
        return ServerResult(CallToolResult(content=[text], isError=True, _meta=denied.meta()))

    def list(self, handler: Any) -> Any:
        @functools.wraps(handler)
        async def list_tools(request: ListToolsRequest | None) -> ServerResult:
            result: ServerResult = await handler(request)
            # Without a request, the server itself looks up the schemas for validating arguments.
            if request is None or not isinstance(result.root, ListToolsResult):
                return result
            tools = await self.served.shown(self.told(), result.root.tools, lambda tool: tool.name)
            # A copy: a handler may return the same result each time.
            return ServerResult(result.root.model_copy(update={"tools": tools}))

        return list_tools

    def close(self, handler: Any) -> Any:
        """Wraps a handler so that it gets only requests that the host and the policy allow."""

        @functools.wraps(handler)
        async def close(request: Any) -> ServerResult:
            sent = request.model_dump(by_alias=True, mode="json", exclude_none=True)
            method, params = sent["method"], sent.get("params")
            instead = self.served.instead(method, params)
            if instead is None:
                return await self.covered(method, params, lambda: handler(request))
            if instead.result is None:
                raise McpError(ErrorData(code=instead.code, message=instead.message))
            return ServerResult.model_validate(instead.result)

        return close

    async def covered(self, method: str, params: Any, answer: Callable[[], Awaitable[ServerResult]]) -> ServerResult:
        """Judges a request for something that the policy covers, and filters its list."""
        served = self.served
        found, key = served.calls(method, params), served.filters(method)
        # A handler can call another registered handler.
        if (found is None and key is None) or is_passed(served, method, params):
            return await answer()
        by = None
        if found is not None:
            verdict = await served.request(self.told(), found)
            if verdict.denied is not None:
                code, message, data = served.refusal(verdict.denied)
                raise McpError(ErrorData(code=code, message=message, data=data))
            by = verdict.caller
        with passing(served, method, params), nullcontext() if found is None else calling(by):
            result = await answer()
        if key is None:
            return result
        # The SDK names fields like the keys in JSON.
        entries = getattr(result.root, key)
        shown = await served.shown(self.told(), entries, lambda entry: str(getattr(entry, NAMES[key])), key)
        # A copy: a handler may return the same result each time.
        return ServerResult(result.root.model_copy(update={key: shown}))

    def verify(self) -> None:
        """Checks the server's guards before the first message."""
        if not self.is_verified:
            wrong_order(self.fastmcp or self.lowlevel)
            self.is_verified = True

    def told(self) -> object:
        try:
            return self.lowlevel.request_context
        except LookupError:
            return None

    def tool(self, name: str) -> Any:
        """The tool that the server's own handler runs. `None` if the handler was replaced."""
        if self.fastmcp is None or _owner(self.lowlevel) is not self.fastmcp:
            return None
        return self.fastmcp._tool_manager.get_tool(name)

    def sdk(self) -> Sdk:
        return Sdk(error=ToolError, told=lambda context: self.told(), run=_run)


async def _run(tool: Any, args: dict[str, Any]) -> Any:
    return await tool.fn(**args) if tool.is_async else tool.fn(**args)


def _owner(lowlevel: Server[Any, Any]) -> FastMCP[Any] | None:
    """The `FastMCP` whose tools the registered handler runs. `None` if the handler is not the SDK's own."""
    handlers: Any = lowlevel.request_handlers
    handler = handlers.registered(CallToolRequest)
    if getattr(handler, "__module__", None) != Server.__module__:
        return None
    enclosed = dict(zip(handler.__code__.co_freevars, handler.__closure__ or (), strict=True))
    owner = getattr(enclosed["func"].cell_contents, "__self__", None) if "func" in enclosed else None
    return owner if isinstance(owner, FastMCP) else None


class Handlers(dict[Any, Any]):
    """A server's request handlers. Every lookup returns the handler behind the gates of the server's guards."""

    def __init__(self, lowlevel: Server[Any, Any], handlers: Any) -> None:
        self.lowlevel = lowlevel
        super().__init__()
        self.update(handlers)

    def registered(self, request: object) -> Any:
        """The handler as it was registered, without gates."""
        return dict.get(self, request)

    def __getitem__(self, request: Any, /) -> Any:
        handler = super().__getitem__(request)
        for guard in guards_of(self.lowlevel):
            handler = guard.gate(request, handler)
        return handler

    def get(self, request: Any, default: Any = None, /) -> Any:
        for guard in guards_of(self.lowlevel):
            guard.verify()
        return self[request] if request in self else default  # noqa: SIM401 - this is `get`

    def values(self) -> Any:
        return [self[request] for request in self]

    def items(self) -> Any:
        return [(request, self[request]) for request in self]

    def copy(self) -> dict[Any, Any]:
        return dict(self.items())

    def setdefault(self, request: Any, default: Any = None, /) -> Any:
        super().setdefault(request, default)
        return self[request]

    def pop(self, request: Any, default: Any = MISSING, /) -> Any:
        handler = self[request] if default is MISSING else self.get(request, default)
        super().pop(request, None)
        return handler

    def popitem(self) -> Any:
        request = next(reversed(self))
        return request, self.pop(request)


class _RequestHandlers:
    """The attribute `Server.request_handlers`, which holds `Handlers` for each server."""

    def __get__(self, server: Any, kind: Any = None) -> Any:
        if server is None:
            return self
        try:
            handlers = vars(server)["request_handlers"]
        except KeyError:
            raise AttributeError("request_handlers") from None
        if not isinstance(handlers, Handlers):
            # The server was created before this descriptor was installed.
            self.__set__(server, handlers)
        return vars(server)["request_handlers"]

    def __set__(self, server: Any, handlers: Any) -> None:
        vars(server)["request_handlers"] = Handlers(server, handlers)


setattr(Server, "request_handlers", _RequestHandlers())
guard_runs(Tool)

"""Guards servers of the `mcp` 2 SDK, with a middleware and with gates between it and the tools.

The middleware judges each call first, so that nothing answers a denied call. The handler of ``tools/call`` has a gate, and an
`MCPServer` has further gates on the way to its tools.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, SupportsIndex

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.server import HandlerEntry
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND, CallToolRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from perso._perso import Policy
from perso.adapters.admitted import Gates
from perso.adapters.closed import is_about
from perso.adapters.closing import closing, closing_handler, complete
from perso.adapters.fold import is_about_tools
from perso.adapters.rounds import in_rounds
from perso.adapters.served import DENIED, Served
from perso.adapters.tools import Sdk, function_of, guard_runs, guard_tools, later
from perso.guard.denied import Denied
from perso.guard.rounds import begins
from perso.verify import Unguarded, wrong_order

Context = ServerRequestContext[Any, Any]

SDK = Sdk(
    error=ToolError,
    told=lambda context: getattr(context, "_request_context", None),
    run=lambda tool, args: tool.fn_metadata.call_fn(tool.fn, tool.is_async, args),
)


class Guard:
    """A middleware that judges each call, and lists only tools that the caller could call.

    It guards the server that it is added to. If you add it to a second server as well, that server gets a new guard with the
    same settings.
    """

    def __init__(self, policy: Policy, *, input_responses: str = "deny", **settings: Any) -> None:
        if input_responses not in ("deny", "pass"):
            raise ValueError(f"`input_responses` is `{input_responses}`: use `deny` or `pass`")
        self.served = Served(policy, **settings)
        self.policy = policy
        self.settings = {**settings, "input_responses": input_responses}
        self.passes_responses = input_responses == "pass"
        self.gates = Gates(self.served)
        self._lowlevel: Server[Any] | None = None
        self._server: MCPServer[Any] | None = None
        self._is_verified = False

    # The middleware.

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        lowlevel = self._ready()
        if not is_about_tools(ctx.method):
            if self.served.answers():
                call_next = closing(self.served, lowlevel, call_next)
            return await call_next(ctx)
        if ctx.request_id is not None and ctx.method == "tools/call":
            return await in_rounds(ctx, lambda ctx: self._call(ctx, call_next, lowlevel), lowlevel)
        if ctx.request_id is not None and ctx.method == "tools/list":
            return await self._list(ctx, call_next)
        if self.served.judge.refuse("", "a message about tools that is neither a call nor a list") is None:
            return await call_next(ctx)
        if ctx.request_id is None:
            # A notification has no response.
            return None
        raise MCPError(code=METHOD_NOT_FOUND, message="Method not found", data=ctx.method)

    async def _call(self, ctx: Context, call_next: CallNext, lowlevel: Server[Any]) -> HandlerResult:
        params = ctx.params or {}
        if self.served.refuses_keys(params):
            raise MCPError(code=INVALID_PARAMS, message="Invalid request parameters", data="")
        name, args = params.get("name"), params.get("arguments")
        if not isinstance(name, str) or not (args is None or isinstance(args, dict)):
            self.served.judge.refuse(str(name), "the call has no name, or arguments that are not an object")
            raise MCPError(code=INVALID_PARAMS, message="Invalid request parameters", data="")
        tool = self._tool(name)
        verdict = await self.gates.first(ctx, name, args, function_of(tool), later(tool))
        if verdict.denied is not None:
            return self._denial(verdict.denied, ctx, lowlevel)
        with self.gates.passing(name, verdict, function_of(tool)):
            return await call_next(replace(ctx, params={**params, "arguments": verdict.args}))

    async def _list(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if isinstance(result, BaseModel):
            result = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        if not isinstance(result, dict) or self.served.judge.observes:
            return result
        tools = await self.served.shown(ctx, result.get("tools") or [], _name)
        result = {**result, "tools": tools}
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            # The list is filtered for this caller.
            result["cacheScope"] = "private"
        return result

    def _denial(self, denied: Denied, ctx: Context, lowlevel: Server[Any]) -> dict[str, Any]:
        if (ctx.params or {}).get("task") is not None and not self.served.hide:
            raise MCPError(code=DENIED, message=str(denied), data=denied.meta())
        # With `hide`, the SDK's own text for a tool that does not exist.
        text = f"Unknown tool: {denied.tool}" if self.served.hide else str(denied)
        result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
        if not self.served.hide:
            result["_meta"] = denied.meta()
        return complete(result, ctx, lowlevel)

    # The server.

    def bind(self, lowlevel: Server[Any]) -> Guard:
        """The guard for a server: this one, or a new one if this one already guards another server."""
        if self._lowlevel is lowlevel:
            return self
        if self._lowlevel is not None:
            return Guard(self.policy, **self.settings).bind(lowlevel)
        self._lowlevel = lowlevel
        handlers = lowlevel.get_request_handler

        @functools.wraps(handlers)
        def get_request_handler(method: str) -> HandlerEntry[Any] | None:
            entry = handlers(method)
            if entry is None:
                return None
            if method == "tools/call":
                return self._gate(entry, lowlevel)
            is_answered = self.served.answers() and is_about(method)
            return closing_handler(self.served, lowlevel, method, entry) if is_answered else entry

        lowlevel.get_request_handler = get_request_handler  # type: ignore[method-assign]
        if self.served.hide:
            # The SDK checks `Mcp-Param-*` headers before any middleware runs, with schemas from this function, which does not
            # know the caller. Without it, the SDK takes the schemas from `tools/list`, which is filtered for the caller.
            lowlevel.get_tool_input_schema = None
        self._server = _owner(lowlevel)
        if self._server is not None:
            guard_tools(self.gates, self._server, SDK)
        return self

    def _gate(self, entry: HandlerEntry[Any], lowlevel: Server[Any]) -> HandlerEntry[Any]:
        """Puts the handler of calls behind its gate. Handlers can be replaced, so this is done for each call."""

        async def call(ctx: Context, params: Any) -> HandlerResult:
            sent = {**(ctx.params or {})}
            if isinstance(params, CallToolRequestParams):
                sent.update(name=params.name, arguments=params.arguments)
            name = sent.get("name")
            tool = self._tool(name)
            verdict = await self.gates.next(ctx, str(name), sent.get("arguments"), function_of(tool), later(tool))
            denied = verdict.denied
            if denied is None and not self.passes_responses and _reads_responses(tool, sent):
                denied = self.served.judge.refuse(str(name), "no rule sees the responses that the tool's own code reads")
            if denied is not None:
                await verdict.give_back()
                return self._denial(denied, ctx, lowlevel)
            sent["arguments"] = verdict.args
            if isinstance(params, CallToolRequestParams):
                params = params.model_copy(update={"arguments": verdict.args})
            else:
                params = entry.params_type.model_validate(sent, by_name=False)
            if tool is None:
                begins()
            with self.gates.passing(str(name), verdict, function_of(tool)):
                return await entry.handler(replace(ctx, params=sent), params)

        return HandlerEntry(entry.params_type, call)

    def _ready(self) -> Server[Any]:
        """The guarded server. Checks its guards before the first message."""
        if self._lowlevel is None:
            raise Unguarded(
                ["this guard is not in the `middleware` of a server: put it there itself, not in a function that calls it"]
            )
        if not self._is_verified:
            wrong_order(self._server or self._lowlevel)
            self._is_verified = True
        return self._lowlevel

    def _tool(self, name: object) -> Any:
        """The tool that the server's own handler runs. `None` if the handler was replaced."""
        if self._server is None or not isinstance(name, str) or not _is_own(self._lowlevel, self._server):
            return None
        return self._server._tool_manager.get_tool(name)


def _owner(lowlevel: Server[Any]) -> MCPServer[Any] | None:
    """The `MCPServer` that a low-level server belongs to, if there is one."""
    entry = lowlevel.get_request_handler("tools/list")
    owner = getattr(getattr(entry, "handler", None), "__self__", None)
    return owner if isinstance(owner, MCPServer) else None


def _is_own(lowlevel: Server[Any] | None, server: MCPServer[Any]) -> bool:
    """Whether calls go to the server's own handler, and not to one that replaced it."""
    entry = None if lowlevel is None else lowlevel._request_handlers.get("tools/call")
    handler = getattr(entry, "handler", None)
    # The SDK composes extensions around the server's handler.
    return getattr(handler, "__self__", None) is server or getattr(handler, "__module__", None) == "mcp.server.extension"


def _reads_responses(tool: Any, params: Mapping[str, Any]) -> bool:
    """Whether the client sent values outside the arguments that the tool's own code can read."""
    responses = params.get("inputResponses") or {}
    if tool is None:
        # A custom handler. The client may also have made up the state that it gets.
        return bool(responses) or params.get("requestState") is not None
    if tool.context_kwarg is None:
        # A function can read responses only through its context.
        return False
    # Values that `Resolve` asks for are judged before the function runs.
    asked = {plan.wire_key for plan in tool.resolver_plans.values()}
    return not asked.issuperset(responses)


def _name(tool: Any) -> Any:
    return tool.get("name") if isinstance(tool, Mapping) else None


class Chain(list[Any]):
    """A server's list of middleware. It tells each guard which server it is added to."""

    def __init__(self, server: Server[Any], middleware: Iterable[Any]) -> None:
        self.server = server
        super().__init__(map(self._bound, middleware))

    def _bound(self, middleware: Any) -> Any:
        return middleware.bind(self.server) if isinstance(middleware, Guard) else middleware

    def append(self, middleware: Any, /) -> None:
        super().append(self._bound(middleware))

    def insert(self, index: SupportsIndex, middleware: Any, /) -> None:
        super().insert(index, self._bound(middleware))

    def extend(self, middleware: Iterable[Any], /) -> None:
        super().extend(map(self._bound, middleware))

    def __iadd__(self, middleware: Iterable[Any], /) -> Chain:  # type: ignore[misc]
        self.extend(middleware)
        return self

    def __setitem__(self, index: Any, middleware: Any, /) -> None:
        bound = map(self._bound, middleware) if isinstance(index, slice) else self._bound(middleware)
        super().__setitem__(index, bound)


class _Middleware:
    """The attribute `Server.middleware`, which holds a `Chain` for each server."""

    def __get__(self, server: Any, kind: Any = None) -> Any:
        if server is None:
            return self
        try:
            chain = vars(server)["middleware"]
        except KeyError:
            raise AttributeError("middleware") from None
        if not isinstance(chain, Chain):
            # The server was created before this descriptor was installed.
            self.__set__(server, chain)
        return vars(server)["middleware"]

    def __set__(self, server: Any, middleware: Iterable[Any]) -> None:
        vars(server)["middleware"] = Chain(server, middleware)


# The SDK does not tell a middleware which server it belongs to. A guard must know before the first message, because the
# server's own code can call tools before that.
setattr(Server, "middleware", _Middleware())
guard_runs(Tool)


def guard_server(policy: Policy, server: Any, **settings: Any) -> None:
    """Guards a `Server` or an `MCPServer`."""
    wrong_order(server)
    # Before all middleware that is not the SDK's, so that none of it answers a denied call.
    chain = server.middleware
    place = next((at for at, middleware in enumerate(chain) if not type(middleware).__module__.startswith("mcp.")), len(chain))
    chain.insert(place, Guard(policy, **settings))


def is_guarded(policy: Policy, server: Any) -> bool:
    """Whether a guard of the policy is in front of a server's tools now."""
    lowlevel = getattr(server, "_lowlevel_server", server)
    guards = (middleware for middleware in lowlevel.middleware if isinstance(middleware, Guard))
    return "get_request_handler" in vars(lowlevel) and any(
        guard.policy is policy and guard._lowlevel is lowlevel for guard in guards
    )

"""The middleware: it judges each call when it arrives, and lists only tools that the caller could use."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastmcp.exceptions import NotFoundError
from fastmcp.server import FastMCP
from fastmcp.server.context import _current_context
from fastmcp.server.dependencies import _is_client_tool_call
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.middleware.authorization import _requested_version
from fastmcp.server.providers.addressing import parse_hashed_backend_name
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.tools.function_tool import FunctionTool
from fastmcp.utilities.versions import VersionSpec
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND, CallToolRequestParams, ListToolsRequest
from pydantic import BaseModel

from perso._perso import Policy
from perso.adapters.covered import NAMES, is_passed
from perso.adapters.fastmcp import calls, headers
from perso.adapters.fold import is_about_tools
from perso.adapters.served import DENIED, Served
from perso.guard.caller import caller, calling
from perso.guard.denied import Denied
from perso.guard.verdict import Verdict
from perso.verify import Unguarded, wrong_order

OWN = ("tools/call", "tools/list")
"""The methods about tools that are judged; any other is refused."""


class Guard(Middleware):
    """A middleware that judges each call and lists only tools that the caller could use, on every transport."""

    def __init__(self, policy: Policy, **settings: Any) -> None:
        self.served = Served(policy, **settings)
        self.policy = policy

    async def on_message(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        if context.fastmcp_context is not None:
            check(context.fastmcp_context.fastmcp, self)
        method = context.method or ""
        if not is_about_tools(method):
            return await self._covered(context, method, call_next) if self.served.answers() else await call_next(context)
        if method in OWN and context.type == "request":
            return await call_next(context)
        if self.served.judge.refuse("", "another message about tools than a call and a list") is None:
            return await call_next(context)
        if context.type == "notification":
            # A notification has no response.
            return None
        raise MCPError(code=METHOD_NOT_FOUND, message="Method not found", data=method)

    async def _covered(self, context: MiddlewareContext[Any], method: str, call_next: CallNext[Any, Any]) -> Any:
        """Answers a message about prompts or resources, or judges it.

        Messages from clients were answered and judged earlier. The others come from code in this process.
        """
        message = context.message
        params = (
            message.model_dump(by_alias=True, mode="json", exclude_none=True) if isinstance(message, BaseModel) else message
        )
        served = self.served
        instead = served.instead(method, params)
        if instead is not None:
            if instead.result is None:
                raise MCPError(code=instead.code, message=instead.message)
            return []
        if is_passed(served, method, params):
            return await call_next(context)
        found, key = served.calls(method, params), served.filters(method)
        if found is not None:
            verdict = await served.request(context, found, caller())
            if verdict.denied is not None:
                code, text, data = served.refusal(verdict.denied)
                raise MCPError(code=code, message=text, data=data)
        result = await call_next(context)
        if key is None:
            return result
        named = "uri_template" if key == "resourceTemplates" else NAMES[key]
        return await served.shown(context, result, lambda one: str(getattr(one, named)), key)

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        name = context.message.name
        server = None if context.fastmcp_context is None else context.fastmcp_context.fastmcp
        tool = None if server is None else await resolve(server, name, _requested_version(context.message.meta))
        if server is None or tool is None:
            if self.served.judge.refuse(name, "the server has no such tool") is not None:
                raise NotFoundError(f"Unknown tool: {name!r}")
            return await call_next(context)
        function = function_of(tool)
        if _is_client_tool_call():
            verdict = await self.served.call(context, tool.name, context.message.arguments, function)
        else:
            verdict = await self.inside(server, tool.name, context.message.arguments, function, context)
        if verdict.denied is not None:
            if not self.served.hide and caller() is None and _is_task(context):
                raise MCPError(code=DENIED, message=str(verdict.denied), data=verdict.denied.meta())
            raise self.refusal(verdict.denied, server, name)
        try:
            if self.hides() and _is_client_tool_call():
                headers.compare(server, context)
            admission = await calls.let_pass(calls.Passed(self, server, verdict), tool.name, verdict.args, function)
        except BaseException:
            await verdict.give_back()
            raise
        judged = context.message.model_copy(update={"arguments": calls.copy_of(verdict.args)})
        with calling(verdict.caller), calls.admitted(admission):
            return await call_next(context.copy(message=judged))

    async def on_list_tools(
        self,
        context: MiddlewareContext[ListToolsRequest],
        call_next: CallNext[ListToolsRequest, Sequence[Tool]],
    ) -> Sequence[Tool]:
        return await self.served.shown(context, await call_next(context), lambda tool: tool.name)

    async def inside(self, server: FastMCP[Any], name: str, args: Any, function: object, told: object) -> Verdict:
        """Judges a call from code in this process. If this guard admitted the current request, the caller is the same."""
        judge, leave = self.served.judge, self.leaves(name, function)
        args = {} if args is None else args
        for passed in calls.in_force():
            if passed.is_of(self, server) and passed.caller is not None:
                return await judge.judge_as(passed.caller, name, args, leave=leave)
        return await judge.judge(name, args, told, leave=leave)

    def leaves(self, name: str, function: object) -> bool:
        """Whether the decision is left to the function's own guard, which knows the resource."""
        return self.served.judge.ask_resource is None and self.served.leaves(name, function)

    def hides(self) -> bool:
        return self.served.hide and not self.served.judge.observes

    def refusal(self, denied: Denied, server: FastMCP[Any], name: str) -> Exception:
        """The error for a denied call to this server's tool of this name."""
        return Hidden(server, name) if self.served.hide else denied


class Hidden(NotFoundError):
    """The error that a server raises for an unknown tool."""

    def __init__(self, server: FastMCP[Any], name: str) -> None:
        super().__init__(f"Unknown tool: {name!r}")
        self.server = server
        self.name = name


def guards_of(server: FastMCP[Any]) -> list[Guard]:
    return [middleware for middleware in server.middleware if isinstance(middleware, Guard)]


def function_of(tool: Tool) -> object:
    """The function that a tool runs. `None` if the tool does more than that."""
    while (handed := vars(tool).get(HANDED)) is not None:
        tool = handed.tool
    return tool.fn if type(tool) is FunctionTool else None


HANDED = "__perso_handed__"
"""The attribute of a handed-out tool that holds the original tool."""

guarded: weakref.WeakSet[FastMCP[Any]] = weakref.WeakSet()
"""The guarded servers in this process that have been used or started."""

_checked: weakref.WeakKeyDictionary[FastMCP[Any], tuple[Middleware, ...]] = weakref.WeakKeyDictionary()
"""The servers that passed `check`, with the middleware that they had then."""


def check(server: FastMCP[Any], *asked: Guard) -> None:
    """Raises `Unguarded` if a guard of the server is in the wrong place. Checks again when the server's middleware changes.

    `asked` is a guard that the server uses although it is not in the server's own list of middleware.
    """
    middleware = tuple(server.middleware)
    if _checked.get(server) == middleware:
        return
    guards = (*guards_of(server), *asked)
    if not guards:
        guarded.discard(server)
        return
    guarded.add(server)
    wrong_order(server)
    if any(not guard.served.judge.observes for guard in guards):
        _keep_lists_private(server)
    _checked[server] = middleware


def check_handlers(server: FastMCP[Any]) -> None:
    """Raises `Unguarded` if the handlers of a guarded server were replaced."""
    lowlevel = server._mcp_server
    for method, handler in (("tools/call", server._on_call_tool), ("tools/list", server._on_list_tools)):
        entry = lowlevel.get_request_handler(method)
        if entry is None or entry.handler != handler:
            problem = f"the handler of `{method}` was replaced, so that the guard does not see calls: use a middleware instead"
            raise Unguarded([problem])


def _keep_lists_private(server: FastMCP[Any]) -> None:
    """Marks lists of tools as private: each is filtered for one caller."""
    hints = server._mcp_server.cache_hints
    hint = hints.get("tools/list")
    if hint is not None:
        hints["tools/list"] = replace(hint, scope="private")


async def resolve(server: FastMCP[Any], name: str, version: VersionSpec | None) -> Tool | None:
    """The tool that a call would run, looked up as the server does. Tools of apps have a second name."""
    tool = await server.get_tool(name, version=version)
    if tool is None and (hashed := parse_hashed_backend_name(name)) is not None:
        tool = await server.get_tool_by_hash(*hashed)
    return tool


def told(name: str, args: Any) -> MiddlewareContext[Any]:
    """What `agent` gets for a call that did not pass through the middleware."""
    message = CallToolRequestParams.model_construct(name=name, arguments=args)
    return MiddlewareContext(message=message, method="tools/call", fastmcp_context=_current_context.get(None))


def _is_task(context: MiddlewareContext[CallToolRequestParams]) -> bool:
    """Whether the client asked for a task."""
    request = None if context.fastmcp_context is None else context.fastmcp_context.request_context
    return request is not None and (request._srctx.params or {}).get("task") is not None

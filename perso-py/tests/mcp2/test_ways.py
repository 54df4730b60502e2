"""Every way to run a tool with the `mcp` 2 SDK, over every transport, in both eras. Tests check which tools ran."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import mcp.server
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.server.extension import Extension
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.tools import Tool, ToolManager
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, TextContent
from mcp_types import Tool as ToolInfo

from perso import Denied
from support import asks
from support.calls import calls
from support.done import done
from support.policies import policy
from support.serving import listening, low_level_sse, over_pipes, together

POLICY = policy(*asks.rules("refund"), {"allow": ["by_call_tool", "by_table"]})

TRANSPORTS = {
    "memory": "streams in memory; from 2026-07-28 on none, by `modern_on_request`",
    "pipes": "lines, as over stdio, by `Server.run`",
    "http": "Streamable HTTP with sessions, by `serve_loop`; from 2026-07-28 on by `handle_modern_request`",
    "json": "the same, answered as JSON",
    "stateless": "Streamable HTTP without sessions, by `serve_connection`; from 2026-07-28 on as above",
    "sse": "the older HTTP with SSE, by `Server.run`",
}

ERAS = ["legacy", "2026-07-28"]


def refund(amount: float) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def dump() -> str:
    """Dumps."""
    done.append("dumped")
    return "dumped"


def full(*middleware: Any, extensions: Any = None) -> MCPServer[Any]:
    server = MCPServer("desk", middleware=middleware, extensions=extensions)
    server.tool()(refund)
    server.tool()(dump)

    @server.tool()
    async def by_call_tool(amount: float, ctx: Context) -> str:
        """Refunds by the server."""
        return str(await server.call_tool("refund", {"amount": amount}, ctx))

    @server.tool()
    async def by_table(amount: float, ctx: Context) -> str:
        """Refunds by the server's table of tools."""
        return str(await server._tool_manager.call_tool("refund", {"amount": amount}, ctx))

    return server


def with_middleware() -> MCPServer[Any]:
    """A server with the guard in its middleware."""
    return full(POLICY.mcp())


def made_already() -> MCPServer[Any]:
    """A server that is guarded after it was created."""
    server = full()
    POLICY.guard_server(server)
    return server


def with_an_extension() -> MCPServer[Any]:
    """A server with an extension that sees each call."""

    class Watches(Extension):
        identifier = "com.example/watches"

        async def intercept_tool_call(self, params: Any, ctx: Any, call_next: Any) -> Any:
            return await call_next(ctx)

    return full(POLICY.mcp(), extensions=[Watches()])


def low_level() -> Server[Any]:
    """A server with its own handlers."""

    async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[ToolInfo(name=name, input_schema={"type": "object"}) for name in ("refund", "dump")])

    async def call_tool(ctx: Any, params: Any) -> CallToolResult:
        return CallToolResult(
            content=[TextContent(type="text", text=refund(**params.arguments) if params.name == "refund" else dump())]
        )

    server: Server[Any] = Server("desk", on_list_tools=list_tools, on_call_tool=call_tool)
    POLICY.guard_server(server)
    return server


SERVERS = {make.__name__: make for make in (with_middleware, made_already, with_an_extension, low_level)}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    apps: dict[str, Any] = {}
    for name, make in SERVERS.items():
        apps[f"{name}/http"] = make().streamable_http_app()
        apps[f"{name}/json"] = make().streamable_http_app(json_response=True)
        apps[f"{name}/stateless"] = make().streamable_http_app(stateless_http=True)
        server = make()
        apps[f"{name}/sse"] = server.sse_app() if isinstance(server, MCPServer) else low_level_sse(server)
    with listening(together(apps)) as address:
        yield address


def client_of(name: str, transport: str, era: str, url: str) -> Client:
    if transport == "memory":
        return Client(SERVERS[name](), mode=era)
    if transport == "pipes":
        server = SERVERS[name]()
        return Client(over_pipes(getattr(server, "_lowlevel_server", server)), mode=era)
    if transport == "sse":
        return Client(sse_client(f"{url}/{name}/sse/sse"), mode=era)
    return Client(f"{url}/{name}/{transport}/mcp", mode=era)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_call_over_the_wire(name: str, transport: str, era: str, url: str) -> None:
    async with client_of(name, transport, era, url) as client:
        for refusal in asks.REFUSALS:
            answer: Any = await client.call_tool("refund", {"amount": refusal.amount})
            assert answer.is_error and answer.content[0].text == refusal.text
        await client.call_tool("refund", {"amount": 5})
        await client.call_tool("dump", {})
        assert done == [5]
        tools = [tool.name for tool in (await client.list_tools()).tools]
        if name == "low_level":
            assert tools == ["refund"]
            return
        assert tools == ["refund", "by_call_tool", "by_table"]
        for tool in ("by_call_tool", "by_table"):
            done.clear()
            for refusal in asks.NUMBERS:
                answer = await client.call_tool(tool, {"amount": refusal.amount})
                assert answer.is_error and refusal.text in answer.content[0].text
            assert not (await client.call_tool(tool, {"amount": 5})).is_error
            assert done == [5]


@pytest.mark.anyio
@pytest.mark.parametrize("name", [name for name in SERVERS if name != "low_level"])
async def test_a_call_by_code_in_the_server(name: str) -> None:
    server = SERVERS[name]()
    context: Context[Any, Any] = Context(mcp_server=server)
    for run in (
        lambda amount: server.call_tool("refund", {"amount": amount}),
        lambda amount: server.call_tool("refund", {"amount": amount}, context),
        lambda amount: server._tool_manager.call_tool("refund", {"amount": amount}, context),
        lambda amount: MCPServer.call_tool(server, "refund", {"amount": amount}),
        lambda amount: ToolManager.call_tool(server._tool_manager, "refund", {"amount": amount}, context),
        lambda amount: server._tool_manager.list_tools()[0].run({"amount": amount}, Context()),
        lambda amount: Tool.run(server._tool_manager._tools["refund"], {"amount": amount}, context=context),
    ):
        done.clear()
        for refusal in asks.NUMBERS:
            with pytest.raises(Denied) as raised:
                await run(refusal.amount)
            assert str(raised.value) == refusal.text
        await run(5)
        assert done == [5]


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", SERVERS)
async def test_a_call_by_the_handler(name: str, era: str) -> None:
    servers: list[Any] = []

    async def by_the_handler(ctx: Any, call_next: Any) -> Any:
        if ctx.method != "com.example/refund":
            return await call_next(ctx)
        lowlevel = getattr(servers[0], "_lowlevel_server", servers[0])
        entry = lowlevel.get_request_handler("tools/call")
        return await entry.handler(ctx, CallToolRequestParams(name="refund", arguments=ctx.params["arguments"]))

    servers.append(SERVERS[name]())
    servers[0].middleware.append(by_the_handler)
    from mcp_types import Request, RequestParams

    class Params(RequestParams):
        arguments: dict[str, Any]

    async with Client(servers[0], mode=era) as client:
        for amount in (*(refusal.amount for refusal in asks.REFUSALS), 5):
            request: Any = Request[Params, str](method="com.example/refund", params=Params(arguments={"amount": amount}))
            with suppress(MCPError):
                await client.session.send_request(request, CallToolResult)
    assert done == [5]


# The places in the SDK that run tools, and the gates that guard them.
CALLS = {
    # The tests above send calls over each of these.
    "_streamable_http_modern.py handle_modern_request.run_handler: serve_one",
    "_streamable_http_modern.py handle_modern_request: serve_one",
    "lowlevel/server.py Server.run: serve_dual_era_loop",
    "mcpserver/server.py MCPServer.run_stdio_async: self._lowlevel_server.run",
    "mcpserver/server.py MCPServer.sse_app.handle_sse: self._lowlevel_server.run",
    "runner.py _serve_legacy_stream.on_request: runner.on_request",
    "runner.py _serve_legacy_stream: ServerRunner",
    "runner.py _serve_modern_stream.on_notify: ServerRunner",
    "runner.py _serve_modern_stream.on_request: serve_one",
    "runner.py modern_on_request.handle: serve_one",
    "runner.py serve_connection: ServerRunner",
    "runner.py serve_loop: serve_connection",
    "runner.py serve_one: ServerRunner",
    "runner.py serve_one: runner.on_request",
    "streamable_http_manager.py StreamableHTTPSessionManager._handle_request: handle_modern_request",
    "streamable_http_manager.py StreamableHTTPSessionManager._handle_stateless_request.run_stateless_server: serve_connection",
    "streamable_http_manager.py StreamableHTTPSessionManager._serve_opening_request.run_server: serve_loop",
    # The gate at the handler, which every runner looks up. Extensions are behind it.
    "runner.py ServerRunner._on_request._inner: self.server.get_request_handler",
    "runner.py ServerRunner._on_request._inner: entry.handler",
    "extension.py _bind_interceptor.call: extension.intercept_tool_call",
    "extension.py compose_tool_call_handler.wrapped.innermost: handler",
    # The gates at the server, at its table, and at the function.
    "mcpserver/server.py MCPServer._handle_call_tool: self.call_tool",
    "mcpserver/server.py MCPServer.call_tool: self._tool_manager.call_tool",
    "mcpserver/tools/tool_manager.py ToolManager.call_tool: tool.run",
    "mcpserver/tools/base.py Tool.run: self.fn_metadata.call_fn",
    "mcpserver/utilities/func_metadata.py FuncMetadata.call_fn: fn",
    "mcpserver/utilities/func_metadata.py FuncMetadata.call_fn_with_arg_validation: self.call_fn",
}

# Calls with the same names that run no tools: lists, notifications, resources, prompts, resolvers, methods that are not about
# tools.
OTHERS = {
    "_streamable_http_modern.py _mcp_param_rejection: app.get_request_handler",
    "_streamable_http_modern.py _tool_input_schema: serve_one",
    "mcpserver/context.py Context._keep_instance: handler",
    "mcpserver/prompts/base.py Prompt.render: fn",
    "mcpserver/resolve.py _resolve: fn",
    "mcpserver/resources/templates.py ResourceTemplate.create_resource: fn",
    "mcpserver/resources/types.py FunctionResource.read: fn",
    "mcpserver/server.py MCPServer._apply_extension: self._lowlevel_server.get_request_handler",
    "mcpserver/server.py _version_gated.gated: method.handler",
    "runner.py ServerRunner._on_notify._inner: entry.handler",
    "__main__.py main: server.run",
    "lowlevel/server.py Server.streamable_http_app: session_manager.run",
    "__main__.py : anyio.run",
    "mcpserver/server.py MCPServer.run: anyio.run",
    "runner.py _serve_legacy_stream: dispatcher.run",
    "runner.py _serve_modern_stream: dispatcher.run",
    "runner.py serve_connection: dispatcher.run",
}

NAMES = {
    "ServerRunner",
    "call_fn",
    "call_fn_with_arg_validation",
    "call_tool",
    "fn",
    "get_request_handler",
    "handle_modern_request",
    "handler",
    "intercept_tool_call",
    "modern_on_request",
    "on_request",
    "run",
    "serve_connection",
    "serve_dual_era_loop",
    "serve_loop",
    "serve_one",
}

# The parts of the SDK's interface that are about tools.
METHODS = {
    MCPServer: {"add_tool", "call_tool", "list_tools", "remove_tool", "tool"},
    ToolManager: {"add_tool", "call_tool", "get_tool", "list_tools", "remove_tool"},
    Server: set[str](),
}

ADVICE = (
    "the SDK has another way to run a tool: see whether the gates of perso/adapters/mcp2.py and tools.py are on it, guard it if"
    " not, send calls by it in this file, and add it to `CALLS`; add what runs no tool to `OTHERS`"
)


def test_the_sdk_has_no_other_way() -> None:
    assert calls(mcp.server, NAMES) == CALLS | OTHERS, ADVICE
    for kind, methods in METHODS.items():
        assert {name for name in dir(kind) if "tool" in name and not name.startswith("_")} == methods, ADVICE
    assert {name for name, value in vars(Tool).items() if callable(value) and not name.startswith("_")} == {"run"}, ADVICE

"""Every way to run a tool with the `mcp` 1.x SDK, over every transport. Tests check which tools ran."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import mcp.server
import mcp.types as types
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.tools import Tool, ToolManager
from mcp.server.lowlevel import Server
from mcp.shared.memory import create_connected_server_and_client_session as connected

from perso import Denied
from support import asks
from support.calls import calls
from support.done import done
from support.policies import policy
from support.serving import listening, low_level_sse, over_pipes, streamable, together

POLICY = policy(*asks.rules("refund"), {"allow": ["by_call_tool", "by_table", "by_handler"]})

TRANSPORTS = {
    "memory": "streams in memory, by `Server.run`",
    "pipes": "lines, as over stdio, by `Server.run`",
    "http": "Streamable HTTP with sessions, by `Server.run`",
    "json": "the same, answered as JSON",
    "stateless": "Streamable HTTP without sessions, by `Server.run`",
    "sse": "the older HTTP with SSE, by `Server.run`",
}


def refund(amount: float) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def dump() -> str:
    """Dumps."""
    done.append("dumped")
    return "dumped"


def full(**settings: Any) -> FastMCP[Any]:
    """A server with a table of tools."""
    server: FastMCP[Any] = FastMCP("desk", **settings)
    POLICY.guard_server(server)
    server.tool()(refund)
    server.tool()(dump)

    @server.tool()
    async def by_call_tool(amount: float) -> str:
        """Refunds by the server."""
        return str(await server.call_tool("refund", {"amount": amount}))

    @server.tool()
    async def by_table(amount: float, ctx: Context[Any, Any, Any]) -> str:
        """Refunds by the server's table of tools."""
        return str(await server._tool_manager.call_tool("refund", {"amount": amount}, ctx))

    @server.tool()
    async def by_handler(amount: float) -> str:
        """Refunds by the handler of requests."""
        handler = server._mcp_server.request_handlers[types.CallToolRequest]
        params = types.CallToolRequestParams(name="refund", arguments={"amount": amount})
        result: Any = (await handler(types.CallToolRequest(params=params))).root
        if result.isError:
            raise ValueError(result.content[0].text)
        return "refunded"

    return server


def low_level() -> Server[Any, Any]:
    """A server with its own handlers."""
    server: Server[Any, Any] = Server("desk")
    POLICY.guard_server(server)

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        return [types.Tool(name=name, inputSchema={"type": "object"}) for name in ("refund", "dump")]

    @server.call_tool()
    async def call_tool(name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        return [types.TextContent(type="text", text=refund(**arguments) if name == "refund" else dump())]

    return server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    apps = {
        "full/http": full().streamable_http_app(),
        "full/json": full(json_response=True).streamable_http_app(),
        "full/stateless": full(stateless_http=True).streamable_http_app(),
        "full/sse": full().sse_app(),
        "low_level/http": streamable(low_level()),
        "low_level/json": streamable(low_level(), json_response=True),
        "low_level/stateless": streamable(low_level(), stateless=True),
        "low_level/sse": low_level_sse(low_level()),
    }
    with listening(together(apps)) as address:
        yield address


@asynccontextmanager
async def client_of(name: str, transport: str, url: str) -> AsyncIterator[ClientSession]:
    made: Any = full() if name == "full" else low_level()
    server = getattr(made, "_mcp_server", made)
    if transport == "memory":
        async with connected(server) as session:
            yield session
        return
    streams: Any
    if transport == "pipes":
        streams = over_pipes(server)
    elif transport == "sse":
        streams = sse_client(f"{url}/{name}/sse/sse")
    else:
        streams = streamable_http_client(f"{url}/{name}/{transport}/mcp{'/' if name == 'low_level' else ''}")
    async with streams as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@pytest.mark.anyio
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["full", "low_level"])
async def test_a_call_over_the_wire(name: str, transport: str, url: str) -> None:
    async with client_of(name, transport, url) as client:
        for refusal in asks.REFUSALS:
            answer: Any = await client.call_tool("refund", {"amount": refusal.amount})
            assert answer.isError and answer.content[0].text == refusal.text
        await client.call_tool("refund", {"amount": 5})
        await client.call_tool("dump", {})
        assert done == [5]
        tools = [tool.name for tool in (await client.list_tools()).tools]
        if name == "low_level":
            assert tools == ["refund"]
            return
        assert tools == ["refund", "by_call_tool", "by_table", "by_handler"]
        for tool in ("by_call_tool", "by_table", "by_handler"):
            done.clear()
            for refusal in asks.NUMBERS:
                answer = await client.call_tool(tool, {"amount": refusal.amount})
                assert answer.isError and refusal.text in answer.content[0].text
            assert not (await client.call_tool(tool, {"amount": 5})).isError
            assert done == [5]


@pytest.mark.anyio
async def test_a_call_by_code_in_the_server() -> None:
    server = full()
    for run in (
        lambda amount: server.call_tool("refund", {"amount": amount}),
        lambda amount: server._tool_manager.call_tool("refund", {"amount": amount}, Context(fastmcp=server)),
        lambda amount: FastMCP.call_tool(server, "refund", {"amount": amount}),
        lambda amount: ToolManager.call_tool(server._tool_manager, "refund", {"amount": amount}),
        lambda amount: server._tool_manager.list_tools()[0].run({"amount": amount}),
        lambda amount: Tool.run(server._tool_manager._tools["refund"], {"amount": amount}, context=None),
    ):
        done.clear()
        for refusal in asks.NUMBERS:
            with pytest.raises(Denied) as raised:
                await run(refusal.amount)
            assert str(raised.value) == refusal.text
        await run(5)
        assert done == [5]


# The places in the SDK that run tools, and the gates that guard them.
CALLS = {
    # The tests above send calls over each of these.
    "fastmcp/server.py FastMCP.run_stdio_async: self._mcp_server.run",
    "fastmcp/server.py FastMCP.sse_app.handle_sse: self._mcp_server.run",
    "streamable_http_manager.py StreamableHTTPSessionManager._handle_stateless_request.run_stateless_server: self.app.run",
    "streamable_http_manager.py StreamableHTTPSessionManager._serve_opening_request.run_server: self.app.run",
    "lowlevel/server.py Server._handle_message: self._handle_request",
    # The gate at the handler: it is looked up in `Server.request_handlers`.
    "lowlevel/server.py Server._handle_request: handler",
    "lowlevel/server.py Server.call_tool.decorator.handler: func",
    "fastmcp/server.py FastMCP._setup_handlers: self._mcp_server.call_tool",
    # The gates at the server, at its table, and at the function.
    "fastmcp/server.py FastMCP.call_tool: self._tool_manager.call_tool",
    "fastmcp/tools/tool_manager.py ToolManager.call_tool: tool.run",
    "fastmcp/tools/base.py Tool.run: self.fn_metadata.call_fn_with_arg_validation",
    "fastmcp/utilities/func_metadata.py FuncMetadata.call_fn_with_arg_validation: fn",
}

# Calls with the same names that run no tools: lists, notifications, resources, prompts, HTTP.
OTHERS = {
    "__main__.py : anyio.run",
    "fastmcp/prompts/base.py Prompt.render: self.fn",
    "fastmcp/resources/templates.py ResourceTemplate.create_resource: self.fn",
    "fastmcp/resources/types.py FunctionResource.read: self.fn",
    "fastmcp/server.py FastMCP.run: anyio.run",
    "fastmcp/server.py FastMCP.streamable_http_app: self.session_manager.run",
    "lowlevel/func_inspection.py create_call_wrapper.make_keyword_wrapper: func",
    "lowlevel/func_inspection.py create_call_wrapper: func",
    "lowlevel/server.py Server._handle_notification: handler",
    "lowlevel/server.py Server.completion.decorator.handler: func",
    "lowlevel/server.py Server.get_prompt.decorator.handler: func",
    "lowlevel/server.py Server.list_resource_templates.decorator.handler: func",
    "lowlevel/server.py Server.progress_notification.decorator.handler: func",
    "lowlevel/server.py Server.read_resource.decorator.handler: func",
    "lowlevel/server.py Server.run: task_support.run",
    "lowlevel/server.py Server.set_logging_level.decorator.handler: func",
    "lowlevel/server.py Server.subscribe_resource.decorator.handler: func",
    "lowlevel/server.py Server.unsubscribe_resource.decorator.handler: func",
    "streamable_http.py StreamableHTTPServerTransport.handle_request: self._handle_request",
}

NAMES = {
    "_handle_message",
    "_handle_request",
    "call_fn",
    "call_fn_with_arg_validation",
    "call_tool",
    "fn",
    "func",
    "handler",
    "run",
    "run_task",
}

# The parts of the SDK's interface that are about tools.
METHODS = {
    FastMCP: {"add_tool", "call_tool", "list_tools", "remove_tool", "tool"},
    ToolManager: {"add_tool", "call_tool", "get_tool", "list_tools", "remove_tool"},
    Server: {"call_tool", "list_tools"},
}

ADVICE = (
    "the SDK has another way to run a tool: see whether the gates of perso/adapters/mcp1.py and tools.py are on it, guard it if"
    " not, send calls by it in this file, and add it to `CALLS`; add what runs no tool to `OTHERS`"
)


def test_the_sdk_has_no_other_way() -> None:
    found = calls(mcp.server, NAMES)
    assert {call for call in found if not call.startswith("experimental/")} == CALLS | OTHERS, ADVICE
    for kind, methods in METHODS.items():
        assert {name for name in dir(kind) if "tool" in name and not name.startswith("_")} == methods, ADVICE
    assert {name for name, value in vars(Tool).items() if callable(value) and not name.startswith("_")} == {"run"}, ADVICE
    # There is no other table of handlers.
    tables = {name for name in vars(Server("desk")) if "handlers" in name}
    assert tables == {"request_handlers", "notification_handlers", "_experimental_handlers"}, ADVICE

"""Every way to run a tool with fastmcp, over every transport, in both eras of MCP. Tests check which tools ran."""

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import fastmcp
import pytest
from fastmcp import Client, FastMCP
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport

import house
from support import asks

HOUSE = Path(house.__file__)
MODERN = "2026-07-28"

TRANSPORTS = [
    ("memory", "legacy"),
    ("memory", MODERN),
    ("stdio", "legacy"),
    ("stdio", MODERN),
    ("http", "legacy"),
    ("http", MODERN),
    ("stateless", "legacy"),
    ("stateless", MODERN),
    # The older HTTP transport supports only the legacy era.
    ("sse", "legacy"),
]


class House:
    """The house over one transport, and what its tools did."""

    def __init__(self, transport: str, path: Path, settings: Any = None) -> None:
        self.transport, self.path = transport, path
        self.env = {**os.environ, "HOUSE_DONE": str(path), "HOUSE_SETTINGS": json.dumps(settings or {})}
        self.url = ""

    def done(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    @contextmanager
    def open(self) -> Iterator["House"]:
        if self.transport in ("memory", "stdio"):
            yield self
            return
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            command = [sys.executable, str(HOUSE), self.transport, str(listener.fileno())]
            process = subprocess.Popen(command, env=self.env, pass_fds=[listener.fileno()])
        try:
            yield self
        finally:
            process.kill()
            process.wait()

    @asynccontextmanager
    async def client(self, era: str) -> AsyncIterator[Client[Any]]:
        async def consent(*_: Any) -> Any:
            return {}

        to: Any
        if self.transport == "memory":
            os.environ["HOUSE_DONE"] = str(self.path)
            to = house.build(house.RULES.fastmcp(**json.loads(self.env["HOUSE_SETTINGS"])))
        elif self.transport == "stdio":
            to = StdioTransport(sys.executable, [str(HOUSE), "stdio"], env=self.env, keep_alive=False)
        elif self.transport == "sse":
            to = SSETransport(f"{self.url}/sse")
        else:
            to = StreamableHttpTransport(f"{self.url}/mcp")
        async with Client(to, mode=era, elicitation_handler=consent) as client:
            yield client


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, House]]:
    """One for each transport. All start at the same time."""
    with ExitStack() as stack:
        places = [House(transport, tmp_path_factory.mktemp(transport) / "done") for transport in dict(TRANSPORTS)]
        yield {place.transport: stack.enter_context(place.open()) for place in places}


AMOUNTS = (5, *(refusal.amount for refusal in asks.NUMBERS))


async def use(client: Client[Any], ways: list[house.Way], era: str) -> dict[str, str]:
    """Uses each way for a refund that is allowed and those that are not. Returns "done" or the text of the error."""
    answers: dict[str, str] = {}

    async def call(way: house.Way, amount: int) -> None:
        mark = f"{era}, {amount}: {way.what}"
        try:
            result = await client.call_tool(way.tool, way.arguments(amount, mark), version=way.version, raise_on_error=False)
            answers[mark] = getattr(result.content[0], "text") if result.is_error else "done"
        except Exception as error:
            answers[mark] = repr(error)

    await client.call_tool("do_start")
    async with anyio.create_task_group() as group:
        for way in ways:
            for amount in AMOUNTS:
                group.start_soon(call, way, amount)
    # The bulk caller reports each call in its result.
    for refusal in asks.NUMBERS:
        answers.pop(f"{era}, {refusal.amount}: the bulk caller")
    return answers


@pytest.mark.anyio
@pytest.mark.parametrize(("transport", "era"), TRANSPORTS)
async def test_whichever_way_a_call_comes(houses: dict[str, House], transport: str, era: str) -> None:
    place = houses[transport]
    ways = [way for way in house.WAYS if era in way.eras]
    async with place.client(era) as client:
        answers = await use(client, ways, era)
    assert sorted(mark for mark in place.done() if mark.startswith(era)) == sorted(f"{era}, 5: {way.what}" for way in ways)
    assert {answer for mark, answer in answers.items() if ", 5: " in mark} == {"done"}
    for refusal in asks.NUMBERS:
        wrong = {
            mark: answer for mark, answer in answers.items() if f", {refusal.amount}: " in mark and refusal.text not in answer
        }
        assert wrong == {}


@pytest.mark.anyio
async def test_a_guard_that_observes_changes_nothing(tmp_path: Path) -> None:
    place = House("memory", tmp_path / "done", {"mode": "observe"})
    async with place.client(MODERN) as client:
        answers = await use(client, house.WAYS, MODERN)
    assert sorted(place.done()) == sorted(f"{MODERN}, {amount}: {way.what}" for way in house.WAYS for amount in AMOUNTS)
    assert set(answers.values()) == {"done"}


# The places in the SDK that run tools. `house.py` has a way for each.
CALLS = {
    # A server: calls that its guard judges, and at the end the tool that it hands out.
    "server/mixins/mcp_operations.py MCPOperationsMixin._on_call_tool: self.call_tool",
    "server/server.py FastMCP.call_tool: self.call_tool",
    "server/server.py FastMCP.call_tool: tool._run",
    "tools/base.py Tool._run: self.run",
    # Extensions between the guard and the tool.
    "server/extensions.py wrap_tool_call_interceptor.wrapped: extension.intercept_tool_call",
    # Mounted servers and proxies.
    "server/providers/fastmcp_provider.py FastMCPProviderTool._run: self._server.call_tool",
    "server/providers/fastmcp_provider.py FastMCPProviderTool.run: self._server.call_tool",
    "server/providers/proxy.py ProxyTool.run: client.call_tool_mcp",
    "server/providers/proxy.py ProxyTool.run: client.session.call_tool",
    # Tools that were made from other tools.
    "tools/tool_transform.py forward: tool.forwarding_fn",
    "tools/tool_transform.py forward_raw: tool.parent_tool.run",
    "tools/tool_transform.py TransformedTool._create_forwarding_transform._forward: parent_tool.run",
    # Tools that call other tools by name.
    "server/transforms/search/base.py BaseSearchTransform._make_call_tool.call_tool: ctx.fastmcp.call_tool",
    "experimental/transforms/code_mode.py CodeMode._make_execute_tool.execute.call_tool: ctx.fastmcp.call_tool",
    "contrib/bulk_tool_caller/bulk_tool_caller.py BulkToolCaller._call_tool: client.call_tool_mcp",
    "contrib/bulk_tool_caller/bulk_tool_caller.py BulkToolCaller.call_tool_bulk: self._call_tool",
    "contrib/bulk_tool_caller/bulk_tool_caller.py BulkToolCaller.call_tools_bulk: self._call_tool",
}

# Calls with the same names that run no tools: resources, servers that are started, and code in a sandbox.
OTHERS = {
    "apps/app.py FastMCPApp.run: server.run",
    "contrib/mcp_mixin/example.py : asyncio.run",
    "contrib/mcp_mixin/example.py : mcp.run",
    "experimental/transforms/code_mode.py CodeMode._make_execute_tool.execute: transform.sandbox_provider.run",
    "server/http.py create_sse_app.handle_sse: server._mcp_server.run",
    "server/http.py create_streamable_http_app.lifespan: streamable_http_app.session_manager.run",
    "server/mixins/transport.py TransportMixin.run: anyio.run",
    "server/mixins/transport.py TransportMixin.run_stdio_async: self._mcp_server.run",
    "resources/function_resource.py FunctionResource.read: self.fn",
    "resources/template.py FunctionResourceTemplate.read: self.fn",
}

# The methods of a server that hand out or run tools.
METHODS = {"add_tool", "call_tool", "get_app_tool", "get_tool", "get_tool_by_hash", "list_tools", "tool"}

RUNNERS = ("run", "_run", "fn", "forwarding_fn", "intercept_tool_call")
"""The names of methods that run tools, in addition to those that contain `call_tool`."""

ADVICE = (
    "fastmcp has another way to run a tool: see what it runs, guard it, and add it to `CALLS` here and to `WAYS` in house.py"
)


def calls() -> Iterator[str]:
    """The places in the SDK's source that call a method with the name of one that runs tools."""
    root = Path(fastmcp.__path__[0])
    for path in sorted(root.rglob("*.py")):
        file = path.relative_to(root)
        if file.parts[0] not in ("client", "cli", "utilities"):
            yield from called(ast.parse(path.read_text()), file.as_posix(), ())


def called(node: ast.AST, file: str, inside: tuple[str, ...]) -> Iterator[str]:
    for below in ast.iter_child_nodes(node):
        named = isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        function = below.func if isinstance(below, ast.Call) else None
        if isinstance(function, ast.Attribute) and (function.attr in RUNNERS or "call_tool" in function.attr):
            yield f"{file} {'.'.join(inside)}: {ast.unparse(function)}"
        yield from called(below, file, (*inside, getattr(below, "name")) if named else inside)


def test_the_sdk_has_no_other_way() -> None:
    found = {call for call in calls() if "from_call_tool_result" not in call}
    # The SDK's own middleware sees each call, and one has a cache, but none of it runs tools by itself.
    found = {
        call for call in found if not call.startswith("server/middleware/") and "_make_call_tool" not in call.split(": ")[1]
    }
    found = {call for call in found if "_compose_tool_call" not in call and "_normalize_call_tool" not in call}
    assert found == CALLS | OTHERS, ADVICE
    public = {name for name in dir(FastMCP) if "tool" in name and not name.startswith("_")}
    assert public == METHODS, ADVICE

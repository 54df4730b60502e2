"""Limits, labels and approvals on `mcp` 1.x."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import mcp.types as types
import pytest
from mcp.server.fastmcp import FastMCP
from mcp.server.lowlevel import Server
from mcp.shared.memory import create_connected_server_and_client_session as connected
from pydantic import AfterValidator

from perso import elicit
from support import memory
from support.memory import OVER, POLICY, Used, ran, user


@asynccontextmanager
async def served(server: Any, **options: Any) -> AsyncIterator[Used]:
    async with connected(server, **options) as client:

        async def call(tool: str, args: dict[str, Any]) -> str:
            return str(getattr((await client.call_tool(tool, args)).content[0], "text"))

        async def tools() -> list[str]:
            return [tool.name for tool in (await client.list_tools()).tools]

        yield Used(call, tools)


@asynccontextmanager
async def using(**settings: Any) -> AsyncIterator[Used]:
    server = FastMCP("desk")
    for function in memory.FUNCTIONS:
        server.tool()(function)
    POLICY.guard_server(server, **settings)
    async with served(server) as used:
        yield used


@asynccontextmanager
async def low_level(**settings: Any) -> AsyncIterator[Used]:
    server: Server[Any, Any] = Server("desk")

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        return [types.Tool(name=function.__name__, inputSchema={"type": "object"}) for function in memory.FUNCTIONS]

    @server.call_tool()
    async def call_tool(name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        text = next(function for function in memory.FUNCTIONS if function.__name__ == name)(**arguments)
        return [types.TextContent(type="text", text=text)]

    POLICY.guard_server(server, **settings)
    async with served(server) as used:
        yield used


@pytest.mark.anyio
@pytest.mark.parametrize("using", [using, low_level])
@pytest.mark.parametrize("case", memory.CASES)
async def test_what_depends_on_earlier_calls(case: Any, using: Any) -> None:
    await case(using)


@pytest.mark.anyio
async def test_a_call_counts_once_as_it_runs() -> None:
    user[0] = "ann"
    server = FastMCP("desk")

    @server.tool(name="pay")
    def pay(amount: Annotated[int, AfterValidator(lambda amount: amount - 1)]) -> str:
        return memory.pay(amount)

    POLICY.guard_server(server, **memory.settings, ledger="memory:")
    async with served(server) as used:
        assert await used.call("pay", {"amount": 400}) == "ran" == await used.call("pay", {"amount": 400})
        assert await used.call("pay", {"amount": 203}) == OVER
        assert await used.call("pay", {"amount": 202}) == "ran"
    assert ran() == [("pay", 399), ("pay", 399), ("pay", 201)]


@pytest.mark.anyio
async def test_the_client_asks_its_user() -> None:
    async def answer(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"approve": '"amount":501' in params.message})

    user[0] = "ann"
    server = FastMCP("desk")
    server.tool()(memory.pay)
    POLICY.guard_server(server, **memory.settings, ledger="memory:", approver=elicit())
    async with served(server, elicitation_callback=answer) as used:
        assert await used.call("pay", {"amount": 501}) == "ran"
        assert await used.call("pay", {"amount": 502}) == memory.REFUSED
    async with served(server) as used:
        assert await used.call("pay", {"amount": 501}) == memory.LATE
    assert len(ran()) == 1

"""Limits, labels and approvals on fastmcp 4."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastmcp import Client, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import Middleware
from pydantic import AfterValidator

from perso import elicit
from support import memory
from support.memory import OVER, POLICY, Used, ran, user


@asynccontextmanager
async def served(server: Any, **options: Any) -> AsyncIterator[Used]:
    async with Client(server, **options) as client:

        async def call(tool: str, args: dict[str, Any]) -> str:
            return str(getattr((await client.call_tool(tool, args, raise_on_error=False)).content[0], "text"))

        async def tools() -> list[str]:
            return [tool.name for tool in await client.list_tools()]

        yield Used(call, tools)


@asynccontextmanager
async def using(**settings: Any) -> AsyncIterator[Used]:
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**settings)])
    for function in memory.FUNCTIONS:
        server.tool(function)
    async with served(server) as used:
        yield used


@asynccontextmanager
async def mounted(**settings: Any) -> AsyncIterator[Used]:
    inner = FastMCP("inner")
    for function in memory.FUNCTIONS:
        inner.tool(function)
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**settings)])
    server.mount(inner)
    async with served(server) as used:
        yield used


@asynccontextmanager
async def inside(**settings: Any) -> AsyncIterator[Used]:
    """Calls by the server's own code."""
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**settings)])
    for function in memory.FUNCTIONS:
        server.tool(function)

    async def call(tool: str, args: dict[str, Any]) -> str:
        try:
            return str(getattr((await server.call_tool(tool, args)).content[0], "text"))
        except ToolError as error:
            return str(error)

    async def tools() -> list[str]:
        return [tool.name for tool in await server.list_tools()]

    yield Used(call, tools)


@pytest.mark.anyio
@pytest.mark.parametrize("using", [using, mounted, inside])
@pytest.mark.parametrize("case", memory.CASES)
async def test_what_depends_on_earlier_calls(case: Any, using: Any) -> None:
    await case(using)


class Less(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        args = context.message.arguments
        if args["amount"] == 450:
            context = context.copy(message=context.message.model_copy(update={"arguments": {"amount": 400}}))
        return await call_next(context)


@pytest.mark.anyio
@pytest.mark.parametrize("is_mounted", [False, True])
async def test_a_call_counts_once_as_it_runs(is_mounted: bool) -> None:
    user[0] = "ann"
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**memory.settings, ledger="memory:"), Less()])
    owner = FastMCP("inner") if is_mounted else server

    @owner.tool(name="pay")
    def pay(amount: Annotated[int, AfterValidator(lambda amount: amount - 1)]) -> str:
        return memory.pay(amount)

    if is_mounted:
        server.mount(owner)
    async with served(server) as used:
        assert await used.call("pay", {"amount": 450}) == "ran" == await used.call("pay", {"amount": 450})
        # 798 are charged.
        assert await used.call("pay", {"amount": 203}) == OVER
        assert await used.call("pay", {"amount": 202}) == "ran"
    assert ran() == [("pay", 399), ("pay", 399), ("pay", 201)]


@pytest.mark.anyio
async def test_calls_that_a_tool_makes_count_as_well() -> None:
    user[0] = "ann@a"
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**memory.settings, ledger="memory:")])
    server.tool(memory.pay)

    @server.tool
    async def read() -> str:
        for _ in range(3):
            await server.call_tool("pay", {"amount": 500})
        return "never"

    async with served(server) as used:
        assert OVER in await used.call("read", {})
    assert ran() == [("pay", 500)] * 2


@pytest.mark.anyio
async def test_the_client_asks_its_user() -> None:
    async def answer(message: str, response_type: Any, params: Any, context: Any) -> Any:
        return {"approve": '"amount":501' in message}

    user[0] = "ann"
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**memory.settings, ledger="memory:", approver=elicit())])
    server.tool(memory.pay)
    async with served(server, elicitation_handler=answer, mode="legacy") as used:
        assert await used.call("pay", {"amount": 501}) == "ran"
        assert await used.call("pay", {"amount": 502}) == memory.REFUSED
    async with served(server, mode="legacy") as used:
        assert await used.call("pay", {"amount": 501}) == memory.LATE
    assert len(ran()) == 1

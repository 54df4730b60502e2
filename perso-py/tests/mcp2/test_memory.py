"""Limits, labels and approvals on `mcp` 2."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import pytest
from mcp import Client
from mcp.server.mcpserver import Elicit, MCPServer, Resolve
from mcp_types import ElicitResult
from pydantic import AfterValidator, BaseModel

from perso import elicit
from support import memory
from support.memory import OVER, POLICY, Used, ran, user
from support.policies import policy


def text(result: Any) -> str:
    return str(result.content[0].text)


@asynccontextmanager
async def served(server: Any, mode: Any, **options: Any) -> AsyncIterator[Used]:
    async with Client(server, mode=mode, **options) as client:

        async def call(tool: str, args: dict[str, Any]) -> str:
            return text(await client.call_tool(tool, args))

        async def tools() -> list[str]:
            return [tool.name for tool in (await client.list_tools()).tools]

        yield Used(call, tools)


@asynccontextmanager
async def using(version: Any, **settings: Any) -> AsyncIterator[Used]:
    server = MCPServer("desk", middleware=[POLICY.mcp(**settings)])
    for function in memory.FUNCTIONS:
        server.tool()(function)
    async with served(server, version) as used:
        yield used


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("case", memory.CASES)
async def test_what_depends_on_earlier_calls(case: Any, mode: str) -> None:
    await case(partial(using, mode))


@pytest.mark.anyio
async def test_a_limit_in_a_file(tmp_path: Path) -> None:
    await memory.a_limit_stops_what_does_not_fit(partial(using, "legacy"), f"file:{tmp_path / 'ledger'}")


@pytest.mark.anyio
async def test_a_call_counts_once_as_it_runs() -> None:
    user[0] = "ann"

    async def less(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "tools/call" and ctx.params["arguments"]["amount"] == 450:
            ctx.params["arguments"]["amount"] = 400
        return await call_next(ctx)

    server = MCPServer("desk", middleware=[POLICY.mcp(**memory.settings, ledger="memory:"), less])

    @server.tool(name="pay")
    def pay(amount: Annotated[int, AfterValidator(lambda amount: amount - 1)]) -> str:
        return memory.pay(amount)

    async with served(server, "legacy") as used:
        assert await used.call("pay", {"amount": 450}) == "ran" == await used.call("pay", {"amount": 450})
        # 798 are charged.
        assert await used.call("pay", {"amount": 203}) == OVER
        assert await used.call("pay", {"amount": 202}) == "ran"
    assert ran() == [("pay", 399), ("pay", 399), ("pay", 201)]


@pytest.mark.anyio
async def test_calls_that_a_tool_makes_count_as_well() -> None:
    user[0] = "ann@a"
    server = MCPServer("desk", middleware=[POLICY.mcp(**memory.settings, ledger="memory:")])
    server.tool()(memory.pay)

    @server.tool()
    async def read() -> str:
        for _ in range(3):
            await server.call_tool("pay", {"amount": 500})
        return "never"

    async with served(server, "legacy") as used:
        assert OVER in await used.call("read", {})
    assert ran() == [("pay", 500)] * 2


@pytest.mark.anyio
async def test_a_functions_guard_that_decides_uses_the_servers_ledger() -> None:
    user[0] = "ann"
    server = MCPServer("desk", middleware=[POLICY.mcp(**memory.settings, ledger="memory:", approver=memory.decide)])

    @server.tool(name="pay")
    @POLICY.guard
    def pay(amount: int) -> str:
        return memory.pay(amount)

    async with served(server, "legacy") as used:
        assert await used.call("pay", {"amount": 501}) == "ran"
        assert await used.call("pay", {"amount": 499}) == "ran"
        assert OVER in await used.call("pay", {"amount": 1})
    assert len(ran()) == 2


class Amount(BaseModel):
    amount: int


def ask_for_an_amount() -> Elicit[Amount]:
    return Elicit("How much?", Amount)


@pytest.mark.anyio
async def test_a_value_that_is_asked_for_counts() -> None:
    user[0] = "ann"
    rules = policy(
        {"id": "pay", "allow": "pay", "when": {"args.asked.amount": {"gt": 0, "lte": 500}}},
        limits=[
            {"id": "a-day", "of": "pay", "sum": "args.asked.amount", "max": 1000, "window": "24h", "reason": "At most 1000."}
        ],
    )
    server = MCPServer("desk", middleware=[rules.mcp(ledger="memory:")])

    @server.tool(name="pay")
    async def pay(asked: Annotated[Amount, Resolve(ask_for_an_amount)]) -> str:
        return memory.pay(asked.amount)

    async def answer(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"amount": 500})

    async with served(server, "legacy", elicitation_callback=answer) as used:
        assert await used.call("pay", {}) == "ran" == await used.call("pay", {})
        assert "At most 1000." in await used.call("pay", {})
    assert len(ran()) == 2


@pytest.mark.anyio
async def test_the_client_asks_its_user() -> None:
    shown: list[str] = []

    async def answer(context: Any, params: Any) -> ElicitResult:
        shown.append(params.message)
        amount = next(amount for amount in range(501, 520) if f'"amount":{amount}' in params.message)
        if amount == 504:
            await anyio.sleep(60)
        if amount in (502, 503):
            return ElicitResult(action="decline" if amount == 502 else "cancel")
        return ElicitResult(action="accept", content={"approve": amount == 501})

    user[0] = "ann"
    server = MCPServer(
        "desk", middleware=[POLICY.mcp(**memory.settings, ledger="memory:", approver=elicit(), approval_time=0.3)]
    )
    server.tool()(memory.pay)
    async with served(server, "legacy", elicitation_callback=answer) as used:
        assert await used.call("pay", {"amount": 501}) == "ran"
        assert shown == ['Large payments need approval.\n\nTool: "pay"\nArguments: {"amount":501}']
        assert await used.call("pay", {"amount": 502}) == memory.REFUSED == await used.call("pay", {"amount": 505})
        assert await used.call("pay", {"amount": 503}) == memory.LATE == await used.call("pay", {"amount": 504})
    async with served(server, "legacy") as used:
        assert await used.call("pay", {"amount": 501}) == memory.LATE
    assert len(ran()) == 1


@pytest.mark.anyio
async def test_resources_count_and_are_listed_by_the_labels() -> None:
    rules = policy(
        {"id": "notes", "allow": "mcp:resources/read"},
        {"id": "late", "deny": "mcp:resources/read", "when": {"session.labels": {"has": "seen"}}, "reason": "Not again."},
        covers=["tools", "resources"],
        labels=[{"id": "seen", "of": "mcp:resources/read", "add": "seen"}],
    )
    server = MCPServer("desk", middleware=[rules.mcp(session="a", ledger="memory:")])

    @server.resource("note://1")
    def note() -> str:
        return "text"

    async with Client(server, mode="legacy") as client:
        assert len((await client.list_resources()).resources) == 1
        await client.read_resource("note://1")
        assert (await client.list_resources()).resources == []
        with pytest.raises(Exception, match="Not again"):
            await client.read_resource("note://1")

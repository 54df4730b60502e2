"""Servers on fastmcp 4, in this process: features that the other SDKs do not have."""

from typing import Any

import mcp
import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.apps import FastMCPApp
from fastmcp.exceptions import NotFoundError, ToolError
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.providers.addressing import hashed_backend_name

from perso import Denied, Unguarded
from support import asks
from support.done import done
from support.policies import AGENT, DESK, MANAGER, policy


def process_refund(amount: float = 1000) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


@pytest.mark.anyio
async def test_a_denial_is_the_frameworks_own_error() -> None:
    server = FastMCP("desk", middleware=[DESK.fastmcp(agent=AGENT)], mask_error_details=True)
    server.tool(process_refund)
    with pytest.raises(ToolError, match=r"^Agents may refund up to \$500\.$") as raised:
        await server.call_tool("process_refund", {"amount": 800})
    assert isinstance(raised.value, Denied)
    await server.call_tool("process_refund", {"amount": 500})
    async with Client(server) as client:
        assert [tool.name for tool in await client.list_tools()] == ["process_refund"]
        result = await client.call_tool("process_refund", {"amount": 800}, raise_on_error=False)
        assert result.is_error and getattr(result.content[0], "text") == "Agents may refund up to $500."
    assert done == [500]


@pytest.mark.anyio
async def test_calls_that_need_an_approval() -> None:
    server = FastMCP("desk", middleware=[asks.POLICY.fastmcp()], mask_error_details=True)
    for tool in asks.TOOLS:
        server.tool(tool)
    async with Client(server) as client:

        async def call(name: str, args: dict[str, Any]) -> asks.Answer:
            result = await client.call_tool(name, args, raise_on_error=False)
            assert result.is_error == (result.data != "refunded")
            # fastmcp sends only the text of an exception.
            return getattr(result.content[0], "text"), None

        await asks.check([tool.name for tool in await client.list_tools()], call)
    hiding = FastMCP("desk", middleware=[asks.POLICY.fastmcp(hide=True)])
    hiding.tool(asks.close_account)
    async with Client(hiding) as client:
        hidden = await client.call_tool("close_account", {}, raise_on_error=False)
        assert hidden.is_error and getattr(hidden.content[0], "text") == "Unknown tool: 'close_account'"
    assert done == [450]


@pytest.mark.anyio
async def test_a_tool_that_does_not_resolve_is_denied() -> None:
    server = FastMCP("desk", middleware=[policy({"allow": "*"}).fastmcp()])
    with pytest.raises(NotFoundError):
        await server.call_tool("no_such_tool", {})


@pytest.mark.anyio
async def test_tools_of_apps_have_a_second_name() -> None:
    app = FastMCPApp("billing")

    @app.tool
    def refund(amount: float) -> str:
        done.append(amount)
        return "refunded"

    rules = policy({"allow": "refund", "when": {"args.amount": {"lte": 500}}}, {"allow": "__*"})
    server = FastMCP("desk", middleware=[rules.fastmcp()])
    server.add_provider(app)
    hashed = hashed_backend_name("billing", "refund")
    await server.call_tool(hashed, {"amount": 5})
    await server.call_tool("refund", {"amount": 6})
    for name in (hashed, "refund"):
        with pytest.raises(Denied):
            await server.call_tool(name, {"amount": 800})
    with pytest.raises(NotFoundError):
        await server.call_tool(hashed_backend_name("billing", "other"), {})
    assert done == [5, 6]


@pytest.mark.anyio
async def test_mounted_servers_are_judged_by_the_names_that_are_listed() -> None:
    child = FastMCP("child")
    child.tool(process_refund)
    rules = policy(
        {"allow": "billing_process_refund", "when": {"args.amount": {"lte": 500}}}, {"id": "bare", "allow": "process_refund"}
    )
    parent = FastMCP("parent", middleware=[rules.fastmcp()])
    parent.mount(child, "billing")
    async with Client(parent) as client:
        assert [tool.name for tool in await client.list_tools()] == ["billing_process_refund"]
        await client.call_tool("billing_process_refund", {"amount": 5})
        with pytest.raises(ToolError):
            await client.call_tool("billing_process_refund", {"amount": 800})
        with pytest.raises(ToolError):
            await client.call_tool("process_refund", {"amount": 5})
    assert done == [5]

    # The child's own guard judges as well, by the child's name for the tool.
    guarded = FastMCP("child", middleware=[DESK.fastmcp(agent=AGENT)])
    guarded.tool(process_refund)
    around = FastMCP("parent", middleware=[policy({"allow": "*"}).fastmcp()])
    around.mount(guarded, "billing")
    with pytest.raises(ToolError):
        await around.call_tool("billing_process_refund", {"amount": 800})
    await around.call_tool("billing_process_refund", {"amount": 7})
    assert done == [5, 7]


@pytest.mark.anyio
async def test_calls_inside_of_a_server() -> None:
    rules = policy({"allow": "outer"}, {"allow": "inner", "when": {"args.n": {"lt": 5}}})
    server = FastMCP("desk", middleware=[rules.fastmcp()])

    @server.tool
    def inner(n: int) -> int:
        done.append(n)
        return n

    @server.tool
    async def outer(n: int, ctx: Context) -> str:
        await ctx.fastmcp.call_tool("inner", {"n": n})
        return "ok"

    @server.tool(name="quiet")
    async def quiet(n: int, ctx: Context) -> str:
        return "never"

    await server.call_tool("outer", {"n": 1})
    with pytest.raises(ToolError):
        await server.call_tool("outer", {"n": 7})
    assert done == [1]


@pytest.mark.anyio
async def test_the_last_word_is_left_to_the_guard_of_the_version_that_runs() -> None:
    def owner(args: Any) -> Any:
        return {"owner_id": "mgr-001"}

    server = FastMCP("desk", middleware=[DESK.fastmcp(agent=MANAGER)])

    @server.tool(name="delete_record", version="1")
    def unguarded(record_id: str) -> str:
        done.append(("unguarded", record_id))
        return "deleted"

    @server.tool(version="2")
    @DESK.guard(resource=owner)
    def delete_record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    async with Client(server) as client:
        await client.call_tool("delete_record", {"record_id": "rec-1"})
        with pytest.raises(ToolError):
            await client.call_tool("delete_record", {"record_id": "rec-1"}, version="1")
    assert done == ["rec-1"]


@pytest.mark.anyio
async def test_guards_in_the_wrong_order_stop_the_server() -> None:
    server = FastMCP("desk", middleware=[DESK.fastmcp(agent=AGENT)])

    @DESK.guard(agent=AGENT)
    @server.tool
    def process_refund(amount: float) -> str:
        done.append(amount)
        return "refunded"

    with pytest.raises(Unguarded, match="is above the decorator"):
        DESK.verify(server)
    with pytest.raises(Exception):
        async with Client(server) as client:
            await client.call_tool("process_refund", {"amount": 5})
    assert done == []


def test_verify() -> None:
    server = FastMCP("desk")
    server.tool(process_refund)
    child = FastMCP("child")
    child.tool(name="inner")(lambda: "x")
    server.mount(child, "c")
    with pytest.raises(Unguarded) as raised:
        DESK.verify(server)
    assert raised.value.problems == ["nothing guards the tool `process_refund`", "nothing guards the tool `inner`"]
    DESK.guard_server(server, agent=AGENT)
    DESK.verify(server)

    cached = FastMCP("desk", middleware=[ResponseCachingMiddleware(), DESK.fastmcp(agent=AGENT)])
    with pytest.raises(Unguarded, match="answers before the guard is asked"):
        DESK.verify(cached)
    DESK.verify(FastMCP("desk", middleware=[DESK.fastmcp(agent=AGENT), ResponseCachingMiddleware()]))

    guarded = FastMCP("desk")
    guarded.tool(DESK.guard(agent=AGENT, tool="process_refund")(lambda: None), name="process_refund")
    DESK.verify(guarded)


@pytest.mark.anyio
async def test_without_a_guard_in_front_a_guarded_function_tells_the_model_why() -> None:
    server = FastMCP("desk", mask_error_details=True)

    @server.tool
    @DESK.guard(agent=AGENT)
    def process_refund(amount: float) -> None:
        done.append(amount)

    async with Client(server) as client:
        with pytest.raises(ToolError, match="Agents may refund up to"):
            await client.call_tool("process_refund", {"amount": 800})
    assert done == []


@pytest.mark.anyio
async def test_a_cached_answer_is_judged() -> None:
    callers = [AGENT]
    server = FastMCP("desk", middleware=[DESK.fastmcp(agent=lambda: callers[0]), ResponseCachingMiddleware()])
    server.tool(process_refund)
    async with Client(server) as client:
        for _ in range(2):
            await client.call_tool("process_refund", {"amount": 5})
        callers[0] = {}
        with pytest.raises(ToolError):
            await client.call_tool("process_refund", {"amount": 5})
        assert await client.list_tools() == []
    assert done == [5]


@pytest.mark.anyio
@pytest.mark.parametrize("hint", [{"cache_ttl": 60, "cache_scope": "public"}, {}])
async def test_a_list_is_private_even_if_the_server_says_otherwise(hint: Any) -> None:
    server = FastMCP("desk", middleware=[DESK.fastmcp(agent=AGENT)], **hint)
    server.tool(process_refund)
    async with mcp.Client(server._mcp_server, mode="2026-07-28") as client:
        listed = await client.list_tools()
    assert (listed.cache_scope, listed.ttl_ms) == ("private", 60_000 if hint else 0)

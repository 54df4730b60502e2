"""Servers on `mcp` 2, in this process: misplaced guards, unguarded tools, and the rest of the server."""

import asyncio
import functools
from typing import Any

import pytest
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool

from perso import Denied, Unguarded
from perso.guard.denied import META
from support import asks
from support.done import done
from support.policies import AGENT, DESK, MANAGER, policy


def process_refund(amount: float = 1000) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def text(result: Any) -> str:
    return str(result.content[0].text)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_denial_on_the_wire(mode: str) -> None:
    server = MCPServer("desk", middleware=[DESK.mcp(agent=AGENT)])
    server.tool()(process_refund)
    async with Client(server, mode=mode) as client:
        denied = await client.call_tool("process_refund", {"amount": 800})
        assert denied.is_error and text(denied) == "Agents may refund up to $500."
        decision = (denied.meta or {})[META]
        assert decision == {"decision": "deny", "rule": "refund", "hint": None, "decision_id": decision["decision_id"]}
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == ["process_refund"]
        if mode != "legacy":
            assert denied.result_type == "complete" and listed.cache_scope == "private"
            assert "io.modelcontextprotocol/serverInfo" in denied.meta
    assert done == []


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_calls_that_need_an_approval(mode: str) -> None:
    server = MCPServer("desk", middleware=[asks.POLICY.mcp()])
    for tool in asks.TOOLS:
        server.tool()(tool)
    async with Client(server, mode=mode) as client:

        async def call(name: str, args: dict[str, Any]) -> asks.Answer:
            result = await client.call_tool(name, args)
            assert result.is_error == (META in (result.meta or {}))
            return text(result), (result.meta or {}).get(META)

        await asks.check([tool.name for tool in (await client.list_tools()).tools], call)
    hiding = MCPServer("desk", middleware=[asks.POLICY.mcp(hide=True)])
    hiding.tool()(asks.close_account)
    async with Client(hiding, mode=mode) as client:
        assert text(await client.call_tool("close_account", {})) == "Unknown tool: close_account"
    assert done == [450]


@pytest.mark.anyio
async def test_an_ask_that_depends_on_the_resource_is_left_to_the_guard_that_knows_it() -> None:
    looked: list[Any] = []

    def look(args: Any) -> Any:
        looked.append(args["record_id"])
        return {"size": {"small": 1, "large": 10, "huge": 100}[args["record_id"]]}

    def record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    async def read(rules: Any, record_id: str) -> str:
        server = MCPServer("desk", middleware=[rules.mcp()])
        server.tool(name="delete_record")(rules.guard(tool="delete_record", resource=look)(record))
        async with Client(server, mode="legacy") as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["delete_record"]
            return text(await client.call_tool("delete_record", {"record_id": record_id}))

    when = {"resource.size": {"gt": 5, "lt": 50}}
    ask = {"ask": "delete_record", "when": when, "reason": "Large records need a look."}
    # No size is allowed: the best that a call can get is an ask.
    for name, needs in (("small", False), ("large", True), ("huge", False)):
        assert (asks.APPROVAL in await read(policy(ask), name)) is needs
    # Some sizes are allowed.
    for name, answer in (("small", "deleted"), ("huge", "deleted"), ("large", asks.APPROVAL)):
        assert answer in await read(policy({"allow": "delete_record"}, ask), name)
    assert done == ["small", "huge"] and looked == ["small", "large", "huge", "small", "huge", "large"]
    # Whatever the resource is, it asks: the guard of the function is not asked.
    always = policy({"ask": "delete_record", "reason": "Always ask."})
    assert await read(always, "small") == f"Always ask. {asks.APPROVAL}"
    assert len(looked) == 6 and done == ["small", "huge"]


@pytest.mark.anyio
async def test_a_list_is_private_even_if_the_server_says_otherwise() -> None:
    from mcp.server.caching import CacheHint

    server = MCPServer(
        "desk", middleware=[DESK.mcp(agent=AGENT)], cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="public")}
    )
    server.tool()(process_refund)
    async with Client(server, mode="2026-07-28") as client:
        listed = await client.list_tools()
        assert (listed.cache_scope, listed.ttl_ms) == ("private", 60_000)


@pytest.mark.anyio
async def test_who_calls_is_asked_for_each_request() -> None:
    callers = [AGENT]
    seen: list[Any] = []

    async def caller(ctx: Any) -> Any:
        seen.append(ctx.method)
        await asyncio.sleep(0)
        return callers[0]

    server = MCPServer("desk", middleware=[DESK.mcp(agent=caller)])
    server.tool()(process_refund)
    async with Client(server, mode="legacy") as client:
        assert not (await client.call_tool("process_refund", {"amount": 5})).is_error
        callers[0] = {}
        assert (await client.call_tool("process_refund", {"amount": 5})).is_error
        assert (await client.list_tools(cache_mode="bypass")).tools == []
    assert seen.count("tools/call") == 2 and seen[-1] == "tools/list" and done == [5]


@pytest.mark.anyio
async def test_who_calls_can_not_be_told(caplog: pytest.LogCaptureFixture) -> None:
    def caller() -> Any:
        raise LookupError("no session")

    server = MCPServer("desk", middleware=[DESK.mcp(agent=caller)])
    server.tool()(process_refund)
    async with Client(server, mode="legacy") as client:
        assert text(await client.call_tool("process_refund", {"amount": 5})) == "the call cannot be judged"
        assert (await client.list_tools()).tools == []
    assert done == [] and "no session" in str([vars(record) for record in caplog.records])


@pytest.mark.anyio
async def test_a_resource_from_the_middleware_gets_arguments_of_its_own() -> None:
    def owner(args: Any, tool: str, agent: Any) -> Any:
        assert tool == "delete_record" and agent == MANAGER
        args["record_id"] = "changed"
        return {"owner_id": "mgr-001"}

    server = MCPServer("desk", middleware=[DESK.mcp(agent=MANAGER, resource=owner)])

    @server.tool()
    def delete_record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    async with Client(server, mode="legacy") as client:
        assert not (await client.call_tool("delete_record", {"record_id": "rec-1"})).is_error
    assert done == ["rec-1"]


@pytest.mark.anyio
async def test_the_last_word_is_left_to_a_guard_that_knows_the_resource_and_to_no_other() -> None:
    asked: list[Any] = []

    def owner(args: Any) -> Any:
        asked.append(args)
        return {"owner_id": "mgr-001" if args["record_id"] == "rec-1" else "mgr-002"}

    @DESK.guard(resource=owner)
    def delete_record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    def server(tool: Any, **settings: Any) -> MCPServer[Any]:
        server = MCPServer("desk", middleware=[DESK.mcp(agent=MANAGER, **settings)])
        server.tool(name="delete_record")(tool)
        return server

    async def works(tool: Any, record: str = "rec-1", **settings: Any) -> bool:
        async with Client(server(tool, **settings), mode="legacy") as client:
            return not (await client.call_tool("delete_record", {"record_id": record})).is_error

    assert await works(delete_record) and not await works(delete_record, "rec-2")
    assert done == ["rec-1"] and len(asked) == 2

    # A guard with `mode="observe"`, one of another policy, a copied one, and none.
    def plain(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    observing = DESK.guard(tool="delete_record", resource=owner, mode="observe")(plain)
    other = policy({"allow": "delete_record"}).guard(tool="delete_record")(lambda record_id: done.append(record_id))

    def copied(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    for tool in (observing, other, functools.wraps(delete_record)(copied)):
        assert not await works(tool)
    assert done == ["rec-1"]


@pytest.mark.anyio
async def test_calls_inside_of_a_server() -> None:
    server = MCPServer("desk", middleware=[policy({"allow": "outer"}, {"allow": "inner", "when": {"args.n": {"lt": 5}}}).mcp()])

    @server.tool()
    def inner(n: int) -> int:
        done.append(n)
        return n

    @server.tool()
    async def outer(n: int, ctx: Context) -> str:
        # First the same call as the admitted one, then others.
        for _ in range(2):
            await server.call_tool("inner", {"n": n}, ctx)
        return "ok"

    async with Client(server, mode="legacy") as client:
        assert not (await client.call_tool("outer", {"n": 1})).is_error
        assert (await client.call_tool("outer", {"n": 7})).is_error
        assert not (await client.call_tool("inner", {"n": 2})).is_error
    assert done == [1, 1, 2]
    with pytest.raises(Denied):
        await server.call_tool("inner", {"n": 7})
    assert done == [1, 1, 2]


@pytest.mark.anyio
async def test_a_guard_above_the_tool_decorator_stops_the_server(caplog: pytest.LogCaptureFixture) -> None:
    server = MCPServer("desk", middleware=[DESK.mcp(agent=AGENT)])

    @DESK.guard(agent=AGENT)
    @server.tool()
    def process_refund(amount: float) -> str:
        done.append(amount)
        return "refunded"

    with pytest.raises(Unguarded, match="the guard of the tool `process_refund` is above the decorator"):
        DESK.verify(server)
    with pytest.raises((MCPError, ExceptionGroup)):
        async with Client(server, mode="legacy") as client:
            await client.call_tool("process_refund", {"amount": 5})
    assert done == [] and any("is above the decorator" in record.message for record in caplog.records)


def test_verify() -> None:
    server = MCPServer("desk")
    with pytest.raises(Unguarded) as raised:
        server.tool()(process_refund)
        server.tool(name="view")(lambda: "Ann")
        DESK.verify(server)
    assert raised.value.problems == ["nothing guards the tool `process_refund`", "nothing guards the tool `view`"]

    guarded = MCPServer("desk")
    guarded.tool(name="process_refund")(DESK.guard(agent=AGENT, tool="process_refund")(lambda: None))
    DESK.verify(guarded)
    with pytest.raises(Unguarded):
        policy({"allow": "process_refund"}).verify(guarded)

    named = MCPServer("desk")
    named.tool(name="refund")(DESK.guard(tool="process_refund")(lambda: None))
    with pytest.raises(Unguarded, match="`refund` is guarded as `process_refund`"):
        DESK.verify(named)

    inside = MCPServer("desk", middleware=[DESK.mcp()])
    inside.tool()(process_refund)
    DESK.verify(inside)
    attached = MCPServer("desk")
    DESK.guard_server(attached, agent=AGENT)
    attached.tool(name="x")(lambda: "x")
    DESK.verify(attached)


@pytest.mark.anyio
async def test_a_low_level_server() -> None:
    async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(
            tools=[Tool(name=name, input_schema={"type": "object"}) for name in ("process_refund", "dump_secrets")]
        )

    async def call_tool(ctx: Any, params: Any) -> CallToolResult:
        done.append((params.name, params.arguments))
        return CallToolResult(content=[TextContent(type="text", text="done")])

    server: Server[Any] = Server("desk", on_list_tools=list_tools, on_call_tool=call_tool)
    DESK.guard_server(server, agent=AGENT)
    for mode in ("legacy", "2026-07-28"):
        async with Client(server, mode=mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["process_refund"]
            assert (await client.call_tool("dump_secrets", {})).is_error
            assert (await client.call_tool("process_refund", {"amount": 501})).is_error
            assert not (await client.call_tool("process_refund", {"amount": 500})).is_error
    assert done == [("process_refund", {"amount": 500})] * 2


@pytest.mark.anyio
async def test_a_thousand_calls_at_once_are_told_apart() -> None:
    echo = policy({"allow": "echo", "when": {"args.mine": {"eq": {"ref": "args.yours"}}}})
    server = MCPServer("echo", middleware=[echo.mcp()])

    @server.tool(name="echo")
    async def echo_tool(mine: int, yours: int) -> str:
        await asyncio.sleep(0)
        done.append(mine)
        return str(mine)

    async with Client(server, mode="legacy") as client:

        async def call(number: int) -> None:
            even = number % 2 == 0
            result = await client.call_tool("echo", {"mine": number, "yours": number if even else -1})
            assert result.is_error is not even
            assert not even or text(result) == str(number)

        await asyncio.gather(*(call(number) for number in range(1000)))
    assert sorted(done) == list(range(0, 1000, 2))


def test_what_is_no_server() -> None:
    with pytest.raises(TypeError, match="`object` is no server"):
        DESK.guard_server(object())

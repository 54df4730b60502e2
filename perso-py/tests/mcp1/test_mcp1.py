"""Servers on `mcp` 1.x, in this process."""

from typing import Any

import mcp.types as types
import pytest
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import McpError
from mcp.shared.memory import create_connected_server_and_client_session as connected

from perso import Denied, Unguarded
from perso.guard.denied import META
from support import asks
from support.done import done
from support.policies import AGENT, DESK, MANAGER, policy


def process_refund(amount: float = 1000) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def low_level() -> Server[Any, Any]:
    server: Server[Any, Any] = Server("desk")

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        schema = {"type": "object", "properties": {"amount": {"type": "number"}}}
        return [types.Tool(name=name, inputSchema=schema) for name in ("process_refund", "dump_secrets")]

    @server.call_tool()
    async def call_tool(name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        done.append((name, arguments))
        return [types.TextContent(type="text", text="done")]

    return server


async def judged(server: Any) -> None:
    async with connected(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["process_refund"]
        denied = await client.call_tool("process_refund", {"amount": 501})
        assert denied.isError and getattr(denied.content[0], "text") == "Agents may refund up to $500."
        assert denied.meta and denied.meta[META]["rule"] == "refund"
        # The server looks up schemas in its own list, which is not filtered for the caller.
        hidden = await client.call_tool("dump_secrets", {"amount": "no number"})
        assert hidden.isError and getattr(hidden.content[0], "text") == "Nobody may."
        assert not (await client.call_tool("process_refund", {"amount": 500})).isError
        bad = await client.call_tool("process_refund", {"amount": "x"})
        assert bad.isError
    assert done == [("process_refund", {"amount": 500})]


@pytest.mark.anyio
async def test_a_low_level_server() -> None:
    server = low_level()
    DESK.guard_server(server, agent=AGENT)
    await judged(server)


@pytest.mark.anyio
async def test_handlers_that_are_registered_later_are_guarded_too() -> None:
    server: Server[Any, Any] = Server("desk")
    DESK.guard_server(server, agent=AGENT)
    late = low_level()
    for request in (types.ListToolsRequest, types.CallToolRequest):
        server.request_handlers[request] = late.request_handlers[request]
    await judged(server)


@pytest.mark.anyio
async def test_a_call_that_is_to_become_a_task_is_denied_as_an_error() -> None:
    server = low_level()
    DESK.guard_server(server, agent=AGENT)
    async with connected(server) as client:
        params = types.CallToolRequestParams(
            name="process_refund", arguments={"amount": 800}, task=types.TaskMetadata(ttl=1000)
        )
        with pytest.raises(McpError) as raised:
            await client.send_request(types.ClientRequest(types.CallToolRequest(params=params)), types.CreateTaskResult)
    assert raised.value.error.message == "Agents may refund up to $500." and raised.value.error.code == -32000
    server = low_level()
    asks.POLICY.guard_server(server)
    async with connected(server) as client:
        with pytest.raises(McpError) as raised:
            await client.send_request(types.ClientRequest(types.CallToolRequest(params=params)), types.CreateTaskResult)
    error = raised.value.error
    assert error.message == asks.ASKED.text and error.data[META] == asks.ASKED.meta(error.data[META]["decision_id"])
    assert done == []


@pytest.mark.anyio
async def test_calls_that_need_an_approval() -> None:
    server = FastMCP("desk")
    for tool in asks.TOOLS:
        server.tool()(tool)
    asks.POLICY.guard_server(server)
    async with connected(server._mcp_server) as client:

        async def call(name: str, args: dict[str, Any]) -> asks.Answer:
            result = await client.call_tool(name, args)
            assert result.isError == (META in (result.meta or {}))
            return getattr(result.content[0], "text"), (result.meta or {}).get(META)

        await asks.check([tool.name for tool in (await client.list_tools()).tools], call)
    hiding = FastMCP("desk")
    hiding.tool()(asks.close_account)
    asks.POLICY.guard_server(hiding, hide=True)
    async with connected(hiding._mcp_server) as client:
        hidden = await client.call_tool("close_account", {})
        assert hidden.isError and getattr(hidden.content[0], "text") == "Unknown tool: close_account"
    assert done == [450]


@pytest.mark.anyio
async def test_a_fastmcp_server() -> None:
    server = FastMCP("desk")

    @server.tool()
    @DESK.guard(resource=lambda args: {"owner_id": "mgr-001" if args["record_id"] == "rec-1" else "x"})
    def delete_record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    DESK.guard_server(server, agent=MANAGER)
    server.tool()(process_refund)
    async with connected(server._mcp_server) as client:
        assert not (await client.call_tool("delete_record", {"record_id": "rec-1"})).isError
        denied = await client.call_tool("delete_record", {"record_id": "rec-2"})
        assert denied.isError and "Managers may delete records they own." in getattr(denied.content[0], "text")
        assert (await client.call_tool("process_refund", {})).isError
    with pytest.raises(ToolError) as raised:
        await server.call_tool("process_refund", {"amount": 800})
    assert isinstance(raised.value, Denied)
    assert done == ["rec-1"]


@pytest.mark.anyio
async def test_a_guard_above_the_tool_decorator_stops_the_server() -> None:
    server = FastMCP("desk")

    @DESK.guard(agent=AGENT)
    @server.tool()
    def process_refund(amount: float) -> str:
        done.append(amount)
        return "refunded"

    with pytest.raises(Unguarded, match="is above the decorator"):
        DESK.verify(server)
    DESK.guard_server(server, agent=AGENT)
    with pytest.raises((Unguarded, ExceptionGroup)):
        async with connected(server._mcp_server) as client:
            await client.call_tool("process_refund", {"amount": 5})
    assert done == []


def test_verify() -> None:
    server = FastMCP("desk")
    server.tool()(process_refund)
    with pytest.raises(Unguarded, match="nothing guards the tool `process_refund`"):
        DESK.verify(server)
    DESK.guard_server(server)
    DESK.verify(server)
    with pytest.raises(Unguarded):
        policy({"allow": "x"}).verify(server)
    guarded = FastMCP("desk")
    guarded.tool()(DESK.guard(agent=AGENT)(process_refund))
    DESK.verify(guarded)

"""Sends each message of the corpus to a guarded server on `mcp` 2."""

from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, EmptyResult, ListToolsResult, RequestParams, TextContent, Tool
from pydantic import ConfigDict

from support.done import done
from support.messages import check_all, refused_methods


class Params(RequestParams):
    model_config = ConfigDict(extra="allow")


def server() -> Server[Any]:
    """A server that runs any call, and has a handler for each method that no message may reach."""

    async def call(ctx: Any, params: Any) -> CallToolResult:
        done.append((params.name, params.arguments or {}))
        return CallToolResult(content=[TextContent(type="text", text="ran")])

    async def tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"}) for name in ("pay", "look", "wipe")])

    async def run(ctx: Any, params: Any) -> EmptyResult:
        done.append(ctx.method)
        return EmptyResult()

    server: Server[Any] = Server("desk", on_call_tool=call, on_list_tools=tools)
    for method in refused_methods():
        server.add_request_handler(method, Params, run)
    return server


@pytest.mark.anyio
async def test_each_message() -> None:
    await check_all("mcp2", server)

"""Sends each message of the corpus to a guarded server on `mcp` 1.x."""

from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp.types import TextContent, Tool

from support.done import done
from support.messages import check_all


def server() -> Server[Any, Any]:
    """A server that runs any call."""
    server: Server[Any, Any] = Server("desk")

    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def tools() -> list[Tool]:
        return [Tool(name=name, inputSchema={"type": "object"}) for name in ("pay", "look", "wipe")]

    @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
    async def call(name: str, arguments: dict[str, Any]) -> list[TextContent]:
        done.append((name, arguments))
        return [TextContent(type="text", text="ran")]

    # Without any prompts and resources.
    for register in (server.list_prompts, server.list_resources, server.list_resource_templates):
        register()(_nothing)  # type: ignore[no-untyped-call]
    return server


async def _nothing() -> list[Any]:
    return []


@pytest.mark.anyio
async def test_each_message() -> None:
    await check_all("mcp1", server)

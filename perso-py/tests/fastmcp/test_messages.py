"""Sends each message of the corpus to a guarded server on fastmcp."""

from typing import Any

import pytest
from fastmcp import FastMCP

from support.done import done
from support.messages import check_all


def server() -> FastMCP[Any]:
    """A server with tools that take anything."""
    server: FastMCP[Any] = FastMCP("desk")

    @server.tool
    async def pay(amount: Any = None, note: Any = None) -> str:
        done.append(("pay", {"amount": amount} if note is None else {"amount": amount, "note": note}))
        return "ran"

    @server.tool
    async def look(x: Any = None) -> str:
        done.append(("look", {}))
        return "ran"

    @server.tool
    async def wipe() -> str:
        done.append(("wipe", {}))
        return "ran"

    return server


@pytest.mark.anyio
async def test_each_message() -> None:
    await check_all("fastmcp", server, lambda server: server._mcp_server)

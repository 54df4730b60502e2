"""`Policy.verify` on a server whose handlers were replaced, so that its guard does not see calls."""

from typing import Any

import pytest
from fastmcp import FastMCP
from mcp_types import CallToolRequestParams, CallToolResult

from perso import Unguarded
from support.policies import AGENT, DESK


async def custom(ctx: Any, params: Any) -> CallToolResult:
    return CallToolResult(content=[])


def test_handlers_that_were_replaced_are_found() -> None:
    server: FastMCP[Any] = FastMCP("desk")
    DESK.guard_server(server, agent=AGENT)
    DESK.verify(server)
    server._mcp_server.add_request_handler("tools/call", CallToolRequestParams, custom)
    with pytest.raises(Unguarded, match="the handler of `tools/call` was replaced"):
        DESK.verify(server)


def test_a_low_level_server_of_fastmcp_is_guarded_as_a_whole() -> None:
    server: FastMCP[Any] = FastMCP("desk")
    DESK.guard_server(server._mcp_server, agent=AGENT)
    DESK.verify(server)

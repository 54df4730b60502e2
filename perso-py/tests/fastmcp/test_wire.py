"""Raw messages from clients over HTTP."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
import httpx2
import pytest
import uvicorn
from fastmcp import FastMCP
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY
from pydantic import Field

from support.done import done
from support.policies import policy

MODERN = "2026-07-28"
RULES = policy({"allow": ["refund", "shop_refund"], "when": {"args.amount": {"lte": 500}}})


@asynccontextmanager
async def served(server: FastMCP[Any], **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A server over HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http = uvicorn.Server(
            uvicorn.Config(server.http_app(stateless_http=True, json_response=True, **settings), log_level="error")
        )
        async with anyio.create_task_group() as group:
            # Clients wait until the server accepts the connection.
            group.start_soon(lambda: http.serve(sockets=[listener]))
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
                yield client
            http.should_exit = True


async def call(client: httpx2.AsyncClient, era: str, tool: str, args: str, more: str = "", **headers: str) -> tuple[int, str]:
    """The answer to a call with these raw arguments."""
    meta = {PROTOCOL_VERSION_META_KEY: era, CLIENT_CAPABILITIES_META_KEY: {}} if era == MODERN else {}
    params = f'{{"name": {json.dumps(tool)}, "arguments": {args}, "_meta": {json.dumps(meta)}{more}}}'
    named = {"mcp-method": "tools/call", "mcp-name": tool} if era == MODERN else {}
    answer = await client.post(
        "/mcp",
        content=f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {params}}}',
        headers={
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": era,
            **named,
            **headers,
        },
    )
    return answer.status_code, answer.text


ERAS = [MODERN, "2025-11-25"]


def refund(amount: int, region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "here") -> str:
    done.append(amount)
    return "refunded"


def secret(key: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Key"})] = "") -> str:
    done.append("secret")
    return "secret"


CALLS = [
    # The arguments, the other params, and the headers.
    ("{}", "", {}),
    ('{"amount": 800}', "", {}),
    ('{"amount": 800, "region": "eu"}', "", {}),
    ('{"amount": 800, "region": "eu"}', "", {"mcp-param-region": "us"}),
    ('{"amount": 800, "region": "eu"}', "", {"mcp-param-region": "eu"}),
    ('{"amount": 800}', "", {"mcp-param-region": "eu"}),
    ('{"key": "k"}', "", {}),
    ('{"key": "k"}', "", {"mcp-param-key": "j"}),
    ('{"key": ["k"]}', "", {"mcp-param-key": "k"}),
    ("null", "", {}),
    ("{}", ', "task": {"ttl": 1000}', {}),
    ("{}", ', "inputResponses": {"a": {"action": "accept"}}', {}),
    ("{}", ', "requestState": "x"', {}),
]


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_hidden_tool_is_answered_as_one_that_there_is_not(era: str) -> None:
    child = FastMCP("child")
    child.tool(refund)
    child.tool(secret)
    server = FastMCP("desk", middleware=[RULES.fastmcp(hide=True)])
    server.tool(refund)
    server.tool(secret)
    server.mount(child, "shop")
    async with served(server) as client:
        for tool in ("refund", "secret", "shop_refund", "shop_secret"):
            unknown = "x" * len(tool)
            for args, more, headers in CALLS:
                hidden = await call(client, era, tool, args, more, **headers)
                assert hidden == tuple(
                    part.replace(unknown, tool) if isinstance(part, str) else part
                    for part in await call(client, era, unknown, args, more, **headers)
                ), (tool, args, headers)
                if not more:
                    assert f"Unknown tool: '{tool}'" in hidden[1]
        assert done == []
        # The headers of allowed calls are still compared.
        assert (
            "refunded" in (await call(client, era, "refund", '{"amount": 5, "region": "eu"}', **{"mcp-param-region": "eu"}))[1]
        )
        status, text = await call(client, era, "refund", '{"amount": 5, "region": "eu"}', **{"mcp-param-region": "us"})
        if era == MODERN:
            assert (status, "does not match" in text) == (400, True)
    assert done == ([5] if era == MODERN else [5, 5])


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("depth", [50, 190, 500, 5000])
async def test_the_resource_is_looked_up_by_the_arguments_that_run(era: str, depth: int) -> None:
    """Nested arguments reach the resource function whole, or the call does not run."""
    seen: list[int] = []

    def measure(value: Any) -> int:
        deep = 0
        while isinstance(value, list) and value:
            value, deep = value[0], deep + 1
        return deep

    def protected(args: Any) -> Any:
        seen.append(measure(args.get("more")))
        return {"protected": seen[-1] == 0}

    rules = policy({"allow": "refund"}, {"deny": "refund", "when": {"resource.protected": True}})
    server = FastMCP("desk", middleware=[rules.fastmcp(resource=protected)])

    @server.tool(name="refund")
    def nested(more: Any) -> str:
        done.append(measure(more))
        return "refunded"

    async with served(server) as client:
        await call(client, era, "refund", f'{{"more": {"[" * depth}0{"]" * depth}}}')
        assert done == seen and seen in ([], [depth])
        # The server still runs.
        assert "refunded" in (await call(client, era, "refund", '{"more": [0]}'))[1]

"""An agent of the support desk, with Python's `mcp` client: python client.py http|sse MODE URL TOKEN"""

import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client


async def scene(client: Client) -> None:
    tools = sorted(tool.name for tool in (await client.list_tools()).tools)
    assert tools == ["process_refund", "view_customer"], tools
    for name, args, expected in (
        ("process_refund", {"amount": 5}, (True, "process_refund is done")),
        ("process_refund", {"amount": 800}, (False, "Agents may refund up to $500.")),
        ("dump_secrets", {}, (False, "Nobody may.")),
        ("delete_record", {"record_id": "1"}, (False, "Managers may delete records they own.")),
    ):
        result = await client.call_tool(name, args)
        seen = (not result.is_error, result.content[0].text)
        assert seen == expected, (name, seen)


async def main(kind: str, mode: str, url: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    if kind == "sse":
        async with Client(sse_client(url, headers=headers), mode=mode) as client:
            await scene(client)
    else:
        async with httpx2.AsyncClient(headers=headers) as http:
            async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                await scene(client)


asyncio.run(main(*sys.argv[1:]))

"""Runs the scenes with Python's `mcp` client.

python.py desk ERA URL | stdio ERA | gateway ERA | everything ERA URL | gateway-http ERA URL
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

MODES = {"legacy": "legacy", "sse": "legacy", "modern": "2026-07-28"}
passed = failed = 0


def check(what, seen, expected):
    global passed, failed
    if seen == expected:
        passed += 1
    else:
        failed += 1
        print(f"{what}: {seen!r}, not {expected!r}", file=sys.stderr)


@asynccontextmanager
async def over_http(era, url, token):
    headers = {"Authorization": f"Bearer {os.environ[token]}"}
    if era == "sse":
        async with Client(sse_client(url, headers=headers), mode=MODES[era]) as client:
            yield client
        return
    async with httpx2.AsyncClient(headers=headers) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=MODES[era]) as client:
            yield client


def over_stdio(era, *agent):
    server = StdioServerParameters(command=os.environ["DESK_STDIO"], args=[os.environ["DESK_MODULE"], *agent])
    return Client(server, mode=MODES[era])


async def tools(client):
    return sorted(tool.name for tool in (await client.list_tools()).tools)


async def call(client, name, /, **args):
    """Calls a tool. Returns whether it succeeded, and the text."""
    result = await client.call_tool(name, args)
    return not result.is_error, result.content[0].text


async def view(client):
    return json.loads((await call(client, "view_customer"))[1])


async def agent(client):
    check("tools of an agent", await tools(client), ["process_refund", "send_email", "view_customer"])
    check("a small refund", await call(client, "process_refund", order_id="1", amount=100), (True, "refunded $100 for 1"))
    before = await view(client)
    check("a large refund", await call(client, "process_refund", order_id="1", amount=800), (False, "Agents may refund up to $500."))
    check("a mail", await call(client, "send_email", to=["a@acme.com", "b@evil.example"], text="x"),
          (False, "Agents may write to addresses at acme.com."))
    check("a hidden tool", await call(client, "delete_record", record_id="rec-1"), (False, "Managers may delete records they own."))
    check("another one", await call(client, "access_pii"), (False, "Verify MFA before opening personal data."))
    check("what was done", await view(client), before)
    check("what was refunded", before["refunded"], 100)


async def manager(client):
    check("tools of a manager", "delete_record" in await tools(client), True)
    check("somebody else's record", await call(client, "delete_record", record_id="rec-2"),
          (False, "Managers may delete records they own."))
    check("one's own record", await call(client, "delete_record", record_id="rec-1"), (True, "deleted rec-1"))
    check("the records", (await view(client))["records"], ["rec-2"])


async def everything(client):
    check("tools", await tools(client), ["echo", "get-sum", "gzip-file-as-resource", "simulate-research-query"])
    check("echo", await call(client, "echo", message="hello"), (True, "Echo: hello"))
    check("a small sum", (await call(client, "get-sum", a=1, b=2))[0], True)
    check("a large sum", await call(client, "get-sum", a=1, b=200), (False, "Agents may add numbers up to 100."))
    resources = lambda: client.list_resources(cache_mode="bypass")
    packed = lambda page: sorted(resource.name for resource in page.resources if resource.name.endswith(".gz"))
    check("a text", (await client.call_tool("gzip-file-as-resource", {"name": "a.txt.gz", "data": "data:,a"})).is_error, False)
    check("no text", await call(client, "gzip-file-as-resource", name="b.exe.gz", data="data:,b"), (False, "Agents may pack texts."))
    check("what was packed", packed(await resources()), ["a.txt.gz"])
    check("a hidden tool", (await client.call_tool("get-env", {})).is_error, True)


async def main(scene, era, *rest):
    if scene == "desk":
        for token, act in (("AGENT", agent), ("MANAGER", manager)):
            async with over_http(era, *rest, token) as client:
                await act(client)
        async with over_http(era, *rest, "VERIFIED") as client:
            check("tools with MFA", "access_pii" in await tools(client), True)
            check("personal data", await call(client, "access_pii"), (True, "born 1 January 1970"))
    elif scene == "gateway":
        async with over_stdio(era, "agt-099", "agent") as client:
            await agent(client)
    elif scene == "stdio":
        for who, act in (("agt-099", "agent"), agent), (("mgr-001", "manager"), manager):
            async with over_stdio(era, *who) as client:
                await act(client)
    else:
        async with over_http(era, *rest, "AGENT") as client:
            await everything(client)
    print(f"Python mcp, {scene}, {era}: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


asyncio.run(main(*sys.argv[1:]))

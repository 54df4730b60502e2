"""Runs the scenes with the 2.x line of Python's `mcp`: python.py SCENE ERA [URL]"""

import sys
from contextlib import asynccontextmanager

import httpx2
import mcp
from mcp import types
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

import scenes

MODES = {"legacy": "legacy", "sse": "legacy", "modern": "2026-07-28"}


class Client:
    """What the scenes do with a client."""

    def __init__(self, client):
        self.client = client

    async def tools(self):
        return sorted(tool.name for tool in (await self.client.list_tools(cache_mode="bypass")).tools)

    async def call(self, tool, /, **args):
        """Calls a tool. Returns whether it succeeded, and the text."""
        result = await self.client.call_tool(tool, args)
        return not result.is_error, getattr(result.content[0], "text", "") if result.content else ""

    async def resources(self):
        return sorted(resource.uri for resource in (await self.client.list_resources(cache_mode="bypass")).resources)

    async def read(self, uri):
        """Reads a resource. Returns whether it succeeded, and the text."""
        try:
            return True, (await self.client.read_resource(uri, cache_mode="bypass")).contents[0].text
        except mcp.MCPError as error:
            return False, str(error)

    async def prompts(self):
        return sorted(prompt.name for prompt in (await self.client.list_prompts(cache_mode="bypass")).prompts)

    async def prompt(self, name, /, **args):
        """Gets a prompt. Returns whether it succeeded, and the text."""
        try:
            return True, (await self.client.get_prompt(name, args)).messages[0].content.text
        except mcp.MCPError as error:
            return False, str(error)


async def asks(context, params):
    return types.ElicitResult(action="accept", content={"approve": scenes.approves(params.message)})


@asynccontextmanager
async def over_http(era, url, token):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        server = sse_client(url, headers=headers) if era == "sse" else streamable_http_client(url, http_client=http)
        async with mcp.Client(server, mode=MODES[era], elicitation_callback=asks) as client:
            yield Client(client)


@asynccontextmanager
async def over_stdio(era, command, args):
    server = mcp.StdioServerParameters(command=command, args=args)
    async with mcp.Client(server, mode=MODES[era], elicitation_callback=asks) as client:
        yield Client(client)


scenes.run("Python mcp 2", over_http, over_stdio, *sys.argv[1:])

"""Runs the scenes with the 1.x line of Python's `mcp`: python-v1.py SCENE ERA [URL]"""

import sys
from contextlib import asynccontextmanager

import httpx
import mcp
from mcp import types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

import scenes


class Client:
    """What the scenes do with a client."""

    def __init__(self, session):
        self.session = session

    async def tools(self):
        return sorted(tool.name for tool in (await self.session.list_tools()).tools)

    async def call(self, tool, /, **args):
        """Calls a tool. Returns whether it succeeded, and the text."""
        result = await self.session.call_tool(tool, args)
        return not result.isError, getattr(result.content[0], "text", "") if result.content else ""

    async def resources(self):
        return sorted(str(resource.uri) for resource in (await self.session.list_resources()).resources)

    async def read(self, uri):
        """Reads a resource. Returns whether it succeeded, and the text."""
        try:
            return True, (await self.session.read_resource(uri)).contents[0].text
        except mcp.McpError as error:
            return False, str(error)

    async def prompts(self):
        return sorted(prompt.name for prompt in (await self.session.list_prompts()).prompts)

    async def prompt(self, name, /, **args):
        """Gets a prompt. Returns whether it succeeded, and the text."""
        try:
            return True, (await self.session.get_prompt(name, args)).messages[0].content.text
        except mcp.McpError as error:
            return False, str(error)


async def asks(context, params):
    return types.ElicitResult(action="accept", content={"approve": scenes.approves(params.message)})


@asynccontextmanager
async def over(transport):
    async with transport as (read, write, *_), mcp.ClientSession(read, write, elicitation_callback=asks) as session:
        await session.initialize()
        yield Client(session)


@asynccontextmanager
async def over_http(era, url, token):
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        transport = sse_client(url, headers=headers) if era == "sse" else streamable_http_client(url, http_client=http)
        async with over(transport) as client:
            yield client


def over_stdio(era, command, args):
    return over(stdio_client(mcp.StdioServerParameters(command=command, args=args)))


scenes.run("Python mcp 1", over_http, over_stdio, *sys.argv[1:])

"""Servers on `mcp` 1.x that do not use perso: plain_mcp1.py stdio KIND | http"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp.types as types
from mcp.server.fastmcp import FastMCP
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import AnyUrl

import plain


def fastmcp(**settings: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("fastmcp", **settings)
    server.tool()(plain.refund)
    server.tool()(plain.dump)
    server.prompt()(plain.greet)
    server.resource("note://one")(plain.note)
    return server


class Mine(Server[Any, Any]):
    """A server with its own way to handle messages."""

    async def _handle_message(self, message: Any, session: Any, lifespan_context: Any, raise_exceptions: bool = False) -> None:
        if hasattr(message, "request"):
            with message:
                await self._handle_request(message, message.request.root, session, lifespan_context, raise_exceptions)


def lowlevel(kind: type[Server[Any, Any]] = Server) -> Server[Any, Any]:
    server = kind("lowlevel")

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        return [types.Tool(name=name, inputSchema={"type": "object"}) for name in ("refund", "dump")]

    @server.call_tool()
    async def call_tool(name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        return [types.TextContent(type="text", text=plain.refund(arguments["amount"]) if name == "refund" else plain.dump())]

    @server.list_prompts()
    async def list_prompts() -> list[types.Prompt]:
        return [types.Prompt(name="greet")]

    @server.get_prompt()
    async def get_prompt(name: str, arguments: Any) -> types.GetPromptResult:
        text = types.TextContent(type="text", text=plain.greet())
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=text)])

    @server.list_resources()
    async def list_resources() -> list[types.Resource]:
        return [types.Resource(name="note", uri=AnyUrl("note://one"))]

    @server.read_resource()
    async def read_resource(uri: Any) -> list[ReadResourceContents]:
        return [ReadResourceContents(content=plain.note())]

    return server


def subclass() -> Server[Any, Any]:
    return lowlevel(Mine)


def streamable(server: Server[Any, Any], **settings: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    manager = StreamableHTTPSessionManager(server, **settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with manager.run():
            yield

    return Starlette(routes=[Mount("/mcp", manager.handle_request)], lifespan=lifespan)


KINDS: dict[str, Any] = {"fastmcp": fastmcp, "lowlevel": lowlevel, "subclass": subclass}


def app() -> Any:
    """A separate server for each kind and transport."""
    apps = {
        "fastmcp/http": fastmcp().streamable_http_app(),
        "fastmcp/json": fastmcp(json_response=True).streamable_http_app(),
        "fastmcp/stateless": fastmcp(stateless_http=True).streamable_http_app(),
        "fastmcp/sse": fastmcp().sse_app(),
    }
    for kind in ("lowlevel", "subclass"):
        apps[f"{kind}/http"] = streamable(KINDS[kind]())
        apps[f"{kind}/json"] = streamable(KINDS[kind](), json_response=True)
        apps[f"{kind}/stateless"] = streamable(KINDS[kind](), stateless=True)
        apps[f"{kind}/sse"] = plain.low_level_app(KINDS[kind]())
    return plain.together(apps)


async def stdio(server: Any) -> None:
    if isinstance(server, FastMCP):
        await server.run_stdio_async()
        return
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    if sys.argv[1] == "http":
        plain.serve(app())
    else:
        anyio.run(stdio, KINDS[sys.argv[2]]())

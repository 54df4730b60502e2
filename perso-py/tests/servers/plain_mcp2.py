"""Servers on `mcp` 2 that do not use perso: plain_mcp2.py stdio KIND | http | workers | child KIND | open-door"""

import subprocess
import sys
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolResult,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListToolsResult,
    Prompt,
    PromptMessage,
    ReadResourceResult,
    Resource,
    TextContent,
    TextResourceContents,
    Tool,
)

import plain


def mcpserver() -> MCPServer[Any]:
    server = MCPServer("mcpserver")
    server.tool()(plain.refund)
    server.tool()(plain.dump)
    server.prompt()(plain.greet)
    server.resource("note://one")(plain.note)
    return server


async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
    return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"}) for name in ("refund", "dump")])


async def call_tool(ctx: Any, params: Any) -> CallToolResult:
    text = plain.refund(params.arguments["amount"]) if params.name == "refund" else plain.dump()
    return CallToolResult(content=[TextContent(type="text", text=text)])


async def list_prompts(ctx: Any, params: Any) -> ListPromptsResult:
    return ListPromptsResult(prompts=[Prompt(name="greet")])


async def get_prompt(ctx: Any, params: Any) -> GetPromptResult:
    return GetPromptResult(messages=[PromptMessage(role="user", content=TextContent(type="text", text=plain.greet()))])


async def list_resources(ctx: Any, params: Any) -> ListResourcesResult:
    return ListResourcesResult(resources=[Resource(name="note", uri="note://one")])


async def read_resource(ctx: Any, params: Any) -> ReadResourceResult:
    return ReadResourceResult(contents=[TextResourceContents(uri="note://one", text=plain.note())])


HANDLERS: dict[str, Any] = {
    "on_list_tools": list_tools,
    "on_call_tool": call_tool,
    "on_list_prompts": list_prompts,
    "on_get_prompt": get_prompt,
    "on_list_resources": list_resources,
    "on_read_resource": read_resource,
}


class Mine(Server[Any]):
    """A server with its own way to run, which skips the SDK's usual start."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(name, **more)
        self.begun = True

    async def run(self, *streams: Any, **more: Any) -> None:
        from mcp.server.runner import serve_dual_era_loop

        async with self.lifespan(self) as state:
            await serve_dual_era_loop(self, streams[0], streams[1], lifespan_state=state, init_options=streams[2])


def lowlevel() -> Server[Any]:
    return Server("lowlevel", **HANDLERS)


def subclass() -> Server[Any]:
    return Mine("subclass", **HANDLERS)


KINDS: dict[str, Any] = {"mcpserver": mcpserver, "lowlevel": lowlevel, "subclass": subclass}


def app() -> Any:
    """A separate server for each kind and transport."""
    apps = {}
    for kind, make in KINDS.items():
        apps[f"{kind}/http"] = make().streamable_http_app()
        apps[f"{kind}/json"] = make().streamable_http_app(json_response=True)
        apps[f"{kind}/stateless"] = make().streamable_http_app(stateless_http=True)
        apps[f"{kind}/sse"] = make().sse_app() if kind == "mcpserver" else plain.low_level_app(make())
    return plain.together(apps)


async def stdio(server: Any) -> None:
    if isinstance(server, MCPServer):
        await server.run_stdio_async()
        return
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def takes_the_guard_away() -> MCPServer[Any]:
    """A server whose tool removes every middleware."""
    server = mcpserver()

    @server.tool()
    def open_door() -> str:
        server.middleware.clear()
        return "open"

    return server


if __name__ == "__main__":
    if sys.argv[1] == "http":
        plain.serve(app())
    elif sys.argv[1] == "workers":
        import uvicorn
        from uvicorn.supervisors import Multiprocess

        config = uvicorn.Config("plain_mcp2:app", factory=True, workers=2, log_level="error")
        Multiprocess(config, sockets=[plain.listener()]).run()
    elif sys.argv[1] == "child":
        sys.exit(subprocess.call([sys.executable, __file__, "stdio", sys.argv[2]]))
    elif sys.argv[1] == "open-door":
        anyio.run(stdio, takes_the_guard_away())
    else:
        anyio.run(stdio, KINDS[sys.argv[2]]())

"""A server with every way to run a tool that fastmcp has: house.py stdio | (http | stateless | sse) SOCKET

Each tool that does something is called `refund` at the end of its name, takes `amount` and `mark`, and writes `mark` to a
file when it runs. A refund of up to 1000 needs an approval and a larger one is denied, whichever way it comes; everything
else is allowed.
"""

import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx2
import mcp_types
import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.apps import FastMCPApp
from fastmcp.contrib.bulk_tool_caller import BulkToolCaller
from fastmcp.experimental.transforms.code_mode import CodeMode
from fastmcp.server import create_proxy
from fastmcp.server.extensions import ServerExtension
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.server.providers.addressing import hashed_backend_name
from fastmcp.server.providers.openapi import OpenAPIProvider
from fastmcp.server.transforms.search import RegexSearchTransform
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from fastmcp.tools.tool_transform import ArgTransform, forward, forward_raw
from pydantic import Field

# As a program, this file runs without `conftest.py`.
sys.path.insert(0, str(Path(__file__).parents[1]))

from support import asks
from support.policies import policy

RULES = policy(
    *asks.rules("*refund"),
    {"allow": ["do_*", "*_do_*", "*call_tool", "*_bulk", "*execute"]},
)


@dataclass(frozen=True)
class Way:
    """A way to run a tool: the tool that a client calls, and the arguments that lead to a refund of an amount."""

    what: str
    tool: str
    args: Any = None
    version: str | None = None
    eras: tuple[str, ...] = ("legacy", "2026-07-28")

    def arguments(self, amount: int, mark: str) -> dict[str, Any]:
        plain = {"amount": amount, "mark": mark}
        args: dict[str, Any] = plain if self.args is None else self.args(plain)
        return args


def by_name(name: str) -> Any:
    return lambda plain: {"name": name, "arguments": plain}


def decoy(plain: Any) -> Any:
    """The first judged call is a small refund. Something in the server then replaces it with `real`."""
    return {"amount": 1, "mark": plain["mark"], "real": plain["amount"]}


WAYS = [
    Way("a tool of the server's own", "refund"),
    Way("the version of a tool that is asked for", "versions_refund", version="1"),
    Way("a tool that was added while the server ran", "late_refund"),
    Way("a tool of an app, by its name", "app_refund"),
    Way("a tool of an app, by the name that its page uses", hashed_backend_name("bills", "app_refund")),
    Way("a tool of an app on a mounted server, by its name", "shop_till_refund"),
    Way("a tool of an app on a mounted server, by the name that its page uses", hashed_backend_name("till", "till_refund")),
    Way("a tool of a mounted server, in its namespace", "shop_refund"),
    Way("a tool of a mounted server without a namespace", "bare_refund"),
    Way("a tool of a mounted server that has another name here", "renamed_refund"),
    Way("a tool of a server that is mounted on a mounted server", "shop_annex_refund"),
    Way("a tool of a server that was mounted while the server ran", "new_refund"),
    Way("a tool of a proxy", "far_refund"),
    Way("a tool made from another", "made_refund"),
    Way("a tool made from another, which calls that with `forward`", "forward_refund"),
    Way("a tool made from another, which calls that with `forward_raw`", "raw_refund"),
    Way("a tool made from one that the server handed out", "handed_refund"),
    Way("a tool that a middleware injects", "injected_refund"),
    Way("a tool made from an OpenAPI document", "openapi_refund"),
    Way("a tool with a class of its own", "class_refund"),
    Way("a tool that asks for input, when the input is there", "asking_refund", eras=("2026-07-28",)),
    Way("`call_tool` in a tool", "do_call"),
    Way("`call_tool` without middlewares in a tool", "do_call_inner"),
    Way("`run` of a tool that `get_tool` found", "do_run"),
    Way("`_run` of a tool that `get_tool` found", "do_inner_run"),
    Way("`run` of a tool that `list_tools` listed", "do_list_run"),
    Way("`call_tool` in a tool of a mounted server", "shop_do_call"),
    Way("`call_tool` without middlewares in a tool of a mounted server", "shop_do_call_inner"),
    Way("`run` of a tool that `get_tool` of a mounted server found", "shop_do_run"),
    Way("`call_tool` in a tool of a server that is mounted on a mounted server", "shop_annex_do_call"),
    Way("`call_tool` of a mounted server in a tool of the server", "do_call_shop"),
    Way("a client of the server in a tool", "do_client"),
    Way("the bulk caller", "call_tool_bulk", lambda plain: {"tool": "refund", "tool_arguments": [plain]}),
    Way("a search's tool that calls others", "call_tool", by_name("refund")),
    Way("a search's tool that calls others, on a mounted server", "search_call_tool", by_name("refund")),
    Way(
        "code that calls tools, on a mounted server",
        "code_execute",
        lambda plain: {"code": f"refund {plain['amount']} {plain['mark']}"},
    ),
    Way("a middleware behind the guard that passes on other arguments", "do_pass", decoy),
    Way("a middleware behind the guard that changes the arguments", "changed_refund", decoy),
    Way("a middleware behind the guard that passes on another name", "do_rename"),
    Way("a middleware behind the guard that calls the tool by itself", "do_itself"),
    Way("a middleware behind the guard that calls a mounted server", "do_shop"),
    Way("a middleware of a mounted server that changes the arguments", "shop_changed_refund", decoy),
    Way("an extension that changes the arguments", "extended_refund", decoy),
    Way("an extension that runs the tool by itself", "do_extend_itself"),
]


def done(mark: str) -> str:
    with Path(os.environ["HOUSE_DONE"]).open("a") as file:
        file.write(mark + "\n")
    return "refunded"


def refund(amount: int, mark: str) -> str:
    return done(mark)


def inside(server: FastMCP[Any], name: str = "refund") -> None:
    """Tools that run another tool."""

    @server.tool
    async def do_call(amount: int, mark: str, ctx: Context) -> Any:
        return await ctx.fastmcp.call_tool(name, {"amount": amount, "mark": mark})

    @server.tool
    async def do_call_inner(amount: int, mark: str, ctx: Context) -> Any:
        return await ctx.fastmcp.call_tool(name, {"amount": amount, "mark": mark}, run_middleware=False)

    @server.tool
    async def do_run(amount: int, mark: str, ctx: Context) -> Any:
        tool = await ctx.fastmcp.get_tool(name)
        return await tool.run({"amount": amount, "mark": mark}) if tool else None

    @server.tool
    async def do_inner_run(amount: int, mark: str, ctx: Context) -> Any:
        tool = await ctx.fastmcp.get_tool(name)
        return await tool._run({"amount": amount, "mark": mark}) if tool else None

    @server.tool
    async def do_list_run(amount: int, mark: str, ctx: Context) -> Any:
        (tool,) = [tool for tool in await ctx.fastmcp.list_tools(run_middleware=False) if tool.name == name]
        return await tool.run({"amount": amount, "mark": mark})


class ClassTool(Tool):
    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(content=refund(**arguments))


class Between(Middleware):
    """A middleware between the guard and the tool that changes calls."""

    def __init__(self, shop: FastMCP[Any] | None = None) -> None:
        self.shop = shop

    async def on_call_tool(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        message, server = context.message, context.fastmcp_context.fastmcp  # type: ignore[union-attr]
        name, args = message.name, message.arguments
        if name in ("changed_refund", "do_pass"):
            real = {"amount": args["real"], "mark": args["mark"]}
            if name == "do_pass":
                return await call_next(context.copy(message=message.model_copy(update={"name": "refund", "arguments": real})))
            args["amount"] = args.pop("real")
            return await call_next(context)
        if name == "do_rename":
            return await call_next(context.copy(message=message.model_copy(update={"name": "refund"})))
        if name == "do_itself":
            return await server.call_tool("refund", args, run_middleware=False)
        if name == "do_shop" and self.shop is not None:
            return await self.shop.call_tool("refund", args)
        return await call_next(context)


class Extension(ServerExtension):
    """An extension, which runs after all middleware."""

    identifier = "dev.example/between"

    async def intercept_tool_call(self, params: Any, context: Context, call_next: Any) -> Any:
        if params.name == "extended_refund":
            params.arguments["amount"] = params.arguments.pop("real")
        if params.name == "do_extend_itself":
            tool = await context.fastmcp.get_tool("refund")
            return await tool.run(params.arguments) if tool else None
        return await call_next()


class Sandbox:
    """Runs code like `refund 5 mark`."""

    async def run(self, code: str, *, inputs: Any = None, external_functions: Any = None) -> Any:
        tool, amount, mark = code.split(" ", 2)
        return await external_functions["call_tool"](tool, {"amount": int(amount), "mark": mark})


def changed(server: FastMCP[Any], name: str) -> None:
    """A tool whose name tells the middleware what to do. The tool itself does nothing else."""

    def tool(amount: int, mark: str, real: int = 0) -> str:
        return done(mark)

    server.tool(tool, name=name)


def region_refund(
    amount: int, mark: str, region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = ""
) -> str:
    return done(mark)


def secret(key: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Key"})] = "") -> str:
    return done("secret")


def build(guard: Any = None) -> FastMCP[Any]:
    annex = FastMCP("annex")
    annex.tool(refund)
    inside(annex)

    shop = FastMCP("shop", middleware=[Between()])
    shop.tool(refund)
    inside(shop)
    changed(shop, "changed_refund")
    shop.mount(annex, "annex")
    till = FastMCPApp("till")
    till.tool(refund, name="till_refund")
    shop.add_provider(till)

    bare = FastMCP("bare")
    bare.tool(refund, name="bare_refund")
    named = FastMCP("named")
    named.tool(refund, name="other")
    far = FastMCP("far")
    far.tool(refund)
    searched = FastMCP("searched", transforms=[RegexSearchTransform()])
    searched.tool(refund)
    coded = FastMCP("coded", transforms=[CodeMode(sandbox_provider=Sandbox())])
    coded.tool(refund)

    app = FastMCPApp("bills")
    app.tool(refund, name="app_refund")

    injected = ToolInjectionMiddleware([Tool.from_function(refund, name="injected_refund")])
    server = FastMCP("house", middleware=[*([guard] if guard else []), injected, Between(shop)])
    server.add_extension(Extension())
    server.tool(refund)
    server.tool(region_refund)
    server.tool(secret)
    server.tool(refund, name="versions_refund", version="1")
    server.tool(refund, name="versions_refund", version="2")
    for name in ("do_pass", "changed_refund", "do_rename", "do_itself", "do_shop", "extended_refund", "do_extend_itself"):
        changed(server, name)
    inside(server)
    server.add_tool(ClassTool(name="class_refund", parameters={"type": "object"}))
    server.add_provider(app)
    server.mount(shop, "shop")
    server.mount(bare)
    server.mount(named, tool_names={"other": "renamed_refund"})
    server.mount(searched, "search")
    server.mount(coded, "code")
    server.mount(create_proxy(far), "far")
    server.add_provider(openapi())

    base = Tool.from_function(refund)

    async def forwarding(amount: int, mark: str) -> Any:
        return await forward(amount=amount, mark=mark)

    async def forwarding_raw(amount: int, mark: str) -> Any:
        return await forward_raw(amount=amount, mark=mark)

    server.add_tool(Tool.from_tool(base, name="made_refund", transform_args={"mark": ArgTransform(description="A mark")}))
    server.add_tool(Tool.from_tool(base, name="forward_refund", transform_fn=forwarding))
    server.add_tool(Tool.from_tool(base, name="raw_refund", transform_fn=forwarding_raw))

    @server.tool
    async def do_start(ctx: Context) -> str:
        """Changes the server while it runs, once."""
        if await server.get_tool("late_refund") is not None:
            return "started"
        server.tool(refund, name="late_refund")
        new = FastMCP("new")
        new.tool(refund)
        server.mount(new, "new")
        handed = await server.get_tool("refund")
        assert handed is not None
        server.add_tool(Tool.from_tool(handed, name="handed_refund"))
        return "started"

    @server.tool
    async def do_call_shop(amount: int, mark: str) -> Any:
        return await shop.call_tool("refund", {"amount": amount, "mark": mark})

    @server.tool
    async def do_client(amount: int, mark: str) -> Any:
        from fastmcp import Client

        async with Client(server) as client:
            return (await client.call_tool("refund", {"amount": amount, "mark": mark})).content

    @server.tool
    async def asking_refund(amount: int, mark: str, ctx: Context) -> Any:
        if not ctx.input_responses:
            asked = mcp_types.ElicitRequestFormParams(message="Sure?", requested_schema={"type": "object", "properties": {}})
            return mcp_types.InputRequiredResult(input_requests={"sure": mcp_types.ElicitRequest(params=asked)})
        return done(mark)

    bulk = BulkToolCaller()
    bulk.register_tools(server)
    # The search tools are listed beside the tools that can be called directly.
    server.add_transform(Beside())
    return server


class Beside(RegexSearchTransform):
    """A search that still lists the tools that it searches."""

    async def transform_tools(self, tools: Sequence[Tool]) -> Sequence[Tool]:
        return [*tools, *await super().transform_tools(tools)]


def openapi() -> OpenAPIProvider:
    def answer(request: httpx2.Request) -> httpx2.Response:
        done(request.url.params["mark"])
        return httpx2.Response(200, json={"refunded": True})

    parameters = [
        {"name": name, "in": "query", "required": True, "schema": {"type": kind}}
        for name, kind in (("amount", "integer"), ("mark", "string"))
    ]
    operation = {"operationId": "openapi_refund", "parameters": parameters, "responses": {"200": {"description": "Done"}}}
    document = {"openapi": "3.1.0", "info": {"title": "Refunds", "version": "1"}, "paths": {"/refund": {"post": operation}}}
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://refunds.test")
    return OpenAPIProvider(document, client=client)


if __name__ == "__main__":
    transport = sys.argv[1]
    server = build(RULES.fastmcp(**json.loads(os.environ.get("HOUSE_SETTINGS", "{}"))))
    if transport == "stdio":
        server.run("stdio", show_banner=False)
    else:
        kind: Any = "sse" if transport == "sse" else "http"
        app = server.http_app(transport=kind, stateless_http=transport == "stateless")
        # The socket listens already, so clients wait until the server accepts their connections.
        uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[socket.socket(fileno=int(sys.argv[2]))])

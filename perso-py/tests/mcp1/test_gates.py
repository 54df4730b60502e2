"""Server code between the guard and a tool, on `mcp` 1.x. Whatever it does, a tool runs only with judged arguments."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import mcp.types as types
import pytest
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.tools import Tool
from mcp.server.lowlevel import Server
from mcp.shared.memory import create_connected_server_and_client_session as connected
from pydantic import BaseModel, BeforeValidator, Field

from perso import Denied, Unguarded
from support.done import done
from support.policies import AGENT, DESK, MANAGER, policy

CALL, LIST = types.CallToolRequest, types.ListToolsRequest

Change = Callable[[Server[Any, Any], dict[type, Any]], None]


def process_refund(amount: float) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def dump_secrets(amount: float = 0) -> str:
    """Dumps."""
    done.append("dumped")
    return "dumped"


def served(**settings: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("desk", **settings)
    server.tool()(process_refund)
    server.tool()(dump_secrets)
    return server


def low_level(name: str = "desk", **settings: Any) -> Server[Any, Any]:
    server: Server[Any, Any] = Server(name, **settings)

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        return [types.Tool(name=tool, inputSchema={"type": "object"}) for tool in ("process_refund", "dump_secrets")]

    @server.call_tool()
    async def call_tool(tool: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        done.append(arguments.get("amount") if tool == "process_refund" else "dumped")
        return [types.TextContent(type="text", text="done")]

    return server


async def call(server: Any, amount: Any = 5, tool: str = "process_refund") -> bool:
    async with connected(getattr(server, "_mcp_server", server)) as client:
        return not (await client.call_tool(tool, {"amount": amount})).isError


async def holds(server: Any) -> None:
    """A denied call never runs, an allowed call runs once, and the list of tools is filtered for the caller."""
    async with connected(getattr(server, "_mcp_server", server)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["process_refund"]
        for tool, amount in (("process_refund", 800), ("dump_secrets", 5), ("process_refund", "5"), ("process_refund", 5)):
            await client.call_tool(tool, {"amount": amount})
        assert [tool.name for tool in (await client.list_tools()).tools] == ["process_refund"]
    assert done == [5]


# Handlers can be registered at any time and in any way.


def by_decorators(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    @server.call_tool()
    async def call_tool(tool: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        done.append(arguments.get("amount") if tool == "process_refund" else "dumped")
        return []


def by_item(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    for request in (CALL, LIST):
        server.request_handlers[request] = handlers[request]


def by_another_dict(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    server.request_handlers = {**server.request_handlers, **handlers}


def by_update(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    server.request_handlers.update(handlers)


def by_merge(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    server.request_handlers |= handlers


def by_merged(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    server.request_handlers = server.request_handlers | handlers


def by_setdefault(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    for request in (CALL, LIST):
        server.request_handlers.pop(request, None)
        server.request_handlers.setdefault(request, handlers[request])


def by_clear(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    server.request_handlers.clear()
    server.request_handlers.update(handlers)


def by_popitem(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    while server.request_handlers:
        server.request_handlers.popitem()
    by_item(server, handlers)


def by_the_instance(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    vars(server)["request_handlers"] = dict(handlers)


def by_itself(server: Server[Any, Any], handlers: dict[type, Any]) -> None:
    for request, handler in list(server.request_handlers.items()):
        server.request_handlers[request] = handler


CHANGES: list[Change] = [
    by_decorators,
    by_item,
    by_another_dict,
    by_update,
    by_merge,
    by_merged,
    by_setdefault,
    by_clear,
    by_popitem,
    by_the_instance,
    by_itself,
]

each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))


def raw() -> dict[type, Any]:
    """The handlers of an unguarded server."""
    return {request: handler for request, handler in low_level().request_handlers.items() if request in (CALL, LIST)}


@pytest.mark.anyio
@each_change
@pytest.mark.parametrize("build", [served, low_level])
async def test_handlers_that_are_registered_before_the_server_runs(build: Any, change: Change) -> None:
    server = build()
    DESK.guard_server(server, agent=AGENT)
    change(getattr(server, "_mcp_server", server), raw())
    await holds(server)


@pytest.mark.anyio
@each_change
@pytest.mark.parametrize("build", [served, low_level])
async def test_handlers_that_are_registered_in_a_lifespan(build: Any, change: Change) -> None:
    @asynccontextmanager
    async def lifespan(server: Any) -> AsyncIterator[Any]:
        change(getattr(server, "_mcp_server", server), raw())
        yield {}

    server = build(lifespan=lifespan)
    DESK.guard_server(server, agent=AGENT)
    await holds(server)


@pytest.mark.anyio
@each_change
async def test_handlers_that_are_registered_by_a_tool(change: Change) -> None:
    server = served()

    @server.tool()
    def open_door() -> str:
        change(server._mcp_server, raw())
        return "open"

    policy({"allow": "open_door"}, {"allow": "process_refund", "when": {"args.amount": {"lte": 500}}}).guard_server(server)
    async with connected(server._mcp_server) as client:
        assert not (await client.call_tool("open_door", {})).isError
        for tool, amount in (("process_refund", 800), ("dump_secrets", 5), ("process_refund", 5)):
            await client.call_tool(tool, {"amount": amount})
        assert [tool.name for tool in (await client.list_tools()).tools] in (
            ["process_refund"],
            ["process_refund", "open_door"],
        )
    assert done == [5]


@pytest.mark.anyio
@pytest.mark.parametrize("build", [served, low_level])
async def test_a_handler_around_the_handler_rewrites_a_call(build: Any) -> None:
    server = build()
    DESK.guard_server(server, agent=AGENT)
    handlers = getattr(server, "_mcp_server", server).request_handlers
    inner = handlers[CALL]

    async def rewrites(request: Any) -> Any:
        request.params.arguments["amount"] = 800
        return await inner(request)

    handlers[CALL] = rewrites
    assert not await call(server)
    assert done == []

    async def renames(request: Any) -> Any:
        return await inner(request.model_copy(update={"params": request.params.model_copy(update={"name": "dump_secrets"})}))

    handlers[CALL] = renames
    assert not await call(server)
    assert done == []

    async def passes_on(request: Any) -> Any:
        return await inner(request)

    handlers[CALL] = passes_on
    assert await call(server) and not await call(server, 800)
    assert done == [5]


@pytest.mark.anyio
async def test_a_call_is_left_to_the_guard_of_a_function_only_if_that_runs() -> None:
    @DESK.guard(resource=lambda args: {"owner_id": "mgr-001"})
    def delete_record(amount: float) -> str:
        done.append("guarded")
        return "deleted"

    server: FastMCP[Any] = FastMCP("desk")
    server.tool()(delete_record)
    DESK.guard_server(server, agent=MANAGER)
    assert await call(server, tool="delete_record")
    by_item(server._mcp_server, raw())
    assert not await call(server, tool="delete_record")
    assert done == ["guarded"]


# Calls inside the server.


@pytest.mark.anyio
async def test_calls_inside() -> None:
    server = served()
    DESK.guard_server(server, agent=AGENT)
    for run in (
        lambda amount: server.call_tool("process_refund", {"amount": amount}),
        lambda amount: server.call_tool(name="process_refund", arguments={"amount": amount}),
        lambda amount: server._tool_manager.call_tool("process_refund", {"amount": amount}, Context(fastmcp=server)),
    ):
        with pytest.raises(Denied):
            await run(800)
        await run(5)
    assert done == [5, 5, 5]
    server._tool_manager = type(server._tool_manager)(tools=[Tool.from_function(process_refund)])
    assert not await call(server, 800) and await call(server)
    assert done == [5, 5, 5, 5]


@pytest.mark.anyio
async def test_a_subclass_rewrites_a_call() -> None:
    class Rewrites(FastMCP[Any]):
        async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
            return await super().call_tool("dump_secrets", arguments)

    server = Rewrites("desk")
    server.tool()(process_refund)
    server.tool()(dump_secrets)
    DESK.guard_server(server, agent=AGENT)
    assert not await call(server)
    assert done == []


@pytest.mark.anyio
async def test_two_guards_of_different_policies() -> None:
    for build in (served, low_level):
        server: Any = build()
        DESK.guard_server(server, agent=AGENT)
        policy({"allow": "process_refund", "when": {"args.amount": {"gt": 3}}}).guard_server(server)
        assert await call(server) and not await call(server, 2) and not await call(server, 800)
    assert done == [5, 5]


def test_a_low_level_server_that_nothing_guards_is_found() -> None:
    server = low_level()
    other = policy({"allow": "x"})
    for guarding in (DESK, other):
        with pytest.raises(Unguarded, match="nothing guards the server `desk`"):
            guarding.verify(server)
        guarding.guard_server(server, agent=AGENT)
    DESK.verify(server)
    other.verify(server)


# Functions that run with other values than the client sent.


class Order(BaseModel):
    amount: float = Field(validation_alias="sum")
    when: datetime | None = None


@pytest.mark.anyio
async def test_aliases_and_values_that_the_schema_changes() -> None:
    def order(order: Order) -> None:
        done.append(order.amount)

    def tag(path: Annotated[str, BeforeValidator(lambda text: str(text).strip())]) -> None:
        done.append(path)

    def read(paths: list[str]) -> None:
        done.append(paths)

    async def later(when: datetime, ctx: Context[Any, Any, Any], n: int = 3) -> None:
        done.append((when.year, type(ctx).__name__, n))

    rules = policy(
        {"id": "order", "allow": "order", "when": {"args.order.amount": {"lte": 500}}},
        {"id": "tag", "allow": "tag"},
        {"id": "etc", "deny": "tag", "when": {"args.path": {"starts_with": "/etc"}}},
        {"id": "read", "allow": "read"},
        {"id": "later", "allow": "later", "when": {"args.when": {"starts_with": "2026"}}},
    )
    server: FastMCP[Any] = FastMCP("desk")
    for function in (order, tag, read, later):
        server.tool()(function)
    rules.guard_server(server)

    async with connected(server._mcp_server) as client:

        async def runs(tool: str, **args: Any) -> bool:
            return not (await client.call_tool(tool, args)).isError

        assert not await runs("order", order={"amount": 5, "sum": 800})
        assert await runs("order", order={"amount": 5, "sum": 7, "when": "2026-01-01"})
        assert not await runs("tag", path=" /etc/passwd")
        assert await runs("tag", path=" /srv")
        assert await runs("read", paths='["/srv"]')
        assert await runs("later", when="2026-01-01T00:00:00Z")
    assert done == [7, "/srv", ["/srv"], (2026, "Context", 3)]

"""Calls from code in the server's process, and code between a guard and a tool. Tests check which tools ran."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.dependencies import Depends
from fastmcp.exceptions import NotFoundError, ToolError
from fastmcp.server import create_proxy
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.providers import FastMCPProvider, Provider
from fastmcp.server.transforms import ToolTransform, Transform
from fastmcp.server.transforms.search import RegexSearchTransform
from fastmcp.tools import Tool
from fastmcp.tools.tool_transform import ArgTransformConfig, ToolTransformConfig
from mcp_types import CallToolRequestParams

from perso import Denied, Unguarded
from support.done import done
from support.policies import policy

SMALL = {"args.amount": {"lte": 500}}
RULES = policy(
    {"allow": ["refund", "shop_refund"], "when": SMALL}, {"allow": ["ask", "shop_ask", "call_tool", "*_call_tool", "*search*"]}
)


def refund(amount: int) -> str:
    done.append(amount)
    return "refunded"


async def ask(amount: int, ctx: Context) -> Any:
    return await ctx.fastmcp.call_tool("refund", {"amount": amount})


def desk(name: str = "desk", **settings: Any) -> FastMCP[Any]:
    server = FastMCP(name, **settings)
    server.tool(refund)
    server.tool(ask)
    return server


# In this process.


@pytest.mark.anyio
@pytest.mark.parametrize("first", ["inner", "tool", "listed"])
async def test_a_call_before_the_first_message(first: str) -> None:
    server = desk(middleware=[RULES.fastmcp()])

    async def call(amount: int) -> None:
        if first == "inner":
            await server.call_tool("refund", {"amount": amount}, run_middleware=False)
        elif first == "tool":
            tool = await server.get_tool("refund")
            assert tool is not None
            await tool.run({"amount": amount})
        else:
            (tool,) = [tool for tool in await server.list_tools(run_middleware=False) if tool.name == "refund"]
            await tool.run({"amount": amount})

    with pytest.raises(Denied):
        await call(800)
    await call(5)
    assert done == [5]


@pytest.mark.anyio
async def test_an_unguarded_server_is_as_it_was() -> None:
    server = desk()
    tool = await server.get_tool("refund")
    assert tool is (await server.list_tools())[0] and type(tool).__module__.startswith("fastmcp.")
    assert "get_tool" not in vars(server)


@pytest.mark.anyio
async def test_a_server_that_looks_for_tools_in_its_own_way() -> None:
    other = Tool.from_function(refund, name="refund")

    class Own(FastMCP[Any]):
        async def get_tool(self, name: str, version: Any = None) -> Tool | None:
            return other if name == "refund" else await super().get_tool(name, version)

    class Rewrites(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            context.message.arguments["amount"] += 795
            return await call_next(context)

    server = Own("desk", middleware=[RULES.fastmcp(), Rewrites()])
    with pytest.raises(Denied):
        await server.call_tool("refund", {"amount": 5})
    patched = desk(middleware=[RULES.fastmcp(), Rewrites()])
    inner = patched.get_tool
    patched.get_tool = lambda *args, **named: inner(*args, **named)  # type: ignore[method-assign]
    with pytest.raises(Denied):
        await patched.call_tool("refund", {"amount": 5})
    assert done == []


@pytest.mark.anyio
async def test_calls_in_this_process_may_have_values_that_no_json_has() -> None:
    server = FastMCP("desk", middleware=[RULES.fastmcp()])
    marker = object()

    @server.tool(name="refund")
    def keep(amount: int, more: Any = None) -> str:
        done.append(more)
        return "refunded"

    await server.call_tool("refund", {"amount": 5, "more": marker})
    assert done == [marker]


# Between the guard and the tool.


@pytest.mark.anyio
async def test_a_call_runs_with_what_was_judged_whoever_keeps_hold_of_it() -> None:
    """Arguments that other code changes while `resource` runs, or later."""
    kept: list[Any] = []
    asked, changed = anyio.Event(), anyio.Event()

    class Keeps(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            kept.append(context.message.arguments)
            return await call_next(context)

    async def owner(args: Any) -> Any:
        seen.append(args)
        asked.set()
        await changed.wait()
        return {"open": True}

    seen: list[Any] = []
    rules = policy({"allow": "pay", "when": {"args.to.amount": {"lte": 500}, "resource.open": True}})
    server = FastMCP("desk", middleware=[Keeps(), rules.fastmcp(resource=owner), Keeps()])

    @server.tool
    def pay(to: dict[str, Any]) -> str:
        done.append(to["amount"])
        return "paid"

    async with Client(server) as client, anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "pay", {"to": {"amount": 5}})
        await asked.wait()
        for args in kept:
            args["to"]["amount"] = 800
        changed.set()
    assert (done, seen) == ([5], [{"to": {"amount": 5}}])


@pytest.mark.anyio
async def test_several_guards_on_one_server() -> None:
    """Each guard judges what runs, even if the last one has `mode="observe"`."""

    class Rewrites(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            context.message.arguments["amount"] *= 10
            return await call_next(context)

    decisions: list[int] = []
    other = policy({"allow": "refund", "when": {"args.amount": {"gt": 10}}})
    observing = other.fastmcp(mode="observe", on_decision=lambda event, args: decisions.append(args["amount"]))
    for guards in ([RULES.fastmcp(), observing], [RULES.fastmcp(), other.fastmcp()]):
        server = desk(middleware=[*guards, Rewrites()])
        async with Client(server) as client:
            for amount in (80, 5, 20):
                await client.call_tool("refund", {"amount": amount}, raise_on_error=False)
    # If the second guard enforces, it denies the call that arrived with 5 as well.
    assert done == [50, 200, 200]
    assert decisions == [80, 5, 50, 20, 200]


@pytest.mark.anyio
async def test_a_tool_that_is_replaced_while_its_call_is_judged() -> None:
    """The server's guard left the decision to the function's guard, but then another function replaced it."""
    server = FastMCP("desk")

    def later(context: Any) -> Any:
        server.local_provider.remove_tool("refund")
        server.tool(refund)
        return {}

    rules = policy({"allow": "refund", "when": {"resource.open": True}})
    server.middleware.append(rules.fastmcp(agent=later))

    @server.tool(name="refund")
    @rules.guard(tool="refund", resource=lambda args: {"open": True})
    def guarded(amount: int) -> str:
        done.append("guarded")
        return "refunded"

    async with Client(server) as client:
        with pytest.raises(ToolError):
            await client.call_tool("refund", {"amount": 5})
    assert done == []


@pytest.mark.anyio
async def test_a_call_that_is_passed_on_twice_is_judged_twice() -> None:
    decisions: list[Any] = []

    class Twice(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            await call_next(context)
            return await call_next(context)

    guard = RULES.fastmcp(agent={"id": "ann"}, on_decision=lambda event, args: decisions.append((event.tool, args)))
    server = desk(middleware=[guard, Twice()])
    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 5})
        assert (done, decisions) == ([5, 5], [("refund", {"amount": 5})] * 2)
        # A call that nothing changes is judged once.
        del server.middleware[1]
        await client.call_tool("refund", {"amount": 6})
    assert decisions[2:] == [("refund", {"amount": 6})]


# Mounted servers.


@pytest.mark.anyio
async def test_where_the_guard_is() -> None:
    for on_child, on_parent in ((True, False), (False, True), (True, True)):
        guard = RULES.fastmcp()
        # One guard can guard both servers.
        child = desk("shop", middleware=[guard] if on_child else [])
        parent = FastMCP("parent", middleware=[guard] if on_parent else [])
        parent.mount(child, "shop")
        async with Client(parent) as client:
            for tool in ("shop_refund", "shop_ask"):
                await client.call_tool(tool, {"amount": 5})
                with pytest.raises(ToolError, match=r"args\.amount"):
                    await client.call_tool(tool, {"amount": 800})
        assert done == [5, 5], (on_child, on_parent)
        done.clear()


@pytest.mark.anyio
async def test_calls_inside_a_mounted_server_are_judged_by_the_name_that_the_tool_has_outside() -> None:
    rules = policy({"allow": "*"}, {"deny": "b_refund", "when": {"args.amount": {"gt": 500}}}, {"deny": "late_refund"})
    child = desk("child")
    parent = FastMCP("parent", middleware=[rules.fastmcp()])
    parent.mount(child, "a")
    async with Client(parent) as client:
        await client.call_tool("a_ask", {"amount": 800})
        # A tool with two names must be allowed under both.
        parent.mount(child, "b")
        with pytest.raises(ToolError):
            await client.call_tool("a_ask", {"amount": 801})
        await client.call_tool("a_ask", {"amount": 5})
    assert done == [800, 5]
    done.clear()

    renamed = FastMCP("parent", middleware=[rules.fastmcp()])
    renamed.mount(child, tool_names={"refund": "late_refund"})
    middle = FastMCP("middle")
    middle.mount(child)
    outer = FastMCP("outer", middleware=[rules.fastmcp()])
    outer.mount(middle, "late")
    for server, tool in ((renamed, "ask"), (outer, "late_ask")):
        async with Client(server) as client:
            with pytest.raises(ToolError):
                await client.call_tool(tool, {"amount": 5})
    assert done == []


@pytest.mark.anyio
async def test_a_server_that_is_mounted_in_a_way_of_its_own() -> None:
    """The outer names of its tools are unknown."""

    class Own(Provider):
        def __init__(self, server: FastMCP[Any]) -> None:
            super().__init__()
            self.held = FastMCPProvider(server)

        async def _get_tool(self, name: str, version: Any = None) -> Tool | None:
            tool = await self.held.get_tool(name.removeprefix("shop_"), version)
            return None if tool is None else tool.model_copy(update={"name": name})

    parent = FastMCP("parent", middleware=[RULES.fastmcp()])
    parent.add_provider(Own(desk("child")))
    async with Client(parent) as client:
        await client.call_tool("shop_refund", {"amount": 5})
        for tool, amount in (("shop_refund", 800), ("shop_ask", 5)):
            with pytest.raises(ToolError):
                await client.call_tool(tool, {"amount": amount})
    assert done == [5]


@pytest.mark.anyio
async def test_a_server_deep_inside_others() -> None:
    innermost = desk()
    server = innermost
    for number in range(20):
        outer = FastMCP(f"server {number}")
        outer.mount(server, "s")
        server = outer
    prefix = "s_" * 20
    rules = policy({"allow": f"{prefix}ask"}, {"allow": f"{prefix}refund", "when": SMALL})
    server.add_middleware(rules.fastmcp())
    async with Client(server) as client:
        await client.call_tool(f"{prefix}ask", {"amount": 5})
        with pytest.raises(ToolError):
            await client.call_tool(f"{prefix}ask", {"amount": 800})
    assert done == [5]


@pytest.mark.anyio
async def test_a_tool_that_the_guarded_server_does_not_offer_as_it_is_cannot_be_called_inside() -> None:
    class Drops(Transform):
        async def list_tools(self, tools: Any) -> Any:
            return [tool for tool in tools if not tool.name.endswith("refund")]

        async def get_tool(self, name: str, call_next: Any, *, version: Any = None) -> Any:
            return None if name.endswith("refund") else await call_next(name, version=version)

    other = ToolTransformConfig(arguments={"amount": ArgTransformConfig(name="sum")})
    for transform in (Drops(), ToolTransform({"shop_refund": other})):
        parent = FastMCP("parent", middleware=[policy({"allow": "*"}).fastmcp()], transforms=[transform])
        parent.mount(desk("child"), "shop")
        async with Client(parent) as client:
            with pytest.raises(ToolError):
                await client.call_tool("shop_ask", {"amount": 5})
    assert done == []


@pytest.mark.anyio
async def test_a_search_on_a_mounted_server_finds_what_the_caller_can_call() -> None:
    child = desk("shop", transforms=[RegexSearchTransform()])
    child.tool(lambda: done.append("secret"), name="refund_secretly")
    parent = FastMCP("parent", middleware=[RULES.fastmcp()])
    parent.mount(child, "shop")
    async with Client(parent) as client:
        found = await client.call_tool("shop_search_tools", {"pattern": "refund"})
        text = getattr(found.content[0], "text")
        assert '"refund"' in text and "refund_secretly" not in text
        with pytest.raises(ToolError):
            await client.call_tool("shop_call_tool", {"name": "refund_secretly", "arguments": {}})
    assert done == []


@pytest.mark.anyio
async def test_another_server_in_the_process_is_guarded_by_its_own_guards() -> None:
    helper = desk("helper")
    server = desk(middleware=[RULES.fastmcp()])
    server.tool(name="call_tool")(lambda amount: anyio.from_thread.run(helper.call_tool, "refund", {"amount": amount}))
    await server.call_tool("call_tool", {"amount": 800})
    assert done == [800]
    helper.add_middleware(RULES.fastmcp())
    with pytest.raises(ToolError):
        await server.call_tool("call_tool", {"amount": 801})
    proxy = FastMCP("proxy", middleware=[RULES.fastmcp()])
    proxy.mount(create_proxy(helper), "shop")
    async with Client(proxy) as client:
        await client.call_tool("shop_ask", {"amount": 5})
        with pytest.raises(ToolError):
            await client.call_tool("shop_ask", {"amount": 800})
    assert done == [800, 5]


@pytest.mark.anyio
async def test_calls_inside_are_by_the_same_caller() -> None:
    told: list[Any] = []
    callers = iter([{"roles": ["agent"]}, {}])

    def agent(context: Any) -> Any:
        told.append(context.message.name)
        return next(callers)

    roles = {"agent": []}
    rules = policy({"allow": ["shop_refund"], "roles": ["agent"]}, {"allow": "shop_ask"}, roles=roles)
    parent = FastMCP("parent", middleware=[rules.fastmcp(agent=agent)])
    parent.mount(desk("child"), "shop")
    async with Client(parent) as client:
        await client.call_tool("shop_ask", {"amount": 5})
        with pytest.raises(ToolError):
            await client.call_tool("shop_ask", {"amount": 6})
    assert (done, told) == ([5], ["shop_ask", "shop_ask"])


@pytest.mark.anyio
async def test_a_call_that_has_lost_its_request_is_judged_all_the_same() -> None:
    """Another thread does not know the current request."""
    child = desk("child")

    @child.tool(name="ask")
    async def elsewhere(amount: int) -> None:
        def work() -> None:
            try:
                asyncio.run(child.call_tool("refund", {"amount": amount}))
            except ToolError as error:
                errors.append(error)

        await asyncio.get_running_loop().run_in_executor(None, work)

    errors: list[ToolError] = []
    parent = FastMCP("parent", middleware=[RULES.fastmcp()])
    parent.mount(child, "shop")
    async with Client(parent) as client:
        await client.call_tool("shop_ask", {"amount": 800})
        await client.call_tool("shop_ask", {"amount": 5})
    assert (done, len(errors)) == ([5], 1)
    # Calls that reach the mounted server directly are up to that server.
    async with Client(child) as client:
        await client.call_tool("refund", {"amount": 801})
    assert done == [5, 801]


@pytest.mark.anyio
async def test_what_starts_with_a_server_is_judged() -> None:
    child = desk("child")
    failed: list[Any] = []

    @asynccontextmanager
    async def lifespan(server: FastMCP[Any]) -> AsyncIterator[None]:
        with pytest.raises(ToolError):
            await child.call_tool("refund", {"amount": 800})
        failed.append(True)
        yield

    parent = FastMCP("parent", middleware=[RULES.fastmcp()], lifespan=lifespan)
    parent.mount(child, "shop")
    async with Client(parent):
        pass
    assert (done, failed) == ([], [True])


@pytest.mark.anyio
async def test_a_cache_of_a_mounted_server_answers_only_what_is_allowed() -> None:
    callers = [{"roles": ["boss"]}, {}]
    rules = policy({"allow": "shop_refund", "roles": ["boss"]}, {"allow": "shop_ask"}, roles={"boss": []})
    child = desk("child", middleware=[ResponseCachingMiddleware()])
    parent = FastMCP("parent", middleware=[rules.fastmcp(agent=lambda: callers[0])])
    parent.mount(child, "shop")
    async with Client(parent) as client:
        await client.call_tool("shop_refund", {"amount": 800})
        await client.call_tool("shop_refund", {"amount": 800})
        del callers[0]
        with pytest.raises(ToolError, match="role boss"):
            await client.call_tool("shop_ask", {"amount": 800})
    assert done == [800]


@pytest.mark.anyio
async def test_a_middleware_in_front_of_the_guard_calls_tools() -> None:
    child = desk("child")

    class Front(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            args = context.message.arguments
            if args.pop("child"):
                return await child.call_tool("refund", args)
            return await parent.call_tool("shop_refund", args, run_middleware=False)

    parent = FastMCP("parent", middleware=[Front(), RULES.fastmcp()])
    parent.mount(child, "shop")
    for call in (Client(parent), None):
        for to_child in (True, False):
            for amount in (5, 800):
                args = {"amount": amount, "child": to_child}
                if call is None:
                    with contextlib.suppress(ToolError):
                        await parent.call_tool("anything", args)
                else:
                    async with call as client:
                        await client.call_tool("anything", args, raise_on_error=False)
    assert done == [5] * 4


@pytest.mark.anyio
async def test_a_guard_inside_another_middleware() -> None:
    guard = RULES.fastmcp()

    class Wraps(Middleware):
        async def __call__(self, context: Any, call_next: Any) -> Any:
            return await guard(context, call_next)

    class Rewrites(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            context.message.arguments["amount"] *= 10
            return await call_next(context)

    server = desk(middleware=[Wraps(), Rewrites()])
    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 5})
        with pytest.raises(ToolError):
            await client.call_tool("refund", {"amount": 80})
    assert done == [50]


# Values that the server asks the user for.


@pytest.mark.anyio
@pytest.mark.parametrize("amount", [5, 800])
async def test_what_a_dependency_brings_is_judged_by_the_guard_of_the_function(amount: int) -> None:
    """The client's arguments cannot replace the user's answer."""

    def asked() -> int:
        return amount

    server = FastMCP("desk", middleware=[policy({"allow": "refund"}).fastmcp()])

    @server.tool(name="refund")
    @RULES.guard(tool="refund")
    def with_dependency(amount: int = Depends(asked)) -> str:
        return refund(amount)

    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 1}, raise_on_error=False)
        await client.call_tool("refund", {}, raise_on_error=False)
    assert done == ([5] if amount == 5 else [])


# Mistakes that are found at the start, and later.


@pytest.mark.anyio
async def test_a_cache_in_front_of_the_guard_stops_the_server() -> None:
    class Cache(ResponseCachingMiddleware):
        pass

    server = desk(middleware=[Cache(), RULES.fastmcp()])
    with pytest.raises(Unguarded, match="answers before the guard is asked"):
        await server.call_tool("refund", {"amount": 5})
    # A mistake that is made while the server runs.
    server = desk(middleware=[RULES.fastmcp()])
    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 5})
        server.middleware.insert(0, Cache())
        for _ in range(2):
            with pytest.raises(Exception):
                await client.call_tool("refund", {"amount": 6})
    assert done == [5]


@pytest.mark.anyio
async def test_a_handler_that_is_replaced_while_the_server_runs() -> None:
    server = desk(middleware=[RULES.fastmcp()])

    async def handler(ctx: Any, params: Any) -> Any:
        done.append("unguarded")
        return {"content": []}

    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 5})
        server._mcp_server.add_request_handler("tools/call", CallToolRequestParams, handler)
        with pytest.raises(Exception):
            await client.call_tool("refund", {"amount": 800})
    assert done == [5]


@pytest.mark.anyio
async def test_a_guard_in_the_wrong_place_on_a_tool_that_comes_later() -> None:
    server = desk(middleware=[RULES.fastmcp()])
    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 5})

        @RULES.guard(tool="shop_refund")
        @server.tool(name="shop_refund")
        def wrong(amount: int) -> str:
            done.append("wrong")
            return "refunded"

        with pytest.raises(Exception):
            await client.call_tool("shop_refund", {"amount": 5})
    assert done == [5]


@pytest.mark.anyio
async def test_hidden_tools_are_unknown_inside_as_well() -> None:
    child = desk("shop")
    parent = FastMCP("parent", middleware=[RULES.fastmcp(hide=True)])
    parent.mount(child, "shop")

    child.local_provider.remove_tool("ask")

    @child.tool(name="ask")
    async def catches(amount: int, ctx: Context) -> str:
        for name in ("refund", "nothing"):
            with pytest.raises(NotFoundError, match=f"^Unknown tool: '{name}'$"):
                await ctx.fastmcp.call_tool(name, {"amount": 800})
        return "both"

    async with Client(parent) as client:
        assert getattr((await client.call_tool("shop_ask", {"amount": 5})).content[0], "text") == "both"
    assert done == []


@pytest.mark.anyio
async def test_a_tool_that_a_mounted_server_hides_is_unknown() -> None:
    child = desk("shop", middleware=[RULES.fastmcp(hide=True)])
    middle = FastMCP("middle")
    middle.mount(child, tool_names={"refund": "pay"})
    parent = FastMCP("parent")
    parent.mount(middle, "shop")
    async with Client(parent) as client:
        for tool in ("shop_pay", "shop_none"):
            result = await client.call_tool(tool, {"amount": 800}, raise_on_error=False)
            assert getattr(result.content[0], "text") == f"Unknown tool: {tool!r}"
    assert done == []

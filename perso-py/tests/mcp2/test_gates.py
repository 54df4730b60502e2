"""Server code between the guard and a tool, on `mcp` 2. Whatever it does, a tool runs only with judged arguments."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from mcp import Client
from mcp.server.extension import Extension
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp.server.mcpserver.tools import Tool
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListToolsResult,
    RequestParams,
    TextContent,
)
from mcp_types import Tool as ToolInfo
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from perso import Denied, Unguarded
from support.done import done
from support.policies import AGENT, DESK, MANAGER, policy

MODES = ["legacy", "2026-07-28"]

both_eras = pytest.mark.parametrize("mode", MODES)


def process_refund(amount: float) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def dump_secrets(amount: float = 0) -> str:
    """Dumps."""
    done.append("dumped")
    return "dumped"


def served(*middleware: Any) -> MCPServer[Any]:
    server = MCPServer("desk", middleware=middleware)
    server.tool()(process_refund)
    server.tool()(dump_secrets)
    return server


def low_level(*middleware: Any) -> Server[Any]:
    async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(
            tools=[ToolInfo(name=name, input_schema={"type": "object"}) for name in ("process_refund", "dump_secrets")]
        )

    async def call_tool(ctx: Any, params: Any) -> CallToolResult:
        # A handler can read the arguments in two places.
        assert ctx.params["arguments"] == params.arguments and ctx.params["name"] == params.name
        done.append(params.arguments["amount"] if params.name == "process_refund" else "dumped")
        return CallToolResult(content=[TextContent(type="text", text="done")])

    server: Server[Any] = Server("desk", on_list_tools=list_tools, on_call_tool=call_tool)
    server.middleware.extend(middleware)
    return server


async def call(server: Any, mode: str, amount: Any = 5, tool: str = "process_refund", **more: Any) -> bool:
    """Whether a client's call succeeded."""
    async with Client(server, mode=mode, **more) as client:
        try:
            return not (await client.call_tool(tool, {"amount": amount})).is_error
        except MCPError:
            return False


def text(result: Any) -> str:
    return str(result.content[0].text)


# Middleware that rewrites calls.


async def renames(ctx: Any, call_next: Any) -> Any:
    return await call_next(replace(ctx, params={**ctx.params, "name": "dump_secrets"}) if ctx.method == "tools/call" else ctx)


async def raises_the_amount(ctx: Any, call_next: Any) -> Any:
    return await call_next(
        replace(ctx, params={**ctx.params, "arguments": {"amount": 800}}) if ctx.method == "tools/call" else ctx
    )


async def changes_the_arguments_in_place(ctx: Any, call_next: Any) -> Any:
    if ctx.method == "tools/call":
        ctx.params["arguments"]["amount"] = 800
    return await call_next(ctx)


async def runs_another_call_first(ctx: Any, call_next: Any) -> Any:
    if ctx.method == "tools/call":
        await call_next(replace(ctx, params={**ctx.params, "arguments": {"amount": 800}}))
    return await call_next(ctx)


async def runs_another_call_afterwards(ctx: Any, call_next: Any) -> Any:
    result = await call_next(ctx)
    return (
        await call_next(replace(ctx, params={**ctx.params, "arguments": {"amount": 800}}))
        if ctx.method == "tools/call"
        else result
    )


async def makes_a_call_of_a_list(ctx: Any, call_next: Any) -> Any:
    if ctx.method == "tools/list":
        return await call_next(
            replace(ctx, method="tools/call", params={**(ctx.params or {}), "name": "dump_secrets", "arguments": {}})
        )
    return await call_next(ctx)


REWRITES = [renames, raises_the_amount, changes_the_arguments_in_place, runs_another_call_first, runs_another_call_afterwards]


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("rewrite", REWRITES, ids=lambda rewrite: str(rewrite.__name__))
@pytest.mark.parametrize("build", [served, low_level])
async def test_a_middleware_behind_the_guard_rewrites_a_call(build: Any, rewrite: Any, mode: str) -> None:
    await call(build(DESK.mcp(agent=AGENT), rewrite), mode)
    assert set(done) <= {5}
    done.clear()
    # A guard that is added to an existing server is in front of the server's middleware.
    server = build(rewrite)
    DESK.guard_server(server, agent=AGENT)
    await call(server, mode)
    assert set(done) <= {5}


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("build", [served, low_level])
async def test_a_middleware_in_front_of_the_guard_rewrites_a_call(build: Any, mode: str) -> None:
    for rewrite in REWRITES:
        await call(build(rewrite, DESK.mcp(agent=AGENT)), mode)
    assert set(done) <= {5}


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("build", [served, low_level])
async def test_a_middleware_makes_a_call_of_another_message(build: Any, mode: str) -> None:
    async with Client(build(DESK.mcp(agent=AGENT), makes_a_call_of_a_list), mode=mode) as client:
        try:
            assert (await client.list_tools()).tools == []
        except Exception as error:
            assert isinstance(error, (MCPError, ValidationError))
    assert done == []


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("build", [served, low_level])
async def test_a_middleware_calls_the_handler_itself(build: Any, mode: str) -> None:
    servers: list[Any] = []

    async def short_circuit(ctx: Any, call_next: Any) -> Any:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        lowlevel = getattr(servers[0], "_lowlevel_server", servers[0])
        entry = lowlevel.get_request_handler("tools/call")
        params = CallToolRequestParams(name="process_refund", arguments={"amount": 800})
        return await entry.handler(replace(ctx, params={"name": "process_refund", "arguments": {"amount": 800}}), params)

    servers.append(build(short_circuit, DESK.mcp(agent=AGENT)))
    assert not await call(servers[0], mode)
    assert done == []


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("build", [served, low_level])
async def test_a_middleware_that_rewrites_a_call_into_an_allowed_one(build: Any, mode: str) -> None:
    async def lowers_the_amount(ctx: Any, call_next: Any) -> Any:
        return await call_next(
            replace(ctx, params={**ctx.params, "arguments": {"amount": 7}}) if ctx.method == "tools/call" else ctx
        )

    assert await call(build(DESK.mcp(agent=AGENT), lowers_the_amount), mode)
    # The values that the client sent are judged as well.
    assert not await call(build(DESK.mcp(agent=AGENT), lowers_the_amount), mode, amount=800)
    assert done == [7]


@pytest.mark.anyio
@both_eras
async def test_an_extension_rewrites_a_call(mode: str) -> None:
    class Rewrites(Extension):
        identifier = "com.example/rewrites"

        async def intercept_tool_call(self, params: Any, ctx: Any, call_next: Any) -> Any:
            params.arguments["amount"] = 800
            return await call_next(ctx)

    server = MCPServer("desk", middleware=[DESK.mcp(agent=AGENT)], extensions=[Rewrites()])
    server.tool()(process_refund)
    assert not await call(server, mode)
    assert done == []


@pytest.mark.anyio
@both_eras
async def test_a_subclass_rewrites_a_call(mode: str) -> None:
    class Rewrites(MCPServer[Any]):
        async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
            return await super().call_tool("dump_secrets", arguments, context)

    server = Rewrites("desk", middleware=[DESK.mcp(agent=AGENT)])
    server.tool()(process_refund)
    server.tool()(dump_secrets)
    assert not await call(server, mode)
    assert done == []


# Handlers, tools and tables that change.


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("way", ["add_request_handler", "the dict", "another dict"])
async def test_a_handler_that_is_registered_while_the_server_runs(way: str, mode: str) -> None:
    @asynccontextmanager
    async def lifespan(server: Server[Any]) -> AsyncIterator[Any]:
        late = low_level()._request_handlers["tools/call"]
        if way == "add_request_handler":
            server.add_request_handler("tools/call", late.params_type, late.handler)
        elif way == "the dict":
            server._request_handlers["tools/call"] = late
        else:
            server._request_handlers = {**server._request_handlers, "tools/call": late}
        yield {}

    server: Server[Any] = Server("desk", lifespan=lifespan, on_list_tools=low_level()._request_handlers["tools/list"].handler)
    DESK.guard_server(server, agent=AGENT)
    assert not await call(server, mode, 800)
    assert await call(server, mode)
    assert done == [5]


@pytest.mark.anyio
@both_eras
async def test_a_handler_with_parameters_of_its_own(mode: str) -> None:
    class Mine(RequestParams):
        tool: str = Field(alias="name")
        given: dict[str, Any] = Field(alias="arguments")

    async def handler(ctx: Any, params: Mine) -> CallToolResult:
        assert ctx.params["arguments"] == params.given
        done.append(params.given["amount"])
        return CallToolResult(content=[])

    server: Server[Any] = Server("desk", on_list_tools=low_level()._request_handlers["tools/list"].handler)
    server.add_request_handler("tools/call", Mine, handler)
    DESK.guard_server(server, agent=AGENT)
    server.middleware.append(changes_the_arguments_in_place)
    assert not await call(server, mode)
    server.middleware.pop()
    assert await call(server, mode) and not await call(server, mode, 800)
    assert done == [5]


@pytest.mark.anyio
@both_eras
async def test_a_call_is_left_to_the_guard_of_a_function_only_if_that_runs(mode: str) -> None:
    @DESK.guard(resource=lambda args: {"owner_id": "mgr-001"})
    def delete_record(amount: float) -> str:
        done.append("guarded")
        return "deleted"

    async def custom(ctx: Any, params: Any) -> CallToolResult:
        done.append("custom")
        return CallToolResult(content=[])

    server = MCPServer("desk", middleware=[DESK.mcp(agent=MANAGER)])
    server.tool()(delete_record)
    assert await call(server, mode, tool="delete_record")
    server._lowlevel_server.add_request_handler("tools/call", CallToolRequestParams, custom)
    assert not await call(server, mode, tool="delete_record")
    assert done == ["guarded"]


@pytest.mark.anyio
async def test_a_tool_is_replaced_between_the_guard_and_the_tool() -> None:
    @DESK.guard(resource=lambda args: {"owner_id": "mgr-001"})
    def delete_record(amount: float) -> str:
        done.append("guarded")
        return "deleted"

    async def replaces(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "tools/call":
            server.remove_tool("delete_record")
            server.tool(name="delete_record")(dump_secrets)
        return await call_next(ctx)

    server = MCPServer("desk", middleware=[DESK.mcp(agent=MANAGER), replaces])
    server.tool()(delete_record)
    assert not await call(server, "legacy", tool="delete_record")
    assert done == []


# Before the first message, and guards in several servers.


@pytest.mark.anyio
@pytest.mark.parametrize(
    "way", ["constructor", "append", "insert", "extend", "add", "index", "slice", "assign", "guard_server"]
)
async def test_calls_inside_before_the_first_message(way: str) -> None:
    guard = DESK.mcp(agent=AGENT)
    server = served(guard) if way == "constructor" else served()
    lowlevel = server._lowlevel_server
    if way == "append":
        server.middleware.append(guard)
    elif way == "insert":
        server.middleware.insert(0, guard)
    elif way == "extend":
        server.middleware.extend([guard])
    elif way == "add":
        lowlevel.middleware += [guard]
    elif way == "index":
        server.middleware[0] = guard
    elif way == "slice":
        server.middleware[:] = [guard]
    elif way == "assign":
        lowlevel.middleware = [*lowlevel.middleware, guard]
    elif way == "guard_server":
        DESK.guard_server(server, agent=AGENT)
    context: Context[Any, Any] = Context(mcp_server=server)
    for run in (
        lambda amount: server.call_tool("process_refund", {"amount": amount}),
        lambda amount: server.call_tool(name="process_refund", arguments={"amount": amount}, context=context),
        lambda amount: server._tool_manager.call_tool("process_refund", {"amount": amount}, context),
    ):
        with pytest.raises(Denied):
            await run(800)
        await run(5)
    assert done == [5, 5, 5]


@pytest.mark.anyio
async def test_calls_in_a_lifespan() -> None:
    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[Any]:
        with pytest.raises(Denied):
            await server.call_tool("process_refund", {"amount": 800})
        await server.call_tool("process_refund", {"amount": 7})
        yield {}

    server = MCPServer("desk", lifespan=lifespan, middleware=[DESK.mcp(agent=AGENT)])
    server.tool()(process_refund)
    assert await call(server, "legacy")
    assert done == [7, 5]


@pytest.mark.anyio
@both_eras
async def test_one_guard_in_two_servers(mode: str) -> None:
    guard = DESK.mcp(agent=MANAGER)
    # On the first server, the function's guard knows the resource and decides. On the second one, it does not.
    first, second = MCPServer("first", middleware=[guard]), MCPServer("second", middleware=[guard])
    first.tool(name="delete_record")(
        DESK.guard(tool="delete_record", resource=lambda args: {"owner_id": "mgr-001"})(lambda amount: done.append("first"))
    )
    second.tool(name="delete_record")(lambda amount: done.append("second"))
    second.tool()(process_refund)
    assert await call(first, mode, tool="delete_record")
    assert not await call(second, mode, tool="delete_record")
    assert not await call(first, mode) and await call(second, mode) and not await call(second, mode, 800)
    with pytest.raises(Denied):
        await second.call_tool("process_refund", {"amount": 800})
    assert done == ["first", 5]
    DESK.verify(second)


@pytest.mark.anyio
async def test_a_table_of_tools_that_is_replaced() -> None:
    server = served(DESK.mcp(agent=AGENT))
    server._tool_manager = type(server._tool_manager)(tools=[Tool.from_function(process_refund)])
    assert not await call(server, "legacy", 800) and await call(server, "legacy")
    assert done == [5]


@pytest.mark.anyio
async def test_a_guard_that_does_not_know_its_server_lets_nothing_through() -> None:
    guard = DESK.mcp(agent=AGENT)

    async def around(ctx: Any, call_next: Any) -> Any:
        return await guard(ctx, call_next)

    with pytest.raises((MCPError, ExceptionGroup)):
        await call(served(around), "legacy")
    assert done == []
    with pytest.raises(Unguarded, match="not in the `middleware` of a server"):
        guard._ready()


@pytest.mark.anyio
@both_eras
async def test_two_guards_of_different_policies(mode: str) -> None:
    other = policy({"allow": "process_refund", "when": {"args.amount": {"gt": 3}}})
    server = served(DESK.mcp(agent=AGENT), other.mcp())
    assert await call(server, mode) and not await call(server, mode, 2) and not await call(server, mode, 800)
    for amount in (2, 800):
        with pytest.raises(Denied):
            await server.call_tool("process_refund", {"amount": amount})
    assert done == [5]


def test_a_low_level_server_that_nothing_guards_is_found() -> None:
    server = low_level()
    with pytest.raises(Unguarded, match="nothing guards the server `desk`"):
        DESK.verify(server)
    DESK.guard_server(server, agent=AGENT)
    DESK.verify(server)
    with pytest.raises(Unguarded):
        policy({"allow": "x"}).verify(server)
    with pytest.raises(TypeError, match="`object` is no server"):
        DESK.verify(object())


# Functions that run with other values than the client sent.


class Order(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    amount: float = Field(validation_alias=AliasChoices("sum", "total"))
    when: datetime | None = None


REFUND = policy(
    {"id": "small", "allow": ["refund", "order"], "when": {"args.amount": {"lte": 500}}},
    {"id": "order", "allow": "order", "when": {"args.order.amount": {"lte": 500}}},
    {"id": "other", "allow": "order", "when": {"args.order.total": {"lte": 500}}},
    {"id": "tagged", "allow": "tag", "unless": {"args.path": {"starts_with": "/etc"}}},
    {"id": "etc", "deny": "tag", "when": {"args.path": {"starts_with": "/etc"}}},
    {"id": "later", "allow": "later", "when": {"args.when": {"starts_with": "2026"}, "args.path": {"within": "/srv"}}},
)


def changed_in_place(order: Any) -> Any:
    order["amount"] = 800
    return order


async def runs(function: Any, args: Any, mode: str = "legacy", name: str = "refund") -> bool:
    server = MCPServer("desk", middleware=[REFUND.mcp()])
    server.tool(name=name)(function)
    async with Client(server, mode=mode) as client:
        return not (await client.call_tool(name, args)).is_error


@pytest.mark.anyio
@both_eras
async def test_an_alias_and_a_decoy(mode: str) -> None:
    def refund(amount: Annotated[float, Field(validation_alias="sum")]) -> None:
        done.append(amount)

    assert not await runs(refund, {"amount": 5, "sum": 800}, mode)
    assert await runs(refund, {"amount": 5, "sum": 7}, mode)

    def order(order: Order) -> None:
        done.append(order.amount)

    for sent in ({"amount": 5, "sum": 800}, {"amount": 5, "total": 800}, {"total": 5, "sum": 800}):
        assert not await runs(order, {"order": sent}, mode, "order"), sent
    for sent in ({"amount": 5}, {"total": 6}, {"amount": 5, "when": "2026-01-01"}):
        assert await runs(order, {"order": sent}, mode, "order"), sent
    assert done == [7, 5, 6, 5]


@pytest.mark.anyio
@both_eras
async def test_values_that_the_schema_changes(mode: str) -> None:
    def tag(path: Annotated[str, BeforeValidator(lambda text: str(text).strip())]) -> None:
        done.append(path)

    assert not await runs(tag, {"path": " /etc/passwd"}, mode, "tag")
    assert await runs(tag, {"path": " /srv"}, mode, "tag")

    def order(amount: float, order: Annotated[dict[str, Any], BeforeValidator(changed_in_place)]) -> None:
        done.append(order)

    assert not await runs(order, {"order": {"amount": 5}, "amount": 800}, mode, "order")
    assert done == ["/srv"]


@pytest.mark.anyio
@both_eras
async def test_a_list_in_a_string(mode: str) -> None:
    paths = policy(
        {"allow": "read", "when": {"args.paths": {"count": {"gt": 0}}}},
        {"deny": "read", "when": {"args.paths": {"some": {"starts_with": "/etc"}}}},
    )

    def read(paths: Any) -> None:
        done.append(paths)

    server = MCPServer("desk", middleware=[paths.mcp()])
    server.tool()(read)
    async with Client(server, mode=mode) as client:
        assert (await client.call_tool("read", {"paths": '["/etc/passwd"]'})).is_error
        assert not (await client.call_tool("read", {"paths": ["/srv"]})).is_error
    assert done == [["/srv"]]


@pytest.mark.anyio
@both_eras
async def test_classes_that_json_does_not_have_are_the_text_that_was_sent(mode: str) -> None:
    def later(when: datetime, path: Path, tags: set[str] = set()) -> None:  # noqa: B006 - users write such defaults
        done.append((when.year, str(path)))

    assert await runs(later, {"when": "2026-01-01T00:00:00Z", "path": "/srv/a", "tags": ["b", "b"]}, mode, "later")
    assert not await runs(later, {"when": "2026-01-01T00:00:00Z", "path": "/etc/a"}, mode, "later")
    assert done == [(2026, "/srv/a")]

    def decoy(when: Annotated[datetime, Field(validation_alias="w")], path: str) -> None:
        done.append("decoy")

    assert not await runs(decoy, {"when": "2026-01-01T00:00:00Z", "w": "1999-01-01T00:00:00Z", "path": "/srv/a"}, mode, "later")
    assert done == [(2026, "/srv/a")]


# Values that the server asks the user for.


class Target(BaseModel):
    path: str


def ask() -> Elicit[Target]:
    return Elicit("which file?", Target)


async def remove(target: Annotated[Target, Resolve(ask)]) -> str:
    """Removes a file."""
    done.append(target.path)
    return "removed"


def confirm(target: Annotated[Target, Resolve(ask)]) -> Target:
    return target


async def remove_nested(target: Annotated[Target, Resolve(confirm)]) -> str:
    """Removes a file."""
    done.append(target.path)
    return "removed"


FILES = policy(
    {
        "allow": ["remove", "remove_all"],
        "when": {"args.target.path": {"starts_with": "/srv/"}},
        "reason": "Only files in /srv can be removed.",
    }
)


@pytest.mark.anyio
@both_eras
@pytest.mark.parametrize("function", [remove, remove_nested])
async def test_what_the_user_is_asked_for_is_judged(function: Any, mode: str) -> None:
    server = MCPServer("desk", middleware=[FILES.mcp()])
    server.tool(name="remove")(function)
    answer = "/etc/passwd"

    async def answers(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"path": answer})

    async def removes(args: Any) -> Any:
        async with Client(server, mode=mode, elicitation_callback=answers) as client:
            return await client.call_tool("remove", args)

    # Whatever the client sends in their place.
    for args in ({}, {"target": {"path": "/srv/a"}}, {"target": "/srv/a"}, {"target": None}):
        denied = await removes(args)
        assert denied.is_error and text(denied) == "Only files in /srv can be removed.", args
    assert done == []
    answer = "/srv/b"
    for args in ({}, {"target": {"path": "/etc/passwd"}}, {"target": {"path": "/srv/b"}}):
        assert not (await removes(args)).is_error
    assert done == ["/srv/b"] * 3


@pytest.mark.anyio
@both_eras
async def test_a_call_that_is_denied_whatever_the_answer_asks_nobody(mode: str) -> None:
    asked: list[Any] = []

    async def answers(context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        return ElicitResult(action="accept", content={"path": "/srv/a"})

    for rules in (policy({"allow": "other"}), policy({"allow": "remove", "roles": ["admin"]}), policy({"deny": "remove"})):
        server = MCPServer("desk", middleware=[rules.mcp(agent=AGENT)])
        server.tool()(remove)
        async with Client(server, mode=mode, elicitation_callback=answers) as client:
            assert (await client.call_tool("remove", {})).is_error
    assert asked == [] and done == []


@pytest.mark.anyio
async def test_answers_on_the_wire() -> None:
    """Handwritten `inputResponses` and `requestState`."""
    server = MCPServer("desk", middleware=[FILES.mcp()])
    server.tool()(remove)

    async def never(context: Any, params: Any) -> ElicitResult:
        raise AssertionError("the answers are written below")

    @server.tool(name="remove_all")
    async def remove_by_context(target: Annotated[Target, Resolve(ask)], ctx: Context) -> str:
        done.append(dict(ctx.input_responses or {}))
        return "removed"

    async with Client(server, mode="2026-07-28", elicitation_callback=never) as client:
        first = await client.session.call_tool("remove", {}, allow_input_required=True)
        (key,) = first.input_requests  # type: ignore[union-attr]
        for path in ("/etc/passwd", "/srv/a"):
            result = await client.session.call_tool(
                "remove",
                {},
                input_responses={key: ElicitResult(action="accept", content={"path": path})},
                request_state=first.request_state,  # type: ignore[union-attr]
                allow_input_required=True,
            )
            assert result.is_error is (path == "/etc/passwd")  # type: ignore[union-attr]
        # A response that no `Resolve` asked for, which only the function itself can read.
        accepted = ElicitResult(action="accept", content={"path": "/srv/a"})
        first = await client.session.call_tool("remove_all", {}, allow_input_required=True)
        result = await client.session.call_tool(
            "remove_all",
            {},
            input_responses={key: accepted, "other": ElicitResult(action="accept", content={"path": "/etc/passwd"})},
            request_state=first.request_state,  # type: ignore[union-attr]
            allow_input_required=True,
        )
        assert result.is_error  # type: ignore[union-attr]
    assert done == ["/srv/a"]


@pytest.mark.anyio
@pytest.mark.parametrize("build", ["function", "handler"])
async def test_responses_that_the_tool_itself_reads(build: str) -> None:
    """The arguments are a decoy: the tool runs with the values in `inputResponses`."""
    question = ElicitRequest(
        params=ElicitRequestFormParams(message="which file?", requested_schema={"type": "object", "properties": {}})
    )
    asked = InputRequiredResult(input_requests={"path": question}, request_state="asked")
    rules = policy({"allow": "remove", "when": {"args.path": {"starts_with": "/srv/"}}})

    async def by_function(path: str, ctx: Context) -> str | InputRequiredResult:
        if not ctx.input_responses:
            return asked
        done.append(ctx.input_responses["path"].content)  # type: ignore[union-attr]
        return "removed"

    async def by_handler(ctx: Any, params: Any) -> Any:
        if not params.input_responses and params.request_state is None:
            return asked
        done.append(params.input_responses or params.request_state)
        return CallToolResult(content=[TextContent(type="text", text="removed")])

    async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[ToolInfo(name="remove", input_schema={"type": "object"})])

    def server(**settings: Any) -> Any:
        made: Any = (
            MCPServer("desk") if build == "function" else Server("desk", on_call_tool=by_handler, on_list_tools=list_tools)
        )
        if build == "function":
            made.tool(name="remove")(by_function)
        rules.guard_server(made, **settings)
        return made

    async def answers(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"path": "/etc/passwd"})

    async def removes(**settings: Any) -> bool:
        async with Client(server(**settings), mode="2026-07-28", elicitation_callback=answers) as client:
            result = await client.call_tool("remove", {"path": "/srv/a"})
            return not result.is_error

    assert not await removes() and done == []
    if build == "handler":
        # Only a state, which the client can make up.
        async with Client(server(), mode="2026-07-28") as client:
            forged = await client.session.call_tool("remove", {"path": "/srv/a"}, request_state="x")
            assert forged.is_error and done == []
    assert await removes(input_responses="pass") and len(done) == 1
    with pytest.raises(ValueError, match="use `deny` or `pass`"):
        rules.mcp(input_responses="judge")  # type: ignore[typeddict-item]


@pytest.mark.anyio
@both_eras
async def test_hidden_tools_stay_hidden_further_in(mode: str) -> None:
    server = served(DESK.mcp(agent=AGENT, hide=True), renames)
    async with Client(server, mode=mode) as client:
        hidden = await client.call_tool("process_refund", {"amount": 5})
        assert hidden.is_error and text(hidden) == "Unknown tool: dump_secrets"
        missing = await client.call_tool("no_such_tool", {})
    hiding = MCPServer("desk", middleware=[FILES.mcp(hide=True)])
    hiding.tool()(remove)

    async def answers(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"path": "/etc/passwd"})

    async with Client(hiding, mode=mode, elicitation_callback=answers) as client:
        hidden = await client.call_tool("remove", {})
    assert hidden.model_dump() | {"content": 0} == missing.model_dump() | {"content": 0}
    assert text(hidden) == "Unknown tool: remove" and done == []


# Depth.


@pytest.mark.anyio
@both_eras
async def test_deep_arguments_reach_the_resource_source_whole(mode: str) -> None:
    asked: list[Any] = []

    def source(args: Any) -> Any:
        asked.append(args)
        return {"protected": args.get("path") == "/protected"}

    def write(path: str, deep: Any = None) -> str:
        done.append(path)
        return "written"

    guarded = policy({"allow": "write", "when": {"resource.protected": False}})
    server = MCPServer("desk", middleware=[guarded.mcp(resource=source)])
    server.tool()(write)
    app = server.streamable_http_app(stateless_http=True, json_response=True, host="testserver")
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as http,
    ):
        for depth, path in ((500, "/protected"), (60, "/protected"), (60, "/free")):
            deep = '{"a":' * depth + "1" + "}" * depth
            await http.post(
                "/mcp", headers=headers(mode, "write"), content=wire(mode, f'{{"path": "{path}", "deep": {deep}}}', "write")
            )
    assert done == ["/free"] and all(set(args) == {"path", "deep"} for args in asked)


def headers(mode: str, tool: str, **more: str) -> dict[str, str]:
    """The headers of a handwritten call."""
    modern = {"MCP-Protocol-Version": mode, "Mcp-Method": "tools/call", "Mcp-Name": tool} if mode != "legacy" else {}
    return {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **modern, **more}


def wire(mode: str, arguments: str, tool: str) -> str:
    """A handwritten call."""
    envelope = (
        {"io.modelcontextprotocol/protocolVersion": mode, "io.modelcontextprotocol/clientCapabilities": {}}
        if mode != "legacy"
        else {}
    )
    params = f'{{"name": "{tool}", "arguments": {arguments}, "_meta": {json.dumps(envelope)}}}'
    return f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {params}}}'


# Headers that are checked before any middleware.


@pytest.mark.anyio
async def test_headers_of_a_hidden_tool_reveal_nothing() -> None:
    def pay(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
        done.append(region)
        return "paid"

    async def answers(tool: str, agent: Any, **more: str) -> Any:
        server = MCPServer("desk", middleware=[PAY.mcp(agent=agent, hide=True)])
        server.tool()(pay)
        app = server.streamable_http_app(json_response=True, host="testserver")
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver") as http,
        ):
            response = await http.post(
                "/mcp", headers=headers("2026-07-28", tool, **more), content=wire("2026-07-28", '{"region": "eu"}', tool)
            )
        return response.status_code, response.text.replace(tool, "NAME")

    PAY = policy({"allow": "pay", "roles": ["admin"]})
    for more in ({}, {"Mcp-Param-Region": "us"}, {"Mcp-Param-Other": "x"}):
        assert await answers("pay", AGENT, **more) == await answers("nope", AGENT, **more), more
    assert done == []
    admin = {"roles": ["admin"]}
    # A caller who may see the tool gets the error about the headers.
    assert (await answers("pay", admin))[0] == (await answers("pay", admin, **{"Mcp-Param-Region": "us"}))[0] == 400
    assert done == []
    assert (await answers("pay", admin, **{"Mcp-Param-Region": "eu"}))[0] == 200
    assert done == ["eu"]

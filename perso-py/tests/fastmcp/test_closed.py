"""Every way to use a prompt or a resource with fastmcp, over every transport, in both eras, if a guard denies them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from fastmcp.server import create_proxy
from fastmcp.server.middleware import Middleware
from mcp.client.subscriptions import listen as listening_to
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CompleteResult,
    Completion,
    EmptyResult,
    GetPromptResult,
    ReadResourceResult,
    Request,
    RequestParams,
    SubscriptionsListenRequestParams,
    TextResourceContents,
)
from pydantic import BaseModel, ConfigDict

from perso import Policy
from support.closed import COMPLETIONS, EVERYWHERE, GETS, LISTS, SETTINGS, SUBSCRIPTIONS, UNKNOWN, Ask, Way, offer, use
from support.done import done
from support.policies import policy
from support.serving import listening, together

POLICY = policy({"allow": "*"})
TRANSPORTS = ["memory", "http", "json", "stateless", "sse"]
ERAS = ["legacy", "2026-07-28"]
WAYS = [
    (settings, transport, era)
    for settings in SETTINGS
    for transport in TRANSPORTS
    for era in ERAS
    if (settings in EVERYWHERE or transport == "memory") and (transport, era) != ("sse", ERAS[1])
]


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Params(RequestParams):
    model_config = ConfigDict(extra="allow")


def plain(*middleware: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("desk", middleware=middleware)

    offer(server)

    @server.completion
    def complete(ref: Any, argument: Any, context: Any) -> list[str]:
        done.append("complete")
        return ["1"]

    return server


def answering(result: Any) -> Any:
    async def handler(ctx: Any, params: Any) -> Any:
        done.append(ctx.method)
        return result

    return handler


def single(rules: Policy = POLICY, **settings: Any) -> FastMCP[Any]:
    """A server with the guard in its middleware, and with handlers in addition to the SDK's."""
    server = plain(rules.fastmcp(**settings))
    for way in (*SUBSCRIPTIONS, *UNKNOWN):
        server._mcp_server.add_request_handler(way.method, Params, answering(EmptyResult()))
    return server


def made_already(rules: Policy = POLICY, **settings: Any) -> FastMCP[Any]:
    server = plain(Middleware())
    rules.guard_server(server, **settings)
    return server


def replaced(rules: Policy = POLICY, **settings: Any) -> FastMCP[Any]:
    """A server with its own handlers for prompts and resources."""
    server = plain(rules.fastmcp(**settings))
    contents: list[Any] = [TextResourceContents(uri="note://one", text="one")]
    for method, result in (
        ("prompts/get", GetPromptResult(messages=[])),
        ("resources/read", ReadResourceResult(contents=contents)),
        ("completion/complete", CompleteResult(completion=Completion(values=["1"]))),
    ):
        server._mcp_server.add_request_handler(method, Params, answering(result))
    return server


def outside(rules: Policy = POLICY, **settings: Any) -> FastMCP[Any]:
    """A guarded server on which another is mounted."""
    server: FastMCP[Any] = FastMCP("outside", middleware=[rules.fastmcp(**settings)])
    server.mount(plain())
    return server


def inside(rules: Policy = POLICY, **settings: Any) -> FastMCP[Any]:
    """A server on which a guarded server is mounted."""
    server: FastMCP[Any] = FastMCP("inside")
    server.mount(plain(rules.fastmcp(**settings)))
    return server


def proxy(rules: Policy = POLICY, **settings: Any) -> FastMCP[Any]:
    """A guarded proxy."""
    server: FastMCP[Any] = create_proxy(plain(), name="proxy")
    rules.guard_server(server, **settings)
    return server


SERVERS = {make.__name__: make for make in (single, made_already, replaced, outside, inside, proxy)}


def ways_of(name: str, era: str) -> list[Way]:
    ways = [*LISTS, *GETS]
    if name in ("single", "made_already", "replaced"):
        # Mounted servers and proxies have no completions.
        ways += COMPLETIONS
    if name == "single":
        ways += UNKNOWN
        if era == "legacy":
            ways += SUBSCRIPTIONS
    return ways


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    apps: dict[str, Any] = {}
    for name, make in SERVERS.items():
        for settings in EVERYWHERE:
            values = SETTINGS[settings]
            apps[f"{name}/{settings}/http"] = make(**values).http_app()
            apps[f"{name}/{settings}/json"] = make(**values).http_app(json_response=True)
            apps[f"{name}/{settings}/stateless"] = make(**values).http_app(stateless_http=True)
            apps[f"{name}/{settings}/sse"] = make(**values).http_app(transport="sse")
    with listening(together(apps)) as address:
        yield address


def client_of(name: str, settings: str, transport: str, era: str, url: str) -> Client[Any]:
    to: Any
    if transport == "memory":
        to = SERVERS[name](**SETTINGS[settings])
    elif transport == "sse":
        to = SSETransport(f"{url}/{name}/{settings}/sse/sse")
    else:
        to = StreamableHttpTransport(f"{url}/{name}/{settings}/{transport}/mcp")
    return Client(to, mode=era)


def asking(client: Client[Any]) -> Ask:
    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        request: Any = Request[Params, str](method=method, params=Params(**params))
        try:
            return (await client.session.send_request(request, Anything)).model_dump()
        except MCPError as error:
            return {"code": error.error.code, "message": error.error.message}

    return ask


@pytest.mark.anyio
@pytest.mark.parametrize(("settings", "transport", "era"), WAYS)
@pytest.mark.parametrize("name", SERVERS)
async def test_over_the_wire(name: str, settings: str, transport: str, era: str, url: str) -> None:
    async with client_of(name, settings, transport, era, url) as client:
        await use(asking(client), SETTINGS[settings], ways_of(name, era))


@pytest.mark.anyio
@pytest.mark.parametrize("settings", SETTINGS)
async def test_code_in_the_server(settings: str) -> None:
    """Code in the server is denied as well, unless it bypasses the middleware."""
    server = single(**SETTINGS[settings])

    @server.tool
    async def reads(ctx: Context, uri: str) -> str:
        return str(await ctx.read_resource(uri))

    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            if method == "prompts/list":
                return {"prompts": list(await server.list_prompts())}
            if method == "resources/list":
                return {"resources": list(await server.list_resources())}
            if method == "resources/templates/list":
                return {"resourceTemplates": list(await server.list_resource_templates())}
            if method == "prompts/get":
                await server.render_prompt(params["name"], params["arguments"])
            else:
                await server.read_resource(params["uri"])
        except MCPError as error:
            return {"code": error.error.code, "message": error.error.message}
        return {}

    await use(ask, SETTINGS[settings], [*LISTS, *GETS])
    done.clear()
    async with Client(server) as client:
        await client.call_tool("reads", {"uri": "note://one"}, raise_on_error=False)
    assert done == ([] if settings in ("resources", "both") else ["note"])


@pytest.mark.anyio
@pytest.mark.parametrize("settings", SETTINGS)
async def test_a_subscription(settings: str) -> None:
    server = single(**SETTINGS[settings])
    listen = ListenHandler(InMemorySubscriptionBus())
    server._mcp_server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listen)
    async with Client(server, mode=ERAS[1]) as client:
        asked = {"tools_list_changed": True, "prompts_list_changed": True, "resources_list_changed": True}
        async with listening_to(client.session, **asked, resource_subscriptions=["note://one"]) as subscription:  # type: ignore[arg-type]
            honored = set(subscription.honored.model_dump(exclude_none=True))
    closed = {
        "prompts": {"prompts_list_changed"},
        "resources": {"resources_list_changed", "resource_subscriptions"},
        "both": {"prompts_list_changed", "resources_list_changed", "resource_subscriptions"},
    }
    assert honored == {*asked, "resource_subscriptions"} - closed.get(settings, set())


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("settings", SETTINGS)
async def test_what_a_middleware_behind_the_guard_makes_of_a_message(settings: str, era: str) -> None:
    async def rewrites(ctx: Any, call_next: Any) -> Any:
        params = {**(ctx.params or {})}
        method = params.pop("as", ctx.method)
        return await call_next(replace(ctx, method=method, params=params))

    server = single(**SETTINGS[settings])
    server._mcp_server.middleware.append(rewrites)
    async with Client(server, mode=era) as client:

        async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
            return await asking(client)("com.example/next", {"as": method, **params})

        await use(ask, SETTINGS[settings], [*GETS, *COMPLETIONS])


@pytest.mark.anyio
async def test_denials_are_recorded() -> None:
    events: list[Any] = []
    async with Client(plain(POLICY.fastmcp(prompts="deny", on_decision=lambda event, args: events.append(event)))) as client:
        await client.list_prompts()
        with pytest.raises(MCPError):
            await client.get_prompt("greet", {"number": "1"})
    assert [(event.tool, event.decision.cause.detail, event.enforced) for event in events] == [("", "prompts are denied", True)]


def test_wrong_settings() -> None:
    for setting in ("prompts", "resources"):
        wrong: dict[str, Any] = {setting: "allow"}
        with pytest.raises(ValueError, match=f"`{setting}` is `allow`: use `deny` or `pass`"):
            POLICY.fastmcp(**wrong)

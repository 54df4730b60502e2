"""Every way to use a prompt or a resource with the `mcp` 2 SDK, over every transport, in both eras, if a guard denies them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ResourceUpdated, ToolsListChanged
from mcp_types import (
    CompleteResult,
    Completion,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    Prompt,
    PromptMessage,
    ReadResourceResult,
    Request,
    RequestParams,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, ConfigDict

from perso import Policy
from support.closed import COMPLETIONS, EVERYWHERE, GETS, LISTS, SETTINGS, SUBSCRIPTIONS, UNKNOWN, Ask, offer, use
from support.done import done
from support.policies import policy
from support.serving import listening, low_level_sse, over_pipes, together

POLICY = policy({"allow": "*"})
TRANSPORTS = ["memory", "pipes", "http", "json", "stateless", "sse"]
ERAS = ["legacy", "2026-07-28"]
WAYS = [
    (settings, transport)
    for settings in SETTINGS
    for transport in TRANSPORTS
    if settings in EVERYWHERE or transport == "memory"
]
BUS = InMemorySubscriptionBus()


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class Params(RequestParams):
    model_config = ConfigDict(extra="allow")


def full() -> MCPServer[Any]:
    server = MCPServer("desk", subscriptions=BUS)

    offer(server)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        done.append("complete")
        return Completion(values=["1"])

    return server


def with_middleware(rules: Policy = POLICY, **settings: Any) -> MCPServer[Any]:
    """A server with the guard in its middleware."""
    server = full()
    server.middleware.append(rules.mcp(**settings))
    return server


def made_already(rules: Policy = POLICY, **settings: Any) -> MCPServer[Any]:
    """A server that is guarded after it was created."""
    server = full()
    rules.guard_server(server, **settings)
    return server


def low_level(rules: Policy = POLICY, **settings: Any) -> Server[Any]:
    """A server with its own handlers, some of which are registered later."""

    def answering(result: Any) -> Any:
        async def handler(ctx: Any, params: Any) -> Any:
            done.append(ctx.method)
            return result

        return handler

    message = PromptMessage(role="user", content=TextContent(type="text", text="hi"))
    server: Server[Any] = Server(
        "desk",
        on_list_prompts=answering(ListPromptsResult(prompts=[Prompt(name="greet")])),
        on_list_resources=answering(ListResourcesResult(resources=[Resource(name="note", uri="note://one")])),
        on_read_resource=answering(ReadResourceResult(contents=[TextResourceContents(uri="note://one", text="one")])),
        on_subscribe_resource=answering(EmptyResult()),
        on_unsubscribe_resource=answering(EmptyResult()),
        on_subscriptions_listen=ListenHandler(BUS),
        on_completion=answering(CompleteResult(completion=Completion(values=["1"]))),
    )
    rules.guard_server(server, **settings)
    templates = ListResourceTemplatesResult(resource_templates=[ResourceTemplate(name="page", uri_template="page://{number}")])
    server.add_request_handler("resources/templates/list", Params, answering(templates))
    server.add_request_handler("prompts/get", GetPromptRequestParams, answering(GetPromptResult(messages=[message])))
    for way in UNKNOWN:
        server.add_request_handler(way.method, Params, answering({"found": True}))
    return server


SERVERS = {make.__name__: make for make in (with_middleware, made_already, low_level)}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    apps: dict[str, Any] = {}
    for name, make in SERVERS.items():
        for settings in EVERYWHERE:
            values = SETTINGS[settings]
            apps[f"{name}/{settings}/http"] = make(**values).streamable_http_app()
            apps[f"{name}/{settings}/json"] = make(**values).streamable_http_app(json_response=True)
            apps[f"{name}/{settings}/stateless"] = make(**values).streamable_http_app(stateless_http=True)
            server = make(**values)
            apps[f"{name}/{settings}/sse"] = server.sse_app() if isinstance(server, MCPServer) else low_level_sse(server)
    with listening(together(apps)) as address:
        yield address


def client_of(name: str, settings: str, transport: str, era: str, url: str) -> Client:
    if transport == "memory":
        return Client(SERVERS[name](**SETTINGS[settings]), mode=era)
    if transport == "pipes":
        server = SERVERS[name](**SETTINGS[settings])
        return Client(over_pipes(getattr(server, "_lowlevel_server", server)), mode=era)
    if transport == "sse":
        return Client(sse_client(f"{url}/{name}/{settings}/sse/sse"), mode=era)
    return Client(f"{url}/{name}/{settings}/{transport}/mcp", mode=era)


def asking(client: Client) -> Ask:
    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        request: Any = Request[Params, str](method=method, params=Params(**params))
        try:
            return (await client.session.send_request(request, Anything)).model_dump()
        except MCPError as error:
            return {"code": error.error.code, "message": error.error.message}

    return ask


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("settings", "transport"), WAYS)
@pytest.mark.parametrize("name", SERVERS)
async def test_over_the_wire(name: str, settings: str, transport: str, era: str, url: str) -> None:
    ways = [*LISTS, *GETS, *COMPLETIONS]
    if name == "low_level":
        ways += UNKNOWN
        if era == "legacy":
            ways += SUBSCRIPTIONS
    async with client_of(name, settings, transport, era, url) as client:
        await use(asking(client), SETTINGS[settings], ways)
        if settings in ("prompts", "both"):
            # In the form that a client reads.
            assert (await client.list_prompts()).prompts == []


@pytest.mark.anyio
@pytest.mark.parametrize(("settings", "transport"), [way for way in WAYS if way[1] not in ("pipes", "sse")])
@pytest.mark.parametrize("name", SERVERS)
async def test_a_subscription(name: str, settings: str, transport: str, url: str) -> None:
    values = SETTINGS[settings]
    closed = (
        set() if values.get("mode") == "observe" else {kind for kind in ("prompts", "resources") if values.get(kind) == "deny"}
    )
    async with (
        client_of(name, settings, transport, ERAS[1], url) as client,
        client.listen(
            tools_list_changed=True,
            prompts_list_changed=True,
            resources_list_changed=True,
            resource_subscriptions=["note://one"],
        ) as subscription,
    ):
        honored = set(subscription.honored.model_dump(exclude_none=True))
        expected = {
            "tools_list_changed": "",
            "prompts_list_changed": "prompts",
            "resources_list_changed": "resources",
            "resource_subscriptions": "resources",
        }
        assert honored == {key for key, kind in expected.items() if kind not in closed}
        if transport == "memory":
            events: dict[str, Any] = {
                "resources": ResourceUpdated("note://one"),
                "prompts": PromptsListChanged(),
                "": ToolsListChanged(),
            }
            for event in events.values():
                await BUS.publish(event)
            with anyio.fail_after(5):
                assert [await anext(subscription) for kind in events if kind not in closed] == [
                    event for kind, event in events.items() if kind not in closed
                ]


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", SERVERS)
async def test_what_a_middleware_behind_the_guard_makes_of_a_message(name: str, settings: str, era: str) -> None:
    """Another method, another reference, and handlers that it looks up."""

    async def rewrites(ctx: Any, call_next: Any) -> Any:
        params = {**(ctx.params or {})}
        method = params.pop("as", ctx.method)
        if ctx.method == "com.example/handler":
            lowlevel: Any = getattr(server, "_lowlevel_server", server)
            entry = lowlevel.get_request_handler(method)
            return await entry.handler(ctx, entry.params_type.model_validate(params))
        return await call_next(replace(ctx, method=method, params=params))

    server = SERVERS[name](**SETTINGS[settings])
    server.middleware.append(rewrites)
    async with Client(server, mode=era) as client:
        for by in ("com.example/next", "com.example/handler"):

            async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
                return await asking(client)(by, {"as": method, **params})

            await use(ask, SETTINGS[settings], [*GETS, *COMPLETIONS])


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("settings", SETTINGS)
async def test_a_middleware_behind_the_guard_that_answers_itself(settings: str, era: str) -> None:
    answers = {way.list: [{"name": "greet"}] for way in LISTS}

    async def answering(ctx: Any, call_next: Any) -> Any:
        if ctx.method.startswith(("prompts/", "com.example/")):
            done.append(ctx.method)
            return answers | {"resultType": "complete", "ttlMs": 0, "cacheScope": "public", "messages": []}
        return await call_next(ctx)

    server = made_already(**SETTINGS[settings])
    server.middleware.append(answering)
    async with Client(server, mode=era) as client:
        await use(asking(client), SETTINGS[settings], [LISTS[0], GETS[0], UNKNOWN[0]])


@pytest.mark.anyio
async def test_one_reference_for_another() -> None:
    """The handler gets the last of several references."""

    async def rewrites(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "completion/complete":
            ctx = replace(ctx, params={**(ctx.params or {}), "ref": {"type": "ref/prompt", "name": "greet"}})
        return await call_next(ctx)

    server = with_middleware(prompts="deny")
    server.middleware.append(rewrites)
    async with Client(server) as client:
        answer = await asking(client)("completion/complete", COMPLETIONS[1].params)
        assert answer["code"] == -32601 and done == []


@pytest.mark.anyio
async def test_denials_are_recorded() -> None:
    events: list[Any] = []
    server = with_middleware(prompts="deny", on_decision=lambda event, args: events.append(event))
    async with Client(server) as client:
        await client.list_prompts()
        with pytest.raises(MCPError):
            await client.get_prompt("greet", {"number": "1"})
    assert [(event.tool, event.decision.cause.detail, event.enforced) for event in events] == [("", "prompts are denied", True)]


def test_wrong_settings() -> None:
    for setting in ("prompts", "resources"):
        wrong: dict[str, Any] = {setting: "allow"}
        with pytest.raises(ValueError, match=f"`{setting}` is `allow`: use `deny` or `pass`"):
            POLICY.mcp(**wrong)
        wrong = {setting: True}
        with pytest.raises(ValueError, match=f"`{setting}` is `True`: use `deny` or `pass`"):
            POLICY.guard_server(full(), **wrong)

"""Every way to use a prompt or a resource with the `mcp` 1.x SDK, over every transport, if a guard denies them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import mcp.types as types
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp import FastMCP
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.shared.exceptions import McpError
from mcp.shared.memory import create_connected_server_and_client_session as connected
from pydantic import AnyUrl

from perso import Policy
from support.closed import COMPLETIONS, EVERYWHERE, GETS, LISTS, SETTINGS, SUBSCRIPTIONS, UNKNOWN, Ask, offer, use
from support.done import done
from support.policies import policy
from support.serving import listening, low_level_sse, over_pipes, streamable, together

POLICY = policy({"allow": "*"})
TRANSPORTS = ["memory", "pipes", "http", "json", "stateless", "sse"]
WAYS = [
    (settings, transport)
    for settings in SETTINGS
    for transport in TRANSPORTS
    if settings in EVERYWHERE or transport == "memory"
]


def full(settings: dict[str, Any], rules: Policy = POLICY, **more: Any) -> FastMCP[Any]:
    """A server with the SDK's own handlers, guarded before it has any prompts and resources."""
    server: FastMCP[Any] = FastMCP("desk", **more)
    rules.guard_server(server, **settings)

    offer(server)

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> types.Completion:
        done.append("complete")
        return types.Completion(values=["1"])

    return server


def low_level(settings: dict[str, Any], rules: Policy = POLICY) -> Server[Any, Any]:
    """A server with its own handlers, half of which are registered after the guard."""
    server: Server[Any, Any] = Server("desk")

    @server.list_prompts()
    async def list_prompts() -> list[types.Prompt]:
        done.append("prompts")
        return [types.Prompt(name="greet")]

    @server.list_resources()
    async def list_resources() -> list[types.Resource]:
        done.append("resources")
        return [types.Resource(name="note", uri=AnyUrl("note://one"))]

    @server.list_resource_templates()
    async def list_resource_templates() -> list[types.ResourceTemplate]:
        done.append("templates")
        return [types.ResourceTemplate(name="page", uriTemplate="page://{number}")]

    rules.guard_server(server, **settings)

    @server.get_prompt()
    async def get_prompt(name: str, arguments: Any) -> types.GetPromptResult:
        done.append(name)
        return types.GetPromptResult(messages=[])

    @server.read_resource()
    async def read_resource(uri: Any) -> list[ReadResourceContents]:
        done.append(str(uri))
        return [ReadResourceContents(content="one")]

    @server.subscribe_resource()
    async def subscribe(uri: Any) -> None:
        done.append(str(uri))

    @server.unsubscribe_resource()
    async def unsubscribe(uri: Any) -> None:
        done.append(str(uri))

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> types.Completion:
        done.append("complete")
        return types.Completion(values=["1"])

    return server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    apps: dict[str, Any] = {}
    for name in EVERYWHERE:
        settings = SETTINGS[name]
        apps[f"full/{name}/http"] = full(settings).streamable_http_app()
        apps[f"full/{name}/json"] = full(settings, json_response=True).streamable_http_app()
        apps[f"full/{name}/stateless"] = full(settings, stateless_http=True).streamable_http_app()
        apps[f"full/{name}/sse"] = full(settings).sse_app()
        apps[f"low_level/{name}/http"] = streamable(low_level(settings))
        apps[f"low_level/{name}/json"] = streamable(low_level(settings), json_response=True)
        apps[f"low_level/{name}/stateless"] = streamable(low_level(settings), stateless=True)
        apps[f"low_level/{name}/sse"] = low_level_sse(low_level(settings))
    with listening(together(apps)) as address:
        yield address


@asynccontextmanager
async def client_of(name: str, settings: str, transport: str, url: str) -> AsyncIterator[ClientSession]:
    made: Any = full(SETTINGS[settings]) if name == "full" else low_level(SETTINGS[settings])
    server = getattr(made, "_mcp_server", made)
    if transport == "memory":
        async with connected(server) as session:
            yield session
        return
    streams: Any
    if transport == "pipes":
        streams = over_pipes(server)
    elif transport == "sse":
        streams = sse_client(f"{url}/{name}/{settings}/sse/sse")
    else:
        streams = streamable_http_client(f"{url}/{name}/{settings}/{transport}/mcp{'/' if name == 'low_level' else ''}")
    async with streams as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        yield session


def asking(client: ClientSession) -> Ask:
    async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
        request: Any = types.Request[dict[str, Any], str](method=method, params=params)
        try:
            return (await client.send_request(request, types.EmptyResult)).model_dump()
        except McpError as error:
            return {"code": error.error.code, "message": error.error.message}

    return ask


@pytest.mark.anyio
@pytest.mark.parametrize(("settings", "transport"), WAYS)
@pytest.mark.parametrize("name", ["full", "low_level"])
async def test_over_the_wire(name: str, settings: str, transport: str, url: str) -> None:
    async with client_of(name, settings, transport, url) as client:
        ways = [*LISTS, *GETS, *COMPLETIONS, *(SUBSCRIPTIONS if name == "low_level" else [])]
        await use(asking(client), SETTINGS[settings], ways)
        if settings in ("prompts", "both"):
            # In the form that a client reads.
            assert (await client.list_prompts()).prompts == []
        # The SDK itself refuses unknown methods.
        for way in UNKNOWN:
            assert (await asking(client)(way.method, way.params))["code"] == types.INVALID_PARAMS


@pytest.mark.anyio
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ["full", "low_level"])
async def test_a_handler_that_was_looked_up(name: str, settings: str) -> None:
    made: Any = full(SETTINGS[settings]) if name == "full" else low_level(SETTINGS[settings])
    handlers = getattr(made, "_mcp_server", made).request_handlers
    for lookup in (handlers.__getitem__, handlers.get, dict(handlers.items()).get, handlers.copy().get):

        async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
            request = types.ClientRequest.model_validate({"method": method, "params": params}).root
            try:
                result: types.ServerResult = await lookup(type(request))(request)
                return result.model_dump(by_alias=True, mode="json")
            except McpError as error:
                return {"code": error.error.code, "message": error.error.message}

        await use(ask, SETTINGS[settings], [*LISTS, *(GETS if name == "low_level" else []), *COMPLETIONS])


@pytest.mark.anyio
async def test_denials_are_recorded() -> None:
    events: list[Any] = []
    settings = {"prompts": "deny", "on_decision": lambda event, args: events.append(event)}
    async with connected(full(settings)._mcp_server) as client:
        await client.list_prompts()
        with pytest.raises(McpError):
            await client.get_prompt("greet", {"number": "1"})
    assert [(event.tool, event.decision.cause.detail, event.enforced) for event in events] == [("", "prompts are denied", True)]


def test_wrong_settings() -> None:
    for setting in ("prompts", "resources"):
        wrong: dict[str, Any] = {setting: "allow"}
        with pytest.raises(ValueError, match=f"`{setting}` is `allow`: use `deny` or `pass`"):
            POLICY.guard_server(Server("desk"), **wrong)

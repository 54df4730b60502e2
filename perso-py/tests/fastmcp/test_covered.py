"""Requests for prompts and resources that the policy covers, with fastmcp in both eras."""

from dataclasses import replace
from typing import Any

import pytest
from fastmcp import Client, Context
from mcp.client.subscriptions import listen as listening_to
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types import SubscriptionsListenRequestParams
from test_closed import ERAS, SERVERS, asking, single, ways_of

from support.closed import COMPLETIONS, GETS, LISTS
from support.covered import REASON, STAFF, Seen, use_covered
from support.done import done


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", SERVERS)
async def test_each_request(name: str, era: str) -> None:
    seen = Seen()
    async with Client(SERVERS[name](STAFF, **seen.settings()), mode=era) as client:
        await use_covered(asking(client), seen, ways_of(name, era))


@pytest.mark.anyio
async def test_code_in_the_server() -> None:
    """Code in the server is judged as well, unless it bypasses the middleware."""
    seen = Seen()
    server = single(STAFF, **seen.settings())

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

    await use_covered(ask, seen, [*LISTS, *GETS])
    for roles in (["staff"], ["guest"]):
        done.clear()
        seen.roles = roles
        async with Client(server) as client:
            await client.call_tool("reads", {"uri": "note://one"}, raise_on_error=False)
        assert done == (["note"] if roles == ["staff"] else [])


@pytest.mark.anyio
async def test_a_subscription() -> None:
    seen = Seen()
    server = single(STAFF, **seen.settings())
    listen = ListenHandler(InMemorySubscriptionBus())
    server._mcp_server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, listen)
    async with Client(server, mode=ERAS[1]) as client:
        for roles, is_allowed in ((["staff"], True), (["guest"], False)):
            seen.roles = roles
            seen.decided.clear()
            try:
                async with listening_to(client.session, resource_subscriptions=["note://one"]) as subscription:
                    honored = subscription.honored.resource_subscriptions
            except MCPError as error:
                honored = None
                assert (error.error.code, error.error.message) == (-32000, REASON)
            assert (honored == ["note://one"]) == is_allowed
            assert seen.decided == [("mcp:resources/subscribe", is_allowed, {"uri": "note://one"})]


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_what_a_middleware_behind_the_guard_makes_of_a_message(era: str) -> None:
    async def rewrites(ctx: Any, call_next: Any) -> Any:
        params = {**(ctx.params or {})}
        method = params.pop("as", ctx.method)
        return await call_next(replace(ctx, method=method, params=params))

    seen = Seen()
    server = single(STAFF, **seen.settings())
    server._mcp_server.middleware.append(rewrites)
    async with Client(server, mode=era) as client:

        async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
            return await asking(client)("com.example/next", {"as": method, **params})

        await use_covered(ask, seen, [*GETS, *COMPLETIONS])


@pytest.mark.anyio
async def test_no_tool_has_the_name_of_a_request() -> None:
    seen = Seen()
    server = single(STAFF, **seen.settings())

    @server.tool(name="mcp:resources/read")
    def read(uri: str) -> str:
        done.append("tool")
        return uri

    seen.roles = ["staff"]
    async with Client(server) as client:
        assert [tool.name for tool in await client.list_tools()] == []
        result = await client.call_tool("mcp:resources/read", {"uri": "note://one"}, raise_on_error=False)
    assert result.is_error and done == []

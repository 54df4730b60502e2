"""Requests for prompts and resources that the policy covers, with the `mcp` 2 SDK in both eras."""

from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp2.test_closed import ERAS, SERVERS, asking, with_middleware

from support.closed import COMPLETIONS, GETS, LISTS, SUBSCRIPTIONS, UNKNOWN
from support.covered import REASON, STAFF, Seen, use_covered
from support.done import done


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", SERVERS)
async def test_each_request(name: str, era: str) -> None:
    seen = Seen()
    ways = [*LISTS, *GETS, *COMPLETIONS]
    if name == "low_level":
        ways += UNKNOWN
        if era == "legacy":
            ways += SUBSCRIPTIONS
    async with Client(SERVERS[name](STAFF, **seen.settings()), mode=era) as client:
        await use_covered(asking(client), seen, ways)


@pytest.mark.anyio
@pytest.mark.parametrize("name", SERVERS)
async def test_a_subscription(name: str) -> None:
    seen = Seen()
    async with Client(SERVERS[name](STAFF, **seen.settings()), mode=ERAS[1]) as client:
        for roles, is_allowed in ((["staff"], True), (["guest"], False)):
            seen.roles = roles
            seen.decided.clear()
            try:
                async with client.listen(tools_list_changed=True, resource_subscriptions=["note://one"]) as subscription:
                    honored = subscription.honored.resource_subscriptions
            except MCPError as error:
                honored = None
                assert (error.error.code, error.error.message) == (-32000, REASON)
            assert (honored == ["note://one"]) == is_allowed
            assert seen.decided == [("mcp:resources/subscribe", is_allowed, {"uri": "note://one"})]
        # Without resources there is nothing to judge.
        async with client.listen(tools_list_changed=True) as subscription:
            assert subscription.honored.tools_list_changed


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", SERVERS)
async def test_what_a_middleware_behind_the_guard_makes_of_a_message(name: str, era: str) -> None:
    """Another method, and handlers that it looks up."""

    async def rewrites(ctx: Any, call_next: Any) -> Any:
        params = {**(ctx.params or {})}
        method = params.pop("as", ctx.method)
        if ctx.method == "com.example/handler":
            lowlevel: Any = getattr(server, "_lowlevel_server", server)
            entry = lowlevel.get_request_handler(method)
            return await entry.handler(replace(ctx, params=params), entry.params_type.model_validate(params))
        return await call_next(replace(ctx, method=method, params=params))

    seen = Seen()
    server = SERVERS[name](STAFF, **seen.settings())
    server.middleware.append(rewrites)
    async with Client(server, mode=era) as client:
        for by in ("com.example/next", "com.example/handler"):

            async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
                return await asking(client)(by, {"as": method, **params})

            await use_covered(ask, seen, [*GETS, *COMPLETIONS])


@pytest.mark.anyio
async def test_another_resource_than_the_one_that_was_judged() -> None:
    async def rewrites(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "resources/read":
            ctx = replace(ctx, params={**(ctx.params or {}), "uri": "page://8"})
        return await call_next(ctx)

    seen = Seen()
    seen.roles = ["staff"]
    server = with_middleware(STAFF, **seen.settings())
    server.middleware.append(rewrites)
    async with Client(server) as client:
        answer = await asking(client)("resources/read", {"uri": "note://one"})
    assert answer["code"] == -32000 and done == []
    assert [(tool, is_allowed) for tool, is_allowed, _ in seen.decided] == [
        ("mcp:resources/read", True),
        ("mcp:resources/read", False),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize(("era", "code"), [("legacy", -32002), (ERAS[1], -32602)])
async def test_hidden(era: str, code: int) -> None:
    seen = Seen()
    async with Client(with_middleware(STAFF, **seen.settings(hide=True)), mode=era) as client:
        answer = await asking(client)("resources/read", {"uri": "note://one"})
        assert (answer["code"], answer["message"]) == (code, "Resource not found") and done == []
        answer = await asking(client)("prompts/get", {"name": "greet", "arguments": {"number": "1"}})
        assert (answer["code"], answer["message"]) == (-32602, "Prompt not found") and done == []


@pytest.mark.anyio
async def test_observed() -> None:
    seen = Seen()
    async with Client(with_middleware(STAFF, **seen.settings(mode="observe"))) as client:
        for way in (*LISTS, *GETS):
            answer = await asking(client)(way.method, way.params)
            assert "code" not in answer and (way.list is None or answer[way.list]), answer
        assert len(done) == len(GETS) and [is_allowed for _, is_allowed, _ in seen.decided] == [False] * len(GETS)


@pytest.mark.anyio
async def test_no_tool_has_the_name_of_a_request() -> None:
    seen = Seen()
    server = with_middleware(STAFF, **seen.settings())

    @server.tool(name="mcp:resources/read")
    def read(uri: str) -> str:
        done.append("tool")
        return uri

    seen.roles = ["staff"]
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == []
        result = await client.call_tool("mcp:resources/read", {"uri": "note://one"})
    assert result.is_error and done == []

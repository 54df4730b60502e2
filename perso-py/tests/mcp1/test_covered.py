"""Requests for prompts and resources that the policy covers, with the `mcp` 1.x SDK."""

from typing import Any

import mcp.types as types
import pytest
from mcp.shared.exceptions import McpError
from mcp.shared.memory import create_connected_server_and_client_session as connected
from mcp1.test_closed import asking, full, low_level

from support.closed import COMPLETIONS, GETS, LISTS, SUBSCRIPTIONS
from support.covered import STAFF, Seen, use_covered
from support.done import done

SERVERS: dict[str, Any] = {"full": full, "low_level": low_level}


def made(name: str, seen: Seen, **more: Any) -> Any:
    server = SERVERS[name](seen.settings(**more), STAFF)
    return getattr(server, "_mcp_server", server)


@pytest.mark.anyio
@pytest.mark.parametrize("name", SERVERS)
async def test_each_request(name: str) -> None:
    seen = Seen()
    async with connected(made(name, seen)) as client:
        ways = [*LISTS, *GETS, *COMPLETIONS, *(SUBSCRIPTIONS if name == "low_level" else [])]
        await use_covered(asking(client), seen, ways)


@pytest.mark.anyio
@pytest.mark.parametrize("name", SERVERS)
async def test_a_handler_that_was_looked_up(name: str) -> None:
    seen = Seen()
    handlers = made(name, seen).request_handlers
    for lookup in (handlers.__getitem__, handlers.get, dict(handlers.items()).get, handlers.copy().get):

        async def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
            request = types.ClientRequest.model_validate({"method": method, "params": params}).root
            try:
                result: types.ServerResult = await lookup(type(request))(request)
                return result.model_dump(by_alias=True, mode="json")
            except McpError as error:
                return {"code": error.error.code, "message": error.error.message}

        await use_covered(ask, seen, [*LISTS, *(GETS if name == "low_level" else []), *COMPLETIONS])


@pytest.mark.anyio
async def test_hidden_and_observed() -> None:
    seen = Seen()
    async with connected(made("full", seen, hide=True)) as client:
        answer = await asking(client)("resources/read", {"uri": "note://one"})
        assert answer == {"code": -32002, "message": "Resource not found"} and done == []
    async with connected(made("full", seen, mode="observe")) as client:
        for way in (*LISTS, *GETS):
            answer = await asking(client)(way.method, way.params)
            assert "code" not in answer and (way.list is None or answer[way.list]), answer
        assert len(done) == len(GETS)

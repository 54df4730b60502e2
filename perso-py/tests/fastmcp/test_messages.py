"""Sends each message of the corpus to a guarded server on fastmcp."""

from typing import Any

import pytest
from fastmcp import FastMCP
from mcp_types import EmptyResult, RequestParams
from pydantic import ConfigDict

from support.done import done
from support.messages import NOTES, PROMPTS, REFUSED, SKILLS, TEMPLATES, check_all


def server() -> FastMCP[Any]:
    """A server with tools that take anything."""
    server: FastMCP[Any] = FastMCP("desk")

    @server.tool
    async def pay(amount: Any = None, note: Any = None) -> str:
        done.append(("pay", {"amount": amount} if note is None else {"amount": amount, "note": note}))
        return "ran"

    @server.tool
    async def look(x: Any = None) -> str:
        done.append(("look", {}))
        return "ran"

    @server.tool
    async def wipe() -> str:
        done.append(("wipe", {}))
        return "ran"

    return server


def notes() -> FastMCP[Any]:
    """A server with notes and prompts. Its functions are async: others run in threads, and later than what follows."""
    made = server()

    def prompt(name: str) -> Any:
        async def get(team: str = "") -> str:
            done.append(("mcp:prompts/get", {"name": name, "arguments": {"team": team} if team else {}}))
            return "hello"

        return get

    def note(uri: str) -> Any:
        async def read() -> str:
            done.append(("mcp:resources/read", {"uri": uri}))
            return "text"

        return read

    def template(text: str) -> Any:
        async def read(id: str) -> str:
            done.append(("mcp:resources/read", {"uri": text.replace("{id}", id)}))
            return "text"

        return read

    for name in PROMPTS:
        made.prompt(prompt(name), name=name)
    for uri in NOTES:
        made.resource(uri)(note(uri))
    for text in TEMPLATES:
        made.resource(text)(template(text))

    @made.completion
    async def complete(ref: Any, argument: Any, context: Any) -> list[str]:
        args = {"ref": ref.model_dump(exclude_none=True), "argument": argument.model_dump(exclude_none=True)}
        done.append(("mcp:completion/complete", args))
        return ["a"]

    async def skills(ctx: Any, params: Any) -> dict[str, Any]:
        return {"skills": [{"uri": uri} for uri in SKILLS]}

    def answering(tool: str) -> Any:
        async def handler(ctx: Any, params: Any) -> EmptyResult:
            done.append((tool, params.model_dump(by_alias=True, exclude_none=True, exclude={"meta"})))
            return EmptyResult()

        return handler

    for method in ("resources/subscribe", "resources/unsubscribe"):
        made._mcp_server.add_request_handler(method, Params, answering("mcp:resources/subscribe"))
    made._mcp_server.add_request_handler("skills/list", Params, skills)
    made._mcp_server.add_request_handler("skills/get", Params, answering("mcp:resources/read"))
    for method in REFUSED:
        made._mcp_server.add_request_handler(method, Params, answering(method))
    return made


class Params(RequestParams):
    model_config = ConfigDict(extra="allow")


@pytest.mark.anyio
async def test_each_message() -> None:
    await check_all("fastmcp", server, notes, lambda server: server._mcp_server)

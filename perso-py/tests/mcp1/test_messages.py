"""Sends each message of the corpus to a guarded server on `mcp` 1.x."""

from typing import Any

import pytest
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import TextContent, Tool
from pydantic import AnyUrl

from support.done import done
from support.messages import NOTES, PROMPTS, TEMPLATES, check_all


def server() -> Server[Any, Any]:
    """A server that runs any call."""
    server: Server[Any, Any] = Server("desk")

    @server.list_tools()  # type: ignore[no-untyped-call, untyped-decorator]
    async def tools() -> list[Tool]:
        return [Tool(name=name, inputSchema={"type": "object"}) for name in ("pay", "look", "wipe")]

    @server.call_tool(validate_input=False)  # type: ignore[untyped-decorator]
    async def call(name: str, arguments: dict[str, Any]) -> list[TextContent]:
        done.append((name, arguments))
        return [TextContent(type="text", text="ran")]

    # Without any prompts and resources.
    for register in (server.list_prompts, server.list_resources, server.list_resource_templates):
        register()(_nothing)  # type: ignore[no-untyped-call]
    return server


async def _nothing() -> list[Any]:
    return []


def notes() -> Server[Any, Any]:
    """A server with notes and prompts."""
    made = server()

    @made.list_prompts()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_prompts() -> list[types.Prompt]:
        return [types.Prompt(name=name) for name in PROMPTS]

    @made.list_resources()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_resources() -> list[types.Resource]:
        return [types.Resource(name=uri, uri=AnyUrl(uri)) for uri in NOTES]

    @made.list_resource_templates()  # type: ignore[no-untyped-call, untyped-decorator]
    async def list_templates() -> list[types.ResourceTemplate]:
        return [types.ResourceTemplate(name=text, uriTemplate=text) for text in TEMPLATES]

    @made.get_prompt()  # type: ignore[no-untyped-call, untyped-decorator]
    async def get_prompt(name: str, arguments: Any) -> types.GetPromptResult:
        done.append(("mcp:prompts/get", {"name": name, "arguments": arguments or {}}))
        return types.GetPromptResult(messages=[])

    @made.read_resource()  # type: ignore[no-untyped-call, untyped-decorator]
    async def read_resource(uri: Any) -> list[ReadResourceContents]:
        done.append(("mcp:resources/read", {"uri": str(uri)}))
        return [ReadResourceContents(content="text")]

    async def subscribe(uri: Any) -> None:
        done.append(("mcp:resources/subscribe", {"uri": str(uri)}))

    for register in (made.subscribe_resource, made.unsubscribe_resource):
        register()(subscribe)  # type: ignore[no-untyped-call]

    @made.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> types.Completion:
        args = {"ref": ref.model_dump(exclude_none=True), "argument": argument.model_dump(exclude_none=True)}
        done.append(("mcp:completion/complete", args))
        return types.Completion(values=["a"])

    return made


@pytest.mark.anyio
async def test_each_message() -> None:
    await check_all("mcp1", server, notes)

"""Sends each message of the corpus to a guarded server on `mcp` 2."""

from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolResult,
    CompleteResult,
    Completion,
    EmptyResult,
    GetPromptResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    Prompt,
    ReadResourceResult,
    RequestParams,
    Resource,
    ResourceTemplate,
    TextContent,
    Tool,
)
from pydantic import ConfigDict

from support.done import done
from support.messages import NOTES, PROMPTS, REFUSED, SKILLS, TEMPLATES, check_all, refused_methods


class Params(RequestParams):
    model_config = ConfigDict(extra="allow")


def server() -> Server[Any]:
    """A server that runs any call, and has a handler for each method that no message may reach."""

    async def call(ctx: Any, params: Any) -> CallToolResult:
        done.append((params.name, params.arguments or {}))
        return CallToolResult(content=[TextContent(type="text", text="ran")])

    async def tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name=name, input_schema={"type": "object"}) for name in ("pay", "look", "wipe")])

    async def run(ctx: Any, params: Any) -> EmptyResult:
        done.append(ctx.method)
        return EmptyResult()

    server: Server[Any] = Server("desk", on_call_tool=call, on_list_tools=tools)
    for method in refused_methods():
        server.add_request_handler(method, Params, run)
    return server


def notes() -> Server[Any]:
    """A server with notes and prompts."""

    def answering(result: Any, tool: str = "") -> Any:
        async def handler(ctx: Any, params: Any) -> Any:
            if tool:
                done.append((tool, params.model_dump(by_alias=True, exclude_none=True, exclude={"meta"})))
            return result

        return handler

    async def call(ctx: Any, params: Any) -> CallToolResult:
        done.append((params.name, params.arguments or {}))
        return CallToolResult(content=[])

    subscribe = answering(EmptyResult(), "mcp:resources/subscribe")
    made: Server[Any] = Server(
        "notes",
        on_call_tool=call,
        on_list_prompts=answering(ListPromptsResult(prompts=[Prompt(name=name) for name in PROMPTS])),
        on_get_prompt=answering(GetPromptResult(messages=[]), "mcp:prompts/get"),
        on_list_resources=answering(ListResourcesResult(resources=[Resource(name=uri, uri=uri) for uri in NOTES])),
        on_list_resource_templates=answering(
            ListResourceTemplatesResult(
                resource_templates=[ResourceTemplate(name=text, uri_template=text) for text in TEMPLATES]
            )
        ),
        on_read_resource=answering(ReadResourceResult(contents=[]), "mcp:resources/read"),
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=subscribe,
        on_completion=answering(CompleteResult(completion=Completion(values=["a"])), "mcp:completion/complete"),
    )
    made.add_request_handler("skills/list", Params, answering({"skills": [{"uri": uri} for uri in SKILLS]}))
    made.add_request_handler("skills/get", Params, answering(EmptyResult(), "mcp:resources/read"))
    for method in REFUSED:
        made.add_request_handler(method, Params, answering(EmptyResult(), method))
    return made


@pytest.mark.anyio
async def test_each_message() -> None:
    await check_all("mcp2", server, notes)

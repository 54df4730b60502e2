"""Limits, labels and approvals of the tools of agents: LangChain and the OpenAI Agents SDK."""

import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any

import anyio.to_thread
import pytest
from agents import function_tool
from agents.tool_context import ToolContext
from langchain_core.tools import tool as langchain_tool

from support import memory
from support.memory import POLICY, Used


def later(function: Any) -> Any:
    """The function as a coroutine: LangChain calls other functions from sync code."""

    @functools.wraps(function)
    async def run(*args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return run


@asynccontextmanager
async def langchain(**settings: Any) -> AsyncIterator[Used]:
    tools = POLICY.langchain([langchain_tool(later(function)) for function in memory.FUNCTIONS], **settings)
    by_name = {tool.name: tool for tool in tools}

    async def call(tool: str, args: dict[str, Any]) -> str:
        return str(await by_name[tool].ainvoke(args))

    yield Used(call)


@asynccontextmanager
async def langchain_sync(**settings: Any) -> AsyncIterator[Used]:
    tools = POLICY.langchain([langchain_tool(function) for function in memory.FUNCTIONS], **settings)
    by_name = {tool.name: tool for tool in tools}

    async def call(tool: str, args: dict[str, Any]) -> str:
        return str(await anyio.to_thread.run_sync(by_name[tool].invoke, args))

    yield Used(call)


@asynccontextmanager
async def openai_agents(**settings: Any) -> AsyncIterator[Used]:
    tools = POLICY.openai_agents_tools([function_tool(function) for function in memory.FUNCTIONS], **settings)
    by_name = {tool.name: tool for tool in tools}

    async def call(tool: str, args: dict[str, Any]) -> str:
        text = json.dumps(args)
        context: Any = ToolContext(context=None, tool_name=tool, tool_call_id="call-1", tool_arguments=text)
        return str(await by_name[tool].on_invoke_tool(context, text))

    yield Used(call)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("using", "case"),
    [
        *product([langchain, openai_agents], memory.CASES),
        *product([langchain_sync], memory.SYNC_CASES),
    ],
)
async def test_what_depends_on_earlier_calls(case: Any, using: Any) -> None:
    await case(using)

"""The time of a call, which rules read as `context.now`, in agents' tools."""

import json
from typing import Any

import pytest
from agents import FunctionTool, function_tool
from agents.tool_context import ToolContext
from langchain_core.tools import tool

from support.done import done
from support.times import CASES, LIES, Case


def pay(now: str = "", context: dict[str, Any] | None = None) -> str:
    """Pays."""
    done.append("pay")
    return "ran"


def ask(now: str = "", context: dict[str, Any] | None = None) -> str:
    """Asks."""
    done.append("ask")
    return "ran"


ARGS = {"now": LIES["now"], "context": LIES["context"]}


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_langchain(case: Case) -> None:
    tools = case.policy("pay", "ask").langchain([tool(pay), tool(ask)], context=case.context)
    # What the caller of a tool configures is not the context either.
    config: Any = {"configurable": LIES, "metadata": LIES}
    for guarded, runs, denial in zip(tools, (case.current, case.old), ("Soon.", "Long ago."), strict=True):
        expected = "ran" if runs else denial
        assert guarded.invoke(ARGS, config) == await guarded.ainvoke(ARGS, config) == expected
        assert len(done) == (2 if runs else 0)
        done.clear()


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_openai_agents(case: Case) -> None:
    rules = case.policy("pay", "ask")
    plain = [function_tool(pay, strict_mode=False), function_tool(ask, strict_mode=False)]
    guarded = rules.openai_agents_tools(plain, context=case.context)
    text = json.dumps(ARGS)
    for one, runs, denial in zip(guarded, (case.current, case.old), ("Soon.", "Long ago."), strict=True):
        assert isinstance(one, FunctionTool)
        context: ToolContext[Any] = ToolContext(LIES, tool_name=one.name, tool_call_id="1", tool_arguments=text)
        assert await one.on_invoke_tool(context, text) == ("ran" if runs else denial)
        assert len(done) == runs
        done.clear()

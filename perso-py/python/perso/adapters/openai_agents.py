"""The OpenAI Agents SDK: a tool input guardrail."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

from agents import ToolGuardrailFunctionOutput, ToolInputGuardrail, ToolInputGuardrailData

from perso._perso import Json
from perso.guard.judge import Judge


def guardrail(judge: Judge) -> ToolInputGuardrail[Any]:
    """A guardrail that judges the arguments as the model wrote them. A denied call does not run, and the model reads why."""

    async def perso(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        begin = perf_counter()
        agent, failure = await judge.who(data)
        # As text: strictly read, keys that stand twice included, of which the SDK takes the last.
        text = data.context.tool_arguments or "{}"
        tool = data.context.qualified_tool_name
        denied = await judge.judge_as(begin, agent, failure, tool, Json(text), told_args=_parsed(text))
        if denied is None:
            return ToolGuardrailFunctionOutput.allow()
        return ToolGuardrailFunctionOutput.reject_content(str(denied), output_info=denied.meta())

    return ToolInputGuardrail(guardrail_function=perso, name="perso")


def _parsed(text: str) -> Any:
    """The arguments for the host's functions: none, where the text is not JSON, which is denied whatever they say."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {}

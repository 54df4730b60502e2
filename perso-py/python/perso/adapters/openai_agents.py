"""The OpenAI Agents SDK: a tool input guardrail."""

from __future__ import annotations

import json
from typing import Any

from agents import ToolGuardrailFunctionOutput, ToolInputGuardrail, ToolInputGuardrailData

from perso.guard.judge import Judge


def guardrail(judge: Judge) -> ToolInputGuardrail[Any]:
    """A guardrail that judges the arguments as the model wrote them. A denied call does not run, and the model reads why."""

    async def perso(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        # As text: strictly read, duplicate keys included, of which the SDK takes the last.
        text = data.context.tool_arguments or "{}"
        tool = data.context.qualified_tool_name
        verdict = await judge.judge(tool, _parsed(text), data, text=text)
        denied = verdict.denied
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

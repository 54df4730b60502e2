"""The OpenAI Agents SDK: function tools that judge each call, and a tool input guardrail for the tools of MCP servers.

The SDK runs a function tool by `on_invoke_tool`, with the arguments as text. A guarded tool judges that text right there: what
hooks and other guardrails have made of it is what is judged and what runs. It has the guardrail as well, because the SDK knows
how to answer a call that a guardrail rejects, whatever schema the tool's output has.

The guardrail alone judges before hooks run. So it fixes the text that it has judged: a hook that changes it gets an error.
"""

from __future__ import annotations

import copy
import functools
import weakref
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from agents import FunctionTool, ToolGuardrailFunctionOutput, ToolInputGuardrail, ToolInputGuardrailData

from perso.guard.denied import Denied
from perso.guard.judge import Judge
from perso.guard.verdict import Verdict

T = TypeVar("T", bound=FunctionTool)


class Admitted:
    """A call that the guardrail of a guarded tool has let pass."""

    def __init__(self, judge: Judge, tool: str, text: str) -> None:
        self.judge = judge
        self.tool = tool
        self.text: str | None = text

    def take(self, text: str) -> bool:
        """Whether this is that call. It is so once: another with the same text is another call."""
        is_it = self.text == text
        self.text = None
        return is_it


_judging_functions: weakref.WeakSet[Any] = weakref.WeakSet()
"""The functions that judge before a tool runs."""

_admitted: ContextVar[Admitted] = ContextVar("perso_openai_agents_admitted")


def guarded(judge: Judge, tool: T) -> T:
    """A tool like another that judges the arguments with which it is invoked."""
    if not isinstance(tool, FunctionTool):
        raise TypeError(
            f"`{type(tool).__name__}` is no function tool: perso cannot guard what the SDK does not run by `on_invoke_tool`"
        )
    made = copy.copy(tool)
    # The SDK's own invoker turns what the function inside raises into what the model reads, and copies itself with a tool.
    invoker = copy.copy(made.on_invoke_tool)
    if hasattr(invoker, "_invoke_tool_impl"):
        invoker._invoke_tool_impl = _judging(judge, made, invoker._invoke_tool_impl)
        made.on_invoke_tool = invoker
    else:
        made.on_invoke_tool = _judging(judge, made, made.on_invoke_tool)
    made.tool_input_guardrails = [_rejecting(judge), *(tool.tool_input_guardrails or [])]
    kind: type = type(made)
    object.__setattr__(made, "__class__", _kept(kind))
    return made


def _judging(judge: Judge, tool: FunctionTool, invoke: Any) -> Any:
    """Invokes a tool with the very text that was judged."""

    @functools.wraps(invoke)
    async def judging(context: Any, text: str) -> Any:
        admitted = _admitted.get(None)
        if admitted is not None and admitted.judge is not judge:
            admitted = None
        if admitted is None or not admitted.take(text):
            name = admitted.tool if admitted else getattr(context, "qualified_tool_name", None) or tool.qualified_name
            data = ToolInputGuardrailData(context=context, agent=cast(Any, getattr(context, "agent", None)))
            denied = (await _judge(judge, name, text, data)).denied
            if denied is not None and tool.output_json_schema is None:
                return str(denied)
            if denied is not None:
                raise denied
        _forget_parsed(context)
        return await invoke(context, text)

    _judging_functions.add(judging)
    return judging


def _rejecting(judge: Judge) -> ToolInputGuardrail[Any]:
    """The guardrail of a guarded tool."""

    async def perso(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        tool, text = data.context.qualified_tool_name, data.context.tool_arguments
        output = _output((await _judge(judge, tool, text, data)).denied)
        if output.behavior["type"] == "allow":
            _admitted.set(Admitted(judge, tool, text))
        return output

    return ToolInputGuardrail(guardrail_function=perso, name="perso")


def guardrail(judge: Judge) -> ToolInputGuardrail[Any]:
    """A guardrail that judges the arguments as the model wrote them, and fixes them. A denied call does not run, and the model
    reads why."""

    async def perso(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        call, text, tool = data.context.tool_call, data.context.tool_arguments, data.context.qualified_tool_name
        if call is not None and call.arguments != text:
            # The SDK may run either of the two.
            return _output(judge.refuse(tool, "another guardrail has changed the arguments: put perso's first"))
        if data.context.tool_namespace == data.context.tool_name:
            # A tool that is loaded when it is searched for. The SDK runs a copy of the call, which no guardrail sees.
            return _output(judge.refuse(tool, "the tool defers loading: guard it with `policy.openai_agents_tools`"))
        output = _output((await _judge(judge, tool, text, data)).denied)
        if call is not None and output.behavior["type"] == "allow":
            object.__setattr__(call, "__class__", _fixed(type(call)))
            _forget_parsed(data.context)
        return output

    return ToolInputGuardrail(guardrail_function=perso, name="perso")


def _forget_parsed(context: Any) -> None:
    """Lets the SDK parse the arguments anew: those that it has parsed for an approval are within reach of hooks."""
    if getattr(context, "_function_tool_arguments", None) is not None:
        context._function_tool_arguments = None


async def _judge(judge: Judge, tool: str, text: str, told: ToolInputGuardrailData) -> Verdict:
    return await judge.judge_text(tool, text or "{}", told)


def _output(denied: Denied | None) -> ToolGuardrailFunctionOutput:
    if denied is None:
        return ToolGuardrailFunctionOutput.allow()
    return ToolGuardrailFunctionOutput.reject_content(str(denied), output_info=denied.meta())


@functools.lru_cache(maxsize=16)
def _fixed(kind: type) -> type:
    """A class of calls like `kind`, whose arguments stay what they are."""

    def get(self: Any) -> Any:
        return self.__dict__["arguments"]

    def refuse(self: Any, value: object) -> None:
        raise AttributeError(
            "the arguments of a call that was judged cannot change: guard the tool itself, with `policy.openai_agents_tools`"
        )

    fixed = type(kind)(kind.__name__, (kind,), {"__module__": kind.__module__, "__doc__": kind.__doc__})
    # Afterwards: pydantic would take it for the field's default.
    setattr(fixed, "arguments", property(get, refuse))
    return fixed


@functools.lru_cache(maxsize=64)
def _kept(kind: type) -> type:
    """A class of tools like `kind`, whose invoker can only be one that judges. The SDK replaces it when it copies a tool."""

    def get(self: Any) -> Any:
        return self.__dict__["on_invoke_tool"]

    def put(self: Any, invoker: Any) -> None:
        if getattr(invoker, "_invoke_tool_impl", invoker) not in _judging_functions:
            raise AttributeError(
                f"the tool `{self.name}` is guarded, and nothing can replace what it runs: guard the other tool instead"
            )
        self.__dict__["on_invoke_tool"] = invoker

    members = {"on_invoke_tool": property(get, put), "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind)(kind.__name__, (kind,), members)

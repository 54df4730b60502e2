"""Guards tools of the OpenAI Agents SDK: function tools, and the tools of MCP servers with a tool input guardrail.

The SDK runs a function tool with `on_invoke_tool`, which gets the arguments as text. A guarded tool judges that text, after all
hooks and other guardrails, and runs with it. It also has a guardrail, because only there does the SDK accept a denial as plain
text for a tool whose output has a schema.

For tools of MCP servers there is only the guardrail, which judges before hooks run. It therefore locks the judged text: a hook
that changes it gets an error.
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
    """A call that the guardrail of a guarded tool admitted."""

    def __init__(self, judge: Judge, tool: str, text: str, verdict: Verdict) -> None:
        self.judge = judge
        self.verdict = verdict
        self.tool = tool
        self.text: str | None = text

    async def take(self, text: str) -> bool:
        """Whether this is the admitted call. True only once: a second call with the same text is another call."""
        admitted, self.text = self.text, None
        if admitted is not None and admitted != text:
            # The call was changed, and is judged again.
            await self.verdict.give_back()
        return admitted == text


_judging_functions: weakref.WeakSet[Any] = weakref.WeakSet()
"""The functions that judge before a tool runs."""

_admitted: ContextVar[Admitted] = ContextVar("perso_openai_agents_admitted")


def guarded(judge: Judge, tool: T) -> T:
    """A copy of a tool that judges the arguments that it is invoked with."""
    if not isinstance(tool, FunctionTool):
        raise TypeError(
            f"`{type(tool).__name__}` is no function tool: perso cannot guard what the SDK does not run by `on_invoke_tool`"
        )
    made = copy.copy(tool)
    # The SDK's own invoker turns exceptions into text for the model, and copies itself when the tool is copied.
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
    """Wraps `invoke` so that it runs only with judged text."""

    @functools.wraps(invoke)
    async def judging(context: Any, text: str) -> Any:
        admitted = _admitted.get(None)
        if admitted is not None and admitted.judge is not judge:
            admitted = None
        if admitted is None or not await admitted.take(text):
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
        verdict = await _judge(judge, tool, text, data)
        if verdict.denied is None:
            _admitted.set(Admitted(judge, tool, text, verdict))
        return _output(verdict.denied)

    return ToolInputGuardrail(guardrail_function=perso, name="perso")


def guardrail(judge: Judge) -> ToolInputGuardrail[Any]:
    """A guardrail that judges the arguments as the model wrote them, and locks them.

    A denied call does not run, and the model reads why.
    """

    async def perso(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
        call, text, tool = data.context.tool_call, data.context.tool_arguments, data.context.qualified_tool_name
        if call is not None and call.arguments != text:
            # The SDK could run either text.
            return _output(judge.refuse(tool, "another guardrail has changed the arguments: put perso's first"))
        if data.context.tool_namespace == data.context.tool_name:
            # A tool with `defer_loading`. The SDK runs a copy of the call, which the guardrail cannot lock.
            return _output(judge.refuse(tool, "the tool defers loading: guard it with `policy.openai_agents_tools`"))
        output = _output((await _judge(judge, tool, text, data)).denied)
        if call is not None and output.behavior["type"] == "allow":
            object.__setattr__(call, "__class__", _fixed(type(call)))
            _forget_parsed(data.context)
        return output

    return ToolInputGuardrail(guardrail_function=perso, name="perso")


def _forget_parsed(context: Any) -> None:
    """Makes the SDK parse the arguments again, because hooks can change those that it parsed for an approval."""
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
    """A subclass of `kind`, for calls whose arguments cannot be changed."""

    def get(self: Any) -> Any:
        return self.__dict__["arguments"]

    def refuse(self: Any, value: object) -> None:
        raise AttributeError(
            "the arguments of a call that was judged cannot change: guard the tool itself, with `policy.openai_agents_tools`"
        )

    fixed = type(kind)(kind.__name__, (kind,), {"__module__": kind.__module__, "__doc__": kind.__doc__})
    # After the class was created, because pydantic would take the property for the field's default.
    setattr(fixed, "arguments", property(get, refuse))
    return fixed


@functools.lru_cache(maxsize=64)
def _kept(kind: type) -> type:
    """A subclass of `kind`, for tools whose invoker must judge. The SDK sets the invoker when it copies a tool."""

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

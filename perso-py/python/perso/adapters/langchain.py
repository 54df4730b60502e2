"""Guards LangChain tools.

LangChain runs every tool with one of two methods, `_run` and `_arun`, however it was called. The class of a guarded tool
overrides both. They judge the arguments that the tool is about to run with, after schemas, middleware and injected arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from inspect import Parameter
from typing import Any, TypeVar

from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException
from langchain_core.tools.base import _get_runnable_config_param, _handle_tool_error
from langchain_core.utils._signature import _signature_parameters

from perso.guard.denied import Denied
from perso.guard.judge import Judge

T = TypeVar("T", bound=BaseTool)

OWN = (BaseTool, StructuredTool, Tool)
"""LangChain's own classes, which run tools only with `_run` and `_arun`."""

WAYS = frozenset(
    """__call__ __getattribute__ invoke ainvoke run arun batch abatch batch_as_completed abatch_as_completed stream astream
    transform atransform astream_log astream_events stream_events _call_with_config _acall_with_config _batch_with_config
    _abatch_with_config _transform_stream_with_config _atransform_stream_with_config""".split()
)
"""The methods that call a tool. A class that overrides one of them could bypass `_run`."""


def guarded(judge: Judge, tool: T) -> T:
    """A copy of a tool whose `_run` and `_arun` judge each call first."""
    refuse_other_ways(tool)
    kind: Any = type(tool)
    # LangChain's own classes pass the call on to a function.
    hands_on = kind._run in (StructuredTool._run, Tool._run)
    hands_on_later = kind._arun in (StructuredTool._arun, Tool._arun)
    # Without its own `_arun`, a tool runs `_run` in a thread, and LangChain adds the arguments that `_run` takes.
    later = kind._run if kind._arun is BaseTool._arun else kind._arun

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _Call(self, kind._run, self.func if hands_on else None, args, kwargs)
        judged = judge.admit_now(self.name, call.arguments, ensure_config())
        return call.run(kind._run, self, judged)

    async def arun(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = _Call(self, later, (self.coroutine or self.func) if hands_on_later else None, args, kwargs)
        judged = await judge.admit(self.name, call.arguments, ensure_config())
        # The original class, because `_arun` may call `_run`, and the call was judged.
        plain = self.model_copy()
        object.__setattr__(plain, "__class__", kind)
        return await call.run(kind._arun, plain, judged)

    members = {
        "_run": functools.wraps(kind._run)(run),
        "_arun": functools.wraps(later)(arun),
        "__module__": kind.__module__,
        "__doc__": kind.__doc__,
    }
    copy = tool.model_copy()
    object.__setattr__(copy, "__class__", type(kind)(kind.__name__, (kind,), members))
    copy.handle_tool_error = _teller(tool.handle_tool_error)
    return copy


def refuse_other_ways(tool: object) -> None:
    """Raises `TypeError` for an object that could run without being judged."""
    name = type(tool).__name__
    if not isinstance(tool, BaseTool):
        raise TypeError(f"`{name}` is no LangChain tool: make it one first, with `@tool` or `as_tool`")
    places = [kind.__dict__ for kind in type(tool).__mro__ if not any(issubclass(own, kind) for own in OWN)]
    found = sorted({way for place in places for way in WAYS.intersection(place)})
    found += sorted((WAYS | {"_run", "_arun"}).intersection(vars(tool)))
    if found:
        raise TypeError(
            f"`{name}` has its own `{found[0]}`, which could run the tool without being judged: "
            "put what it does into `_run` and `_arun`"
        )


class _Call:
    """A call that reaches `_run` or `_arun`. Separates its arguments from what LangChain adds.

    What LangChain sets whatever the model sends is not an argument. Everything else that the tool runs with is one, including
    defaults.
    """

    def __init__(
        self, tool: Any, method: Callable[..., Any], function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        # Without `self`.
        parameters = list(_signature_parameters(method).values())[1:]
        added = _set_by_langchain(method, parameters, "run_manager")
        replaced: set[str | None] = set()
        if function is not None:
            parameters = list(_signature_parameters(function).values())
            replaced = _set_by_langchain(function, parameters, "callbacks")
        self.added = {name: value for name, value in kwargs.items() if name in added}
        self.arguments = {name: value for name, value in kwargs.items() if name not in added | replaced}
        self.places = _places(tool, self.arguments, args)
        self.arguments.update(zip(self.places, args, strict=True))
        by_place = [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD][: len(args)]
        for parameter in parameters:
            can_be_named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            has_default = can_be_named and parameter.default is not parameter.empty and parameter not in by_place
            if has_default and parameter.name not in added | replaced:
                self.arguments.setdefault(parameter.name, parameter.default)

    def run(self, method: Callable[..., Any], tool: Any, judged: dict[str, Any]) -> Any:
        """Runs the tool with the judged arguments."""
        args = [judged[name] for name in self.places]
        kwargs = {name: value for name, value in judged.items() if name not in self.places}
        return method(tool, *args, **kwargs, **self.added)


def _set_by_langchain(function: Callable[..., Any], parameters: list[Parameter], manager: str) -> set[str | None]:
    """The names of the arguments that LangChain sets, whatever the model sends."""
    return {_get_runnable_config_param(function), *(manager for parameter in parameters if parameter.name == manager)}


def _places(tool: Any, arguments: dict[str, Any], args: tuple[Any, ...]) -> list[str]:
    """The names of positional arguments. LangChain passes a plain text to a tool with one parameter as such."""
    if not args:
        return []
    names = [name for name in tool.args if name not in arguments]
    if len(args) > len(names):
        raise ToolException("the tool takes fewer arguments")
    return names[: len(args)]


def _teller(flag: Any) -> Any:
    """Makes a handler of tool errors: the model reads the reason of a denial. Other errors are handled as before."""

    def tell(error: ToolException) -> Any:
        if isinstance(error, Denied):
            return str(error)
        if not flag:
            raise error
        return _handle_tool_error(error, flag=flag)

    return tell

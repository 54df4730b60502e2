"""LangChain: tools that judge each call."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, ToolException
from langchain_core.tools.base import FILTERED_ARGS, _handle_tool_error

from perso.guard.denied import Denied
from perso.guard.judge import Judge

T = TypeVar("T", bound=BaseTool)


def guarded(judge: Judge, tool: T) -> T:
    """A tool like another, of a class like its own, in which the two methods by which any tool runs judge first."""
    kind: Any = type(tool)

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments that the tool runs with, defaults among them, without what LangChain adds."""
        own = copy._filter_injected_args({key: value for key, value in kwargs.items() if key not in FILTERED_ARGS})
        own.pop("config", None)
        names = [name for name in copy.args if name not in own]
        if len(args) > len(names):
            raise ToolException("the tool takes fewer arguments")
        return {**own, **dict(zip(names, args))}

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        judge.admit_now(self.name, named(args, kwargs), kwargs.get("config") or ensure_config())
        return kind._run(self, *args, **kwargs)

    async def arun(self: Any, *args: Any, **kwargs: Any) -> Any:
        await judge.admit(self.name, named(args, kwargs), kwargs.get("config") or ensure_config())
        # A tool without an async side runs its other one in a thread. It has been judged.
        plain = self.model_copy()
        object.__setattr__(plain, "__class__", kind)
        return await kind._arun(plain, *args, **kwargs)

    members = {
        "_run": functools.wraps(kind._run)(run),
        "_arun": functools.wraps(kind._arun)(arun),
        "__module__": kind.__module__,
        "__doc__": kind.__doc__,
    }
    copy = tool.model_copy()
    object.__setattr__(copy, "__class__", type(kind)(kind.__name__, (kind,), members))
    copy.handle_tool_error = _teller(tool.handle_tool_error)
    return copy


def _teller(flag: Any) -> Any:
    """The model reads the reason of a denial; what else goes wrong is told as before."""

    def tell(error: ToolException) -> Any:
        if isinstance(error, Denied):
            return str(error)
        if not flag:
            raise error
        return _handle_tool_error(error, flag=flag)

    return tell

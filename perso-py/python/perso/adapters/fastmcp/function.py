"""Judges the arguments that a tool's function gets.

fastmcp derives the function's arguments from those of the call, with aliases, conversions and dependencies. If they differ from
what was judged, the call is judged again with the values that the function is about to get.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from fastmcp.tools.function_tool import FunctionTool
from fastmcp.utilities.async_utils import call_sync_fn_in_threadpool, is_coroutine_function
from fastmcp.utilities.types import get_function_type_hints
from pydantic.fields import FieldInfo
from uncalled_for import get_dependency_parameters

from perso.adapters.as_run import as_run
from perso.adapters.same import is_same
from perso.guard.judge import CHANGED
from perso.guard.own import SCALARS, Watched, own
from perso.guard.rounds import begins


class Call(Protocol):
    """A call that is about to run."""

    args: Any
    """The arguments that were judged."""

    async def judge_again(self, args: Any) -> None:
        """Judges the call with other arguments. Raises an error if it is denied."""

    def refuse(self, why: str) -> None:
        """Denies the call by raising an error."""


_call: ContextVar[Call | None] = ContextVar("perso_fastmcp_function", default=None)
"""The call that is about to run."""


def judged(tool: FunctionTool) -> FunctionTool:
    """A copy of the tool whose function judges its arguments before it runs."""
    return tool.model_copy(update={"fn": _asking(tool.fn, tool.run_in_thread)})


@contextmanager
def called(call: Call) -> Iterator[None]:
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


# As many as the SDK caches for its own wrappers of functions.
@functools.lru_cache(maxsize=5000)
def _asking(function: Callable[..., Any], in_thread: bool) -> Callable[..., Any]:
    """Wraps a function in one with the same parameters that judges its arguments first."""
    signature = inspect.signature(function)
    brought = frozenset(get_dependency_parameters(function))
    fields = _fields(function, signature)

    async def asking(*args: Any, **named: Any) -> Any:
        runs = await _asked(dict(signature.bind(*args, **named).arguments), brought, fields)
        begins(function)
        if is_coroutine_function(function):
            return await function(**runs)
        result = await call_sync_fn_in_threadpool(_run, function, runs) if in_thread else _run(function, runs)
        return await result if inspect.isawaitable(result) else result

    functools.update_wrapper(asking, function)
    setattr(asking, "__signature__", signature)
    if not hasattr(function, "__annotations__"):
        asking.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return asking


def _run(function: Callable[..., Any], runs: dict[str, Any]) -> Any:
    # A generator's body must run in this call, and in this thread.
    result = function(**runs)
    return list(result) if inspect.isgenerator(result) else result


async def _asked(given: dict[str, Any], brought: frozenset[str], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """Judges the arguments. Returns the arguments to run with."""
    call = _call.get()
    assert call is not None, "the function was called outside a tool call"
    try:
        # Nothing else holds this copy.
        held: dict[str, Any] = own(given)
        # Values from dependencies are judged if they are data, unlike a database connection.
        data = {name: value for name, value in held.items() if name not in brought or _is_data(value)}
        view = as_run(call.args, data, fields)
        watched = Watched(held)
    except Exception:
        call.refuse("what the tool would run with cannot be read")
        return given
    if not is_same(view, call.args):
        await call.judge_again(view)
        if watched.has_changed():
            call.refuse(CHANGED)
    return held


def _is_data(value: Any) -> bool:
    return type(value) in SCALARS or type(value) in (dict, list, tuple)


def _fields(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, FieldInfo]:
    """The pydantic field of each parameter."""
    try:
        hints = get_function_type_hints(function)
    except Exception:
        hints = {}
    fields = {}
    for name, parameter in signature.parameters.items():
        kind = hints.get(name, parameter.annotation)
        kind = Any if kind is parameter.empty else kind
        if parameter.default is parameter.empty:
            fields[name] = FieldInfo.from_annotation(kind)
        else:
            fields[name] = FieldInfo.from_annotated_attribute(kind, parameter.default)
    for name in get_dependency_parameters(function):
        del fields[name]
    return fields

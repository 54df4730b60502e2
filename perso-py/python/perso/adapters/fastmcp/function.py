"""Judges what a tool's function really gets.

fastmcp makes a function's arguments from those of the call: by aliases, conversions and dependencies. Where these differ from
what was judged, the call is judged again, by the values that the function is about to run with.
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

from perso.adapters.admitted import is_same
from perso.adapters.as_run import as_run
from perso.guard.judge import CHANGED
from perso.guard.own import SCALARS, Watched, own

class Call(Protocol):
    """A call that is about to run."""

    args: Any
    """Its arguments, as they were judged."""

    async def judge_again(self, args: Any) -> None:
        """Has it judged by other arguments. Raises what a denied call is told."""

    def refuse(self, why: str) -> None:
        """Denies it. Raises what a denied call is told."""


_call: ContextVar[Call | None] = ContextVar("perso_fastmcp_function", default=None)
"""The call that is about to run."""


def judged(tool: FunctionTool) -> FunctionTool:
    """A tool like this one, whose function asks before it runs."""
    return tool.model_copy(update={"fn": _asking(tool.fn, tool.run_in_thread)})


@contextmanager
def called(call: Call) -> Iterator[None]:
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


# The SDK keeps what it makes of a function by the function, and as many.
@functools.lru_cache(maxsize=5000)
def _asking(function: Callable[..., Any], in_thread: bool) -> Callable[..., Any]:
    """A function with the same parameters, which asks before it runs."""
    signature = inspect.signature(function)
    brought = frozenset(get_dependency_parameters(function))
    fields = _fields(function, signature)

    async def asking(*args: Any, **named: Any) -> Any:
        runs = await _asked(dict(signature.bind(*args, **named).arguments), brought, fields)
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
    # The body of a generator belongs to the call, and runs where that does.
    result = function(**runs)
    return list(result) if inspect.isgenerator(result) else result


async def _asked(given: dict[str, Any], brought: frozenset[str], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """The arguments to run with, once they are judged."""
    call = _call.get()
    assert call is not None, "a function asks in a call"
    try:
        # Nothing else holds this copy.
        held: dict[str, Any] = own(given)
        # What dependencies bring is judged where it is data. A database connection is none.
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
    """How the arguments are read, by the names of parameters."""
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

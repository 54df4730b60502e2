"""The decorator for plain functions, coroutines and generators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from perso._perso import Policy
from perso.guard.around import around
from perso.guard.judge import Judge
from perso.guard.mark import mark

F = TypeVar("F", bound=Callable[..., Any])


def guard(policy: Policy, function: F, judge: Judge, tool: str | None) -> F:
    """Wraps a function so that each call is judged before it runs."""
    refuse_other_than_functions(function)
    name = tool or function.__name__
    if inspect.iscoroutinefunction(function):
        wrapper = around(function, judge.admit, name, "coroutine")
    elif inspect.isasyncgenfunction(function):
        wrapper = around(function, judge.admit, name, "async generator")
    elif judge.is_async():
        raise TypeError(f"`{name}` is not async, so no function in its guard's settings can be async")
    elif inspect.isgeneratorfunction(function) and not function.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE:
        wrapper = around(function, judge.admit_now, name, "generator")
    else:
        wrapper = around(function, judge.admit_now, name, "function")
    wrapper = functools.wraps(function)(wrapper)
    mark(wrapper, function, name, policy, not judge.observes)
    return cast(F, wrapper)


def refuse_other_than_functions(function: object) -> None:
    """Raises `TypeError` unless the guard is directly above a function: a decorator in between could change arguments."""
    if isinstance(function, (staticmethod, classmethod, property)):
        raise TypeError(f"put the guard below `@{type(function).__name__}`, next to the function")
    if inspect.isclass(function) or not (inspect.isroutine(function) or isinstance(function, functools._lru_cache_wrapper)):
        raise TypeError(
            f"a guard is for functions, and this is a `{type(function).__name__}`: put it below the decorator that made that"
        )
    if inspect.isfunction(function) and hasattr(function, "__wrapped__"):
        raise TypeError(
            f"`{function.__name__}` is wrapped by another decorator: put the guard below that, next to the function"
        )

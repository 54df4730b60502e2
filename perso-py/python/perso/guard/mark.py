"""Remembers which functions are guarded."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "__perso_guard__"


@dataclass(frozen=True)
class Mark:
    """The attribute that identifies a guarded function."""

    wrapper: weakref.ref[Any]
    """The guarded function itself. `functools.wraps` copies the mark to other wrappers, which this tells apart."""
    tool: str
    enforces: bool
    policy: weakref.ref[Any]


_guarded: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""The original functions that guards wrap, and the names of their tools."""


def mark(wrapper: Any, function: Callable[..., Any], tool: str, policy: object, enforces: bool) -> None:
    """Records that `wrapper` guards `function`."""
    setattr(wrapper, ATTRIBUTE, Mark(weakref.ref(wrapper), tool, enforces, weakref.ref(policy)))
    _guarded[function] = tool


def mark_of(function: object) -> Mark | None:
    """The mark of a guarded function. `None` for any other object."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Mark) and found.wrapper() is function else None


def is_bare(function: object) -> bool:
    """Whether a function is the original inside a guard. Calling it directly bypasses the guard."""
    try:
        return function in _guarded
    except TypeError:
        return False

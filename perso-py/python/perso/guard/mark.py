"""Which functions are guarded."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ATTRIBUTE = "__perso_guard__"


@dataclass(frozen=True)
class Mark:
    """What a guarded function is known by."""

    wrapper: weakref.ref[Any]
    """The guarded function itself: a wrapper that has copied its attributes with `functools.wraps` is another function."""
    tool: str
    enforces: bool
    policy: weakref.ref[Any]


_guarded: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
"""The functions inside of guards, and the tools that they are guarded as."""


def mark(wrapper: Any, function: Callable[..., Any], tool: str, policy: object, enforces: bool) -> None:
    """Notes that `wrapper` guards `function`."""
    setattr(wrapper, ATTRIBUTE, Mark(weakref.ref(wrapper), tool, enforces, weakref.ref(policy)))
    _guarded[function] = tool


def mark_of(function: object) -> Mark | None:
    """What a guarded function is known by, if it is one."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Mark) and found.wrapper() is function else None


def is_bare(function: object) -> bool:
    """Whether a function is the inside of a guard, so that its guard guards nothing where it is called itself."""
    try:
        return function in _guarded
    except TypeError:
        return False

"""Who makes the current request, and what their calls are judged with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from perso.guard.memory import Memory

ANONYMOUS: Mapping[str, Any] = {}
"""The attributes of a caller without attributes and roles."""


@dataclass(frozen=True)
class Caller:
    """A caller whom a guard has identified."""

    agent: object = field(default_factory=lambda: ANONYMOUS)
    """The attributes that rules read as ``agent.…``."""
    session: str | None = None
    """The id of the session."""
    request: object = None
    """What the adapter knows of the request, for approvers."""
    memory: Memory | None = None
    """What decisions about the caller's calls are remembered with."""


_caller: ContextVar[Caller | None] = ContextVar("perso_caller", default=None)
"""The caller of the current request. A server's guard sets it, for the guards of functions inside the server."""


def caller() -> Caller | None:
    """The caller of the current request. `None` if no guard has identified one."""
    return _caller.get()


@contextmanager
def calling(by: Caller | None) -> Iterator[None]:
    """Sets the caller for guards inside the block. They use it unless they have settings of their own."""
    token = _caller.set(Caller() if by is None else by)
    try:
        yield
    finally:
        _caller.reset(token)

"""Finds unguarded tools and misplaced guards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perso._perso import Policy
from perso.adapters.server import check_handlers, is_guarded
from perso.guard.event import logger
from perso.guard.mark import is_bare, mark_of


class Unguarded(Exception):
    """A server has unguarded tools or misplaced guards."""

    problems: list[str]
    """What to fix, one text for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def verify(policy: Policy, server: Any) -> None:
    """Raises `Unguarded` if a tool is not guarded by `policy`, or if a guard is in the wrong place."""
    problems = list(order(server))
    if is_guarded(policy, server):
        try:
            check_handlers(server)
        except Unguarded as error:
            problems.extend(error.problems)
    else:
        if not hasattr(server, "_tool_manager") and not hasattr(server, "providers"):
            # A low-level server. Its handler may run anything, so there are no tools to check.
            problems.append(f"nothing guards the server `{getattr(server, 'name', '')}`")
        for name, function in tools_of(server):
            mark = next((mark for inner in _line(function) if (mark := mark_of(inner)) is not None), None)
            if not is_wrong(function) and (mark is None or mark.policy() is not policy):
                problems.append(f"nothing guards the tool `{name}`")
    raise_for(problems)


def wrong_order(server: Any) -> None:
    """Raises `Unguarded` if a guard is in the wrong place. Each guarded server checks this before its first message."""
    raise_for(list(order(server)))


def raise_for(problems: list[str]) -> None:
    """Logs the problems and raises `Unguarded`, if there are any."""
    if problems:
        for problem in problems:
            logger.error("%s", problem)
        raise Unguarded(problems)


def order(server: Any) -> Iterator[str]:
    """Problems with guards that are in the wrong place."""
    for name, function in tools_of(server):
        if is_wrong(function):
            yield (
                f"the guard of the tool `{name}` is above the decorator that makes it a tool, and guards nothing: put it below"
            )
        mark = mark_of(function)
        if mark is not None and mark.tool != name:
            yield f"the tool `{name}` is guarded as `{mark.tool}`: name it with `guard(tool=…)`"
    yield from _before(server)


def is_wrong(function: object) -> bool:
    """Whether a tool runs a function that has a guard, but bypasses the guard."""
    line = list(_line(function))
    return any(map(is_bare, line)) and not any(mark_of(inner) is not None for inner in line)


def _line(function: object) -> Iterator[object]:
    """A function and the functions that it wraps, outermost first."""
    for _ in range(64):
        if function is None:
            return
        yield function
        function = getattr(function, "__wrapped__", None)


def tools_of(server: Any) -> Iterator[tuple[str, object]]:
    """The names of a server's tools and the functions that they run, as far as the server knows them."""
    manager = getattr(server, "_tool_manager", None)
    if manager is not None:
        for tool in manager.list_tools():
            yield tool.name, tool.fn
    for provider in getattr(server, "providers", ()):
        yield from _provided(provider)


def _provided(provider: Any, depth: int = 0) -> Iterator[tuple[str, object]]:
    """The same for a fastmcp provider, and for the providers and servers inside it. Names are those of the inner server."""
    if depth > 16:
        return
    for component in getattr(provider, "_components", {}).values():
        # Of a server's components, only tools have an input schema.
        if hasattr(component, "fn") and isinstance(getattr(component, "parameters", None), dict):
            yield component.name, component.fn
    inner = [getattr(provider, name, None) for name in ("_inner", "_local", "server")]
    for below in (*inner, *getattr(provider, "providers", ())):
        if below is not None:
            yield from _provided(below, depth + 1)


def _before(server: Any) -> Iterator[str]:
    """Middleware in front of the guard that can answer calls itself."""
    for middleware in getattr(server, "middleware", ()):
        if isinstance(getattr(middleware, "policy", None), Policy):
            return
        if any(kind.__name__ == "ResponseCachingMiddleware" for kind in type(middleware).__mro__):
            yield "`ResponseCachingMiddleware` answers before the guard is asked: put the guard first"

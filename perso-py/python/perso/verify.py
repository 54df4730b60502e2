"""Finds tools that nothing guards, and guards that guard nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perso._perso import Policy
from perso.adapters.server import check_handlers, is_guarded
from perso.guard.event import logger
from perso.guard.mark import is_bare, mark_of


class Unguarded(Exception):
    """What is wrong with the guards of a server."""

    problems: list[str]

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def verify(policy: Policy, server: Any) -> None:
    """Raises `Unguarded` for tools that nothing of `policy` guards, and for guards in the wrong order."""
    problems = list(order(server))
    if is_guarded(policy, server):
        try:
            check_handlers(server)
        except Unguarded as error:
            problems.extend(error.problems)
    else:
        if not hasattr(server, "_tool_manager") and not hasattr(server, "providers"):
            # A low-level server: what its handler runs is not known.
            problems.append(f"nothing guards the server `{getattr(server, 'name', '')}`")
        for name, function in tools_of(server):
            mark = next((mark for inner in _line(function) if (mark := mark_of(inner)) is not None), None)
            if not is_wrong(function) and (mark is None or mark.policy() is not policy):
                problems.append(f"nothing guards the tool `{name}`")
    raise_for(problems)


def wrong_order(server: Any) -> None:
    """Raises `Unguarded` for guards in the wrong order: what each guard of a server does when that starts."""
    raise_for(list(order(server)))


def raise_for(problems: list[str]) -> None:
    if problems:
        for problem in problems:
            logger.error("%s", problem)
        raise Unguarded(problems)


def order(server: Any) -> Iterator[str]:
    """The guards that are not where they guard."""
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
    """Whether a tool runs the inside of a guard, and not the guard."""
    line = list(_line(function))
    return any(map(is_bare, line)) and not any(mark_of(inner) is not None for inner in line)


def _line(function: object) -> Iterator[object]:
    """A function and those that it wraps."""
    for _ in range(64):
        if function is None:
            return
        yield function
        function = getattr(function, "__wrapped__", None)


def tools_of(server: Any) -> Iterator[tuple[str, object]]:
    """A server's tools and the functions that they run, as far as it knows."""
    manager = getattr(server, "_tool_manager", None)
    if manager is not None:
        for tool in manager.list_tools():
            yield tool.name, tool.fn
    for provider in getattr(server, "providers", ()):
        yield from _provided(provider)


def _provided(provider: Any, depth: int = 0) -> Iterator[tuple[str, object]]:
    """The same for a provider of fastmcp's, and for those and the servers in it, by the names that they have there."""
    if depth > 16:
        return
    for component in getattr(provider, "_components", {}).values():
        # Of a server's components, only tools have a schema for what they take.
        if hasattr(component, "fn") and isinstance(getattr(component, "parameters", None), dict):
            yield component.name, component.fn
    inner = [getattr(provider, name, None) for name in ("_inner", "_local", "server")]
    for below in (*inner, *getattr(provider, "providers", ())):
        if below is not None:
            yield from _provided(below, depth + 1)


def _before(server: Any) -> Iterator[str]:
    """What answers calls before the guard is asked."""
    for middleware in getattr(server, "middleware", ()):
        if isinstance(getattr(middleware, "policy", None), Policy):
            return
        if any(kind.__name__ == "ResponseCachingMiddleware" for kind in type(middleware).__mro__):
            yield "`ResponseCachingMiddleware` answers before the guard is asked: put the guard first"

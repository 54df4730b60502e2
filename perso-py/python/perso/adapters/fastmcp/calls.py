"""What is known of a call while it is served.

A call passes two points: a guard judges it when it comes in, and it arrives at its tool. Other middlewares and extensions
are between the two, and may change it. `Admission` is what the guards let pass, and only that arrives as judged. `Running` is
the tool that runs now: whatever it calls is judged by the same guards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastmcp.server import FastMCP
from fastmcp.server.providers.fastmcp_provider import FastMCPProviderTool
from fastmcp.tools.base import Tool

from perso.adapters.admitted import is_same
from perso.guard.judge import calling
from perso.guard.mark import mark_of
from perso.guard.own import NotOwned, own

if TYPE_CHECKING:
    from perso.adapters.fastmcp.guard import Guard


@dataclass(frozen=True)
class Passed:
    """A guard that let a call pass, the server that it guards, and who it found to call."""

    guard: Guard
    server: FastMCP[Any]
    agent: object

    def is_of(self, guard: Guard, server: FastMCP[Any]) -> bool:
        return self.guard is guard and self.server is server


class Admission:
    """A call that guards let pass, until it arrives at its tool. It arrives once: another such call is another call."""

    def __init__(
        self, server: FastMCP[Any], tool: str, args: Any, passed: Sequence[Passed], function: object = None
    ) -> None:
        self.server = server
        self.tool = tool
        self.args = args
        self.passed = tuple(passed)
        # A function with a guard of its own may have been left the last word: no other may run in its place.
        self.function = None if mark_of(function) is None else function
        self.is_open = True

    def is_for(self, server: FastMCP[Any], tool: str, args: Any, function: object) -> bool:
        """Whether it is this call that comes to a tool that runs `function`."""
        same = self.server is server and self.tool == tool and (self.function is None or self.function is function)
        return self.is_open and same and is_same(self.args, args)

    def arrives(self, server: FastMCP[Any], tool: str, args: Any, function: object) -> bool:
        if not self.is_for(server, tool, args, function):
            return False
        self.is_open = False
        return True


def copy_of(args: Any) -> Any:
    """The arguments for code between a guard and a tool: what is done to them there is not done to those that were judged."""
    try:
        return own(args)
    except NotOwned:
        # Only a guard that observes lets such arguments pass.
        return args


class Running:
    """A tool that runs now, and the guards that let it."""

    def __init__(self, passed: Sequence[Passed], tool: Tool | None = None, mounted: Sequence[FastMCP[Any]] = ()) -> None:
        self.passed = tuple(passed)
        # The mounted servers through which the call came here.
        self.mounted = tuple(mounted)
        # The tools that this one is made from: to run them is to run this one.
        self.parts: list[Tool] = []
        part: Any = tool
        while isinstance(part := getattr(part, "parent_tool", None), Tool):
            self.parts.append(part)
        last = self.parts[-1] if self.parts else tool
        # The tool of a mounted server that this one stands for.
        self.leads_to = (last._server, last._original_name) if isinstance(last, FastMCPProviderTool) else None

    def is_part(self, tool: Tool) -> bool:
        return any(part is tool for part in self.parts)

    def leads(self, server: FastMCP[Any], tool: str) -> bool:
        return self.leads_to is not None and self.leads_to[0] is server and self.leads_to[1] == tool


NOBODY = object()
"""In place of who calls, where that has to be asked."""

_entered: ContextVar[FastMCP[Any] | None] = ContextVar("perso_fastmcp_entered", default=None)
"""The server to which the request that is served here came."""

_admission: ContextVar[Admission | None] = ContextVar("perso_fastmcp_admission", default=None)
_running: ContextVar[Running | None] = ContextVar("perso_fastmcp_running", default=None)


def admission() -> Admission | None:
    return _admission.get()


def running() -> Running | None:
    return _running.get()


def let_pass(by: Passed, tool: str, args: Any, function: object) -> Admission:
    """The admission of a call that one more guard lets pass."""
    before = _admission.get()
    is_next = before is not None and before.is_for(by.server, tool, args, function)
    passed = before.passed if before is not None and is_next else ()
    return Admission(by.server, tool, args, (*passed, by), function)


@contextmanager
def admitted(call: Admission | None) -> Iterator[None]:
    token = _admission.set(call)
    try:
        yield
    finally:
        _admission.reset(token)


@contextmanager
def runs(tool: Running) -> Iterator[None]:
    """A tool runs. What it calls is another call than the one that was let pass, by the same caller."""
    token = _running.set(tool)
    try:
        with admitted(None):
            if tool.passed:
                with calling(tool.passed[-1].agent):
                    yield
            else:
                yield
    finally:
        _running.reset(token)


@contextmanager
def entered(server: FastMCP[Any] | None) -> Iterator[None]:
    """A request came to a server, and is served here."""
    token = _entered.set(server)
    try:
        yield
    finally:
        _entered.reset(token)


def entry() -> FastMCP[Any] | None:
    return _entered.get()


def in_force() -> tuple[Passed, ...]:
    """The guards that judge what is called from here, outermost first."""
    tool, call = _running.get(), _admission.get()
    return join(() if tool is None else tool.passed, () if call is None else call.passed)


def mounted() -> tuple[FastMCP[Any], ...]:
    """The mounted servers through which the call came here."""
    tool = _running.get()
    return () if tool is None else tool.mounted


def join(outer: Sequence[Passed], inner: Sequence[Passed]) -> tuple[Passed, ...]:
    """Both, with what the inner ones found where they are the same."""
    kept = [one for one in outer if not any(one.is_of(other.guard, other.server) for other in inner)]
    return (*kept, *inner)

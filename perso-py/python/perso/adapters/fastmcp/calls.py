"""The state of a call while the server handles it.

A guard judges a call when it arrives. Between the guard and the tool, other middleware and extensions can change the call. An
`Admission` is the call that the guards admitted: the tool runs exactly that call without judging it again. `Running` is the
tool that runs now. The same guards judge every call that it makes.
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

from perso.adapters.same import is_same
from perso.guard.caller import Caller, calling
from perso.guard.mark import mark_of
from perso.guard.own import NotOwned, own
from perso.guard.verdict import Verdict

if TYPE_CHECKING:
    from perso.adapters.fastmcp.guard import Guard


@dataclass(frozen=True)
class Passed:
    """A guard that admitted a call, the server that it guards, and its verdict."""

    guard: Guard
    server: FastMCP[Any]
    verdict: Verdict | None
    """Its verdict. `None` if the guard has not judged yet."""

    @property
    def caller(self) -> Caller | None:
        return None if self.verdict is None else self.verdict.caller

    async def give_back(self) -> None:
        """Gives back what the call was charged, because it does not run as it was judged."""
        if self.verdict is not None:
            await self.verdict.give_back()

    def is_of(self, guard: Guard, server: FastMCP[Any]) -> bool:
        return self.guard is guard and self.server is server


class Admission:
    """A call that guards admitted and that has not reached its tool. It can be used once: a second equal call is judged."""

    def __init__(self, server: FastMCP[Any], tool: str, args: Any, passed: Sequence[Passed], function: object = None) -> None:
        self.server = server
        self.tool = tool
        self.args = args
        self.passed = tuple(passed)
        # The decision may have been left to this function's own guard, so no other function may run in its place.
        self.function = None if mark_of(function) is None else function
        self.is_open = True

    def is_for(self, server: FastMCP[Any], tool: str, args: Any, function: object) -> bool:
        """Whether this is the admitted call, and its tool runs `function`."""
        same = self.server is server and self.tool == tool and (self.function is None or self.function is function)
        return self.is_open and same and is_same(self.args, args)

    def arrives(self, server: FastMCP[Any], tool: str, args: Any, function: object) -> bool:
        """Whether this is the admitted call. Uses the admission up."""
        if not self.is_for(server, tool, args, function):
            return False
        self.is_open = False
        return True

    async def replaced(self) -> None:
        """Another call has come instead, and is judged: this one does not arrive any more, and counts no more."""
        if self.is_open:
            self.is_open = False
            for one in self.passed:
                await one.give_back()


def copy_of(args: Any) -> Any:
    """A copy of the arguments for code between a guard and a tool. Changing it does not change the judged arguments."""
    try:
        return own(args)
    except NotOwned:
        # Only a guard with `mode="observe"` lets such arguments pass.
        return args


class Running:
    """A tool that runs now, and the guards that admitted the call."""

    def __init__(self, passed: Sequence[Passed], tool: Tool | None = None, mounted: Sequence[FastMCP[Any]] = ()) -> None:
        self.passed = tuple(passed)
        # The mounted servers that the call went through.
        self.mounted = tuple(mounted)
        # The tools that this one was made from. Running them is part of running this one.
        self.parts: list[Tool] = []
        part: Any = tool
        while isinstance(part := getattr(part, "parent_tool", None), Tool):
            self.parts.append(part)
        last = self.parts[-1] if self.parts else tool
        # The mounted server's tool that this one calls.
        self.leads_to = (last._server, last._original_name) if isinstance(last, FastMCPProviderTool) else None

    def is_part(self, tool: Tool) -> bool:
        return any(part is tool for part in self.parts)

    def leads(self, server: FastMCP[Any], tool: str) -> bool:
        return self.leads_to is not None and self.leads_to[0] is server and self.leads_to[1] == tool


_entered: ContextVar[FastMCP[Any] | None] = ContextVar("perso_fastmcp_entered", default=None)
"""The server that received the current request."""

_admission: ContextVar[Admission | None] = ContextVar("perso_fastmcp_admission", default=None)
_running: ContextVar[Running | None] = ContextVar("perso_fastmcp_running", default=None)


def admission() -> Admission | None:
    return _admission.get()


def running() -> Running | None:
    return _running.get()


async def let_pass(by: Passed, tool: str, args: Any, function: object) -> Admission:
    """The admission of a call, after one more guard has admitted it."""
    before = _admission.get()
    is_next = before is not None and before.is_for(by.server, tool, args, function)
    passed = before.passed if before is not None and is_next else ()
    if before is not None and not is_next:
        await before.replaced()
    return Admission(by.server, tool, args, (*passed, by), function)


@contextmanager
def admitted(call: Admission | None) -> Iterator[None]:
    """Sets the current admission inside the block."""
    token = _admission.set(call)
    try:
        yield
    finally:
        _admission.reset(token)


@contextmanager
def runs(tool: Running) -> Iterator[None]:
    """Marks a tool as running inside the block. Calls that it makes are new calls by the same caller."""
    token = _running.set(tool)
    try:
        with admitted(None):
            if tool.passed:
                with calling(tool.passed[-1].caller):
                    yield
            else:
                yield
    finally:
        _running.reset(token)


@contextmanager
def entered(server: FastMCP[Any] | None) -> Iterator[None]:
    """Marks a server as the one that handles the request inside the block."""
    token = _entered.set(server)
    try:
        yield
    finally:
        _entered.reset(token)


def entry() -> FastMCP[Any] | None:
    return _entered.get()


def in_force() -> tuple[Passed, ...]:
    """The guards that judge calls made from here, outermost first."""
    tool, call = _running.get(), _admission.get()
    return join(() if tool is None else tool.passed, () if call is None else call.passed)


def mounted() -> tuple[FastMCP[Any], ...]:
    """The mounted servers that the current call went through."""
    tool = _running.get()
    return () if tool is None else tool.mounted


def join(outer: Sequence[Passed], inner: Sequence[Passed]) -> tuple[Passed, ...]:
    """Both, without duplicates. The inner guards win, because they know the caller best."""
    kept = [one for one in outer if not any(one.is_of(other.guard, other.server) for other in inner)]
    return (*kept, *inner)

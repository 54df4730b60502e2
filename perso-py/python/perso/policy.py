"""A policy, with every guard in reach."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from typing_extensions import Self, Unpack

from perso import _perso
from perso.guard.event import logger, visible
from perso.guard.settings import ServerSettings, Settings

if TYPE_CHECKING:
    from agents import FunctionTool, ToolInputGuardrail
    from fastmcp.server.middleware import Middleware
    from langchain_core.tools import BaseTool

    from perso.adapters.mcp2 import Guard as Mcp2Guard
    from perso.watch import Watched

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T", bound="BaseTool")
A = TypeVar("A", bound="FunctionTool")

Path = str | os.PathLike[str]

MODULE = b"\0asm"
"""What a module begins with. No policy does."""

MOST_BYTES = 1 << 28


class Policy(_perso.Policy):
    """A policy, ready to judge calls from any number of threads.

    Judging never raises: what can't be judged is denied, and the decision's cause says why.

        >>> policy = Policy.compile('''{
        ...     "perso": 1,
        ...     "rules": [{ "id": "small", "allow": "process_refund", "when": { "args.amount": { "lte": 500 } } }]
        ... }''')
        >>> policy.decide("process_refund", {"amount": 800}).reason
        'process_refund is allowed only if args.amount is at most 500 (rule `small`)'
        >>> bool(policy.decide("process_refund", {"amount": 500}))
        True
    """

    @classmethod
    def compile(cls, text: str) -> Self:
        """Compiles a policy's JSON text. Warnings are logged.

        Raises `PolicyError`, which tells everything that is wrong with the text; its `diagnostics` are for programs.
        """
        return cls(_compile(text))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Loads a module from a file; a policy's JSON text is compiled. The first bytes tell which it is.

        Raises `LoadError`, `PolicyError`, and `OSError` where the file can't be read.
        """
        return cls(read(path))

    @classmethod
    def watch(cls, path: Path, *, interval: float = 1.0) -> Watched:
        """Loads a file's policy, and loads it anew whenever the file changes.

        The file is looked at every `interval` seconds, from a thread that ends with the policy or with its `close`. A file
        that does not load changes nothing: the policy before stays in force, and an error is logged.
        """
        from perso.watch import Watched

        return Watched(path, interval=interval)

    def reload(self, path: Path) -> None:
        """Puts a file's policy in force. Calls that are being judged finish with the policy that they began with.

        Raises what `load` does; then the policy before stays in force.
        """
        self.swap(read(path))

    # Guards.

    @overload
    def guard(self, function: F, /) -> F: ...
    @overload
    def guard(self, function: None = None, /, *, tool: str | None = None, **settings: Unpack[Settings]) -> Callable[[F], F]: ...
    def guard(self, function: Any = None, /, *, tool: str | None = None, **settings: Any) -> Any:
        """Guards a function, a coroutine or a generator: each call is judged before it runs, and a denied call raises `Denied`.
        The function gets its own copy of lists, dicts, sets and tuples.

        Put it directly above the function, below every other decorator: one above ``@mcp.tool()`` guards nothing.

            >>> policy = Policy.compile('''{
            ...     "perso": 1,
            ...     "rules": [{ "id": "own", "allow": "delete", "when": { "resource.owner": { "eq": { "ref": "agent.id" } } } }]
            ... }''')
            >>> owners = {"r1": "ann"}
            >>> @policy.guard(agent={"id": "ann"}, resource=lambda args: {"owner": owners[args["record"]]})
            ... def delete(record: str) -> str:
            ...     return f"{record} is gone"
            >>> delete("r1")
            'r1 is gone'

        `tool` is what rules call it, if not the function's name. Without `agent`, the caller is the one that the server's guard
        has identified. `perso.guard.settings.Settings` lists the other options.
        """
        from perso.guard.function import guard
        from perso.guard.judge import Judge

        judge = Judge(self, **settings)
        if function is not None:
            return guard(self, function, judge, tool)
        return lambda function: guard(self, function, judge, tool)

    def mcp(self, **settings: Unpack[ServerSettings]) -> Mcp2Guard:
        """A middleware for servers of the `mcp` 2 SDK: ``MCPServer("support", middleware=[policy.mcp(agent=…)])``.

        `agent` is told the ``ServerRequestContext``; its ``request`` is the HTTP request, if there is one.
        """
        from perso.adapters.mcp2 import Guard

        return Guard(self, **settings)

    def fastmcp(self, **settings: Unpack[ServerSettings]) -> Middleware:
        """A middleware for fastmcp 4: ``FastMCP("support", middleware=[policy.fastmcp(agent=…)])``. Put it first.

        `agent` is told the ``MiddlewareContext``.
        """
        from perso.adapters.fastmcp import Guard

        return Guard(self, **settings)

    def guard_server(self, server: Any, **settings: Unpack[ServerSettings]) -> None:
        """Guards a server that is made already: of `mcp` 1.x (``Server``, ``FastMCP``), `mcp` 2 (``Server``, ``MCPServer``)
        or fastmcp 4.

        `agent` is told what that SDK knows of a request; for `mcp` 1.x that is the ``RequestContext``, whose ``request`` is
        the caller's own.
        """
        from perso.adapters.server import guard_server

        guard_server(self, server, settings)

    def verify(self, server: Any) -> None:
        """Raises `Unguarded` if a server has tools that this policy does not guard, or guards in the wrong order.

        Guards of servers look for guards in the wrong order by themselves, at the first message at the latest, and let none
        pass while there is one.
        """
        from perso.verify import verify

        verify(self, server)

    @overload
    def langchain(self, tools: T, **settings: Unpack[Settings]) -> T: ...
    @overload
    def langchain(self, tools: Sequence[BaseTool], **settings: Unpack[Settings]) -> list[BaseTool]: ...
    def langchain(self, tools: Any, **settings: Unpack[Settings]) -> Any:
        """Guards a LangChain tool, or a list of them: returns tools that are like those, and that judge each call.

        `agent` is called with the call's ``RunnableConfig``. Raises `TypeError` for a tool whose class has its own ``invoke``,
        ``run`` or the like, which could run past the guard.
        """
        from perso.adapters.langchain import guarded
        from perso.guard.judge import Judge

        judge = Judge(self, **settings)
        if isinstance(tools, Sequence):
            return [guarded(judge, tool) for tool in tools]
        return guarded(judge, tools)

    @overload
    def openai_agents_tools(self, tools: A, **settings: Unpack[Settings]) -> A: ...
    @overload
    def openai_agents_tools(self, tools: Sequence[FunctionTool], **settings: Unpack[Settings]) -> list[FunctionTool]: ...
    def openai_agents_tools(self, tools: Any, **settings: Unpack[Settings]) -> Any:
        """Guards a function tool of the OpenAI Agents SDK, or a list of them: returns tools that are like those, and that judge
        the arguments with which they are invoked, whatever hooks and guardrails have made of these.

        `agent` is called with a ``ToolInputGuardrailData``; its ``context`` is the ``ToolContext``.
        """
        from perso.adapters.openai_agents import guarded
        from perso.guard.judge import Judge

        judge = Judge(self, **settings)
        if isinstance(tools, Sequence):
            return [guarded(judge, tool) for tool in tools]
        return guarded(judge, tools)

    def openai_agents(self, **settings: Unpack[Settings]) -> ToolInputGuardrail[Any]:
        """A tool input guardrail for the OpenAI Agents SDK, for the tools of MCP servers:
        ``MCPServerStdio(…, tool_input_guardrails=[policy.openai_agents(agent=…)])``.

        It judges before hooks run: one that changes the arguments afterwards gets an error. For tools of your own, use
        `openai_agents_tools`.

        `agent` is called with the ``ToolInputGuardrailData``; its ``context`` is the ``ToolContext``.
        """
        from perso.adapters.openai_agents import guardrail
        from perso.guard.judge import Judge

        return guardrail(Judge(self, **settings))


def read(path: Path) -> bytes:
    """The module that a file is, or that its policy compiles to."""
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _perso.LoadError(f"`{os.fspath(path)}` has more than {MOST_BYTES} bytes")
    if data.startswith(MODULE):
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _perso.LoadError(f"`{os.fspath(path)}` is neither a module nor a policy's text") from None
    return _compile(text)


def _compile(text: str) -> bytes:
    module, warnings = _perso.compile(text)
    for warning in warnings:
        at = f"line {warning['line']}, column {warning['column']}"
        logger.warning("the policy, at %s: %s", at, visible(warning["message"], 2048))
    return module

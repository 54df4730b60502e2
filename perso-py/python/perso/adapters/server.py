"""Guards an existing server of any supported SDK."""

from __future__ import annotations

import sys
from typing import Any

from perso._perso import Policy
from perso.guard.settings import ServerSettings


def kind_of(server: object) -> str:
    """The SDK that a server belongs to: `mcp1`, `mcp2` or `fastmcp`. Raises `TypeError` for any other object."""
    for kind, module, name in (
        ("fastmcp", "fastmcp.server.server", "FastMCP"),
        ("mcp2", "mcp.server.mcpserver", "MCPServer"),
        ("mcp1", "mcp.server.fastmcp", "FastMCP"),
        ("lowlevel", "mcp.server.lowlevel", "Server"),
    ):
        # A server can only come from a loaded module. Do not import any: `mcp` 2 has a module that only explains what replaced
        # it.
        found = getattr(sys.modules.get(module), name, None) if module in sys.modules else None
        if isinstance(found, type) and isinstance(server, found):
            if kind == "lowlevel":
                return "mcp2" if hasattr(server, "middleware") else "mcp1"
            return kind
    raise TypeError(f"`{type(server).__name__}` is no server of mcp or fastmcp")


def server_of(server: Any) -> Any:
    """The fastmcp server that a low-level server is part of. Any other server is returned unchanged."""
    fastmcp = getattr(sys.modules.get("fastmcp.server.low_level"), "LowLevelServer", None)
    is_part = isinstance(fastmcp, type) and isinstance(server, fastmcp)
    return getattr(server, "fastmcp") if is_part else server


def guard_server(policy: Policy, server: Any, settings: ServerSettings) -> None:
    server = server_of(server)
    kind = kind_of(server)
    if kind == "mcp1":
        from perso.adapters.mcp1 import guard_server as guard

        guard(policy, server, **settings)
    elif kind == "mcp2":
        from perso.adapters.mcp2 import guard_server as guard

        guard(policy, server, **settings)
    else:
        from perso.adapters.fastmcp import Guard as FastmcpGuard
        from perso.adapters.fastmcp.guard import check

        # At the front, so that nothing answers before the guard.
        server.middleware.insert(0, FastmcpGuard(policy, **settings))
        check(server)


def is_guarded(policy: Policy, server: Any) -> bool:
    """Whether a guard of the policy is in front of a server's tools now."""
    server = server_of(server)
    kind = kind_of(server)
    if kind == "mcp1":
        from perso.adapters.mcp1 import is_guarded as is_guarded_by

        return is_guarded_by(policy, server)
    if kind == "mcp2":
        from perso.adapters.mcp2 import is_guarded as is_guarded_by

        return is_guarded_by(policy, server)
    return any(getattr(middleware, "policy", None) is policy for middleware in server.middleware)


def check_handlers(server: Any) -> None:
    """Raises `Unguarded` if the handlers of calls were replaced, so that a guard does not see the calls."""
    server = server_of(server)
    # On the other SDKs, the server's lookup of handlers is guarded.
    if kind_of(server) == "fastmcp":
        from perso.adapters.fastmcp.guard import check_handlers

        check_handlers(server)

"""Guards a server that is made already, whichever SDK it is of."""

from __future__ import annotations

import sys
from typing import Any

from perso._perso import Policy
from perso.guard.settings import ServerSettings


def kind_of(server: object) -> str:
    """The SDK that a server is of, by what is loaded: `mcp1`, `mcp2` or `fastmcp`."""
    for kind, module, name in (
        ("fastmcp", "fastmcp.server.server", "FastMCP"),
        ("mcp2", "mcp.server.mcpserver", "MCPServer"),
        ("mcp1", "mcp.server.fastmcp", "FastMCP"),
        ("lowlevel", "mcp.server.lowlevel", "Server"),
    ):
        # A module that is not loaded has made no server; `mcp` 2 has a module that only says what became of another.
        found = getattr(sys.modules.get(module), name, None) if module in sys.modules else None
        if isinstance(found, type) and isinstance(server, found):
            if kind == "lowlevel":
                return "mcp2" if hasattr(server, "middleware") else "mcp1"
            return kind
    raise TypeError(f"`{type(server).__name__}` is no server of mcp or fastmcp")


def guard_server(policy: Policy, server: Any, settings: ServerSettings) -> None:
    kind = kind_of(server)
    if kind == "mcp1":
        from perso.adapters.mcp1 import guard_server as guard

        guard(policy, server, **settings)
    elif kind == "mcp2":
        from perso.adapters.mcp2 import guard_server as guard

        guard(policy, server, **settings)
    else:
        from perso.adapters.fastmcp import Guard as FastmcpGuard

        # First, so that nothing answers before it.
        server.middleware.insert(0, FastmcpGuard(policy, **settings))

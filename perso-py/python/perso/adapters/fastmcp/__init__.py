"""Guards servers on fastmcp 4.

- ``calls``: the state of a call while the server handles it.
- ``guard``: the middleware, which judges each call when it arrives.
- ``names``: the names under which a server offers the tools of mounted servers.
- ``outside``: applies a server's guards to calls inside the servers that are mounted on it.
- ``tools``: the tools that a server hands out, which check each call right where it runs.
- ``function``: judges the arguments that a tool's function gets.
- ``headers``: compares `Mcp-Param-*` headers without revealing hidden tools.
- ``hooks``: makes `FastMCP` use all of this.
"""

from perso.adapters.fastmcp.guard import Guard
from perso.adapters.fastmcp.hooks import install

__all__ = ["Guard"]

install()

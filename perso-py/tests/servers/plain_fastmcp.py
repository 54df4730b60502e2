"""Servers on fastmcp 4 that do not use perso: plain_fastmcp.py stdio KIND | http"""

import sys
from typing import Any

from fastmcp import FastMCP
from fastmcp.server import create_proxy

import plain


def single() -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("single")
    server.tool(plain.refund)
    server.tool(plain.dump)
    server.prompt(plain.greet)
    server.resource("note://one")(plain.note)
    return server


def mounted() -> FastMCP[Any]:
    """A server with the tools of a mounted server, in a namespace."""
    server: FastMCP[Any] = FastMCP("mounted")
    server.mount(single(), namespace="inner")
    return server


def proxy() -> FastMCP[Any]:
    """A proxy for another server, which it calls as a client."""
    return create_proxy(single(), name="proxy")


KINDS: dict[str, Any] = {"single": single, "mounted": mounted, "proxy": proxy}


def app() -> Any:
    """A separate server for each kind and transport."""
    apps: dict[str, Any] = {}
    for kind, make in KINDS.items():
        apps[f"{kind}/http"] = make().http_app()
        apps[f"{kind}/json"] = make().http_app(json_response=True)
        apps[f"{kind}/stateless"] = make().http_app(stateless_http=True)
        apps[f"{kind}/sse"] = make().http_app(transport="sse")
    return plain.together(apps)


if __name__ == "__main__":
    if sys.argv[1] == "http":
        plain.serve(app())
    else:
        KINDS[sys.argv[2]]().run("stdio", show_banner=False)

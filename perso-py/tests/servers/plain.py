"""The tools of the servers that do not use perso. They write what they do to a file."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

DONE = Path(os.environ["PLAIN_DONE"])


def refund(amount: float) -> str:
    """Refunds."""
    with DONE.open("a") as file:
        file.write(f"refunded {amount:g}\n")
    return "refunded"


def dump() -> str:
    """Shows secrets."""
    with DONE.open("a") as file:
        file.write("dumped\n")
    return "dumped"


def greet() -> str:
    """Greets."""
    with DONE.open("a") as file:
        file.write("greeted\n")
    return "hello"


def note() -> str:
    """Something to read."""
    with DONE.open("a") as file:
        file.write("read\n")
    return "one"


def listener() -> socket.socket:
    """The socket that the test listens on."""
    return socket.socket(fileno=int(os.environ["PLAIN_SOCKET"]))


def together(apps: dict[str, Any]) -> Any:
    """The apps of several servers in one, each under its own path."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    return Starlette(routes=[Mount(f"/{path}", app) for path, app in apps.items()], lifespan=lifespan)


def serve(app: Any) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener()])


def low_level_app(server: Any) -> Any:
    """A low-level server over the older HTTP transport with SSE."""
    from mcp.server.sse import SseServerTransport
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Mount, Route

    sse = SseServerTransport("/messages/")

    async def connect(request: Any) -> Response:
        async with sse.connect_sse(request.scope, request.receive, request._send) as (read, write):
            await server.run(read, write, server.create_initialization_options())
        return Response()

    return Starlette(routes=[Route("/sse", connect), Mount("/messages/", sse.handle_post_message)])

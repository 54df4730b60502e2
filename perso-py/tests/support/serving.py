"""Servers in this process, over real transports."""

import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from io import TextIOWrapper
from typing import Any

import anyio
import uvicorn
from mcp.server.stdio import stdio_server
from starlette.applications import Starlette
from starlette.routing import Mount


def together(apps: dict[str, Any]) -> Starlette:
    """Several apps in one, each under its own path."""

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in apps.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    return Starlette(routes=[Mount(f"/{path}", app) for path, app in apps.items()], lifespan=lifespan)


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serves an app from a thread. Yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def low_level_sse(server: Any) -> Starlette:
    """A low-level server over the older HTTP transport with SSE."""
    from mcp.server.sse import SseServerTransport
    from starlette.responses import Response
    from starlette.routing import Route

    sse = SseServerTransport("/messages/")

    async def connect(request: Any) -> Response:
        async with sse.connect_sse(request.scope, request.receive, request._send) as (read, write):
            await server.run(read, write, server.create_initialization_options())
        return Response()

    return Starlette(routes=[Route("/sse", connect), Mount("/messages/", sse.handle_post_message)])


@asynccontextmanager
async def over_pipes(server: Any) -> AsyncIterator[Any]:
    """The streams of a client whose server reads and writes lines, as over stdio. `server` is a low-level one."""
    to_server, to_client = os.pipe(), os.pipe()

    def ends(read: int, write: int) -> tuple[Any, Any]:
        return (
            anyio.wrap_file(TextIOWrapper(os.fdopen(read, "rb"), encoding="utf-8")),
            anyio.wrap_file(TextIOWrapper(os.fdopen(write, "wb"), encoding="utf-8")),
        )

    async def serve() -> None:
        reads, writes = ends(to_server[0], to_client[1])
        async with stdio_server(reads, writes) as (read, write):
            try:
                await server.run(read, write, server.create_initialization_options())
            except BaseException:
                # Only the client can end the task that reads its lines.
                group.cancel_scope.cancel()
                raise
        await writes.aclose()
        await reads.aclose()

    async with anyio.create_task_group() as group:
        group.start_soon(serve)
        reads, writes = ends(to_client[0], to_server[1])
        async with stdio_server(reads, writes) as streams:
            try:
                yield streams
            finally:
                with anyio.CancelScope(shield=True):
                    await writes.aclose()
        await reads.aclose()


def streamable(server: Any, **settings: Any) -> Starlette:
    """An app that serves a low-level server over Streamable HTTP, under ``/mcp``."""
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    manager = StreamableHTTPSessionManager(server, **settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with manager.run():
            yield

    return Starlette(routes=[Mount("/mcp", manager.handle_request)], lifespan=lifespan)

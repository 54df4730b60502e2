"""Answers messages about prompts and resources that the host has turned off, on `mcp` 2 and fastmcp.

The guard answers before anything else sees the message, and again at each handler, in case something changed the message.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.server import HandlerEntry
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND, SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from perso.adapters.served import Served

Context = ServerRequestContext[Any, Any]


def closing(served: Served, lowlevel: Server[Any], call_next: CallNext) -> CallNext:
    """Wraps `call_next` so that it gets only messages about what the host has not turned off."""

    async def call(ctx: Context) -> HandlerResult:
        instead = served.instead(ctx.method, ctx.params)
        if instead is None:
            return await call_next(replace(ctx, params=served.narrowed(ctx.method, ctx.params)))
        if ctx.request_id is None:
            # A notification has no response.
            return None
        if instead.result is None:
            raise MCPError(code=METHOD_NOT_FOUND, message=instead.message)
        result = {**instead.result}
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            result.update(ttlMs=0, cacheScope="private")
        return complete(result, ctx, lowlevel)

    return call


def closing_handler(served: Served, lowlevel: Server[Any], method: str, entry: HandlerEntry[Any]) -> HandlerEntry[Any]:
    """Wraps a handler in the same way."""

    async def handle(ctx: Context, params: Any) -> HandlerResult:
        sent = {**(ctx.params or {})}
        if isinstance(params, BaseModel):
            sent.update(params.model_dump(by_alias=True, exclude_unset=True))

        async def handler(ctx: Context) -> HandlerResult:
            return await entry.handler(ctx, entry.params_type.model_validate(ctx.params, by_name=False))

        return await closing(served, lowlevel, handler)(replace(ctx, method=method, params=sent))

    return HandlerEntry(entry.params_type, handle)


def complete(result: dict[str, Any], ctx: Context, lowlevel: Server[Any]) -> dict[str, Any]:
    """Adds the fields that every result has in the message's version of MCP."""
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return result
    meta = {**result.get("_meta", {}), SERVER_INFO_META_KEY: lowlevel.server_info_stamp}
    return {**result, "resultType": "complete", "_meta": meta}

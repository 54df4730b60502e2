"""Answers messages about prompts and resources that the host has turned off, and judges those that the policy covers, on `mcp`
2 and fastmcp.

The guard does so before anything else sees the message, and again at each handler, in case something changed the message.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.server import HandlerEntry
from mcp.shared.exceptions import MCPError
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from perso.adapters.closed import LISTEN
from perso.adapters.covered import NAMES, is_passed, passing
from perso.adapters.served import Served
from perso.guard.caller import caller, calling

Context = ServerRequestContext[Any, Any]


def closing(served: Served, lowlevel: Server[Any], call_next: CallNext, *, is_inside: bool = False) -> CallNext:
    """Wraps `call_next` so that it gets only messages that the host and the policy allow.

    With `is_inside`, the message has passed the guard before, and the caller is known.
    """

    async def call(ctx: Context) -> HandlerResult:
        instead = served.instead(ctx.method, ctx.params)
        if instead is None:
            return await _covered(served, replace(ctx, params=served.narrowed(ctx.method, ctx.params)), call_next, is_inside)
        if ctx.request_id is None:
            # A notification has no response.
            return None
        if instead.result is None:
            raise MCPError(code=instead.code, message=instead.message)
        result = {**instead.result}
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            result.update(ttlMs=0, cacheScope="private")
        return complete(result, ctx, lowlevel)

    return call


async def _covered(served: Served, ctx: Context, call_next: CallNext, is_inside: bool) -> HandlerResult:
    """Judges a request for something that the policy covers, and filters its list."""
    calls, key = served.calls(ctx.method, ctx.params), served.filters(ctx.method)
    if (calls is None and key is None) or is_passed(served, ctx.method, ctx.params):
        return await call_next(ctx)
    if ctx.request_id is None and served.judge.refuse("", "a request needs an id") is not None:
        return None
    by = None
    if calls is not None:
        verdict = await served.request(ctx, calls, caller() if is_inside else None)
        if verdict.denied is not None:
            is_modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
            code, message, data = served.refusal(verdict.denied, is_modern=is_modern)
            raise MCPError(code=code, message=message, data=data)
        by = verdict.caller
        if ctx.method != LISTEN:
            # The handler gets what was judged.
            ctx = replace(ctx, params={**(ctx.params or {}), **verdict.args})
    with passing(served, ctx.method, ctx.params), nullcontext() if calls is None else calling(by):
        result = await call_next(ctx)
    return result if key is None else await _shown(served, ctx, result, key)


async def _shown(served: Served, ctx: Context, result: HandlerResult, key: str) -> HandlerResult:
    """The answer to a request for a list, without what the caller could never read or get."""
    if isinstance(result, BaseModel):
        result = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    if not isinstance(result, dict) or served.judge.observes:
        return result
    result = {**result, key: await served.shown(ctx, result.get(key) or [], lambda entry: entry.get(NAMES[key]), key)}
    if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
        # The list is filtered for this caller.
        result["cacheScope"] = "private"
    return result


def closing_handler(served: Served, lowlevel: Server[Any], method: str, entry: HandlerEntry[Any]) -> HandlerEntry[Any]:
    """Wraps a handler in the same way."""

    async def handle(ctx: Context, params: Any) -> HandlerResult:
        sent = {**(ctx.params or {})}
        if isinstance(params, BaseModel):
            sent.update(params.model_dump(by_alias=True, exclude_unset=True))

        async def handler(ctx: Context) -> HandlerResult:
            return await entry.handler(ctx, entry.params_type.model_validate(ctx.params, by_name=False))

        return await closing(served, lowlevel, handler, is_inside=True)(replace(ctx, method=method, params=sent))

    return HandlerEntry(entry.params_type, handle)


def complete(result: dict[str, Any], ctx: Context, lowlevel: Server[Any]) -> dict[str, Any]:
    """Adds the fields that every result has in the message's version of MCP."""
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return result
    meta = {**result.get("_meta", {}), SERVER_INFO_META_KEY: lowlevel.server_info_stamp}
    return {"resultType": "complete", **result, "_meta": meta}

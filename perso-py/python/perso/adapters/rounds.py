"""Calls of tools on `mcp` 2 and fastmcp, in which a person is asked between two rounds."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from perso.adapters.closing import complete
from perso.adapters.elicit import read, shows_forms
from perso.guard.rounds import Round, current, within

Context = ServerRequestContext[Any, Any]


async def in_rounds(ctx: Context, call: CallNext, lowlevel: Server[Any]) -> HandlerResult:
    """Answers a call. If a person has to be asked first, the answer is the question."""
    around = current()
    # Several guards share a round.
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS or (around is not None and around.is_open):
        return await call(ctx)
    round = Round(weakref.ref(lowlevel), ctx.params or {}, read, can_ask=shows_forms(ctx.session))
    with within(round):
        try:
            result = await call(replace(ctx, params=round.params))
        except Exception:
            if round.asks is None:
                raise
            result = None
        required = await round.required()
    return result if required is None else complete(required, ctx, lowlevel)

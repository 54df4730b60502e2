"""Asks the user of an MCP client about calls, with MCP's elicitation."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from perso._perso import Answer, Question
from perso.guard.event import visible

MOST_CHARACTERS = 65_536
"""The longest text that a user is shown."""

SCHEMA = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "title": "Approve", "description": "Whether the call may run."}},
    "required": ["approve"],
}

USER = "the user of the client"

Asking = Callable[[Question, Any], Awaitable[Answer | None]]


def elicit() -> Asking:
    """An approver for guards of MCP servers: asks the user of the client that makes the call. They are shown the tool, its
    arguments and the reason, and approve or decline.

    ``policy.mcp(approver=elicit())``, ``policy.fastmcp(approver=elicit())``, ``policy.guard_server(server, approver=elicit())``

    If the client cannot ask its user, the call is denied. So it is with MCP from 2026-07-28 on, which has no requests from
    servers to clients. The client decides what it shows, and may answer by itself: use it only where you trust the client.
    """
    return _ask


async def _ask(question: Question, request: Any) -> Answer | None:
    context = _context(request)
    if context is None:
        raise RuntimeError("the call came with no request of a client, so that no client can be asked")
    text = _text(question)
    if len(text) > MOST_CHARACTERS:
        return Answer.too_large()
    session = context.session
    # `mcp` 1.x has the capabilities among the client's parameters only.
    capabilities = getattr(session, "client_capabilities", None) or getattr(session.client_params, "capabilities", None)
    can = getattr(capabilities, "elicitation", None)
    # Clients that name no mode have forms.
    if can is None or (getattr(can, "form", None) is None and getattr(can, "url", None) is not None):
        raise RuntimeError("the client cannot ask its user: it has no elicitation with forms")
    answer = await session.elicit_form(text, SCHEMA, context.request_id)
    if answer.action == "cancel":
        return None
    is_approved = answer.action == "accept" and (answer.content or {}).get("approve") is True
    return Answer.approved(by=USER) if is_approved else Answer.denied(by=USER)


def _context(request: Any) -> Any:
    """The SDK's context of a request. fastmcp has it inside its own."""
    outer = getattr(request, "fastmcp_context", None)
    if outer is not None:
        return getattr(outer.request_context, "_srctx", None)
    return request if hasattr(request, "session") and getattr(request, "request_id", None) is not None else None


def _text(question: Question) -> str:
    # Escapes all that could look like something else.
    args = json.dumps(question.args, indent=2)
    return f"May the tool {visible(question.tool)} run?\n\n{question.reason}\n\nArguments:\n{args}"

"""Asks the user of an MCP client about calls, with MCP's elicitation: with a request to the client or, from 2026-07-28 on, in
the answer to the call, which the client then makes again with what the user has answered.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from perso._perso import Answer, Question
from perso.guard import rounds

MOST_SHOWN = 65_536
"""The longest arguments that a user is shown, in characters of JSON."""

SCHEMA = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "title": "Approve", "description": "Whether this call may run, once"}},
    "required": ["approve"],
}

USER = "the user of the client"

Asking = Callable[[Question, Any], Awaitable[Answer | None]]


def elicit() -> Asking:
    """An approver for guards of MCP servers: asks the user of the client that makes the call. They are shown the tool, its
    arguments and the reason, and answer yes or no. A call is not approved if they decline or cancel, or if the client has no
    elicitation.

    ``policy.mcp(approver=elicit())``, ``policy.fastmcp(approver=elicit())``, ``policy.guard_server(server, approver=elicit())``

    **The answer comes from the client**: use it where you trust the client to ask its user.
    """
    return _ask


async def _ask(question: Question, request: Any) -> Answer | None:
    args = json.dumps(question.args, ensure_ascii=False, separators=(",", ":"))
    if len(args) > MOST_SHOWN:
        return Answer.too_large()
    text = f"{question.reason}\n\nTool: {_visible(json.dumps(question.tool, ensure_ascii=False))}\nArguments: {_visible(args)}"
    round = rounds.current()
    if round is not None:
        return round.ask(question, {"message": text, "requestedSchema": SCHEMA})
    context = _context(request)
    if context is None or not shows_forms(context.session) or getattr(context, "protocol_version", "") >= "2026-07-28":
        return None
    answer = await context.session.elicit_form(text, SCHEMA, context.request_id)
    return read({"action": answer.action, "content": answer.content}, question)


def read(answer: Any, question: Question) -> Answer | None:
    """What the user has decided, by the result of an elicitation. `None` if they have not."""
    if not isinstance(answer, Mapping):
        return None
    action, content = answer.get("action"), answer.get("content")
    if action == "decline":
        is_approved = False
    elif action == "accept" and isinstance(content, Mapping):
        is_approved = content.get("approve") is True
    else:
        return None
    by = question.agent or USER
    return Answer.approved(by=by) if is_approved else Answer.denied(by=by)


def shows_forms(session: Any) -> bool:
    """Whether the client of a session shows forms to its user."""
    # `mcp` 1.x has the capabilities among the client's parameters only.
    capabilities = getattr(session, "client_capabilities", None) or getattr(session.client_params, "capabilities", None)
    can = getattr(capabilities, "elicitation", None)
    # Clients that name no mode have forms.
    return can is not None and (getattr(can, "form", None) is not None or getattr(can, "url", None) is None)


def _context(request: Any) -> Any:
    """The SDK's context of a request. fastmcp has it inside its own."""
    outer = getattr(request, "fastmcp_context", None)
    if outer is not None:
        return getattr(outer.request_context, "_srctx", None)
    return request if hasattr(request, "session") and getattr(request, "request_id", None) is not None else None


def _visible(text: str) -> str:
    """The text with control and invisible characters escaped.

    >>> _visible("a\\u202eb")
    'a\\\\u{202e}b'
    """
    return "".join(f"\\u{{{ord(char):x}}}" if unicodedata.category(char)[0] == "C" else char for char in text)

"""The exception for a call that does not run."""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from typing import Any

from perso._perso import Decision
from perso.guard.event import Event

META = "dev.perso/decision"
"""The key in ``_meta`` of a denial that holds the decision, for programs."""

FRAMEWORKS = (
    ("mcp.server.mcpserver.exceptions", "ToolError"),
    ("mcp.server.fastmcp.exceptions", "ToolError"),
    ("fastmcp.exceptions", "ToolError"),
    ("langchain_core.tools.base", "ToolException"),
)
"""The exceptions whose text the frameworks pass to the model. They may hide the text of any other exception."""


class Denied(Exception):
    """A call does not run: it was denied, or it needs the approval of a person.

    The exception's text is the decision's `message`, which is meant for the caller and therefore for the model.

    The exception also derives from the tool error of every supported framework that is loaded, such as ``ToolError`` of
    fastmcp, so that the framework passes the text to the model.

        >>> from perso import Denied, Policy
        >>> policy = Policy.compile('{"perso": 1, "rules": [{ "id": "all", "deny": "delete", "reason": "Never delete." }]}')
        >>> @policy.guard
        ... def delete(record: str) -> None: ...
        >>> try:
        ...     delete("r1")
        ... except Denied as denied:
        ...     print(denied.tool, denied.rule, denied)
        delete all Never delete.
    """

    id: str
    """The id of the decision, as in its `Event`."""
    tool: str
    """The name of the tool, as it was called."""
    decision: Decision
    log_level: int

    @property
    def reason(self) -> str:
        """The policy's reason, for the caller. It is fixed when the policy is compiled and contains no value of the call."""
        return self.decision.reason

    @property
    def hint(self) -> str | None:
        """What is wrong with an argument, if the reason does not say it: ``args.amount must be a number``."""
        return self.decision.hint

    @property
    def rule(self) -> str | None:
        """The id of the rule that decided, or of the nearest one if no rule applied. ``None`` if there is neither."""
        return self.decision.rule or self.decision.cause.rule

    def meta(self) -> dict[str, Any]:
        """The decision for programs, as a server puts it into ``_meta`` of a result."""
        decision = {"decision": self.decision.outcome, "rule": self.rule, "hint": self.hint, "decision_id": self.id}
        return {META: decision}


def denied(event: Event, text: str | None = None) -> Denied:
    """Makes the exception for a call that does not run. `text` is what the model reads; by default the decision's message."""
    errors = (getattr(sys.modules.get(module), name, None) for module, name in FRAMEWORKS)
    error = _kind(tuple(error for error in errors if isinstance(error, type)))(text or event.decision.message)
    error.id, error.tool, error.decision = event.id, event.tool, event.decision
    error.__cause__ = event.failure
    # The decision is already logged. fastmcp would log the exception as an error.
    error.log_level = logging.DEBUG
    return error


@lru_cache(maxsize=16)
def _kind(errors: tuple[type, ...]) -> type[Denied]:
    # Tracebacks show it as `perso.Denied`, because users do not have to know the subclass.
    return type("Denied", (Denied, *errors), {"__module__": "perso", "__doc__": Denied.__doc__}) if errors else Denied

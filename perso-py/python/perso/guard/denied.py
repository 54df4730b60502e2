"""What a guard raises where a call is denied."""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from typing import Any

from perso._perso import Decision
from perso.guard.event import Event

META = "dev.perso/decision"
"""The key of ``_meta`` under which a denial tells programs of the decision."""

FRAMEWORKS = (
    ("mcp.server.mcpserver.exceptions", "ToolError"),
    ("mcp.server.fastmcp.exceptions", "ToolError"),
    ("fastmcp.exceptions", "ToolError"),
    ("langchain_core.tools.base", "ToolException"),
)
"""The errors by which a tool tells a model something. Any other may be kept from it."""


class Denied(Exception):
    """A call that is denied. Its text is the reason, for the caller and so for the model.

    Where it is raised inside a tool, it also is the error of each framework that is loaded which such a tool would
    raise to tell the model something.
    """

    id: str
    """The decision's id, the one of its `Event`."""
    tool: str
    decision: Decision
    log_level: int

    @property
    def reason(self) -> str:
        """For the caller: the text that was fixed when the policy was compiled."""
        return self.decision.reason

    @property
    def rule(self) -> str | None:
        """The rule that decided, or the nearest one."""
        return self.decision.rule or self.decision.cause.rule

    def meta(self) -> dict[str, Any]:
        """The decision, for programs: what is in ``_meta`` of a result."""
        return {META: {"rule": self.rule, "decision_id": self.id}}


def denied(event: Event, text: str | None = None) -> Denied:
    """The error for a denial, with the text that the model is to read."""
    errors = (getattr(sys.modules.get(module), name, None) for module, name in FRAMEWORKS)
    error = _kind(tuple(error for error in errors if isinstance(error, type)))(text or event.decision.reason)
    error.id, error.tool, error.decision = event.id, event.tool, event.decision
    error.__cause__ = event.failure
    # Told already, as what it is; fastmcp would call it an error.
    error.log_level = logging.DEBUG
    return error


@lru_cache(maxsize=16)
def _kind(errors: tuple[type, ...]) -> type[Denied]:
    # The same name, because to whoever reads it, it is the same.
    return type("Denied", (Denied, *errors), {"__module__": "perso", "__doc__": Denied.__doc__}) if errors else Denied

"""The record of each decision."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass

from perso._perso import Decision

logger = logging.getLogger("perso")


@dataclass(frozen=True)
class Event:
    """A decision about a call, as ``on_decision`` gets it."""

    id: str
    """The id of the decision, a version 7 UUID. A denial on a server has it in `_meta`."""
    tool: str
    """The name of the tool, as it was called. Empty for a message that is not a call."""
    decision: Decision
    failure: BaseException | None
    """The exception because of which the caller, the resource or the arguments are unknown, if there was one."""
    enforced: bool
    """Whether the guard enforces the decision. ``False`` with ``mode="observe"``."""
    duration: float
    """The time in seconds that the decision took, including the functions in the guard's settings."""
    approved_by: str | None = None
    """Who has approved the call, if it is allowed because a person did."""

    @property
    def rule(self) -> str | None:
        """The id of the rule that decided, or of the nearest one if no rule applied. ``None`` if there is neither."""
        return self.decision.rule or self.decision.cause.rule

    def log(self) -> None:
        """Logs the decision without argument values: an allow at level info, any other as a warning."""
        decision, cause = self.decision, self.decision.cause
        level = logging.INFO if decision.allowed else logging.WARNING
        if not logger.isEnabledFor(level):
            return
        fields = {
            "decision_id": self.id,
            "tool": self.tool,
            "decision": decision.outcome,
            "rule": self.rule,
            "hint": decision.hint,
            "cause": cause.kind,
            "attribute": cause.attribute,
            "problem": cause.problem,
            "detail": cause.detail,
            "failure": self.failure and repr(self.failure),
            "limit": cause.limit,
            "approved_by": self.approved_by,
            "enforced": self.enforced,
            "duration_us": round(self.duration * 1e6),
        }
        logger.log(level, "%s %s: %s", decision.outcome, visible(self.tool), decision.reason, extra=fields)


def visible(text: str, most: int = 256) -> str:
    """Makes a client's text safe to log: one line, no control characters, and at most `most` characters."""
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return shown if len(shown) <= most else shown[:most] + "…"


def new_id() -> str:
    """A version 7 UUID. Ids sort by the time of the decision, to the millisecond."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

"""What is recorded of each decision."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass

from perso._perso import Decision

logger = logging.getLogger("perso")


@dataclass(frozen=True)
class Event:
    """A decision that was made."""

    id: str
    """The decision's id (a version 7 UUID): a denial has it in its `_meta`."""
    tool: str
    """The tool, as it was called."""
    decision: Decision
    failure: BaseException | None
    """Why the caller or the resource is not known, if one of them is not."""
    enforced: bool
    """Whether the decision is enforced; false when only observing."""
    duration: float
    """How many seconds it took, with the time of `agent` and `resource`."""

    @property
    def rule(self) -> str | None:
        """The rule that decided, or the nearest one."""
        return self.decision.rule or self.decision.cause.rule

    def log(self) -> None:
        """Logs it: an allow as information, a denial as a warning. No values of arguments are in it."""
        decision, cause = self.decision, self.decision.cause
        level = logging.INFO if decision.allowed else logging.WARNING
        if not logger.isEnabledFor(level):
            return
        fields = {
            "decision_id": self.id,
            "tool": self.tool,
            "decision": "allow" if decision.allowed else "deny",
            "rule": self.rule,
            "cause": cause.kind,
            "attribute": cause.attribute,
            "problem": cause.problem,
            "detail": cause.detail,
            "failure": self.failure and repr(self.failure),
            "enforced": self.enforced,
            "duration_us": round(self.duration * 1e6),
        }
        logger.log(level, "%s %s: %s", fields["decision"], visible(self.tool), decision.reason, extra=fields)


def visible(text: str, most: int = 256) -> str:
    """A text that a client chose, on one line and without control characters."""
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return shown if len(shown) <= most else shown[:most] + "…"


def new_id() -> str:
    """A version 7 UUID: ids in the order of decisions, to the millisecond."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

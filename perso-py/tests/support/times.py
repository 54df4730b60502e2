"""The time of a call, which rules read as `context.now`: the guard's, unless the host's own context has it. Every adapter is
tested with the cases below.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from perso import Policy

from .policies import policy

OLD = "2020-01-01T00:00:00.000Z"

LIES: dict[str, Any] = {"now": OLD, "context": {"now": OLD}, "context.now": OLD}
"""What a client says about the time, in arguments and elsewhere."""


def soon() -> dict[str, Any]:
    """The condition that a call is judged in this second or in one of the next 60."""
    begin = datetime.now(UTC)
    seconds = [f"{begin + timedelta(seconds=ahead):%Y-%m-%dT%H:%M:%S}." for ahead in range(61)]
    return {"any": [{"context.now": {"starts_with": second}} for second in seconds]}


def rules(current: str, old: str) -> list[dict[str, Any]]:
    """Rules that allow the tool `current` soon, and the tool `old` long ago."""
    return [
        {"id": "soon", "allow": current, "when": soon(), "reason": "Soon."},
        {"id": "old", "allow": old, "when": {"context.now": OLD}, "reason": "Long ago."},
    ]


@dataclass(frozen=True)
class Case:
    """A policy and a context, and which of the two tools run."""

    name: str
    context: dict[str, Any] | None
    current: bool
    old: bool
    reads_time: bool = True

    def policy(self, current: str, old: str) -> Policy:
        if self.reads_time:
            return policy(*rules(current, old))
        # Allows nothing if the context has other keys.
        when = {"context": {"only": ["server"]}, "context.server": "crm"}
        return policy({"allow": current, "when": when, "reason": "Soon."}, {"deny": old, "reason": "Long ago."})

    @property
    def listed(self) -> tuple[bool, bool]:
        """Whether each tool is listed. A list is made for any time, unless the host tells it."""
        return self.current, self.old or (self.reads_time and self.current)


CASES = (
    Case("current", None, True, False),
    Case("beside", {"server": "crm"}, True, False),
    Case("own", {"server": "crm", "now": OLD}, False, True),
    Case("timeless", {"server": "crm"}, True, False, reads_time=False),
)


def text(case: Case, current: str, old: str) -> str:
    """The text of the policy of a case that reads the time, for servers in other processes."""
    assert case.reads_time
    return json.dumps({"perso": 1, "rules": rules(current, old)})

"""What came of judging a call."""

from __future__ import annotations

from typing import Any

from perso.guard.denied import Denied


class Verdict:
    """Whether a call may run, and with what."""

    __slots__ = ("agent", "args", "denied")

    agent: object
    """Who calls, for the guards inside."""
    args: Any
    """The guard's own copy of the arguments: what was judged, and what the tool must run with."""
    denied: Denied | None
    """Why the call must not run; `None` if it may."""

    def __init__(self, agent: object, args: Any, denied: Denied | None) -> None:
        self.agent = agent
        self.args = args
        self.denied = denied

    def admitted(self) -> Any:
        """The arguments to run the tool with. Raises `Denied` if it must not run."""
        if self.denied is not None:
            raise self.denied
        return self.args

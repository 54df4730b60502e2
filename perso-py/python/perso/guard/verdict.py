"""The result of judging a call."""

from __future__ import annotations

from typing import Any

from perso.guard.denied import Denied


class Verdict:
    """Whether a call may run, and with which arguments."""

    __slots__ = ("agent", "args", "denied")

    agent: object
    """The caller, for guards of functions inside."""
    args: Any
    """The guard's own copy of the arguments, which was judged. The tool must run with it."""
    denied: Denied | None
    """The exception for the denied call. `None` if the call may run."""

    def __init__(self, agent: object, args: Any, denied: Denied | None) -> None:
        self.agent = agent
        self.args = args
        self.denied = denied

    def admitted(self) -> Any:
        """The arguments to run the tool with. Raises `Denied` if it must not run."""
        if self.denied is not None:
            raise self.denied
        return self.args

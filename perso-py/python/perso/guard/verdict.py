"""The result of judging a call."""

from __future__ import annotations

from typing import Any

from perso._perso import Receipt
from perso.guard.caller import Caller
from perso.guard.denied import Denied
from perso.guard.waits import LATER, Waits


class Verdict:
    """Whether a call may run, and with which arguments."""

    __slots__ = ("args", "caller", "denied", "receipt")

    caller: Caller | None
    """The caller, for guards of functions inside."""
    args: Any
    """The guard's own copy of the arguments, which was judged. The tool must run with it."""
    denied: Denied | None
    """The exception for the denied call. `None` if the call may run."""
    receipt: Receipt | None
    """What the call was charged, until it is given back."""

    def __init__(self, caller: Caller | None, args: Any, denied: Denied | None, receipt: Receipt | None = None) -> None:
        self.caller = caller
        self.args = args
        self.denied = denied
        self.receipt = receipt

    def admitted(self) -> Any:
        """The arguments to run the tool with. Raises `Denied` if it must not run."""
        if self.denied is not None:
            raise self.denied
        return self.args

    async def give_back(self, waits: Waits = LATER) -> None:
        """Gives back what the call was charged, because it does not run as it was judged."""
        receipt, self.receipt = self.receipt, None
        if receipt is not None and self.caller is not None and self.caller.memory is not None:
            await self.caller.memory.undo(waits, receipt)

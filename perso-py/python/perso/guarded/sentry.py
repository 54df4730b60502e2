"""The check that every message to a server in this process passes."""

from __future__ import annotations

import contextlib
import os
import weakref
from typing import Any

from perso._perso import Ledger
from perso.adapters.server import check_handlers, is_guarded
from perso.guard.memory import Queue
from perso.guarded.options import Options, stop
from perso.policy import Policy


class Sentry:
    """Guards a server before its first message, and checks with every message that the guard is still there."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.policy = Policy.load(options.policy)
        self.ledger = self._opened()
        self.process = os.getpid()
        self.settings: Any = {
            "agent": options.agent,
            "context": options.context,
            "session": options.session,
            "approver": None if options.ledger is None else Queue(),
            "mode": options.mode,
            "hide": options.hide,
            "prompts": options.prompts,
            "resources": options.resources,
        }
        self.guarded: weakref.WeakSet[Any] = weakref.WeakSet()
        self.has_made = False

    def made(self) -> None:
        """Records that the process has created a server."""
        if not self.has_made and os.getpid() != self.options.pid:
            # The file exists if another process was first.
            with contextlib.suppress(OSError):
                open(self.options.made, "xb").close()
        self.has_made = True

    def _opened(self) -> Ledger | None:
        """The ledger. All servers of a process share it."""
        return None if self.options.ledger is None else Ledger(self.options.ledger)

    def check(self, server: Any) -> None:
        """Returns only if the guard is in front of the server. Otherwise the process ends."""
        try:
            if server not in self.guarded:
                if self.process != os.getpid():
                    # A ledger is of the process that has opened it, and this one has forked from it.
                    self.ledger, self.process = self._opened(), os.getpid()
                self.policy.guard_server(server, ledger=self.ledger, **self.settings)
                self.guarded.add(server)
            check_handlers(server)
            stands = is_guarded(self.policy, server)
        except Exception as error:
            stop(f"the server `{_name(server)}` cannot be guarded: {error}")
        if not stands:
            stop(f"the guard of the server `{_name(server)}` was removed")


def _name(server: Any) -> str:
    return str(getattr(server, "name", type(server).__name__))

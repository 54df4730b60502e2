"""Stands in front of every server of a process."""

from __future__ import annotations

import os
import weakref
from typing import Any

from perso.adapters.server import check_handlers, is_guarded
from perso.guarded.orders import Orders, stop
from perso.policy import Policy


class Sentry:
    """Guards a server before its first message, and does not take that for granted with any later one."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.policy = Policy.load(orders.policy)
        self.settings: Any = {"agent": orders.agent, "context": orders.context, "mode": orders.mode}
        self.guarded: weakref.WeakSet[Any] = weakref.WeakSet()
        self.has_made = False

    def made(self) -> None:
        """Notes that there is a server."""
        if not self.has_made and os.getpid() != self.orders.pid:
            try:
                open(self.orders.made, "xb").close()
            except OSError:
                # Another process was first.
                pass
        self.has_made = True

    def check(self, server: Any) -> None:
        """Returns only if the guard is in front of the server that a message comes to."""
        try:
            if server not in self.guarded:
                self.policy.guard_server(server, **self.settings)
                self.guarded.add(server)
            check_handlers(server)
            stands = is_guarded(self.policy, server)
        except Exception as error:
            stop(f"the server `{_name(server)}` cannot be guarded: {error}")
        if not stands:
            stop(f"the guard of the server `{_name(server)}` was removed")


def _name(server: Any) -> str:
    return str(getattr(server, "name", type(server).__name__))

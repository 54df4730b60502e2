"""Adds a check at the place in the SDK that every message passes.

Servers run in many ways: with `Server.run`, with the session manager of Streamable HTTP, in subclasses and in other packages.
In each line of the SDK, all of them pass their messages to one class.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from perso.guarded.options import stop
from perso.guarded.sentry import Sentry


def guard_all(module: ModuleType, sentry: Sentry) -> None:
    """Guards every server of this process. `module` is the module that defines `Server`."""
    runner = getattr(sys.modules.get("mcp.server.runner"), "ServerRunner", None)
    try:
        if runner is None:
            _before(module.Server, "_handle_request", sentry.check)
        else:
            for name in ("_on_request", "_on_notify"):
                _before(runner, name, lambda self: sentry.check(self.server))
        _before(module.Server, "__init__", lambda self: sentry.made())
    except AttributeError as error:
        stop(f"this version of the `mcp` package handles messages in a way that perso does not know: {error}")


def _before(kind: Any, name: str, check: Callable[[Any], None]) -> None:
    method = getattr(kind, name)

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **kwargs: Any) -> Any:
        check(self)
        return method(self, *args, **kwargs)

    setattr(kind, name, checked)

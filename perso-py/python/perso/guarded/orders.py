"""What a guarded process is told, and how those that it starts are told the same."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "PERSO_GUARDED"

SITE = str(Path(__file__).with_name("site"))
"""What makes each Python that starts read the orders."""


@dataclass(frozen=True)
class Orders:
    """How the servers of a process are guarded."""

    policy: str
    agent: Mapping[str, Any]
    context: Mapping[str, Any] | None
    mode: str
    pid: int
    """The process that was told first."""
    made: str
    """A file that a process makes which that one started, and in which there is a server."""

    def give(self) -> None:
        """Tells the processes that this one starts."""
        os.environ[VARIABLE] = json.dumps(asdict(self))
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = SITE if not path else f"{SITE}{os.pathsep}{path}"

    @classmethod
    def given(cls) -> Orders:
        """What this process was told by the one that started it."""
        return cls(**json.loads(os.environ[VARIABLE]))


def stop(why: str) -> NoReturn:
    """Ends the process, whatever runs in it, and says why."""
    sys.stdout.flush()
    # Not `sys.stderr`, which may be anything by now.
    os.write(2, f"perso: {why}\n".encode())
    os._exit(1)

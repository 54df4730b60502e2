"""The options of a guarded process, which it passes on to the processes that it starts."""

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
"""The folder that is on the path of every Python process that the server starts. Its `sitecustomize` reads the options."""


@dataclass(frozen=True)
class Options:
    """How to guard the servers of a process."""

    policy: str
    agent: Mapping[str, Any]
    context: Mapping[str, Any] | None
    ledger: str | None
    session: str | None
    mode: str
    hide: bool
    prompts: str
    resources: str
    pid: int
    """The id of the first process, the one that the user started."""
    made: str
    """A file that another process creates when it makes a server."""

    def export(self) -> None:
        """Passes the options on to the processes that this one starts, in addition to the options that it inherited."""
        inherited = json.loads(os.environ.get(VARIABLE, "[]"))
        os.environ[VARIABLE] = json.dumps([*inherited, asdict(self)])
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = SITE if not path else f"{SITE}{os.pathsep}{path}"

    @classmethod
    def inherited(cls) -> list[Options]:
        """The options that the parent process passed on: one set for each guard around it."""
        return [cls(**options) for options in json.loads(os.environ[VARIABLE])]


def stop(why: str) -> NoReturn:
    """Prints an error and ends the process at once, without running any handlers."""
    sys.stdout.flush()
    # Not `sys.stderr`, which the program may have replaced.
    os.write(2, f"perso: {why}\n".encode())
    os._exit(1)

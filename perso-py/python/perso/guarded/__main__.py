"""The command ``python -m perso.guarded``."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import runpy
import secrets
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from perso._perso import LedgerError
from perso.adapters.closed import KINDS
from perso.guarded.hook import guard_all
from perso.guarded.options import Options
from perso.guarded.sentry import Sentry
from perso.guarded.site.perso_finder import MODULE, watch


def attributes(text: str) -> Mapping[str, Any]:
    """Parses a JSON object. Raises `ValueError` for any other text."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def absolute(ledger: str | None) -> str | None:
    """The address of a ledger, for processes that run in other folders, too."""
    kind, _, path = (ledger or "").partition(":")
    return f"file:{os.path.abspath(path)}" if kind == "file" and path else ledger


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m perso.guarded", description="Runs an MCP server with its tools guarded.")
    parser.add_argument("--policy", required=True, help="the policy (JSON) or its module")
    parser.add_argument("--agent", type=attributes, default={}, help="the caller: a JSON object of attributes")
    parser.add_argument("--context", type=attributes, help="what rules read as context: a JSON object")
    parser.add_argument(
        "--ledger",
        metavar="ADDRESS",
        help="what limits, labels and approvals need: `file:PATH`, `valkey://HOST`, `rediss://HOST` or `memory:`. "
        "Calls that need an approval wait in it: see `perso approvals`. Without a ledger, they are denied",
    )
    parser.add_argument("--session", metavar="ID", help="the session, by which labels are kept; by default a new one")
    parser.add_argument("--observe", action="store_true", help="decide and log, but let everything pass")
    parser.add_argument("--hide", action="store_true", help="answer a denied call as if there were no such tool")
    for name in KINDS:
        parser.add_argument(f"--{name}", choices=("deny", "pass"), default="pass", help=f"`deny` turns the server's {name} off")
    parser.add_argument("module", help="the server, as for `python -m`")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the server")
    parsed = parser.parse_args(arguments)
    options = Options(
        policy=os.path.abspath(parsed.policy),
        agent=parsed.agent,
        context=parsed.context,
        ledger=absolute(parsed.ledger),
        session=parsed.session or (parsed.ledger and str(uuid.uuid4())),
        mode="observe" if parsed.observe else "enforce",
        hide=parsed.hide,
        prompts=parsed.prompts,
        resources=parsed.resources,
        pid=os.getpid(),
        made=os.path.join(tempfile.gettempdir(), f"perso-{secrets.token_hex(8)}"),
    )
    try:
        sentry = Sentry(options)
    except LedgerError as error:
        parser.error(f"argument --ledger: {error}")
    options.export()
    watch(lambda module: guard_all(module, sentry))
    with contextlib.suppress(ImportError):
        # Import it now, before other code can change how it is imported.
        importlib.import_module(MODULE)
    run(parsed.module, parsed.arguments, sentry)


def run(module: str, arguments: Sequence[str], sentry: Sentry) -> None:
    """Runs the server. Exits with an error if it ends successfully without having created a server to guard."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code in (None, 0):
            require_server(module, sentry)
        raise
    require_server(module, sentry)


def require_server(module: str, sentry: Sentry) -> None:
    is_made_elsewhere = os.path.exists(sentry.options.made)
    if is_made_elsewhere:
        os.remove(sentry.options.made)
    if not sentry.has_made and not is_made_elsewhere:
        raise SystemExit(f"perso: `{module}` made no server of the `mcp` package: nothing was guarded")


if __name__ == "__main__":
    main(sys.argv[1:])

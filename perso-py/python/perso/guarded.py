"""Guards a server that somebody else wrote, without changing it.

``python -m perso.guarded --policy git.wasm --agent '{"roles": ["agent"]}' mcp_server_git --repository .`` runs
``python -m mcp_server_git --repository .`` with every `mcp` server in it guarded. One process serves one caller, who is
configured; servers over HTTP that tell callers apart are guarded in their own code.
"""

from __future__ import annotations

import argparse
import functools
import json
import runpy
import sys
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from perso.policy import Policy


def guard_all(policy: Policy, **settings: Any) -> None:
    """Guards every server of the `mcp` SDK that is started in this process from now on."""
    from mcp.server.lowlevel import Server

    run: Any = Server.run
    seen: weakref.WeakSet[Any] = weakref.WeakSet()

    @functools.wraps(run)
    async def run_guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self in seen:
            return await run(self, *args, **kwargs)
        seen.add(self)
        policy.guard_server(self, **settings)
        return await self.run(*args, **kwargs)

    setattr(Server, "run", run_guarded)


def attributes(text: str) -> Mapping[str, Any]:
    """A JSON object."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m perso.guarded", description="Runs an MCP server with its tools guarded.")
    parser.add_argument("--policy", required=True, help="the policy (JSON) or its module")
    parser.add_argument("--agent", type=attributes, default={}, help="who calls: a JSON object of attributes")
    parser.add_argument("--context", type=attributes, help="what rules read as context: a JSON object")
    parser.add_argument("--observe", action="store_true", help="decide and log, but let everything pass")
    parser.add_argument("module", help="the server, as for `python -m`")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the server is told")
    told = parser.parse_args(arguments)
    mode = "observe" if told.observe else "enforce"
    guard_all(Policy.load(told.policy), agent=told.agent, context=told.context, mode=mode)
    sys.argv = [told.module, *told.arguments]
    runpy.run_module(told.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

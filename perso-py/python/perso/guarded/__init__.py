"""Guards a server that you did not write, without changing it.

``python -m perso.guarded --policy git.wasm --agent '{"roles": ["agent"]}' mcp_server_git --repository .`` runs
``python -m mcp_server_git --repository .`` and guards every `mcp` server in it, over every transport. One process serves one
caller, which you set with `--agent`. To distinguish callers over HTTP, guard the server in its own code.

- ``__main__``: the command.
- ``options``: the options, for this process and the processes that it starts.
- ``hook``: adds a check at the place in the SDK that every message to a server passes.
- ``sentry``: the check. It puts a guard in front of a server before the first message, and checks with every message that the
  guard is still there.
- ``site/sitecustomize``: does the same in the Python processes that the server starts.

If a server cannot be guarded, the process ends with an error that says why.
"""

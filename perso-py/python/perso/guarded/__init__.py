"""Guards a server that somebody else wrote, without changing it.

``python -m perso.guarded --policy git.wasm --agent '{"roles": ["agent"]}' mcp_server_git --repository .`` runs
``python -m mcp_server_git --repository .`` with every `mcp` server in it guarded, over each transport. One process serves one
caller, who is configured. To tell callers over HTTP apart, guard the server in its own code.

- ``__main__``: the command.
- ``options``: the options, for this process and the processes that it starts.
- ``hook``: adds a check to the place in the SDK that every message to a server passes.
- ``sentry``: the check. It puts a guard in front of a server before the first message, and requires it with every message.
- ``site/sitecustomize``: does the same in the Python processes that the server starts.

If a server cannot be guarded, the process ends with an error that says why.
"""

"""Guards a server that somebody else wrote, without changing it.

``python -m perso.guarded --policy git.wasm --agent '{"roles": ["agent"]}' mcp_server_git --repository .`` runs
``python -m mcp_server_git --repository .`` with every `mcp` server in it guarded, over each transport. One process serves one
caller, who is configured; servers over HTTP that tell callers apart are guarded in their own code.

- ``__main__``: the command.
- ``orders``: what it is told, for this process and those that it starts.
- ``hook``: finds the place in the SDK that each message to a server comes by.
- ``sentry``: puts the guard in front of each server there, and checks with each message that it is still there.
- ``site/sitecustomize``: does the same in the Python processes that the server starts.

What cannot be guarded does not run: the process ends, and says why.
"""

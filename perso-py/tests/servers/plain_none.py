"""A server that does not use the `mcp` package: it answers one line."""

import json
import sys

import plain

message = json.loads(sys.stdin.readline())
print(
    json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": plain.dump()}]}}),
    flush=True,
)

"""An MCP client over stdio that sends messages exactly as written. An SDK would refuse to send some of them."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

#: How long a server may take to answer.
SECONDS = 30


class Silent(Exception):
    """The server does not answer."""


class Client:
    """Starts a server and opens a session with it."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._server = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd="/", start_new_session=True
            )
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._last = 0
        threading.Thread(target=self._read, daemon=True).start()
        self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "attacks", "version": "1"}})
        self._send('{"jsonrpc": "2.0", "method": "notifications/initialized"}')

    def request(self, method: str, params: Mapping[str, Any] | str) -> dict[str, Any]:
        """Sends a request and returns the whole answer. Parameters that are text are sent unchanged, with duplicate keys."""
        self._last += 1
        text = params if isinstance(params, str) else json.dumps(params)
        self._send(f'{{"jsonrpc": "2.0", "id": {self._last}, "method": {json.dumps(method)}, "params": {text}}}')
        while True:
            try:
                line = self._answers.get(timeout=SECONDS)
            except queue.Empty:
                line = None
            if line is None:
                raise Silent(f"no answer to {method}; the server's log ends with: {self._log.read_text(errors='replace')[-800:]}")
            message = json.loads(line)
            if message.get("id") == self._last and "method" not in message:
                return message  # type: ignore[no-any-return]

    def close(self) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        try:
            self._server.wait(5)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _send(self, line: str) -> None:
        assert self._server.stdin
        try:
            self._server.stdin.write(line.encode() + b"\n")
            self._server.stdin.flush()
        except BrokenPipeError:
            pass  # The reader sees the end too, and `request` reports it.

    def _read(self) -> None:
        assert self._server.stdout
        for line in self._server.stdout:
            if line.strip():
                self._answers.put(line)
        self._answers.put(None)

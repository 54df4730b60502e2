"""Raw messages from clients. Whatever a client sends, a call that is not allowed has no effect."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SERVERS = Path(__file__).parents[1] / "servers"
PYTHONS = {"mcp2": sys.executable, "fastmcp": sys.executable, "mcp1": os.environ["PERSO_PYTHON_MCP1"]}


class Wire:
    """A server over stdio that gets raw lines."""

    def __init__(self, process: "subprocess.Popen[str]", done: Path) -> None:
        self.process, self.path, self.number = process, done, 100

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self, number: int) -> Any:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            message = json.loads(line)
            if message.get("id") == number:
                return message
        raise AssertionError("the server has gone")

    def request(self, method: str, params: str) -> Any:
        """The answer to a request with these raw params."""
        self.number += 1
        self.send(f'{{"jsonrpc": "2.0", "id": {self.number}, "method": {json.dumps(method)}, "params": {params}}}')
        return self.answer(self.number)

    def call(self, params: str) -> Any:
        return self.request("tools/call", params)

    def done(self) -> list[str]:
        # Each request is answered in turn only if there is nothing left to do before it.
        self.request("ping", "{}")
        time.sleep(0.05)
        return self.path.read_text().splitlines() if self.path.exists() else []


@contextmanager
def wire(server: str, folder: Path) -> Iterator[Wire]:
    env = {**os.environ, "DESK_DONE": str(folder / "done"), "DESK_CALLER": "agent"}
    command = [PYTHONS[server], str(SERVERS / f"desk_{server}.py"), "stdio"]
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            wire = Wire(process, folder / "done")
            version = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}
            assert "result" in wire.request("initialize", json.dumps(version))
            wire.send('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
            yield wire
        finally:
            process.kill()
            process.communicate()


SMALL = '{"name": "process_refund", "arguments": {"order_id": "1", "amount": 5}}'
LARGE = '{"name": "process_refund", "arguments": {"order_id": "1", "amount": 800}}'


@pytest.mark.parametrize("server", PYTHONS)
def test_whatever_is_written(server: str, tmp_path: Path) -> None:
    with wire(server, tmp_path) as desk:
        assert desk.call(LARGE)["result"]["isError"]
        # Other ways to name the method.
        for method in ("tools/Call", "TOOLS/CALL", "tools/call ", "tools/run", "tools//call", "tools/call/", "tool/call"):
            assert "error" in desk.request(method, LARGE), method
        # Arguments that are not an object.
        for arguments in ("null", "[]", '"x"', "5", '[{"amount": 5}]'):
            answer = desk.call(f'{{"name": "process_refund", "arguments": {arguments}}}')
            assert "error" in answer or answer["result"]["isError"], arguments
        assert "error" in (answer := desk.call('{"name": "process_refund"}')) or answer["result"]["isError"]
        for name in (
            "null",
            "5",
            '["process_refund"]',
            "{}",
            '"process_refund "',
            '"Process_Refund"',
            '"process_refund\\u0000"',
            '""',
        ):
            answer = desk.call(f'{{"name": {name}, "arguments": {{"order_id": "1", "amount": 5}}}}')
            assert "error" in answer or answer["result"]["isError"], name
        # Keys that are duplicated, in another case, or escaped.
        for amount in (
            '"amount": 5, "amount": 800',
            '"amount": 5, "\\u0061mount": 800',
            '"amount": 5, "Amount": 1',
            '"AMOUNT": 5',
            '"amount": 1e400',
            '"amount": "5"',
            '"amount": true',
            '"amount": [5]',
            '"amount": null',
        ):
            answer = desk.call(f'{{"name": "process_refund", "arguments": {{"order_id": "1", {amount}}}}}')
            assert "error" in answer or answer["result"]["isError"], amount
        # A retry with answers to a server's question, and a claimed identity.
        for more in (
            '"inputResponses": {"a": {}}, "requestState": "x"',
            '"_meta": {"agent": {"roles": ["admin"]}}',
            '"agent": {"roles": ["admin"]}',
        ):
            answer = desk.call(LARGE[:-1] + f", {more}}}")
            assert "error" in answer or answer["result"]["isError"], more
        # A call that asks for a task gets an error, because clients would ignore the reason in a result.
        task = desk.call(LARGE[:-1] + ', "task": {"ttl": 1000}}')
        assert task["error"]["message"] == "Agents may refund up to $500." and -32019 <= task["error"]["code"] <= -32000
        assert task["error"]["data"]["dev.perso/decision"]["rule"] == "refund"
        # Notifications instead of requests.
        for method in ("tools/call", "tools/run"):
            desk.send(f'{{"jsonrpc": "2.0", "method": "{method}", "params": {LARGE}}}')
            desk.send(f'{{"jsonrpc": "2.0", "method": "{method}", "params": {SMALL}}}')
        assert desk.done() == []
        # With two values, the one that runs is the one that was judged.
        assert not desk.call(SMALL)["result"].get("isError")
        assert not desk.call('{"name": "process_refund", "arguments": {"order_id": "1", "amount": 800, "amount": 5}}')[
            "result"
        ].get("isError")
        assert desk.done() == ["refunded 5 for 1"] * 2


@pytest.mark.parametrize("server", PYTHONS)
def test_batches_do_not_pass(server: str, tmp_path: Path) -> None:
    with wire(server, tmp_path) as desk:
        one = f'{{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {LARGE}}}'
        desk.send(f"[{one}, {one}]")
        desk.send(f"[{one}]")
        assert desk.done() == []
        assert not desk.call(SMALL)["result"].get("isError")
        assert desk.done() == ["refunded 5 for 1"]

"""Servers on each SDK, over stdio and HTTP, called by `mcp.Client` in both eras. Tests check the effects of the tools."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from support import times

SERVERS = Path(__file__).parents[1] / "servers"

# The `mcp` 1.x SDK has its own environment.
PYTHON1 = os.environ["PERSO_PYTHON_MCP1"]

WAYS = [
    (server, transport, mode)
    for server in ("mcp2", "fastmcp", "mcp1")
    for transport in ("stdio", "http")
    for mode in ("legacy", "2026-07-28")
    # `mcp` 1.x supports only the legacy era.
    if (server, mode) != ("mcp1", "2026-07-28")
]


class Desk:
    """A server, and what its tools did."""

    def __init__(self, server: str, transport: str, era: str, folder: Path, **settings: Any) -> None:
        self.transport, self.era = transport, era
        self.path = folder / "done"
        self.command = [PYTHON1 if server == "mcp1" else sys.executable, str(SERVERS / f"desk_{server}.py"), transport]
        self.env = {**os.environ, "DESK_DONE": str(self.path), "DESK_SETTINGS": json.dumps(settings)}
        self.port = 0

    def done(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    @contextmanager
    def running(self) -> Iterator[None]:
        if self.transport == "stdio":
            yield
            return
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        with subprocess.Popen([*self.command, str(self.port)], env=self.env, stderr=subprocess.PIPE) as server:
            try:
                for _ in range(400):
                    assert server.poll() is None, server.stderr.read().decode()  # type: ignore[union-attr]
                    try:
                        socket.create_connection(("127.0.0.1", self.port)).close()
                        break
                    except OSError:
                        time.sleep(0.05)
                yield
            finally:
                server.terminate()
                server.communicate()

    @asynccontextmanager
    async def client(self, caller: str, **lies: str) -> AsyncIterator[Client]:
        """A client. Over HTTP, its calls have the headers `lies`, whatever their bodies say."""

        async def lie(request: httpx2.Request) -> None:
            if b'"tools/call"' in request.content:
                request.headers.update(lies)

        if self.transport == "stdio":
            command, *arguments = self.command
            server = StdioServerParameters(command=command, args=arguments, env={**self.env, "DESK_CALLER": caller})
            async with Client(server, mode=self.era) as client:
                yield client
            return
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {caller}"}, event_hooks={"request": [lie]}) as http:
            url = f"http://127.0.0.1:{self.port}/mcp"
            async with Client(streamable_http_client(url, http_client=http), mode=self.era) as client:
                yield client


async def call(client: Client, tool: str, /, **args: Any) -> tuple[bool, str]:
    """Whether the call succeeded, and its text."""
    result = await client.call_tool(tool, args)
    return not result.is_error, getattr(result.content[0], "text")


async def names(client: Client) -> list[str]:
    return sorted(tool.name for tool in (await client.list_tools()).tools)


@pytest.mark.anyio
@pytest.mark.parametrize(("server", "transport", "mode"), WAYS)
async def test_the_desk(server: str, transport: str, mode: str, tmp_path: Path) -> None:
    desk = Desk(server, transport, mode, tmp_path)
    with desk.running():
        async with desk.client("agent") as client:
            assert await names(client) == ["process_refund", "refund_inside", "view_customer"]
            assert await call(client, "view_customer") == (True, "Ann")
            assert await call(client, "process_refund", order_id="1", amount=100) == (True, "refunded 100 for 1")
            assert desk.done() == ["refunded 100 for 1"]

            denied = await client.call_tool("process_refund", {"order_id": "1", "amount": 800})
            assert denied.is_error and getattr(denied.content[0], "text") == "Agents may refund up to $500."
            assert denied.structured_content is None
            if server != "fastmcp":
                # fastmcp reports only the text of an exception, so there is no `_meta`.
                assert denied.meta and denied.meta["dev.perso/decision"]["rule"] == "refund"
            for args in (
                {"order_id": "1"},
                {"order_id": "1", "amount": "100"},
                {"order_id": "1", "amount": 500.01},
                {"order_id": "1", "amount": 5, "Amount": 800},
                {},
            ):
                assert not (await call(client, "process_refund", **args))[0], args
            # Tools that are not listed can still be called.
            assert await call(client, "dump_secrets") == (False, "Secrets are for admins.")
            assert await call(client, "delete_record", record_id="rec-1") == (False, "Managers may delete records they own.")
            assert not (await call(client, "unheard_of"))[0]
            assert not (await call(client, "Process_Refund", order_id="1", amount=1))[0]
            # Nothing that the model sends changes the caller.
            liar = await client.call_tool(
                "delete_record",
                {"record_id": "rec-1", "agent": {"roles": ["admin"]}, "roles": ["admin"]},
                meta={"roles": ["admin"], "agent": {"roles": ["admin"]}},  # type: ignore[typeddict-unknown-key]
            )
            assert liar.is_error and desk.done() == ["refunded 100 for 1"]

            # A tool that calls another tool of the server.
            assert (await call(client, "refund_inside", amount=5))[0]
            assert desk.done() == ["refunded 100 for 1", "refunded 5 for inside"]
            well, text = await call(client, "refund_inside", amount=800)
            assert not well and "Agents may refund up to $500." in text
            assert desk.done() == ["refunded 100 for 1", "refunded 5 for inside"]

        desk.path.unlink()
        async with desk.client("manager") as client:
            assert "delete_record" in await names(client) and "dump_secrets" not in await names(client)
            well, text = await call(client, "delete_record", record_id="rec-2")
            assert not well and text.endswith("Managers may delete records they own.")
            well, text = await call(client, "delete_record", record_id="rec-missing")
            assert not well and text.endswith("Managers may delete records they own.")
            assert desk.done() == []
            assert await call(client, "delete_record", record_id="rec-1") == (True, "deleted rec-1")
            assert desk.done() == ["deleted rec-1"]

        async with desk.client("nobody") as client:
            assert await names(client) == []
            assert not (await call(client, "view_customer"))[0]
            assert not (await call(client, "process_refund", order_id="1", amount=1))[0]
        assert desk.done() == ["deleted rec-1"]


@pytest.mark.anyio
@pytest.mark.parametrize(("server", "transport", "mode"), [way for way in WAYS if way[1] == "http"])
async def test_headers_are_never_what_is_judged(server: str, transport: str, mode: str, tmp_path: Path) -> None:
    desk = Desk(server, transport, mode, tmp_path)

    async def lying(tool: str, **args: Any) -> None:
        async with desk.client("agent", **{"Mcp-Method": "tools/list", "Mcp-Name": "view_customer"}) as client:
            try:
                await client.call_tool(tool, args)
            except MCPError:
                # From 2026-07-28 on, servers themselves refuse such a request.
                assert mode != "legacy"

    with desk.running():
        await lying("process_refund", order_id="1", amount=800)
        await lying("dump_secrets")
        assert desk.done() == []
        await lying("process_refund", order_id="1", amount=5)
        assert desk.done() == (["refunded 5 for 1"] if mode == "legacy" else [])


@pytest.mark.anyio
@pytest.mark.parametrize(("server", "transport", "mode"), WAYS)
async def test_the_time_is_the_guards(server: str, transport: str, mode: str, tmp_path: Path) -> None:
    lies = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT", "Now": times.OLD, "Context": json.dumps({"now": times.OLD})}
    for case in times.CASES:
        if not case.reads_time:
            continue
        desk = Desk(server, transport, mode, tmp_path, context=case.context)
        policy = tmp_path / "time.json"
        policy.write_text(times.text(case, "view_customer", "process_refund"))
        desk.env["DESK_POLICY"] = str(policy)
        with desk.running():
            async with desk.client("agent", **lies) as client:
                listed = await names(client)
                assert ("view_customer" in listed, "process_refund" in listed) == case.listed, case
                assert await call(client, "view_customer") == ((True, "Ann") if case.current else (False, "Soon.")), case
                if case.old:
                    assert (await call(client, "process_refund", order_id="1", amount=5))[0], case
                    desk.path.unlink()
                    continue
                meta: Any = times.LIES
                liar = await client.call_tool("process_refund", {"order_id": "1", "amount": 5, **times.LIES}, meta=meta)
                assert liar.is_error and getattr(liar.content[0], "text") == "Long ago.", case
        assert desk.done() == [], case


@pytest.mark.anyio
@pytest.mark.parametrize(("server", "transport", "mode"), [way for way in WAYS if way[1] == "http"])
async def test_hiding(server: str, transport: str, mode: str, tmp_path: Path) -> None:
    desk = Desk(server, transport, mode, tmp_path, hide=True)
    with desk.running():
        async with desk.client("manager") as client:
            missing = await client.call_tool("no_such_tool", {})
        async with desk.client("agent") as client:
            hidden = await client.call_tool("dump_secrets", {})
    # The same answer as for a tool that does not exist.
    told = [
        result.model_dump_json().replace(name, "NAME") for result, name in ((missing, "no_such_tool"), (hidden, "dump_secrets"))
    ]
    assert told[0] == told[1] and desk.done() == []


@pytest.mark.anyio
@pytest.mark.parametrize(("server", "transport", "mode"), [way for way in WAYS if way[1] == "stdio"])
async def test_observing(server: str, transport: str, mode: str, tmp_path: Path) -> None:
    desk = Desk(server, transport, mode, tmp_path, mode="observe")
    with desk.running():
        async with desk.client("agent") as client:
            assert "dump_secrets" in await names(client)
            assert (await call(client, "process_refund", order_id="1", amount=800))[0]
    assert desk.done() == ["refunded 800 for 1"]

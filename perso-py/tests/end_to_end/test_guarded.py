"""`python -m perso.guarded` in front of servers that do not use perso. Tests check the effects of the tools."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.shared.exceptions import MCPError

from perso import Ledger
from support import asks, times

SERVERS = Path(__file__).parents[1] / "servers"

PYTHONS = {"mcp1": os.environ["PERSO_PYTHON_MCP1"], "mcp2": sys.executable, "fastmcp": sys.executable}

KINDS = {
    # A server with a table of tools, one with its own handlers, and one with its own way to run.
    "mcp1": ["fastmcp", "lowlevel", "subclass"],
    "mcp2": ["mcpserver", "lowlevel", "subclass"],
    # A server, a server that is mounted on another with a namespace, and a server behind a proxy.
    "fastmcp": ["single", "mounted", "proxy"],
}

TRANSPORTS = {
    "stdio": "lines of the process's input and output",
    "http": "Streamable HTTP with sessions",
    "json": "the same, answered as JSON",
    "stateless": "the same, without sessions",
    "sse": "the older HTTP with SSE",
}

ERAS = ["legacy", "2026-07-28"]

WAYS = [
    (sdk, kind, transport, era)
    for sdk in PYTHONS
    for kind in KINDS[sdk]
    for transport in TRANSPORTS
    for era in ERAS
    # `mcp` 1.x supports only the legacy era.
    if (sdk, era) != ("mcp1", "2026-07-28")
]

RULES = [
    *({**rule, "roles": ["agent"]} for rule in asks.rules("refund", "inner_refund")),
    {"id": "door", "allow": "open_door"},
]


CLOSED = ("--prompts", "deny", "--resources", "deny")


class Guarded:
    """The process of a guarded server, and what its tools did."""

    def __init__(
        self, sdk: str, folder: Path, *arguments: str, module: str | None = None, flags: Sequence[str] = CLOSED
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.done_path, policy = folder / "done", folder / "policy.json"
        policy.write_text(json.dumps({"perso": 1, "roles": {"agent": []}, "rules": RULES}))
        told = ["--policy", policy.name, "--agent", '{"roles": ["agent"]}', *flags, module or f"plain_{sdk}", *arguments]
        self.folder = folder
        self.command = [PYTHONS[sdk], "-m", "perso.guarded", *told]
        path = os.pathsep.join(filter(None, (str(SERVERS), os.environ.get("PYTHONPATH"))))
        self.env = {**os.environ, "PYTHONPATH": path, "PLAIN_DONE": str(self.done_path)}
        self.url = ""

    def done(self) -> list[str]:
        """What the tools did since the last call of this method."""
        found = self.done_path.read_text().splitlines() if self.done_path.exists() else []
        self.done_path.write_text("")
        return found

    @contextmanager
    def listening(self) -> Iterator[None]:
        # The socket is open before the server starts, so that clients do not have to wait for the server.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            env = {**self.env, "PLAIN_SOCKET": str(listener.fileno())}
            process = subprocess.Popen(self.command, env=env, cwd=self.folder, pass_fds=[listener.fileno()])
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def stdio(self) -> StdioServerParameters:
        return StdioServerParameters(command=self.command[0], args=self.command[1:], env=self.env, cwd=self.folder)

    def client(self, kind: str, transport: str, era: str) -> Client:
        if transport == "stdio":
            return Client(self.stdio(), mode=era)
        if transport == "sse":
            return Client(sse_client(f"{self.url}/{kind}/sse/sse"), mode=era)
        end = "mcp/" if kind in ("lowlevel", "subclass") and "plain_mcp1" in self.command else "mcp"
        return Client(f"{self.url}/{kind}/{transport}/{end}", mode=era)


@pytest.fixture(scope="module")
def over_http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Guarded]]:
    """A process for each SDK, with a server of each kind over each transport in it."""
    started = {sdk: Guarded(sdk, tmp_path_factory.mktemp(sdk), "http") for sdk in PYTHONS}
    with started["mcp1"].listening(), started["mcp2"].listening(), started["fastmcp"].listening():
        yield started


async def judged(client: Client, tool: str = "refund") -> None:
    """Makes calls of which one is allowed, and checks the list of tools."""
    for refusal in asks.REFUSALS:
        answer = await client.call_tool(tool, {"amount": refusal.amount})
        assert answer.is_error and refusal.text in getattr(answer.content[0], "text")
    for arguments in ({}, {"amount": 5}):
        await client.call_tool(tool, arguments)
    await client.call_tool(tool.replace("refund", "dump"), {})
    await client.call_tool("no_such_tool", {})
    assert [listed.name for listed in (await client.list_tools()).tools] == [tool]


async def closed(client: Client) -> None:
    """Requests a prompt and a resource, which are denied."""
    assert (await client.list_prompts()).prompts == [] and (await client.list_resources()).resources == []
    with pytest.raises(MCPError, match=r"^prompts/get is not allowed: this server's guard denies prompts$"):
        await client.get_prompt("greet")
    with pytest.raises(MCPError, match=r"^resources/read is not allowed: this server's guard denies resources$"):
        await client.read_resource("note://one")


@pytest.mark.anyio
@pytest.mark.parametrize(("sdk", "kind"), [(sdk, kind) for sdk in PYTHONS for kind in KINDS[sdk]])
async def test_prompts_and_resources_pass_by_default(sdk: str, kind: str, tmp_path: Path) -> None:
    server = Guarded(sdk, tmp_path, "stdio", kind, flags=())
    prompt, uri = ("inner_greet", "note://inner/one") if kind == "mounted" else ("greet", "note://one")
    async with server.client(kind, "stdio", "legacy") as client:
        assert [listed.name for listed in (await client.list_prompts()).prompts] == [prompt]
        assert [str(listed.uri) for listed in (await client.list_resources()).resources] == [uri]
        await client.get_prompt(prompt)
        await client.read_resource(uri)
    assert server.done() == ["greeted", "read"]


@pytest.mark.anyio
@pytest.mark.parametrize(("sdk", "kind", "transport", "era"), WAYS)
async def test_every_way(sdk: str, kind: str, transport: str, era: str, over_http: dict[str, Guarded], tmp_path: Path) -> None:
    server = Guarded(sdk, tmp_path, "stdio", kind) if transport == "stdio" else over_http[sdk]
    server.done()
    async with server.client(kind, transport, era) as client:
        await judged(client, "inner_refund" if kind == "mounted" else "refund")
        await closed(client)
    assert server.done() == ["refunded 5"]


@pytest.mark.anyio
@pytest.mark.parametrize("sdk", PYTHONS)
@pytest.mark.parametrize("case", [case for case in times.CASES if case.reads_time], ids=lambda case: case.name)
async def test_the_time_is_the_guards(sdk: str, case: times.Case, tmp_path: Path) -> None:
    kind = KINDS[sdk][0]
    flags = () if case.context is None else ("--context", json.dumps(case.context))
    server = Guarded(sdk, tmp_path, "stdio", kind, flags=flags)
    (tmp_path / "policy.json").write_text(times.text(case, "refund", "dump"))
    async with server.client(kind, "stdio", "legacy") as client:
        meta: Any = times.LIES
        for tool, runs in (("refund", case.current), ("dump", case.old)):
            answer = await client.call_tool(tool, {"amount": 5} if tool == "refund" else {}, meta=meta)
            assert answer.is_error != runs, (tool, answer)
    assert server.done() == (["refunded 5"] if case.current else ["dumped"])


LIMITED = {
    "perso": 1,
    "rules": [
        {"id": "refund", "allow": "refund", "when": {"args.amount": {"lte": 500}}},
        {"id": "large", "ask": "refund", "when": {"args.amount": {"gt": 500}}, "reason": "A person checks."},
        {"id": "dump", "allow": "dump"},
        {"id": "once", "deny": "dump", "when": {"session.labels": {"has": "dumped"}}, "reason": "Once in a session."},
    ],
    "limits": [{"id": "a-day", "of": "refund", "sum": "args.amount", "max": 1000, "window": "24h", "reason": "At most 1000."}],
    "labels": [{"id": "dumps", "of": "dump", "add": "dumped"}],
}
"""A policy that needs a ledger."""


def limited(sdk: str, folder: Path, *arguments: str, flags: Sequence[str], **options: Any) -> Guarded:
    server = Guarded(sdk, folder, *arguments, flags=flags, **options)
    (folder / "policy.json").write_text(json.dumps(LIMITED))
    return server


async def says(client: Client, tool: str, **args: Any) -> str:
    return str(getattr((await client.call_tool(tool, args)).content[0], "text"))


@pytest.mark.anyio
@pytest.mark.parametrize("sdk", PYTHONS)
async def test_limits_labels_and_approvals(sdk: str, tmp_path: Path) -> None:
    """In a file, which processes share. Each has a session of its own."""
    kind = KINDS[sdk][0]
    server = limited(sdk, tmp_path, "stdio", kind, flags=["--ledger", "file:ledger"])
    for amount in (500, 100):
        async with server.client(kind, "stdio", "legacy") as client:
            await says(client, "refund", amount=amount)
            await says(client, "dump")
            assert "Once in a session." in await says(client, "dump")
    assert server.done() == ["refunded 500", "dumped", "refunded 100", "dumped"]
    ledger = Ledger(f"file:{tmp_path / 'ledger'}")

    async def decide() -> None:
        for decide in (ledger.deny, ledger.approve):
            while not (pending := await anyio.to_thread.run_sync(ledger.pending)):
                await anyio.sleep(0.02)
            await anyio.to_thread.run_sync(partial(decide, pending[0]["id"], by="max"))

    async with server.client(kind, "stdio", "legacy") as client, anyio.create_task_group() as group:
        group.start_soon(decide)
        assert "a person has denied this call" in await says(client, "refund", amount=501)
        # 600 are charged, so that there is no room for what is approved.
        assert "At most 1000." in await says(client, "refund", amount=502)
        await says(client, "refund", amount=400)
    assert server.done() == ["refunded 400"]


@pytest.mark.anyio
async def test_a_session_and_a_ledger_in_memory(tmp_path: Path) -> None:
    server = limited("mcp2", tmp_path, "stdio", "mcpserver", flags=["--ledger", "memory:", "--session", "s", "--hide"])
    for _ in range(2):
        async with server.client("mcpserver", "stdio", "legacy") as client:
            await says(client, "dump")
            assert await says(client, "dump") == "Unknown tool: dump"
    flags = ["--ledger", "file:ledger", "--session", "s"]
    server = limited("mcp2", tmp_path, "stdio", "mcpserver", flags=flags)
    server.done()
    for _ in range(2):
        async with server.client("mcpserver", "stdio", "legacy") as client:
            await says(client, "dump")
    assert server.done() == ["dumped"]


@pytest.mark.anyio
async def test_without_a_ledger_what_needs_one_is_denied(tmp_path: Path) -> None:
    server = limited("mcp2", tmp_path, "stdio", "mcpserver", flags=())
    async with server.client("mcpserver", "stdio", "legacy") as client:
        assert "what was done before is not known" in await says(client, "refund", amount=5)
    assert server.done() == []


FORKS = """
import os, sys
import anyio, plain_mcp2
server = plain_mcp2.mcpserver()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
anyio.run(plain_mcp2.stdio, server)
"""


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["memory:", "file:ledger"])
async def test_a_fork_that_serves_opens_the_ledger_itself(address: str, tmp_path: Path) -> None:
    (tmp_path / "forks.py").write_text(FORKS)
    server = limited("mcp2", tmp_path, module="forks", flags=["--ledger", address])
    server.env["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{server.env['PYTHONPATH']}"
    async with server.client("mcpserver", "stdio", "legacy") as client:
        for amount in (400, 400, 400):
            await says(client, "refund", amount=amount)
    assert server.done() == ["refunded 400"] * 2


@pytest.mark.anyio
async def test_workers_share_a_ledger_in_a_file(tmp_path: Path) -> None:
    server = limited("mcp2", tmp_path, "workers", flags=["--ledger", "file:ledger"])
    with server.listening():
        for _ in range(4):
            async with server.client("mcpserver", "stateless", "legacy") as client:
                await says(client, "refund", amount=400)
    assert server.done() == ["refunded 400"] * 2


@pytest.mark.parametrize("address", ["ledger", "file:/no/such/folder/ledger"])
def test_a_ledger_that_cannot_be_opened(address: str, tmp_path: Path) -> None:
    ended = run(limited("mcp2", tmp_path, "stdio", "mcpserver", flags=["--ledger", address]), DUMP)
    assert ended.returncode == 2 and "error: argument --ledger: " in ended.stderr


# Processes that the first one starts.


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_workers_of_a_web_server(era: str, tmp_path: Path) -> None:
    server = Guarded("mcp2", tmp_path, "workers")
    with server.listening():
        # A client may reach any of the workers.
        for _ in range(4):
            async with server.client("mcpserver", "stateless", era) as client:
                await judged(client)
                await closed(client)
            assert server.done() == ["refunded 5"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS["mcp2"])
async def test_a_process_that_the_server_starts(kind: str, tmp_path: Path) -> None:
    server = Guarded("mcp2", tmp_path, "child", kind)
    async with server.client(kind, "stdio", "legacy") as client:
        await judged(client)
        await closed(client)
    assert server.done() == ["refunded 5"]


def run(server: Guarded, *lines: dict[str, Any], **env: str) -> "subprocess.CompletedProcess[str]":
    """Runs a server with these lines as its input, until it ends."""
    text = "".join(json.dumps({"jsonrpc": "2.0", **line}) + "\n" for line in lines)
    return subprocess.run(
        server.command, input=text, env={**server.env, **env}, cwd=server.folder, capture_output=True, text=True
    )


HELLO = {
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
}
READY = {"method": "notifications/initialized"}
DUMP = {"id": 2, "method": "tools/call", "params": {"name": "dump", "arguments": {}}}


def test_a_process_whose_server_is_in_one_that_it_starts_ends_well(tmp_path: Path) -> None:
    server = Guarded("mcp2", tmp_path, "child", "mcpserver")
    ended = run(server, HELLO, READY, DUMP)
    assert ended.returncode == 0 and '"id":1' in ended.stdout and server.done() == []


@pytest.mark.anyio
@pytest.mark.parametrize("command", [["stdio", "mcpserver"], ["child", "mcpserver"]])
async def test_a_guard_around_a_guard(command: list[str], tmp_path: Path) -> None:
    """Both policies must allow a call, even in a process that the server starts."""
    rules = [{"id": "all", "allow": ["refund", "dump"]}]
    (tmp_path / "outer.json").write_text(json.dumps({"perso": 1, "rules": rules}))
    server = Guarded("mcp2", tmp_path, *command)
    inner = server.command[2:]
    for policies in (["outer.json", "policy.json"], ["policy.json", "outer.json"]):
        agent = ["--agent", '{"roles": ["agent"]}']
        outer, within = (["--policy", policy, *agent] for policy in policies)
        # A call is denied if either guard denies it.
        flags = [CLOSED[:2], CLOSED[2:]]
        server.command = [
            sys.executable,
            "-m",
            "perso.guarded",
            *outer,
            *flags[0],
            "perso.guarded",
            *within,
            *flags[1],
            *inner[9:],
        ]
        async with server.client("mcpserver", "stdio", "legacy") as client:
            await judged(client)
            await closed(client)
        assert server.done() == ["refunded 5"]


def test_a_package_that_another_finder_finds(tmp_path: Path) -> None:
    """The program has its own finder, in front of all others."""
    finder = tmp_path / "elsewhere.py"
    finder.write_text(
        "import importlib.util, sys, plain\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mcp.server.lowlevel.server':\n"
        "            return importlib.util.spec_from_file_location(name, sys.argv[1])\n"
        "sys.meta_path.insert(0, Finder())\n"
        "import mcp.server.lowlevel.server as found\n"
        "import anyio, plain_mcp2\n"
        "anyio.run(plain_mcp2.stdio, plain_mcp2.lowlevel())\n"
    )
    import mcp.server.lowlevel.server as module

    server = Guarded("mcp2", tmp_path, str(module.__file__), module="elsewhere")
    ended = run(server, HELLO, READY, DUMP, PYTHONPATH=f"{tmp_path}{os.pathsep}{server.env['PYTHONPATH']}")
    assert ended.returncode == 0 and '"id":1' in ended.stdout and server.done() == []


# A server that cannot be guarded does not run, or fails with an error.


def test_a_server_that_does_not_use_the_package(tmp_path: Path) -> None:
    ended = run(Guarded("mcp2", tmp_path, module="plain_none"), DUMP)
    assert ended.returncode == 1 and "`plain_none` made no server of the `mcp` package: nothing was guarded" in ended.stderr


def test_a_module_that_does_not_exist(tmp_path: Path) -> None:
    ended = run(Guarded("mcp2", tmp_path, module="no_such_module"))
    assert ended.returncode == 1 and "no_such_module" in ended.stderr


def test_a_wrong_setting(tmp_path: Path) -> None:
    ended = run(Guarded("mcp2", tmp_path, "stdio", "mcpserver", flags=["--prompts", "allow"]), DUMP)
    assert ended.returncode == 2 and "argument --prompts: invalid choice: 'allow'" in ended.stderr


def test_a_policy_that_does_not_load(tmp_path: Path) -> None:
    server = Guarded("mcp2", tmp_path, "stdio", "mcpserver")
    (tmp_path / "policy.json").write_text("{}")
    ended = run(server, HELLO, READY, DUMP)
    assert ended.returncode == 1 and ended.stdout == "" and server.done() == []


@pytest.mark.anyio
async def test_a_server_that_removes_its_guard_ends(tmp_path: Path) -> None:
    server = Guarded("mcp2", tmp_path, "open-door")
    door = {"id": 3, "method": "tools/call", "params": {"name": "open_door", "arguments": {}}}
    with subprocess.Popen(
        server.command,
        env=server.env,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        for message in (HELLO, READY, door):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert answers[1]["id"] == 3 and "result" in answers[1]
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **DUMP}) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "" and process.wait() == 1
        assert "the guard of the server `mcpserver` was removed" in process.stderr.read()
    assert server.done() == []


@pytest.mark.parametrize("sdk", ["mcp1", "mcp2"])
def test_a_version_of_the_package_that_perso_does_not_know(sdk: str, tmp_path: Path) -> None:
    # A package with the same name, whose servers handle messages differently.
    package = tmp_path / "mcp" / "server" / "lowlevel"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").write_text("")
    (package / "server.py").write_text("class Server: pass\n")
    (tmp_path / "other.py").write_text("from mcp.server.lowlevel.server import Server\nimport plain\nplain.dump()\n")
    server = Guarded(sdk, tmp_path, module="other")
    ended = run(server, PYTHONPATH=f"{tmp_path}{os.pathsep}{server.env['PYTHONPATH']}")
    assert ended.returncode == 1 and "handles messages in a way that perso does not know" in ended.stderr
    assert server.done() == []


def test_a_process_without_perso_ends_as_soon_as_it_serves(tmp_path: Path) -> None:
    """A Python that cannot import perso, with the environment that a guarded server passes to its processes."""
    from perso.guarded.options import SITE

    (tmp_path / "perso").mkdir()
    (tmp_path / "perso" / "__init__.py").write_text("raise ImportError('perso is not here')\n")
    env = {**os.environ, "PERSO_GUARDED": "{}", "PYTHONPATH": os.pathsep.join((SITE, str(tmp_path)))}
    harmless = subprocess.run([sys.executable, "-c", "print('ran')"], env=env, capture_output=True, text=True)
    assert (harmless.returncode, harmless.stdout) == (0, "ran\n")
    code = "import mcp.server.lowlevel; print('ran')"
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (1, "") and "perso cannot guard it" in ended.stderr

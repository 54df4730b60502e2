"""The scenes `several` and `several-http`: six servers from other projects behind one gateway, and what they did."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import asynccontextmanager, closing
from inspect import isawaitable
from pathlib import Path
from tempfile import TemporaryDirectory

import scenes

HERE = Path(__file__).parent
TOOLS = [
    "everything__echo", "everything__gzip-file-as-resource", "files__list_directory", "files__read_text_file", "files__write_file",
    "git__git_commit", "git__git_log", "git__git_status", "memory__create_entities", "memory__read_graph", "sqlite__list_tables",
    "sqlite__read_query", "sqlite__write_query", "time__convert_time", "time__get_current_time",
]  # fmt: skip
# The server that is killed: it has nothing to lose.
KILLED = "files"


class World:
    """What the servers work on: a folder of files, a repository, a database and the file of a graph."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.notes = self.folder / "files" / "notes"
        self.repository = self.folder / "repository"
        self.notes.mkdir(parents=True)
        (self.notes / "open.txt").write_text("open")
        self.repository.mkdir()
        self.git("init", "--quiet")
        (self.repository / "page.md").write_text("a page")
        self.git("add", "page.md")
        with closing(self.database()) as database:
            database.executescript("CREATE TABLE orders (item TEXT); CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ann');")
        agent = {"id": "ann", "world": str(self.folder), "repository": str(self.repository)}
        (self.folder / "agent.json").write_text(json.dumps(agent))
        variables = [f"WORLD={self.folder}", f"OUT={os.environ['OUT']}"]
        files = ["--policy", HERE / "several.json", "--servers", HERE / "several.mcp.json", "--agent", self.folder / "agent.json"]
        # SDKs give a server few variables of their own environment. Its log is kept out of the output.
        shell = ["sh", "-c", 'exec 2>> "$0" "$@"', os.environ["LOG"]]
        self.gateway = [*shell, "env", *variables, os.environ["GATEWAY"], *map(str, files)]

    def git(self, *args):
        who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
        git = subprocess.run(["git", "-C", self.repository, *who, *args], capture_output=True, text=True)
        return git.stdout.splitlines()

    def database(self):
        return sqlite3.connect(self.folder / "shop.db")

    def rows(self):
        with closing(self.database()) as database:
            return [database.execute(f"SELECT * FROM {table}").fetchall() for table in ("orders", "users")]

    def files(self):
        return {str(path): path.read_text() for path in (self.folder / "files").rglob("*") if path.is_file()}

    def graph(self):
        path = self.folder / "graph.jsonl"
        return [json.loads(line)["name"] for line in path.read_text().splitlines()] if path.exists() else []

    def processes(self, server):
        """The processes of a server, by the path that it got."""
        of = {"files": f"{self.folder}/files", "git": str(self.repository)}[server].encode()
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdigit() and of in (process / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:
                continue
        return found


async def acts(client, tool, allowed, denied, reason, effect):
    """Makes a call that has an effect, and one that must have none."""

    async def seen():
        now = effect()
        return await now if isawaitable(now) else now

    before = await seen()
    is_done, text = await client.call(tool, **allowed)
    scenes.check(f"{tool} is allowed, and answers: {text}", is_done, True)
    between = await seen()
    scenes.check(f"{tool} has its effect", between != before, True)
    scenes.check(f"{tool} is denied", await client.call(tool, **denied), (False, reason))
    scenes.check(f"{tool} then has none", await seen(), between)


async def judged(world, client):
    notes, repository = world.notes, str(world.repository)
    scenes.check("tools", await client.tools(), TOOLS)

    await acts(client, "files__write_file", {"path": f"{notes}/a.txt", "content": "a"},
               {"path": f"{notes.parent}/b.txt", "content": "b"}, "Files can be written only to notes.", world.files)
    await acts(client, "git__git_commit", {"repo_path": repository, "message": "docs: a page"},
               {"repo_path": repository, "message": "feat: a page"},
               "Only documentation is committed, with a message that begins with `docs: `.", lambda: world.git("log", "--format=%s"))
    await acts(client, "sqlite__write_query", {"query": "INSERT INTO orders VALUES ('pen')"},
               {"query": "INSERT INTO users VALUES ('eve')"}, "Rows can be inserted only into orders.", world.rows)
    entity = lambda kind: {"entities": [{"name": f"a {kind}", "entityType": kind, "observations": []}]}
    await acts(client, "memory__create_entities", entity("note"), entity("secret"), "Only notes are remembered.", world.graph)
    packed = lambda name: {"name": name, "data": "data:,a"}
    await acts(client, "everything__gzip-file-as-resource", packed("a.txt.gz"), packed("b.exe.gz"), "Only texts are packed.",
               client.resources)
    convert = lambda to: {"source_timezone": "UTC", "time": "12:00", "target_timezone": to}
    is_done, text = await client.call("time__convert_time", **convert("Asia/Tokyo"))
    scenes.check("a time in Tokyo", (is_done, "T21:00:00+09:00" in text), (True, True))
    scenes.check("one in Kyiv", await client.call("time__convert_time", **convert("Europe/Kyiv")),
                 (False, "Times can be converted only to those of Berlin and Tokyo."))

    # What no rule is about, and what would change something.
    before = world.files(), world.git("log", "--format=%H"), world.rows(), world.graph()
    for tool, args in [
        ("files__move_file", {"source": f"{notes}/a.txt", "destination": f"{notes}/c.txt"}),
        ("git__git_create_branch", {"repo_path": repository, "branch_name": "other"}),
        ("sqlite__create_table", {"query": "CREATE TABLE other (a TEXT)"}),
        ("memory__delete_entities", {"entityNames": ["a note"]}),
        ("everything__get-env", {}),
    ]:
        is_done, text = await client.call(tool, **args)
        scenes.check(f"{tool}: {text}", (is_done, "no rule allows this tool" in text), (False, True))
    scenes.check("orders", await client.call("sqlite__read_query", query="SELECT item FROM orders"), (True, "[{'item': 'pen'}]"))
    for query in ["SELECT * FROM orders, users", "DELETE FROM orders"]:
        scenes.check(query, await client.call("sqlite__read_query", query=query), (False, "Only orders are read."))
    scenes.check("what is there", (world.files(), world.git("log", "--format=%H"), world.rows(), world.graph()), before)
    scenes.check("the branches", len(world.git("branch")), 1)


async def covered(client):
    scenes.check("resources", [uri for uri in await client.resources() if not uri.endswith(".gz")],
                 ["demo://resource/static/document/features.md", "memory://knowledge-graph"])
    is_done, text = await client.read("memory://knowledge-graph")
    scenes.check("the graph", (is_done, "a note" in text), (True, True))
    for uri in ["memo://insights", "demo://resource/static/document/startup.md", "demo://resource/dynamic/text/1"]:
        is_done, text = await client.read(uri)
        scenes.check(f"{uri}: {text}", (is_done, "Only features, packed texts and the graph are read." in text), (False, True))
    scenes.check("prompts", await client.prompts(), ["everything__simple-prompt"])
    scenes.check("the prompt", await client.prompt("everything__simple-prompt"), (True, "This is a simple prompt without arguments."))
    is_done, text = await client.prompt("sqlite__mcp-demo", topic="x")
    scenes.check(f"another prompt: {text}", (is_done, "Only the simple prompt is used." in text), (False, True))


async def killed(world, client):
    """Kills a server. The others work, and it comes back."""
    read = lambda: client.call("files__read_text_file", path=f"{world.notes}/open.txt")
    scenes.check("a file", await read(), (True, "open"))
    before = world.processes(KILLED)
    scenes.check("it runs", len(before) > 0, True)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for tool, args in [
        ("memory__read_graph", {}),
        ("everything__echo", {"message": "hello"}),
        ("git__git_status", {"repo_path": str(world.repository)}),
        ("sqlite__list_tables", {}),
        ("time__get_current_time", {"timezone": "UTC"}),
    ]:
        scenes.check(f"{tool} after that", (await client.call(tool, **args))[0], True)
    end = time.monotonic() + 20
    while (answer := await read()) != (True, "open") and time.monotonic() < end:
        await asyncio.sleep(0.1)
    scenes.check("the file again", answer, (True, "open"))
    scenes.check("another process", set(world.processes(KILLED)) & set(before), set())
    scenes.check("tools again", await client.tools(), TOOLS)


async def play(client):
    world = client.world
    await judged(world, client)
    await covered(client)
    await killed(world, client)


@asynccontextmanager
async def over_stdio(era, connect):
    with TemporaryDirectory() as folder:
        world = World(folder)
        async with connect(era, world.gateway[0], world.gateway[1:]) as client:
            client.world = world
            yield client
        await ended(world)


@asynccontextmanager
async def over_http(era, connect):
    with TemporaryDirectory() as folder:
        world = World(folder)
        with subprocess.Popen([*world.gateway, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as gateway:
            try:
                async with connect(era, gateway.stdout.readline().strip(), "none") as client:
                    client.world = world
                    yield client
            finally:
                gateway.terminate()
        await ended(world)


async def ended(world):
    """The servers end with their gateway."""
    end = time.monotonic() + 20
    while (left := world.processes("files") + world.processes("git")) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    scenes.check("the servers have ended", left, [])

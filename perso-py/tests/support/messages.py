"""The messages under `policies/messages/`, sent to servers as they are. `policies/README.md` documents the form."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.server.stdio import stdio_server

from perso import Policy

from .corpus import piece
from .done import done
from .policies import POLICIES

FOLDER = POLICIES / "messages"
PAY = "pay.json"
NOTES = ("note://public/1", "note://private/1")
TEMPLATES = ("note://public/{id}", "note://private/{id}")
SKILLS = ("note://public/look/SKILL.md", "note://private/pay/SKILL.md")
PROMPTS = ("greet", "report", "payroll")
REFUSED = ("resources/directory/read", "resources/write", "skills/activate", "prompts/render")
"""Methods that a server with notes has as well, and that no message may reach."""
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "line", "version": "1"}}


@dataclass(frozen=True)
class Message:
    name: str
    data: bytes
    settings: dict[str, Any]
    policy: str
    expected: dict[str, Any]


def messages(runner: str) -> list[Message]:
    """All messages, with what this runner expects."""
    found, lines = [], 0
    for path in sorted(FOLDER.glob("*.json")):
        text = path.read_text()
        lines += sum(line.lstrip().startswith('{"name"') for line in text.splitlines())
        file = json.loads(text)
        policy = file.get("policy", PAY)
        for case in file["cases"]:
            data = case["raw"].encode() if "raw" in case else b"".join(map(piece, case["build"]))
            exceptions = [what for names, what in case.get("except", {}).items() if runner in names.split()]
            name, settings = f"{path.stem}: {case['name']}", case.get("settings", {})
            found.append(Message(name, data, settings, policy, (exceptions or [case])[0]))
    assert len(found) == lines > 0, f"{len(found)} cases were read, but there are {lines}"
    return found


def refused_methods() -> set[str]:
    """The methods that are refused in every message that has them."""
    methods: dict[bool, set[str]] = {True: set(), False: set()}
    for one in messages("mcp2"):
        if one.policy != PAY:
            continue
        try:
            method = json.loads(one.data)["method"]
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
        if isinstance(method, str):
            methods[one.expected["does"] == "refuses"].add(method)
    return methods[True] - methods[False]


class Lines:
    """A server's input and output: lines go in as the SDK splits and decodes them."""

    def __init__(self) -> None:
        self.to_server, self.input = anyio.create_memory_object_stream[str](1000)
        self.answers: list[Any] = []
        self.awaited = ""
        self.is_answered = anyio.Event()

    def __aiter__(self) -> Any:
        return self.input.__aiter__()

    async def write(self, text: str) -> None:
        answer = json.loads(text)
        self.answers.append(answer)
        if "id" in answer and answer["id"] == self.awaited:
            self.is_answered.set()

    async def flush(self) -> None:
        pass

    async def ask(self, data: bytes) -> Any:
        """Sends bytes and then pings. The last ping is answered only after everything that the bytes caused has run.

        Returns the answer, if there is one.
        """
        self.answers.clear()
        for line in io.TextIOWrapper(io.BytesIO(data + b"\n"), encoding="utf-8", errors="replace"):
            await self.to_server.send(line)
        for ping in ("ping 1", "ping 2", "ping 3"):
            await self.request(ping, "ping", {})
        return next(
            (answer for answer in self.answers if "method" not in answer and not str(answer.get("id")).startswith("ping")), None
        )

    async def request(self, number: str, method: str, params: dict[str, Any]) -> None:
        """Sends a request and waits for the answer."""
        self.awaited, self.is_answered = number, anyio.Event()
        await self.to_server.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        with anyio.fail_after(30):
            await self.is_answered.wait()


@asynccontextmanager
async def served(lowlevel: Any) -> AsyncIterator[Lines]:
    """A server on the `mcp` SDK over lines, after the handshake."""
    lines: Any = Lines()

    async def serve() -> None:
        async with stdio_server(lines, lines) as (read, write):
            await lowlevel.run(read, write, lowlevel.create_initialization_options())

    async with anyio.create_task_group() as group:
        group.start_soon(serve)
        await lines.request("hello", "initialize", HELLO)
        await lines.to_server.send('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        yield lines
        lines.to_server.close()
    lines.input.close()


async def check_all(
    runner: str, make: Callable[[], Any], notes: Callable[[], Any], lowlevel: Callable[[Any], Any] = lambda server: server
) -> None:
    """Sends each message to a guarded server and to one without a guard, and fails with all that is wrong.

    The servers append each call that runs to `done`, as the tool and its arguments. `notes` makes a server with notes and
    prompts, for the policy that covers these.
    """
    decided: list[Any] = []
    wrong, runs = [], 0
    found = messages(runner)
    for text, policy in sorted({(json.dumps(one.settings), one.policy) for one in found}):
        settings, making = json.loads(text), make if policy == PAY else notes
        server, rules = making(), Policy.compile((FOLDER / "policies" / policy).read_text())
        rules.guard_server(server, on_decision=lambda event, args: decided.append((event, args)), **settings)
        async with served(lowlevel(server)) as guarded, served(lowlevel(making())) as bare:
            for one in found:
                if one.settings != settings or one.policy != policy:
                    continue
                done.clear()
                decided.clear()
                answer = await guarded.ask(one.data)
                ran, judged = [*done], [*decided]
                runs += len(ran)
                unguarded = await bare.ask(one.data) if one.expected["does"] == "passes" else None
                if not _is_right(one.expected, answer, ran, judged, unguarded):
                    seen = [(event.tool, event.decision.allowed, args) for event, args in judged]
                    what = f"ran {ran}, decided {seen}, answered {answer}, without a guard {unguarded}"
                    wrong.append(f"{one.name}: {one.expected['does']}: {what}"[:600])
    assert runs > 0
    assert not wrong, "\n".join(wrong)


def _is_right(expected: dict[str, Any], answer: Any, ran: list[Any], judged: list[Any], unguarded: Any) -> bool:
    if expected["does"] == "lists" and "shows" in expected:
        ((key, shown),) = expected["shows"].items()
        named = {"resources": "uri", "resourceTemplates": "uriTemplate", "skills": "uri", "prompts": "name"}[key]
        return ran == [] and answer is not None and [one[named] for one in answer.get("result", {}).get(key, [])] == shown
    if expected["does"] == "lists":
        names = [tool["name"] for tool in answer["result"]["tools"]] if answer and "result" in answer else []
        return ran == [] and sorted(names) == ["look", "pay"]
    if expected["does"] == "judges":
        tool, args, is_allowed = expected.get("tool"), expected.get("args"), expected["decision"] == "allow"
        # A server may judge a call where it arrives and again where it runs.
        is_judged = judged != [] and all((event.tool, event.decision.allowed) == (tool, is_allowed) for event, _ in judged)
        return is_judged and ran == ([(tool, args or {})] if is_allowed and expected.get("runs", True) else [])
    if ran:
        return False
    if expected["does"] == "refuses":
        if "result" in expected:
            return answer is not None and answer.get("result") == expected["result"]
        return answer is None or "error" in answer
    assert expected["does"] == "passes", expected
    return judged == [] and answer == unguarded

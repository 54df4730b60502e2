"""Plays the attacks on the servers that ready policies are for: first on the server alone, then through a guard.

Each case looks for an effect on the machine. Without the guard an attack must have its effect, or it proves nothing; with the
guard it must not. Ordinary calls must have their effect through the guard too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import sandbox
import tasks
from client import Client, Silent
from machine import ADDRESSES, CERTIFICATE, MAIL_PORT, NAMES, Machine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NODE = shutil.which("node") or "node"
#: No corpus takes longer, whatever a server does.
SECONDS = 600
PLACES = {
    "{node}": NODE,
    "{policies}": str(HERE.parent),
    "{environment}": sys.prefix,
    "{node_modules}": str(ROOT / "perso-node/node_modules"),
    "{server_modules}": str(ROOT / "target/attacks/servers/node_modules"),
    "{mail_port}": str(MAIL_PORT),
    "{certificate}": str(CERTIFICATE),
}

Case = Mapping[str, Any]


def main() -> int:
    corpora = sorted(HERE.glob("*.json"))
    if len(sys.argv) == 3 and sys.argv[1] == "--inside":
        return inside(HERE / f"{sys.argv[2]}.json")
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            played = list(pool.map(outside, corpora))
    except sandbox.NoSandbox as why:
        print(f"error: {why}", file=sys.stderr)
        return 1
    passed = sum(report["passed"] for report in played)
    failures = [f"{report['policy']}: {failure}" for report in played for failure in report["failures"]]
    for report in played:
        print(report["summary"])
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures or not passed else 0


def outside(corpus: Path) -> dict[str, Any]:
    """Plays a corpus in its own sandbox."""
    policy = corpus.stem
    command = sandbox.command([sys.executable, "-B", str(Path(__file__).resolve()), "--inside", policy])
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
        why = None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-2000:]
    except subprocess.TimeoutExpired:
        why = f"it took more than {SECONDS} seconds"
    if why is not None:
        return {"policy": policy, "passed": 0, "failures": [f"not played: {why}"], "summary": f"{policy}: not played"}
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def inside(corpus: Path) -> int:
    """Enters the sandbox, plays a corpus and prints the report."""
    told = json.loads(corpus.read_text())
    # The packages, and the interpreters if they are installed for a user.
    seen = {ROOT, Path(sys.base_prefix), Path(os.path.realpath(NODE)).parent.parent}
    sandbox.enter(sorted(seen - {Path("/usr"), Path("/usr/local")}), ADDRESSES, NAMES)
    machine = Machine(HERE / "worlds" / f"{corpus.stem}.sh")
    played = [(kind, case) for kind in ("ordinary", "attacks", "left") for case in told.get(kind, [])]
    solved = list(tasks.of(told["tasks"])) if "tasks" in told else []
    played += [("task", task) for task in solved]
    ends: dict[str, str] = {}
    passed, failures = 0, []
    for guarded in (False, True):
        for name, failure in play(told["server"], played, corpus.stem, machine, guarded, ends):
            if failure:
                failures.append(f"{name}, {'through the guard' if guarded else 'without the guard'}: {failure}")
            else:
                passed += 1
    harmful = sum("harmless" not in case for case in told["attacks"])
    summary = (
        f"{corpus.stem}: {len(told['attacks'])} attacks, {harmful} of them succeed without the guard; "
        f"{len(told['ordinary'])} ordinary calls; {len(told.get('left', []))} left to the server"
    )
    if solved:
        denied = sum(len(task["denied"]) for task in solved)
        summary += f"; {len(solved)} tasks of {sum(len(task['calls']) for task in solved)} calls, {denied} of them denied"
    print(json.dumps({"policy": corpus.stem, "passed": passed, "failures": failures, "summary": summary}))
    return 0


def play(
    told: Mapping[str, Any], cases: list[tuple[str, Case]], policy: str, machine: Machine, guarded: bool, ends: dict[str, str]
) -> Iterator[tuple[str, str | None]]:
    """The name of each case, with its failure if it failed."""
    server = start(told, policy, guarded)
    for kind, case in cases:
        machine.reset()
        # Each caller needs a guard of its own, and data that a server holds in memory are read again.
        if "agent" in case:
            server.close()
            server = start(told, policy, guarded, case["agent"])
        try:
            first = [server.request(*request(call)) for call in case.get("first", [])]
            if first:
                machine.mark()
            answers = [server.request(*request(call)) for call in case["calls"]]
        except Silent as silent:
            yield case["name"], str(silent)
            server.close()
            server = start(told, policy, guarded)
            continue
        for command in case.get("then", []):
            machine.run(command)
        if any(answer.get("result", {"isError": True}).get("isError") for answer in first):
            yield case["name"], f"a call before it failed; answered {shown(first)}"
        elif kind == "task":
            yield case["name"], of_task(case, guarded, answers, machine.tables(), ends)
        else:
            yield case["name"], of_case(kind, case, guarded, answers, machine)
    server.close()


def of_case(kind: str, case: Case, guarded: bool, answers: list[dict[str, Any]], machine: Machine) -> str | None:
    """The failure of a case that looks for an effect."""
    # A harmless attack has no effect on this version of the server, with or without the guard.
    wanted = not guarded and "harmless" not in case if kind == "attacks" else True
    if machine.shows(case["effect"], answers) != wanted:
        closed = "; it is closed: move it to `attacks`, and take it from the page" if kind == "left" else ""
        return f"{case['effect']} is {'missing' if wanted else 'there'}{closed}; answered {shown(answers)}"
    if guarded and "rule" in case and denied_by(answers[-1]) != case["rule"]:
        return f"it is denied by {denied_by(answers[-1])}, not by {case['rule']}; answered {shown(answers)}"
    return None


def of_task(task: Case, guarded: bool, answers: list[dict[str, Any]], end: str, ends: dict[str, str]) -> str | None:
    """The failure of a task, which leaves the same data behind with the guard and without it."""
    denied = {str(place): denied_by(answer) for place, answer in enumerate(answers) if denied_by(answer) != NOT_DENIED}
    if denied != (task["denied"] if guarded else {}):
        return f"the calls that are denied are {denied}; answered {shown(answers)}"
    if ends.setdefault(task["name"], end) != end:
        return f"it ends with other data than without the guard; answered {shown(answers)}"
    return None


NOT_DENIED = "no rule"


def denied_by(answer: Mapping[str, Any]) -> str | None:
    """The rule that denied a call; None where no rule allows it."""
    meta = answer.get("result", {}).get("_meta", {})
    return meta["dev.perso/decision"]["rule"] if "dev.perso/decision" in meta else NOT_DENIED  # type: ignore[no-any-return]


def shown(answers: list[dict[str, Any]]) -> str:
    return json.dumps(answers, ensure_ascii=False)[:600]


def request(call: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | str]:
    """A call of a tool, or a request whose parameters are written out."""
    if "tool" in call:
        return "tools/call", {"name": call["tool"], "arguments": call["args"]}
    return call["method"], call["params"]


def start(told: Mapping[str, Any], policy: str, guarded: bool, agent: Mapping[str, Any] | None = None) -> Client:
    command = [filled(part) for part in told["command"]]
    options = ["--policy", str(HERE.parent / f"{policy}.json"), "--prompts", "deny", "--resources", "deny"]
    options += [filled(part) for part in told.get("options", [])]
    if agent is not None:
        options += ["--agent", json.dumps(agent)]
    match told["guard"]:
        case "perso.guarded":
            guard = ["-m", "perso.guarded", *options] if guarded else ["-m"]
            command = [sys.executable, *guard, *command]
        case "perso-guard":
            guard = [NODE, str(ROOT / "perso-node/bin/perso-guard.mjs"), *options, "--"] if guarded else []
            command = [*guard, *command]
        case guard:
            raise ValueError(f"no guard is called {guard!r}")
    environment = {name: filled(value) for name, value in told.get("environment", {}).items()}
    return Client(sandbox.unprivileged(command, environment), Path("/tmp/server.log"))


def filled(text: str) -> str:
    for place, value in PLACES.items():
        text = text.replace(place, value)
    return text


if __name__ == "__main__":
    sys.exit(main())

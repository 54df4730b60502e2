"""Compiling, loading and reloading policies, and the form of decisions."""

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from perso import OPEN, WITHHELD, Json, LoadError, Policy, PolicyError
from perso._perso import compile as compile_module
from support.policies import AGENT, DESK, POLICIES, policy

SMALL = policy({"id": "small", "allow": "refund", "when": {"args.amount": {"lte": 500}}, "reason": "At most $500."})


def document(most: int) -> str:
    rule = {"id": f"most-{most}", "allow": "refund", "when": {"args.amount": {"lte": most}}}
    return json.dumps({"perso": 1, "rules": [rule]})


def test_a_decision_tells_all() -> None:
    decision = SMALL.decide("refund", {"amount": 800})
    assert not decision and decision.allowed is False
    assert decision.outcome == "deny" and decision.rule is None
    assert decision.reason == decision.message == "At most $500." and decision.hint is None
    cause = decision.cause
    assert (cause.kind, cause.rule, cause.attribute, cause.problem) == ("no_rule", "small", "args.amount", "value")
    assert (cause.detail, cause.offset) == (None, None)
    assert decision.to_dict() == {
        "decision": "deny",
        "rule": None,
        "reason": "At most $500.",
        "hint": None,
        "cause": {"kind": "no_rule", "rule": "small", "attribute": "args.amount", "problem": "value"},
    }
    assert decision == SMALL.decide("refund", {"amount": 900}) != SMALL.decide("refund", {})
    allowed = SMALL.decide("refund", {"amount": 5})
    assert allowed and allowed.rule == "small" and allowed.cause.kind == "rule"


ASKING = policy(
    {"id": "small", "allow": "refund", "when": {"args.amount": {"lte": 500}}},
    {"id": "large", "ask": "refund", "when": {"args.amount": {"gt": 500}}, "reason": "large refund"},
    {"id": "send", "allow": "send"},
    {"id": "many", "ask": "send", "when": {"args.count": {"gt": 10}}, "reason": "Many at once?"},
)


def test_an_ask_is_not_an_allow() -> None:
    decision = ASKING.decide("refund", {"amount": 800})
    assert (decision.outcome, decision.allowed, bool(decision)) == ("ask", False, False)
    assert (decision.rule, decision.reason, decision.hint) == ("large", "large refund", None)
    assert decision.message == "large refund. This call needs the approval of a person."
    assert decision.to_dict()["decision"] == "ask" and "'decision': 'ask'" in repr(decision)
    assert decision == ASKING.decide_json('{"tool": "refund", "args": {"amount": 800}}')
    assert ASKING.could_allow("refund") and policy({"ask": "close"}).could_allow("close")
    allowed = ASKING.decide("refund", {"amount": 5})
    assert allowed and allowed.outcome == "allow" and allowed.message == allowed.reason and allowed.hint is None


def test_hints() -> None:
    for args, hint in (
        ({"amount": "450"}, "args.amount must be a number"),
        ({"amount": None}, "args.amount must not be null"),
        ({}, "args.amount is missing"),
        ({"amount": float("nan")}, "args.amount is out of range"),
    ):
        decision = SMALL.decide("refund", args)
        assert decision.outcome == "deny" and decision.hint == hint
        assert decision.message == f"At most $500. Hint: {hint}."
        assert list(decision.to_dict()) == ["decision", "rule", "reason", "hint", "cause"]
        assert decision.to_dict()["hint"] == hint and hint in repr(decision)
    both = ASKING.decide("send", {"count": "5"})
    assert both.outcome == "ask" and both.hint == "args.count must be a number"
    assert both.message == "Many at once? Hint: args.count must be a number. This call needs the approval of a person."


def test_asks_that_depend_on_the_resource() -> None:
    only = policy({"ask": "read", "when": {"resource.secret": True}})
    over = policy({"allow": "read"}, {"ask": "read", "when": {"resource.secret": True}})
    always = policy({"ask": "read"}, {"allow": "read", "when": {"resource.secret": False}})
    assert only.needs_resource("read") and over.needs_resource("read") and not always.needs_resource("read")
    assert only.decide("read", resource=OPEN).outcome == "ask" and only.decide("read", resource=WITHHELD).outcome == "deny"
    assert over.decide("read", resource=OPEN).outcome == "allow" and over.decide("read", resource=WITHHELD).outcome == "ask"


def test_decisions_can_not_be_changed() -> None:
    decision: Any = SMALL.decide("refund", {"amount": 800})
    with pytest.raises(AttributeError):
        decision.allowed = True


def test_text_bytes_and_parts_of_text() -> None:
    call = '{"tool": "refund", "args": {"amount": 5}}'
    assert SMALL.decide_json(call) and SMALL.decide_json(call.encode())
    assert SMALL.decide("refund", Json('{"amount": 5}')) and SMALL.decide("refund", Json(b'{"amount": 5}'))
    twice = SMALL.decide("refund", Json('{"amount": 5, "amount": 5}'))
    assert (twice.cause.kind, twice.cause.detail) == ("malformed", "duplicate key in an object")
    assert SMALL.decide_json('{"tool": "refund", "args": {"amount": "\ud800"}}').cause.detail == "not UTF-8"
    assert SMALL.decide("refund", Json("\ud800")).cause.detail == "not UTF-8"
    with pytest.raises(TypeError):
        SMALL.decide_json(5)  # type: ignore[arg-type]


def test_what_is_not_known() -> None:
    assert DESK.could_allow("delete_record", agent={"id": "m", "roles": ["manager"]})
    assert not DESK.could_allow("delete_record", agent={"roles": ["manager"]})
    assert not DESK.could_allow("delete_record", agent=AGENT)
    assert not DESK.could_allow(5)
    manager = {"id": "m", "roles": ["manager"]}
    assert DESK.needs_resource("delete_record", {}, agent=manager)
    assert not DESK.needs_resource("delete_record", {}, agent=AGENT)
    assert not DESK.needs_resource(5)
    assert DESK.decide("delete_record", agent=manager, resource=OPEN)
    assert DESK.decide("delete_record", agent=manager, resource=WITHHELD).cause.problem == "withheld"
    reading = DESK.read("delete_record", {}, agent=manager)
    assert reading.needs_resource()
    assert reading.decide({"owner_id": "m"}) and not reading.decide({"owner_id": "n"}) and not reading.decide()
    assert DESK.read(5).decide().cause.detail == "the tool must be a string"


@pytest.mark.parametrize("tool", [None, 5, b"refund", ["refund"], object()])
def test_a_tool_is_a_string(tool: Any) -> None:
    assert SMALL.decide(tool, {"amount": 5}).cause.detail == "the tool must be a string"


@pytest.mark.parametrize("part", ["args", "agent", "resource", "context"])
@pytest.mark.parametrize("value", [[], "x", 5, 1.5, True, ()])
@pytest.mark.parametrize("tool", ["refund", "unheard_of"])
def test_parts_are_objects(part: str, value: Any, tool: str) -> None:
    assert SMALL.decide(tool, **{part: value}).cause.detail == "args, agent, resource, context and session must be objects"


def test_an_unknown_tool_of_a_policy_that_lists_its_tools() -> None:
    listed = policy({"allow": "refund"}, tools=["refund"])
    assert listed.decide("other", {}).cause.kind == "unknown_tool"
    assert listed.decide("other", []).cause.kind == "malformed"
    assert listed.decide("x" * 257, {}).cause.kind == "limit"


def test_a_policy_that_does_not_compile_says_what_is_wrong() -> None:
    with pytest.raises(PolicyError, match="unknown key `alow`") as raised:
        Policy.compile('{"perso": 1, "rules": [{"id": "a", "alow": "x"}]}')
    diagnostics = raised.value.diagnostics
    assert all(found["severity"] == "error" and found["line"] == 1 for found in diagnostics)
    assert any("`alow`" in found["message"] for found in diagnostics)
    assert isinstance(raised.value, ValueError)


def test_warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "perso"):
        Policy.compile('{"perso": 1, "default": "allow", "rules": []}')
    assert any("line 1" in record.message for record in caplog.records)
    _, warnings = compile_module('{"perso": 1, "default": "allow", "rules": []}')
    assert [warning["code"] for warning in warnings] == ["default-allow"]


def test_modules_and_policies_are_loaded_from_files(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(document(5))
    by_text = Policy.load(tmp_path / "p.json")
    (tmp_path / "p.wasm").write_bytes(by_text.module)
    by_module = Policy.load(str(tmp_path / "p.wasm"))
    assert by_module.module == by_text.module == Policy(by_text.module).module
    for bad in (b"", b"\xff\xfe", b"\0asm", by_text.module[:-1]):
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises((LoadError, PolicyError)):
            Policy.load(tmp_path / "bad")
    with pytest.raises(FileNotFoundError):
        Policy.load(tmp_path / "missing")


def test_reloading(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(document(5))
    current = Policy.load(path)
    reading = current.read("refund", {"amount": 50})
    path.write_text(document(100))
    current.reload(path)
    assert current.decide("refund", {"amount": 50})
    assert not reading.decide(), "a call finishes with the policy that it began with"
    path.write_text("{")
    with pytest.raises(PolicyError):
        current.reload(path)
    with pytest.raises(LoadError):
        current.swap(b"nothing")
    assert current.decide("refund", {"amount": 50}), "the active policy stays active"


ORG = json.dumps({"perso": 1, "rules": [{"id": "org", "deny": "delete"}]})


def team(*paths: str) -> str:
    return json.dumps({"perso": 1, "extends": list(paths), "rules": [{"id": "team", "allow": "*"}]})


def test_a_policy_extends_documents() -> None:
    text = team("shared/org.json")
    asked = []

    def resolve(path: str) -> str:
        asked.append(path)
        return ORG

    modules = {Policy.compile(text, resolve=way).module for way in (resolve, {"shared/org.json": ORG, "other": ""})}
    assert len(modules) == 1 and asked == ["shared/org.json"]
    joined = Policy(modules.pop())
    assert joined.decide("delete").rule == "org" and joined.decide("read").rule == "team"
    with pytest.raises(PolicyError, match="given only the text of this policy"):
        Policy.compile(text)
    with pytest.raises(PolicyError, match=r"`shared/org\.json` cannot be extended: there is no such document"):
        Policy.compile(text, resolve={})


def test_what_a_resolver_raises() -> None:
    def broken(path: str) -> str:
        raise FileNotFoundError(f"no {path}")

    with pytest.raises(PolicyError, match=r"cannot be extended: FileNotFoundError: no org\.json") as raised:
        Policy.compile(team("org.json"), resolve=broken)
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    for wrong in (b"{}", None, 5):
        with pytest.raises(PolicyError, match="`resolve` must give the text of a document as a str") as raised:
            Policy.compile(team("org.json"), resolve=lambda path: wrong)  # type: ignore[arg-type, return-value]
        assert isinstance(raised.value.__cause__, TypeError)
    with pytest.raises(PolicyError, match="cannot be extended: UnicodeEncodeError"):
        Policy.compile(team("org.json"), resolve=lambda path: "\ud800")

    def interrupted(path: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Policy.compile(team("org.json"), resolve=interrupted)


def test_errors_and_warnings_name_their_document(caplog: pytest.LogCaptureFixture) -> None:
    broken = '{\n"perso": 1, "rulez": [] }'
    with pytest.raises(PolicyError, match=r"--> shared/org.json:2:13") as raised:
        Policy.compile(team("shared/org.json"), resolve={"shared/org.json": broken})
    places = [(found["file"], found["line"]) for found in raised.value.diagnostics if found["code"] == "unknown-key"]
    assert places == [("shared/org.json", 2)]
    loose = '{ "perso": 1, "rules": [{ "id": "x", "deny": "x", "when": { "args.a": { "in": ["x"] } } }] }'
    with caplog.at_level(logging.WARNING, "perso"):
        Policy.compile(team("org.json").replace('"rules"', '"default": "allow", "rules"'), resolve={"org.json": loose})
    messages = [record.getMessage() for record in caplog.records]
    assert any(message.startswith("the policy, at line 1") for message in messages), messages
    assert any(message.startswith("`org.json`, at line 1") for message in messages), messages


def test_a_file_extends_files_below_its_folder(tmp_path: Path) -> None:
    (tmp_path / "teams" / "shared").mkdir(parents=True)
    path = tmp_path / "teams" / "team.json"
    (tmp_path / "org.json").write_text(ORG)
    (tmp_path / "teams" / "shared" / "org.json").write_text(ORG)
    path.write_text(team("shared/org.json"))
    loaded = Policy.load(path)
    assert loaded.decide("delete").rule == "org"
    assert loaded.module == Policy.compile(team("shared/org.json"), resolve={"shared/org.json": ORG}).module
    path.write_text(team("../org.json"))
    with pytest.raises(PolicyError, match="it is outside of the policy's folder"):
        loaded.reload(path)
    assert loaded.decide("delete").rule == "org"


def test_watching_what_a_policy_extends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, org, later = tmp_path / "team.json", tmp_path / "org.json", tmp_path / "later" / "org.json"
    path.write_text(team("org.json"))
    org.write_text(ORG)
    with Policy.watch(path, interval=0.02) as watched:
        assert watched.decide("delete").rule == "org"
        org.write_text(ORG.replace('"org"', '"changed"'))
        assert until(lambda: watched.decide("delete").rule == "changed")
        path.write_text(team("later/org.json"))
        assert until(lambda: any("there is no such document" in record.getMessage() for record in caplog.records))
        assert watched.decide("delete").rule == "changed"
        later.parent.mkdir()
        later.write_text(ORG.replace('"org"', '"later"'))
        assert until(lambda: watched.decide("delete").rule == "later")


def until(holds: Any) -> bool:
    end = time.monotonic() + 10
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_watching(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "p.json"
    path.write_text(document(5))
    with Policy.watch(path, interval=0.02) as watched:
        assert not watched.decide("refund", {"amount": 50})
        path.write_text(document(100))
        assert until(lambda: watched.decide("refund", {"amount": 50}))
        # Replace the file, as editors and deployments do.
        (tmp_path / "new").write_text(document(7))
        os.replace(tmp_path / "new", path)
        assert until(lambda: not watched.decide("refund", {"amount": 50}))
        path.write_text("{")
        assert until(lambda: any("does not load" in record.message for record in caplog.records))
        assert watched.decide("refund", {"amount": 7})
        path.unlink()
        time.sleep(0.1)
        assert watched.decide("refund", {"amount": 7})
        path.write_text(document(300))
        assert until(lambda: watched.decide("refund", {"amount": 200}))
    path.write_text(document(1))
    time.sleep(0.2)
    assert watched.decide("refund", {"amount": 200}), "closed"


def test_a_watched_policy_that_nobody_has_is_not_kept(tmp_path: Path) -> None:
    import threading

    path = tmp_path / "p.json"
    path.write_text(document(5))
    before = threading.active_count()
    watched = Policy.watch(path, interval=0.02)
    assert threading.active_count() == before + 1
    del watched
    assert until(lambda: threading.active_count() == before)


def test_the_command(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("perso"))]
    for start in (command, [sys.executable, "-m", "perso"]):
        out = tmp_path / "desk.wasm"
        subprocess.run([*start, "compile", POLICIES / "support-desk.json", "-o", out], check=True, capture_output=True)
        call = json.dumps({"tool": "process_refund", "args": {"amount": 800}, "agent": {"role": "agent"}})
        done = subprocess.run([*start, "eval", out, "--call", "-"], input=call.encode(), capture_output=True)
        assert done.returncode == 2
        assert json.loads(done.stdout)["reason"] == "Agents may refund up to $500."
        usage = subprocess.run([*start, "evil"], capture_output=True)
        assert usage.returncode == 1 and b"Usage: perso" in usage.stderr

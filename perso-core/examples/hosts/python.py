"""A host in Python: wasmtime runs the module.

    python python.py support.wasm call.json    one decision
    python python.py FOLDER                    every case of the corpus that `make hosts` writes

It needs the packages in `requirements.txt`.
"""

import json
import re
import struct
import sys
from pathlib import Path

from wasmtime import Engine, Instance, Module, Store, Trap, WasmtimeError

NAMES = json.loads(Path(__file__).with_name("names.json").read_text())
NONE = 0xFFFFFFFF


class Policy:
    def __init__(self, module: bytes):
        self.engine = Engine()
        self.module = Module(self.engine, module)
        self.manifest = json.loads(section(module, b"perso"))
        self.store = None

    def decide(self, call: bytes, unknown: int = 0) -> dict:
        """`unknown` has bits for the parts that are open (from 1) and withheld (from 16)."""
        try:
            if self.store is None:
                self.store = Store(self.engine)
                self.exports = Instance(self.store, self.module, []).exports(self.store)
            memory = self.exports["memory"]
            at = self.exports["perso_input"](self.store, len(call))
            if at != 0:
                memory.write(self.store, call, at)
            record = self.exports["perso_evaluate_partial"](self.store, at, len(call), unknown)
            fields = struct.unpack("<7I", memory.read(self.store, record, record + 28))
            decision, rule, cause, slot, reason, length, offset = fields
            kind = NAMES["kinds"][cause & 0xFF]
            name = None if rule == NONE else self.manifest["rules"][rule]["id"]
            said = {
                "kind": kind,
                "rule": None if kind == "rule" else name,
                "attribute": None if slot == NONE else self.manifest["attributes"][slot],
                "problem": NAMES["problems"][cause >> 8 & 0xFF],
                "detail": NAMES["details"][cause >> 16 & 0xFF],
                "offset": None if offset == NONE else offset,
            }
            allowed = NAMES["decisions"][decision] == "allow"
            return {
                "decision": NAMES["decisions"][decision],
                "rule": name if kind == "rule" else None,
                "reason": memory.read(self.store, reason, reason + length).decode(),
                "hint": None if allowed else hint(said["attribute"], said["problem"], cause >> 24),
                # A key that does not apply is absent.
                "cause": {key: value for key, value in said.items() if value is not None},
            }
        except (Trap, WasmtimeError):
            # A trap: whatever it was doing, this instance does not go on.
            self.store = None
            cause = {"kind": "engine", "detail": "the module stopped before it answered"}
            return {"decision": "deny", "rule": None, "reason": "the call cannot be judged", "hint": None, "cause": cause}


def hint(attribute: str | None, problem: str | None, expected: int) -> str | None:
    """What the caller can correct about an argument. `expected` has a bit for each type that the rule's test takes."""
    found = re.fullmatch(r"(?:([^.\[]+) of )?(args.*)", attribute or "", re.DOTALL)
    if found is None:
        return None
    facets, argument = found.groups()
    facet = facets.split(" of ")[-1] if facets else None
    words = NAMES["hints"].get(f"{facet} {problem}") or NAMES["hints"].get(problem)
    if words:
        return argument + words
    # What is read off the argument is there: it is what it was compared with that has another type.
    if problem != "type" or (facet and not expected):
        return None
    if facet:
        what = NAMES["facets"].get(facet)
    else:
        what = " or ".join(name for bits, name in NAMES["types"] if expected & bits)
    return f"{argument} must be {what}" if what else f"{argument} has the wrong type"


def section(module: bytes, wanted: bytes) -> bytes:
    """A custom section of a module."""
    at = 8

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = module[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(module):
        kind = module[at]
        at += 1
        size = number()
        end = at + size
        if kind == 0:
            length = number()
            if module[at : at + length] == wanted:
                return module[at + length : end]
        at = end
    raise ValueError("the module is no policy")


def check(folder: Path) -> bool:
    """Whether every case of a corpus comes out as it must."""
    passed = failed = 0
    for entry in json.loads((folder / "corpus.json").read_text())["modules"]:
        policy = Policy((folder / entry["module"]).read_bytes())
        for case in entry["cases"]:
            call = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
            got = policy.decide(call, case["unknown"])
            if got == case["decision"]:
                passed += 1
            else:
                failed += 1
                expected = json.dumps(case["decision"])
                print(f"{entry['module']}: {case['name']}\n  expected {expected}\n  got      {json.dumps(got)}", file=sys.stderr)
    print(f"python: {passed} passed, {failed} failed")
    return passed > 0 and failed == 0


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if path.is_dir():
        sys.exit(0 if check(path) else 1)
    print(json.dumps(Policy(path.read_bytes()).decide(Path(sys.argv[2]).read_bytes()), indent=2))

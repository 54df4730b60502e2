"""The corpus under `policies/`: calls as data, with their expected decisions. `policies/README.md` documents the form."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from perso import OPEN, WITHHELD, Decision, Json, Policy

from .policies import POLICIES

PARTS = ("args", "agent", "resource", "context", "session")
FILES = sorted((POLICIES / "conformance").glob("*.json")) + sorted(POLICIES.glob("*.tests.json"))
HOSTILE = [path for path in sorted((POLICIES / "hostile").glob("*.json")) if json.loads(path.read_text()).get("cases")]


class CanNotSay(Exception):
    """No Python value represents the text."""


@dataclass
class Case:
    name: str
    text: bytes
    unknown: dict[str, Any]
    expected: dict[str, Any]
    as_value: dict[str, Any]

    def value(self, number: type) -> Any:
        """The call as a Python value. Raises `CanNotSay` if no value represents the text."""

        def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            if len(dict(pairs)) != len(pairs):
                raise CanNotSay
            return dict(pairs)

        def exact(text: str) -> Any:
            # Python takes seconds to parse a float with a million digits.
            if number is float and (len(text) > 1000 or Decimal(repr(float(text))) != Decimal(text)):
                raise CanNotSay
            return number(text)

        def whole(text: str) -> int:
            # By default, Python refuses such integers. Otherwise it takes seconds.
            if len(text) > 4300:
                raise CanNotSay
            return int(text)

        def none(text: str) -> Any:
            raise CanNotSay

        try:
            text = self.text.decode()
            value = json.loads(text, object_pairs_hook=once, parse_int=whole, parse_float=exact, parse_constant=none)
            json.dumps(value, default=str, ensure_ascii=False).encode()
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise CanNotSay from error
        if not isinstance(value, dict) or not set(value) <= {"tool", *PARTS} or "tool" not in value:
            # In Python, a call is made from its parts.
            raise CanNotSay
        return value


def piece(form: Any) -> bytes:
    if isinstance(form, str):
        return form.encode()
    if "hex" in form:
        return bytes.fromhex(form["hex"])
    repeat, times, between = form["repeat"], form["times"], form.get("between", "")
    if "#" not in repeat:
        return ((repeat + between) * (times - 1) + repeat).encode()
    return between.join(repeat.replace("#", str(n)) for n in range(times)).encode()


def text_of(case: dict[str, Any]) -> bytes:
    if "build" in case:
        return b"".join(map(piece, case["build"]))
    if "raw" in case:
        return case["raw"].encode()
    return json.dumps(case["call"]).encode()


def answer(case: dict[str, Any]) -> dict[str, Any]:
    return {key: case[key] for key in ("decision", "rule", "hint", "cause") if key in case}


def shown(decision: Decision, expected: dict[str, Any]) -> dict[str, Any]:
    """A decision in the form of the cases, with the keys of the expected one."""
    seen = decision.to_dict()
    seen["cause"].pop("detail", None)
    seen["cause"].pop("offset", None)
    return {key: value for key, value in seen.items() if key in {"decision", "rule", "cause", *expected}}


def read(path: Path) -> tuple[Policy, list[Case]]:
    file = json.loads(path.read_text())
    policy = file["policy"]
    text = (path.parent / policy).read_text() if isinstance(policy, str) else json.dumps(policy)
    cases = []
    for case in file["cases"]:
        unknown = dict.fromkeys(case.get("open", ()), OPEN) | dict.fromkeys(case.get("withheld", ()), WITHHELD)
        expected = answer(case)
        as_value = answer(case["as_value"]) if "as_value" in case else expected
        cases.append(Case(case["name"], text_of(case), unknown, expected, as_value))
    return Policy.compile(text), cases


def by_json(policy: Policy, case: Case) -> Iterator[tuple[str, Decision]]:
    """The decisions about a case's text, as a whole and in parts."""
    if not case.unknown:
        yield "text", policy.decide_json(case.text)
        with suppress(UnicodeDecodeError):
            yield "text as str", policy.decide_json(case.text.decode())
    try:
        call = case.value(Decimal)
    except CanNotSay:
        return
    parts: dict[str, Any] = {
        part: Json(json.dumps(call[part], default=number, separators=(",", ":"))) for part in PARTS if part in call
    }
    # If only the whole text is too large, its parts are not.
    if case.expected == case.as_value and not any(isinstance(found, Decimal) for found in _leaves(call)):
        yield "parts of text", policy.decide(call["tool"], **{**parts, **case.unknown})


def number(value: Any) -> Any:
    return float(value)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for below in value.values():
            yield from _leaves(below)
    elif isinstance(value, list):
        for below in value:
            yield from _leaves(below)
    else:
        yield value


def by_value(policy: Policy, case: Case) -> Iterator[tuple[str, Decision]]:
    """The decisions about a case's call as Python values."""
    for number in (Decimal, float):
        try:
            call = case.value(number)
        except CanNotSay:
            continue
        parts = {part: call[part] for part in PARTS if part in call}
        yield number.__name__, policy.decide(call["tool"], **{**parts, **case.unknown})
        reading = policy.read(
            call["tool"], **{key: value for key, value in {**parts, **case.unknown}.items() if key != "resource"}
        )
        yield f"{number.__name__}, read", reading.decide({**parts, **case.unknown}.get("resource"))

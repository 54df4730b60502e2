"""The same call gets the same decision as Python values and as JSON text."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from perso import Json, Policy
from support.policies import POLICIES, policy

RULES = policy(
    {"id": "eq", "allow": "eq", "when": {"any": [{"args.a": v} for v in ("x", "", 0, 1, -1, 0.5, True, False, "é")]}},
    {"id": "range", "allow": "range", "when": {"args.a": {"gt": -10, "lte": 500.5}}},
    {"id": "deep", "allow": "deep", "when": {"any": [{"args.b.c": {"gte": 0}}, {"args.b.d.e": {"exists": False}}]}},
    {
        "id": "list",
        "allow": "list",
        "when": {"any": [{"args.l": {"every": {"in": ["x", "y", 1]}}}, {"args.l": {"some": {"gt": 3}}}]},
    },
    {"id": "len", "allow": "len", "when": {"any": [{"args.a": {"length": {"lte": 2}}}, {"args.l": {"count": 1}}]}},
    {"id": "ref", "allow": "ref", "when": {"resource.a": {"eq": {"ref": "agent.a"}}}},
    {"id": "not", "allow": "not", "when": {"not": {"args.a": {"in": ["x", 1, True]}}}},
    {"id": "roles", "allow": "*s", "roles": ["agent"], "when": {"context.a": {"type": "string"}}},
    {"id": "deny", "deny": "*t", "unless": {"args.ok": True}},
    {"id": "text", "allow": "text", "when": {"args.a": {"contains": "x"}}},
    roles={"agent": [], "manager": ["agent"]},
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["x", "y", "agent", "manager", ""])
NUMBERS = (
    st.integers(-600, 600)
    | st.integers()
    | st.integers(-(10**50), 10**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
KEYS = st.sampled_from(["a", "b", "c", "d", "e", "l", "ok", "A", "role", "roles", "x"]) | TEXT
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12)
PARTS = st.none() | st.dictionaries(KEYS, VALUES, max_size=6)
TOOLS = st.sampled_from(["eq", "range", "deep", "list", "len", "ref", "not", "roles", "text", "other", ""]) | TEXT


class Exact(json.JSONEncoder):
    """JSON text with exact decimals."""

    def encode(self, value: Any) -> str:
        marks: list[str] = []

        def plain(value: Any) -> Any:
            if isinstance(value, Decimal):
                marks.append(format(value, "f"))
                return f"\0decimal {len(marks) - 1}\0"
            if isinstance(value, dict):
                return {key: plain(below) for key, below in value.items()}
            if isinstance(value, list):
                return [plain(below) for below in value]
            return value

        text = super().encode(plain(value))
        for number, mark in enumerate(marks):
            text = text.replace(f'"\\u0000decimal {number}\\u0000"', mark)
        return text


@settings(max_examples=500, deadline=None)
@given(TOOLS, PARTS, PARTS, PARTS, PARTS)
def test_values_and_text_get_the_same_decision(tool: str, args: Any, agent: Any, resource: Any, context: Any) -> None:
    same(RULES, tool, args, agent, resource, context)


DESK = Policy.load(POLICIES / "support-desk.json")
DESK_ARGS = st.fixed_dictionaries(
    {},
    optional={
        "amount": NUMBERS | SCALARS,
        "to": st.lists(st.sampled_from(["a@acme.com", "b@evil.example", "x"]) | SCALARS, max_size=4) | SCALARS,
        "record_id": SCALARS,
    },
)
DESK_AGENT = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXT,
        "roles": st.lists(st.sampled_from(["agent", "manager", "admin"]) | SCALARS, max_size=3) | SCALARS,
        "role": st.sampled_from(["agent", "manager", "admin"]) | SCALARS,
        "mfa_verified": SCALARS,
    },
)
DESK_TOOLS = st.sampled_from(["process_refund", "delete_record", "access_pii", "view_customer", "send_email", "other"])


@settings(max_examples=500, deadline=None)
@given(DESK_TOOLS, DESK_ARGS, DESK_AGENT, st.fixed_dictionaries({}, optional={"owner_id": TEXT}))
def test_the_support_desk_decides_the_same(tool: str, args: Any, agent: Any, resource: Any) -> None:
    same(DESK, tool, args, agent, resource, None)


def same(policy: Policy, tool: str, args: Any, agent: Any, resource: Any, context: Any) -> None:
    parts = {"args": args, "agent": agent, "resource": resource, "context": context}
    encode = Exact().encode
    text = policy.decide_json(encode({"tool": tool, **parts})).to_dict()
    value = policy.decide(tool, **parts).to_dict()
    mixed = policy.decide(tool, Json(encode(args)), agent=agent, resource=Json(encode(resource)), context=context).to_dict()
    read = policy.read(tool, args, agent=agent, context=context).decide(resource).to_dict()
    for decision in (text, value, mixed, read):
        # Only text has an offset. If there are several faults, the decision has the first one found, which can differ.
        decision["cause"].pop("offset", None)
        if decision["cause"]["kind"] == "malformed":
            decision["cause"].pop("detail")
    assert text == value == mixed == read

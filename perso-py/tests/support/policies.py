"""Policies that several tests use."""

import json
from pathlib import Path
from typing import Any

from perso import Policy

ROOT = Path(__file__).parents[3]
POLICIES = ROOT / "policies"


def policy(*rules: dict[str, Any], **rest: Any) -> Policy:
    """A policy with these rules. Rules without an id get one."""
    numbered = [{"id": f"rule-{number}", **rule} for number, rule in enumerate(rules)]
    return Policy.compile(json.dumps({"perso": 1, "rules": numbered, **rest}))


DESK = policy(
    {"id": "view", "allow": "view_customer"},
    {
        "id": "refund",
        "allow": "process_refund",
        "roles": ["agent"],
        "when": {"args.amount": {"gt": 0, "lte": 500}},
        "reason": "Agents may refund up to $500.",
    },
    {
        "id": "own",
        "allow": "delete_record",
        "roles": ["manager"],
        "when": {"resource.owner_id": {"eq": {"ref": "agent.id"}}},
        "reason": "Managers may delete records they own.",
    },
    {"id": "secret", "allow": "dump_secrets", "roles": ["admin"], "reason": "Nobody may."},
)

AGENT = {"id": "agt-099", "roles": ["agent"]}
MANAGER = {"id": "mgr-001", "roles": ["manager", "agent"]}

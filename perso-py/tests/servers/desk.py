"""The support desk of the tests: the callers and the tools. Tools write what they do to a file."""

import json
import os
from pathlib import Path
from typing import Any

from perso import Policy

POLICY = Policy.load(os.environ.get("DESK_POLICY") or Path(__file__).with_name("desk.json"))
DONE = Path(os.environ["DESK_DONE"])
OWNERS = {"rec-1": "mgr-001", "rec-2": "mgr-002"}
SETTINGS: dict[str, Any] = json.loads(os.environ.get("DESK_SETTINGS", "{}"))

# The callers, as an authentication layer would have verified them.
CALLERS: dict[str, Any] = {
    "agent": {"id": "agt-099", "roles": ["agent"]},
    "manager": {"id": "mgr-001", "roles": ["manager"]},
}


def done(what: str) -> str:
    with DONE.open("a") as file:
        file.write(what + "\n")
    return what


def caller(request: Any) -> Any:
    """The caller of an HTTP request. Over stdio, the configured caller."""
    if request is None:
        return CALLERS.get(os.environ.get("DESK_CALLER", ""))
    return CALLERS.get(request.headers.get("authorization", "").removeprefix("Bearer "))


def owner(args: Any) -> Any:
    return {"owner_id": OWNERS[args["record_id"]]}


def view_customer() -> str:
    """Shows the customer."""
    return "Ann"


def process_refund(order_id: str, amount: float = 1000) -> str:
    """Refunds an order."""
    return done(f"refunded {amount:g} for {order_id}")


@POLICY.guard(resource=owner)
def delete_record(record_id: str) -> str:
    """Deletes a record."""
    return done(f"deleted {record_id}")


def dump_secrets() -> str:
    """Shows secrets."""
    return done("dumped")


TOOLS = (view_customer, process_refund, delete_record, dump_secrets)

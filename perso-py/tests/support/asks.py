"""Calls that do not run: some are denied, others need the approval of a person. Every way to call a tool is tested with them.

Refunds of up to 500 are allowed, those of up to 1000 need an approval, and others are denied.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from perso import Policy

from .done import done
from .policies import policy

APPROVAL = "This call needs the approval of a person."


def rules(*tools: str) -> list[dict[str, Any]]:
    """The rules for tools that refund an `amount`."""
    return [
        {
            "id": "refund",
            "allow": list(tools),
            "when": {"args.amount": {"lte": 500}},
            "reason": "Agents may refund up to $500.",
        },
        {"id": "large", "ask": list(tools), "when": {"args.amount": {"gt": 500, "lte": 1000}}, "reason": "large refund"},
    ]


@dataclass(frozen=True)
class Refusal:
    """A refund that does not run, and what the model reads."""

    amount: Any
    decision: str
    rule: str
    text: str
    hint: str | None = None

    def meta(self, id: str) -> dict[str, Any]:
        """The decision for programs."""
        return {"decision": self.decision, "rule": self.rule, "hint": self.hint, "decision_id": id}


ASKED = Refusal(800, "ask", "large", f"large refund. {APPROVAL}")
DENIED = Refusal(1001, "deny", "refund", "Agents may refund up to $500.")
NO_NUMBER = Refusal(
    "450",
    "deny",
    "refund",
    "Agents may refund up to $500. Hint: args.amount must be a number.",
    "args.amount must be a number",
)

REFUSALS = (ASKED, DENIED, NO_NUMBER)
NUMBERS = (ASKED, DENIED)
"""For tools whose schema makes a number of a text before anything is judged."""

POLICY: Policy = policy(
    *rules("process_refund"),
    {"id": "close", "ask": "close_account", "reason": "Closing an account is final."},
    {"id": "secret", "deny": "dump_secrets"},
)
LISTED = ["close_account", "process_refund"]


def process_refund(amount: Any) -> str:
    """Refunds."""
    done.append(amount)
    return "refunded"


def close_account() -> str:
    """Closes an account. Each call needs an approval."""
    done.append("closed")
    return "closed"


def dump_secrets() -> str:
    """Shows secrets. Each call is denied."""
    done.append("dumped")
    return "dumped"


TOOLS = (process_refund, close_account, dump_secrets)


Answer = tuple[str, Any]
"""The text of a result, and the decision in its `_meta`. `None` if the SDK sends only the text."""


async def check(names: list[str], call: Callable[[str, dict[str, Any]], Awaitable[Answer]]) -> None:
    """Checks a server with `TOOLS` that `POLICY` guards: what it lists, what runs and what the model reads."""
    assert sorted(names) == LISTED
    for refusal in REFUSALS:
        text, decision = await call("process_refund", {"amount": refusal.amount})
        assert text == refusal.text
        assert decision is None or decision == refusal.meta(decision["decision_id"])
    text, decision = await call("close_account", {})
    assert text == f"Closing an account is final. {APPROVAL}"
    assert decision is None or (decision["decision"], decision["rule"]) == ("ask", "close")
    assert done == []
    assert await call("process_refund", {"amount": 450}) == ("refunded", None)
    assert done == [450]

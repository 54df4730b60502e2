"""perso decides what AI agents may do with tools.

A policy is plain JSON that compiles to one small WebAssembly module. For every tool call, the module returns allow, ask or
deny, with a reason that a person can read.

    >>> from perso import Policy
    >>> policy = Policy.compile('''{
    ...     "perso": 1,
    ...     "rules": [{ "id": "small", "allow": "process_refund", "roles": ["agent"],
    ...                 "when": { "args.amount": { "gt": 0, "lte": 500 } },
    ...                 "reason": "Agents may refund up to $500." }]
    ... }''')
    >>> decision = policy.decide("process_refund", {"amount": 800}, agent={"roles": ["agent"]})
    >>> decision.allowed, decision.reason
    (False, 'Agents may refund up to $500.')

The package, from the bottom up:

- ``perso._perso``: the native module, which judges calls.
- ``perso.policy``: `Policy`, which adds the guards and the analysis as methods.
- ``perso.diagnostic``, ``perso.report``: the types of what the analysis finds.
- ``perso.guard``: what all guards share, and the decorator for functions.
- ``perso.adapters``: one module per framework, imported on first use.
- ``perso.verify``: finds unguarded tools and misplaced guards.
"""

from perso._perso import (
    Answer,
    Cause,
    Decision,
    Json,
    Ledger,
    LedgerError,
    LoadError,
    PolicyError,
    Question,
    Reading,
    Unknown,
)
from perso.adapters.elicit import elicit
from perso.guard.denied import Denied
from perso.guard.event import Event
from perso.guard.memory import Queue
from perso.policy import Policy, pins
from perso.verify import Unguarded

OPEN = Unknown.OPEN
WITHHELD = Unknown.WITHHELD

__all__ = [
    "OPEN",
    "WITHHELD",
    "Answer",
    "Cause",
    "Decision",
    "Denied",
    "Event",
    "Json",
    "Ledger",
    "LedgerError",
    "LoadError",
    "Policy",
    "PolicyError",
    "Question",
    "Queue",
    "Reading",
    "Unguarded",
    "Unknown",
    "elicit",
    "pins",
]

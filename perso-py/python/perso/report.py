"""What `Policy.prove`, `Policy.diff` and `Policy.test` find, in the form that the command prints with ``--format json``."""

from __future__ import annotations

from typing import Literal, TypedDict

from typing_extensions import NotRequired

from perso.diagnostic import Diagnostic


class Holds(TypedDict):
    """A guarantee that holds for every call that there can be."""

    id: str
    promise: Literal["never_allow", "always_allow"]
    outcome: Literal["holds"]


class Broken(TypedDict):
    """A guarantee that a call breaks."""

    id: str
    promise: Literal["never_allow", "always_allow"]
    outcome: Literal["broken"]
    call: str
    """The call as JSON text."""
    decision: str
    """What the policy decides about it, in words."""


class Undecided(TypedDict):
    """A guarantee of which it is not known whether it holds."""

    id: str
    promise: Literal["never_allow", "always_allow"]
    outcome: Literal["undecided"]
    places: list[str]
    """What is in the way: mostly places of a call, whose tests are not understood."""


Proof = Holds | Broken | Undecided
"""A guarantee, and whether it holds."""


class Decided(TypedDict):
    """What is decided about calls."""

    effect: Literal["allow", "ask", "deny"]
    rule: NotRequired[str]
    """The rule that decides; absent if none does."""


class Change(TypedDict):
    """A kind of calls that two policies decide differently."""

    tool: str
    wider: bool
    """Whether the new policy lets more through."""
    old: Decided
    new: Decided
    call: str
    """One of the calls as JSON text."""


class UndecidedTool(TypedDict):
    """A tool about which it is not known whether more calls are decided differently."""

    tool: str
    """``*`` stands for any tool."""
    undecided: list[str]
    """What is in the way: mostly places of a call, whose tests are not understood."""


class Differences(TypedDict):
    """What a new policy decides differently. Both lists are empty if that is nothing."""

    changes: list[Change]
    """Each kind of calls; those that the new policy gives more leave come first."""
    undecided: list[UndecidedTool]


class Case(TypedDict):
    """What came of a case of a test file. It passed if it has no ``got``."""

    name: str
    expected: NotRequired[str]
    """What the case expects, in words."""
    got: NotRequired[str]
    """What the policy decides, in words."""


class Coverage(TypedDict):
    """Which parts of the policy the cases cover."""

    rules: int
    covered_rules: int
    outcomes: int
    """How many outcomes the rules and their tests can have."""
    covered_outcomes: int
    percent: float
    uncovered: list[Diagnostic]


class Unnoticed(Diagnostic):
    """A change of the policy that no case notices."""

    call: str
    """A call that would be decided otherwise, as JSON text: what a new case can have."""


class Mutation(TypedDict):
    """Which changes of the policy the cases notice."""

    mutants: int
    """How many changes have been tried that decide some call otherwise."""
    noticed: int
    undecided: int
    """Of how many more changes it is not known whether they decide some call otherwise."""
    score: float
    """How many of the changes are noticed, in percent."""
    unnoticed: list[Unnoticed]


class Report(TypedDict):
    """What came of a test file."""

    cases: list[Case]
    coverage: NotRequired[Coverage]
    """Only if you asked for it."""
    mutation: NotRequired[Mutation]
    """Only if you asked for it."""

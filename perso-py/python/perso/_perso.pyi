from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal, final

from typing_extensions import Self, disjoint_base

from perso.diagnostic import Diagnostic

__all__ = [
    "MOST_VALUES",
    "Cause",
    "Decision",
    "Json",
    "LoadError",
    "NotOwned",
    "Policy",
    "PolicyError",
    "Reading",
    "Unknown",
    "check",
    "command",
    "compile",
    "diff",
    "files",
    "is_flat",
    "not_judged",
    "own",
    "pins",
    "prove",
    "test",
]

class PolicyError(ValueError):
    """The policy does not compile. The message lists every error with its position; `diagnostics` is for programs."""

    diagnostics: list[Diagnostic]

class LoadError(ValueError):
    """What was read is not a valid module, or not a test file, a list of tools or pins where one of these was expected."""

class NotOwned(ValueError):
    """A guard cannot copy the arguments. The message says why."""

MOST_VALUES: int
"""The maximum number of values in the arguments of one call."""

@final
class Unknown:
    """Stands for a part of a call whose values are unknown."""

    OPEN: ClassVar[Unknown]
    """The part may hold anything. A denial is then final: no value of the part would change it."""
    WITHHELD: ClassVar[Unknown]
    """Nothing may be concluded from the part. An allow is then final."""
    def __int__(self) -> int: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class Json:
    """A part of a call as JSON text, which is read as strictly as the text of a call."""

    def __new__(cls, text: str | bytes) -> Self: ...

@final
class Cause:
    """Why the call got its decision: details for operators and programs."""

    @property
    def kind(
        self,
    ) -> Literal["rule", "default", "no_rule", "unknown_tool", "malformed", "limit", "engine", "ledger", "over_limit"]:
        """What decided."""
    @property
    def rule(self) -> str | None:
        """For `no_rule`: the id of the nearest allow or ask rule, whose reason the decision gives.

        `None` if there is no such rule.
        """
    @property
    def attribute(self) -> str | None:
        """The attribute that the rule read last, in the notation of policies (`args.amount`)."""
    @property
    def problem(self) -> Literal["missing", "null", "type", "out_of_range", "value", "withheld"] | None:
        """What is wrong with the attribute."""
    @property
    def detail(self) -> str | None:
        """For `malformed`, `limit` and `engine`: the exact fault."""
    @property
    def offset(self) -> int | None:
        """For `malformed` and `limit`, if the call was text: the byte at which the fault was found, counted from 0."""
    def to_dict(self) -> dict[str, Any]:
        """The cause as a dict. A key that does not apply is absent."""

@final
class Decision:
    """The decision about one call. It is true in a condition only if the call may run now."""

    @property
    def outcome(self) -> Literal["allow", "ask", "deny"]:
        """The outcome: `"allow"`, `"ask"` (the call may run only after a person approves it) or `"deny"`."""
    @property
    def allowed(self) -> bool:
        """Whether the call may run now. `False` for `"ask"`."""
    @property
    def rule(self) -> str | None:
        """The id of the rule that decided. `None` if no rule decided."""
    @property
    def reason(self) -> str:
        """Text for the caller, and therefore for the model.

        It is fixed when the policy is compiled and never contains a value of the call.
        """
    @property
    def hint(self) -> str | None:
        """What is wrong with an argument, for example `args.amount must be a number`.

        `None` if the reason already says it or if no argument is at fault. It never contains a value of the call.
        """
    @property
    def message(self) -> str:
        """The text for a model whose call does not run.

        It is the reason, the hint and, for `"ask"`, that the call needs the approval of a person. It never contains a value of
        the call.
        """
    @property
    def cause(self) -> Cause:
        """Why the call got this decision: details for operators and programs."""
    def to_dict(self) -> dict[str, Any]:
        """The decision as a dict, in the form that `docs/decision.md` documents and `perso eval` prints."""
    def __bool__(self) -> bool: ...

@final
class Reading:
    """A call whose values have been read, except the resource. Later changes to the values have no effect."""

    def decide(self, resource: object = None) -> Decision:
        """Judges the call with this resource."""
    def needs_resource(self) -> bool:
        """Whether the decision depends on the resource, so that you must fetch it."""

@disjoint_base
class Policy:
    """A policy that judges calls, from any number of threads."""

    def __new__(cls, module: bytes) -> Self: ...
    def swap(self, module: bytes) -> None:
        """Replaces the active module. Calls in flight finish with the module that they started with.

        Raises `LoadError` if the bytes are not a valid module. The active module then stays active.
        """
    @property
    def module(self) -> bytes:
        """The bytes of the active module."""
    @property
    def reads_time(self) -> bool:
        """Whether some rule of the active module reads the time, `context.now`."""
    @property
    def covers(self) -> tuple[Literal["tools", "resources", "prompts"], ...]:
        """What the active module judges: `tools`, and `resources` and `prompts` if its policy covers them."""
    def reserves(self, tool: object) -> bool:
        """Whether no tool can have this name, because the policy uses names that begin like it for requests. Guards deny calls
        of such a tool."""
    def decide(
        self,
        tool: object,
        args: object = None,
        *,
        agent: object = None,
        resource: object = None,
        context: object = None,
        session: object = None,
        now: bool = False,
    ) -> Decision:
        """Judges a call. Never raises: a call that cannot be judged is denied, and the decision's `cause` says why.

        `args`, `agent`, `resource`, `context` and `session` are mappings, dataclasses, pydantic models, `Json`, `None`, `OPEN`
        or `WITHHELD`. With `now=True`, rules read the current time as `context.now`, unless `context` has a `now`. Guards do
        this by themselves.
        """
    def decide_json(self, call: str | bytes) -> Decision:
        """Judges a call that is JSON text, as `str` or `bytes`.

        Raises `TypeError` if `call` is neither. Text that is not a valid call is denied.
        """
    def could_allow(self, tool: object, *, agent: object = None, context: object = None, session: object = None) -> bool:
        """Whether the caller could ever call the tool: whether the call is allowed, or can be approved,
        with some arguments and some resource, and at some time if `context` has no `now`."""
    def could_list(
        self,
        tool: object,
        args: object = None,
        *,
        agent: object = None,
        context: object = None,
        session: object = None,
    ) -> bool:
        """Whether a call with these arguments is allowed, or can be approved, with some resource, and at some time if `context`
        has no `now`. For lists of resources (`mcp:resources/read` with `uri`) and of prompts (`mcp:prompts/list` with `name`).
        """
    def needs_resource(
        self,
        tool: object,
        args: object = None,
        *,
        agent: object = None,
        context: object = None,
        session: object = None,
    ) -> bool:
        """Whether the decision depends on the resource, so that you must fetch it."""
    def read(
        self,
        tool: object,
        args: object = None,
        *,
        agent: object = None,
        context: object = None,
        session: object = None,
        now: bool = False,
    ) -> Reading:
        """Reads a call's values, each once, to judge them now or later with the module that is active now. With `now=True`,
        that includes the current time: see `decide`."""

def check(
    policy: Policy, tools: str, *, server: str | None = None, left_out: Sequence[str] = ..., pins: str | None = None
) -> str:
    """Checks a policy against the tools of a server. Returns JSON text."""

def command(arguments: Sequence[str]) -> int:
    """Runs the `perso` command and returns its exit code. The first argument is the program's name."""

def compile(
    text: str,
    *,
    resolve: Callable[[str], str] | Mapping[str, str] | None = None,
    path: str | PathLike[str] | None = None,
) -> tuple[bytes, list[Diagnostic]]:
    """Compiles a policy's text. Returns the module, and warnings about what is valid but likely wrong.

    `resolve` finds the documents that the policy extends: a function that gets a path and returns the text, or a mapping from
    paths to texts. With `path`, the policy's file, they are read from files below its folder.

    Raises `PolicyError` if the text is not a valid policy.
    """

def diff(old: Policy, new: Policy) -> str:
    """Finds out what a new policy decides differently. Returns JSON text."""

def files(path: str | PathLike[str]) -> list[Path]:
    """The files that the policy in a file consists of: its own, and those that it extends."""

def is_flat(dict: dict[Any, Any]) -> bool:
    """Whether a dict contains only scalars, so that nothing in it has to be copied."""

def not_judged(detail: str) -> Decision:
    """The denial of a call that cannot be judged, for a reason outside the policy."""

def own(value: Any, *, is_json: bool = False) -> Any:
    """Copies `value`. The copy shares no `dict`, `list`, `tuple`, `set` or `bytearray` with it.

    Raises `NotOwned` for values that contain themselves, for more than `MOST_VALUES` values and, with `is_json`, for values
    that JSON cannot represent.
    """

def pins(tools: str, *, server: str | None = None) -> str:
    """The text of a file of pins that approves tools as they are."""

def prove(
    policy: Policy,
    guarantees: str | None = None,
    *,
    resolve: Callable[[str], str] | Mapping[str, str] | None = None,
    path: str | PathLike[str] | None = None,
) -> str:
    """Finds out whether a policy keeps its guarantees, or those of another document. Returns JSON text."""

def test(policy: Policy, path: str | PathLike[str], *, coverage: bool = False, mutate: bool = False) -> str:
    """Runs the cases of a test file. Returns JSON text."""

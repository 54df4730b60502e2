from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Literal, final

from typing_extensions import Self, disjoint_base

from perso.diagnostic import Diagnostic

__all__ = [
    "MOST_VALUES",
    "Answer",
    "Approvals",
    "Cause",
    "Decision",
    "Json",
    "Ledger",
    "LedgerError",
    "LoadError",
    "NotOwned",
    "Policy",
    "PolicyError",
    "Question",
    "Reading",
    "Receipt",
    "Requested",
    "Step",
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
    "session",
    "test",
]

class PolicyError(ValueError):
    """The policy does not compile. The message lists every error with its position; `diagnostics` is for programs."""

    diagnostics: list[Diagnostic]

class LoadError(ValueError):
    """What was read is not a valid module, or not a test file, a list of tools or pins where one of these was expected."""

class LedgerError(Exception):
    """A ledger cannot be opened or used, or there is no such approval. The message says why."""

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
    @property
    def text(self) -> str:
        """The text. Raises `ValueError` if it is not UTF-8."""

@final
class Cause:
    """Why the call got its decision: details for operators and programs."""

    @property
    def kind(
        self,
    ) -> Literal[
        "rule",
        "default",
        "no_rule",
        "unknown_tool",
        "malformed",
        "limit",
        "engine",
        "ledger",
        "over_limit",
        "approval",
        "journal",
    ]:
        """What decided."""
    @property
    def rule(self) -> str | None:
        """For `no_rule`: the id of the nearest allow or ask rule, whose reason the decision gives.

        `None` if there is no such rule.
        """
    @property
    def limit(self) -> str | None:
        """The id of the limit that the call does not fit, or that it cannot be counted towards."""
    @property
    def attribute(self) -> str | None:
        """The attribute that the rule read last, in the notation of policies (`args.amount`)."""
    @property
    def problem(self) -> Literal["missing", "null", "type", "out_of_range", "value", "withheld"] | None:
        """What is wrong with the attribute."""
    @property
    def detail(self) -> str | None:
        """For `malformed`, `limit`, `engine` and `ledger`: the exact fault."""
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

    def decide(self, resource: object = None, *, remembered: bool = False) -> Decision:
        """Judges the call with this resource. With `remembered=True`, as if what has to be remembered of it were."""
    def step(
        self,
        ledger: Ledger | None,
        approvals: Approvals,
        resource: object = None,
        *,
        shown: Callable[[], tuple[str, str, str | None] | None] | None = None,
        waits: bool = True,
    ) -> Any:
        """Takes a `Step` towards the final decision, and remembers what has to be remembered if the call may run. `None` if the
        step has to wait for the ledger and `waits` is false.

        If a person has to be asked, `shown` is called for what they are shown.
        """
    def needs_resource(self) -> bool:
        """Whether the decision depends on the resource, so that you must fetch it."""

@final
class Answer:
    """What came of asking a person about a call: what an `approver` returns.

    >>> from perso import Answer, Policy
    >>> policy = Policy.compile('{ "perso": 1, "rules": [{ "id": "large", "ask": "refund" }] }')
    >>> @policy.guard(approver=lambda question: Answer.approved(by="max") if question.args["amount"] < 1000 else None)
    ... def refund(amount: int) -> str:
    ...     return f"refunded {amount}"
    >>> refund(900)
    'refunded 900'
    """

    @staticmethod
    def approved(*, by: str) -> Answer:
        """The call may run. `by` is who has approved it, for the host's log."""
    @staticmethod
    def denied(*, by: str) -> Answer:
        """The call may not run. `by` is who has denied it."""
    @staticmethod
    def unanswered() -> Answer:
        """Nobody has decided in time. A function that returns `None` means the same."""
    @staticmethod
    def too_large() -> Answer:
        """The call is larger than what a person can be shown."""
    def outdated(self) -> Answer:
        """The answer, if the policy has changed since it was asked for: an approval is void."""
    @property
    def is_pending(self) -> bool:
        """Whether nobody has decided yet."""

@final
class Question:
    """What a person is asked about: one call.

    Its texts are as the call has them: before you show them, make them safe for where you do.
    """

    @property
    def tool(self) -> str:
        """The tool."""
    @property
    def args(self) -> Any:
        """The arguments, as the tool will get them."""
    @property
    def agent(self) -> str:
        """Who wants to make the call: `agent.id` if it is a string, and empty otherwise."""
    @property
    def session(self) -> str | None:
        """The id of the session."""
    @property
    def rule(self) -> str | None:
        """The rule that asks; or, with a limit, the rule that lets the call through."""
    @property
    def limit(self) -> str | None:
        """The limit that the call goes over."""
    @property
    def reason(self) -> str:
        """Why a person is asked."""
    @property
    def digest(self) -> bytes:
        """A digest of all that must be the same when the call runs: the policy, the tool, the arguments, the caller, the
        session and what asks."""

@final
class Approvals:
    """The approvals that a call has: none, until a person gives one."""

    def __new__(cls) -> Self: ...
    def add(self, question: Question, answer: Answer) -> bool:
        """Adds the approval in an answer, and returns whether there is one."""

@final
class Receipt:
    """What a call was charged."""

@final
class Requested:
    """A question that is in a ledger."""

@final
class Step:
    """What is known of a call's decision."""

    @property
    def decision(self) -> Decision:
        """The decision: final, unless there is a question. Then it is the one where nobody can be asked."""
    @property
    def approved_by(self) -> str | None:
        """Who has approved the call, if a person had to."""
    @property
    def receipt(self) -> Receipt | None:
        """What was charged."""
    @property
    def question(self) -> Question | None:
        """What to ask a person. `None` if the decision is final, or nobody can be asked."""
    def unapproved(self, answer: Answer) -> Decision:
        """The denial of the call, after an answer that is no approval."""
    def failed(self) -> Decision:
        """The denial of the call, because nobody could be asked."""

@final
class Ledger:
    """A store of what has happened before, for guards: what limits, labels and approvals need.

    You can use it from any number of threads, in the process that has opened it: after a fork, open it again.

    >>> from perso import Denied, Ledger, Policy
    >>> policy = Policy.compile('''{
    ...     "perso": 1,
    ...     "rules": [{ "id": "mail", "allow": "send_mail" }],
    ...     "limits": [{ "id": "one", "of": "send_mail", "max": 1, "window": "day", "reason": "One mail a day." }]
    ... }''')
    >>> @policy.guard(ledger=Ledger("memory:"))
    ... def send_mail(to: str) -> str:
    ...     return f"sent to {to}"
    >>> send_mail("ann")
    'sent to ann'
    >>> try:
    ...     send_mail("bo")
    ... except Denied as denied:
    ...     print(denied.reason, denied.decision.cause.kind, denied.decision.cause.limit)
    One mail a day. over_limit one
    """

    def __new__(cls, address: str) -> Self:
        """Opens the ledger at an address: `memory:` (this process, until it ends), `file:PATH` (the processes of one machine),
        `valkey://HOST` or `rediss://HOST` (many machines).

        Raises `LedgerError` if it cannot be opened. A server is connected to by the first operation.
        """
    @property
    def is_instant(self) -> bool:
        """Whether every answer is there at once, as in memory, so that async code need not wait in a thread."""
    def pending(self) -> list[dict[str, Any]]:
        """The requests for approval that nobody has decided, the oldest first, at most 1,000: dicts with `id`, `state`, `by`,
        `requested_at`, `expires_at` and `call`, which has what a `Question` has."""
    def show(self, id: str) -> dict[str, Any] | None:
        """A request. `None` if there is none with this id, or it has expired."""
    def approve(self, id: str, *, by: str) -> None:
        """Approves a request.

        Raises `LedgerError` if there is no such request, if it has expired, or if it is already decided.
        """
    def deny(self, id: str, *, by: str) -> None:
        """Denies a request. Raises `LedgerError` as `approve` does."""
    def undo(self, receipt: Receipt) -> None:
        """Gives back what a call was charged that has not run."""
    def request(self, question: Question, expires_in: float) -> Requested | None:
        """Asks about a call. `None` if the call is larger than what a person can be shown. The approval is over after
        `expires_in` seconds."""
    def answer(self, requested: Requested) -> Answer:
        """What has come of a request by now."""

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
    def pinned(self) -> Policy:
        """A policy that stays the one that is active now."""
    @property
    def reads_session(self) -> bool:
        """Whether some rule or limit of the active module reads what is known of the session."""
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

def session(policy: Policy, id: str, ledger: Ledger | None = None) -> Json | Unknown:
    """What is known of a session, as a part of a call: its id, and its labels if the policy reads anything of the session."""

def test(policy: Policy, path: str | PathLike[str], *, coverage: bool = False, mutate: bool = False) -> str:
    """Runs the cases of a test file. Returns JSON text."""

"""Limits, labels and approvals of functions: the ledger, threads, processes and forks."""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from perso import Answer, Denied, Ledger, LedgerError, Policy, Question, Queue
from support import memory
from support.memory import POLICY, Used, Using, ran, user
from support.policies import policy


def shared(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with one ledger for several guards: each opens the one at an address for itself."""
    address = settings.get("ledger")
    return {**settings, "ledger": Ledger(address)} if isinstance(address, str) else settings


@asynccontextmanager
async def functions(**settings: Any) -> AsyncIterator[Used]:
    """Sync functions, each called in a thread."""
    settings = shared(settings)
    guarded = {function.__name__: POLICY.guard(**settings)(function) for function in memory.FUNCTIONS}

    def call(tool: str, args: dict[str, Any]) -> str:
        try:
            return guarded[tool](**args)
        except Denied as denied:
            return str(denied)

    yield Used(lambda tool, args: anyio.to_thread.run_sync(call, tool, args))


@asynccontextmanager
async def coroutines(**settings: Any) -> AsyncIterator[Used]:
    settings = shared(settings)

    def later(function: Any) -> Any:
        async def run(**args: Any) -> str:
            return str(function(**args))

        return POLICY.guard(tool=function.__name__, **settings)(run)

    guarded = {function.__name__: later(function) for function in memory.FUNCTIONS}

    async def call(tool: str, args: dict[str, Any]) -> str:
        try:
            return str(await guarded[tool](**args))
        except Denied as denied:
            return str(denied)

    yield Used(call)


@pytest.mark.anyio
@pytest.mark.parametrize(("using", "case"), [*product([functions], memory.SYNC_CASES), *product([coroutines], memory.CASES)])
async def test_what_depends_on_earlier_calls(case: Any, using: Using) -> None:
    await case(using)


@pytest.mark.anyio
@pytest.mark.parametrize("case", memory.IN_A_FILE)
@pytest.mark.parametrize("using", [functions, coroutines])
async def test_what_depends_on_a_file(case: Any, using: Using, tmp_path: Path) -> None:
    await case(using, f"file:{tmp_path / 'ledger'}")


def test_a_sync_function_asks_a_sync_approver() -> None:
    asked: list[Any] = []

    def approver(question: Question) -> Answer | None:
        asked.append((question.tool, question.args, question.agent, question.session, question.rule, question.limit))
        assert question.reason == "Large payments need approval." and '"amount":501' in repr(question)
        return Answer.approved(by="max")

    pay = POLICY.guard(agent={"id": "ann"}, session="s", ledger="memory:", approver=approver)(memory.pay)
    pay(501)
    assert ran() == [("pay", 501)] and asked == [("pay", {"amount": 501}, "ann", "s", "pay-large", None)]

    async def later(question: Question) -> None: ...

    with pytest.raises(TypeError, match="no function in its guard's settings can be async"):
        POLICY.guard(approver=later)(memory.pay)


def test_a_rule_and_a_limit_ask_one_after_the_other() -> None:
    rules = policy(
        {"id": "large", "ask": "pay", "when": {"args.amount": {"gt": 100}}},
        {"id": "small", "allow": "pay", "when": {"args.amount": {"lte": 100}}},
        limits=[{"id": "one", "of": "pay", "max": 1, "window": "1h", "over": "ask"}],
    )
    asked: list[Any] = []

    def approver(question: Question) -> Answer:
        asked.append((question.rule, question.limit))
        return Answer.approved(by=f"person {len(asked)}")

    seen: list[Any] = []
    pay = rules.guard(ledger="memory:", approver=approver, on_decision=lambda event, args: seen.append(event.approved_by))(
        memory.pay
    )
    pay(1)
    pay(200)
    assert asked == [("large", None), ("large", "one")] and seen == [None, "person 2"]


def test_everything_is_looked_up_again_after_an_approval() -> None:
    rules = policy(
        {"id": "ask", "ask": "pay", "when": {"resource.open": True}, "reason": "Ask."},
        {"id": "closed", "deny": "pay", "unless": {"resource.open": True}, "reason": "Closed."},
    )
    is_open = [True]

    def approver(question: Question) -> Answer:
        is_open[0] = is_open[0] and question.args["amount"] == 1
        return Answer.approved(by="max")

    pay = rules.guard(resource=lambda args: {"open": is_open[0]}, approver=approver)(memory.pay)
    pay(1)
    with pytest.raises(Denied, match="Closed"):
        pay(2)
    assert ran() == [("pay", 1)]


def test_an_approval_is_for_the_policy_that_has_asked() -> None:
    def rules(most: int, reason: str) -> Policy:
        return policy({"id": "ask", "ask": "pay", "when": {"args.amount": {"lte": most}}, "reason": reason})

    active, other = rules(500, "Old."), rules(400, "New.")
    ledger = Ledger("memory:")
    pay = active.guard(ledger=ledger, approver=Queue(wait=0))(memory.pay)
    with pytest.raises(Denied, match="Old"):
        pay(300)
    (request,) = ledger.pending()
    ledger.approve(request["id"], by="max")
    active.swap(other.module)
    with pytest.raises(Denied, match="New"):
        pay(300)
    assert ran() == []


def test_what_a_person_cannot_be_shown_is_denied() -> None:
    rules = policy({"id": "ask", "ask": "pay", "reason": "Ask."})

    def denied(amount: Any, **settings: Any) -> tuple[str, str | None]:
        with pytest.raises(Denied) as raised:
            rules.guard(**settings)(memory.pay)(amount)
        return raised.value.decision.cause.kind, raised.value.decision.cause.detail

    approver: Any = lambda question: Answer.approved(by="max")  # noqa: E731
    unshown = (
        "engine",
        "a person cannot be shown this call: its arguments are not JSON, or the caller has no `id` and is not JSON",
    )
    for amount in (object(), float("nan"), 2**70, {1: 2}, "\ud800"):
        assert denied(amount, approver=approver) == unshown
    assert denied(1, approver=approver, agent={"roles": {"a"}}) == unshown
    assert denied("x" * 70_000, approver="queue", ledger="memory:")[0] == "approval"
    assert ran() == []


def test_without_an_approver_an_ask_is_as_before() -> None:
    with pytest.raises(Denied, match="This call needs the approval of a person") as raised:
        POLICY.guard(ledger="memory:", agent={"id": "ann"})(memory.pay)(501)
    assert raised.value.decision.outcome == "ask"


def test_settings_that_cannot_be() -> None:
    with pytest.raises(LedgerError, match="not a ledger"):
        POLICY.guard(ledger="nowhere:")
    with pytest.raises(LedgerError):
        Ledger("file:/no/such/folder/ledger")
    with pytest.raises(TypeError, match="`ledger` is a `int`"):
        POLICY.guard(ledger=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="`session` is a `int`"):
        POLICY.guard(session=5)
    with pytest.raises(ValueError, match="`approver` is `ask`"):
        POLICY.guard(approver="ask")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is none"):
        POLICY.guard(approver="queue")
    with pytest.raises(TypeError, match="cannot be called"):
        POLICY.guard(approver=5)  # type: ignore[arg-type]


def test_a_session_that_fails_is_a_caller_that_is_not_known() -> None:
    def broken() -> str:
        raise ValueError("no session")

    for session in (broken, lambda: 5):
        with pytest.raises(Denied) as raised:
            POLICY.guard(session=session, ledger="memory:", agent={"id": "ann"})(memory.pay)(1)
        assert raised.value.decision.cause.detail == "it is not known who calls"


def test_threads_do_not_pass_a_limit_together() -> None:
    pay = POLICY.guard(agent={"id": "ann"}, ledger="memory:")(memory.pay)

    def try_it(_: int) -> None:
        with suppress(Denied):
            pay(70)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(try_it, range(200)))
    assert len(ran()) == 14


class End(BaseException):
    """Ends the program, or a task."""


def test_what_does_not_run_after_all_is_given_back() -> None:
    def on_decision(event: Any, args: Any) -> None:
        if args["amount"] == 400:
            raise End

    pay = POLICY.guard(agent={"id": "ann"}, ledger="memory:", on_decision=on_decision)(memory.pay)
    for _ in range(5):
        with pytest.raises(End):
            pay(400)
    assert ran() == []
    pay(500)
    pay(500)
    assert len(ran()) == 2


def test_requests_that_are_not_there() -> None:
    ledger = Ledger("memory:")
    assert ledger.pending() == [] and ledger.show("0000000000") is None and ledger.show("?") is None
    for decide in (ledger.approve, ledger.deny):
        with pytest.raises(LedgerError, match="no such approval"):
            decide("0000000000", by="max")
    pay = policy({"id": "ask", "ask": "pay"}).guard(ledger=ledger, approver=Queue(wait=0))(memory.pay)
    with pytest.raises(Denied):
        pay(1)
    (request,) = ledger.pending()
    with pytest.raises(LedgerError):
        ledger.approve(request["id"], by="")
    ledger.approve(request["id"], by="max")
    with pytest.raises(LedgerError, match="already decided"):
        ledger.deny(request["id"], by="max")
    pay(1)
    assert ran() == [("pay", 1)] and (ledger.show(request["id"]) or {})["state"] == "used"


CHARGES = """
import contextlib, sys
sys.path.insert(0, sys.argv[1])
from perso import Denied
from support import memory
pay = memory.POLICY.guard(agent={"id": "ann"}, ledger=sys.argv[2])(memory.pay)
for _ in range(20):
    with contextlib.suppress(Denied):
        pay(70)
print(len(memory.done))
"""
"""Pays in another process, and prints how often it could."""


def test_processes_share_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHARGES, str(Path(__file__).parents[1]), f"file:{tmp_path / 'ledger'}"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(process.communicate(timeout=60)[0]) for process in started) == 14
    assert subprocess.check_output(command, text=True) == "0\n"


def in_a_fork(work: Any) -> str:
    """Runs `work` in a fork of this process, which has to end in time. Returns what it returns."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = work()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writes, answer.encode())
        os._exit(0)
    os.close(writes)
    timer = threading.Timer(20, os.kill, (child, 9))
    timer.start()
    with os.fdopen(reads, "rb") as answers:
        answer = answers.read().decode()
    os.waitpid(child, 0)
    timer.cancel()
    return answer


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_ledger_is_of_the_process_that_has_opened_it(tmp_path: Path) -> None:
    for address in ("memory:", f"file:{tmp_path / 'ledger'}"):
        ledger = Ledger(address)
        pay = POLICY.guard(agent={"id": "ann"}, ledger=ledger)(memory.pay)
        pay(1)

        def work(pay: Any = pay) -> str:
            try:
                return str(pay(1))
            except Denied as denied:
                return f"{denied.decision.cause.kind}: {denied.decision.cause.detail}"

        assert in_a_fork(work) == "ledger: the process has forked since it was opened: open it in each process"
        assert in_a_fork(lambda ledger=ledger: str(ledger.pending())) == (
            "LedgerError: the ledger cannot be used: the process has forked since it was opened: open it in each process"
        )

        async def later(pay: Any = pay) -> str:
            return str(await POLICY.guard(tool="pay", agent={"id": "ann"}, ledger=ledger)(_paying)(amount=1))

        assert "the policy limits this call" in in_a_fork(lambda later=later: asyncio.run(later()))
        # What the child opens itself works.
        again = address if address == "memory:" else f"{address}-again"
        assert in_a_fork(lambda again=again: str(POLICY.guard(agent={"id": "ann"}, ledger=again)(memory.pay)(500))) == "ran"
        pay(1)


async def _paying(amount: int) -> str:
    return memory.pay(amount)


def test_a_guard_inside_a_guarded_call_uses_its_ledger() -> None:
    from perso.guard.caller import calling
    from perso.guard.judge import Judge

    outer = Judge(POLICY, agent={"id": "ann"}, session="s", ledger="memory:")
    pay = POLICY.guard(memory.pay)
    with pytest.raises(Denied, match="not known"):
        pay(500)
    with calling(outer.caller_now(None, None)[0]):
        pay(500)
        pay(500)
        with pytest.raises(Denied, match="At most 1000"):
            pay(1)
    assert len(ran()) == 2


@pytest.mark.anyio
async def test_a_cancelled_call_does_not_run() -> None:
    async def never(question: Question) -> None:
        await anyio.sleep(60)

    user[0] = "ann"
    async with coroutines(**memory.settings, ledger="memory:", approver=never) as used:
        with anyio.move_on_after(0.1):
            await used.call("pay", {"amount": 501})
        assert ran() == []
        # What was not charged is there.
        assert await used.call("pay", {"amount": 500}) == "ran" == await used.call("pay", {"amount": 500})


@pytest.mark.anyio
async def test_an_approval_is_void_if_the_policy_has_changed_meanwhile() -> None:
    rules = policy({"ask": "refund", "reason": "A person checks."})
    other = policy({"allow": "refund"})

    def approver(question: Question) -> Answer:
        rules.swap(other.module if question.args["amount"] > 1 else rules.module)
        return Answer.approved(by="max")

    @rules.guard(ledger="memory:", approver=approver)
    def refund(amount: int) -> int:
        return amount

    @rules.guard(tool="refund", ledger="memory:", approver=approver)
    async def refund_later(amount: int) -> int:
        return amount

    void = "A person checks. Hint: the approval has expired or was used: repeat the same call to ask again."
    asks = rules.module
    assert (refund(1), await refund_later(1)) == (1, 1)
    with pytest.raises(Denied, match=re.escape(void)):
        refund(2)
    rules.swap(asks)
    with pytest.raises(Denied, match=re.escape(void)):
        await refund_later(2)


KEEPS_BUSY = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
for _ in sys.stdin:
    other.execute("BEGIN IMMEDIATE")
    print(flush=True)
    sys.stdin.readline()
    other.execute("COMMIT")
    print(flush=True)
"""


@dataclass
class Other:
    """Another process that uses the file of a ledger."""

    process: "subprocess.Popen[str]"

    @contextmanager
    def uses(self) -> Iterator[None]:
        """Keeps the file locked, so that what is written to it has to wait."""
        self._next()
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "\n"


@contextmanager
def other_process(path: Path) -> Iterator[Other]:
    command = [sys.executable, "-c", KEEPS_BUSY, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Other(process)


async def by_the_loop(task: "asyncio.Task[Any]", other: Other) -> None:
    """asyncio cancels the task while the ledger is asked."""
    with other.uses():
        await asyncio.sleep(0.1)
        task.cancel()


async def by_the_loop_twice(task: "asyncio.Task[Any]", other: Other) -> None:
    with other.uses():
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()


async def after_the_answer(task: "asyncio.Task[Any]", other: Other) -> None:
    """asyncio cancels the task after the ledger has answered, before the task goes on."""
    with other.uses():
        await asyncio.sleep(0.1)
    time.sleep(0.3)
    task.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("cancel", [by_the_loop, by_the_loop_twice, after_the_answer])
async def test_a_task_that_is_cancelled_while_its_call_is_charged_gets_it_back(cancel: Any, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    pay = POLICY.guard(tool="pay", agent={"id": "ann"}, ledger=f"file:{path}")(_paying)

    async def pay_when_there_is_room(amount: int) -> None:
        for _ in range(200):
            with suppress(Denied):
                await pay(amount)
                break
            await anyio.sleep(0.02)
        assert ran() == [("pay", amount)]

    with other_process(path) as other:
        await pay_when_there_is_room(500)
        task = asyncio.ensure_future(pay(400))
        await cancel(task, other)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ran() == []
    # The thread gives it back, and nobody waits for that.
    await pay_when_there_is_room(500)


@pytest.mark.anyio
async def test_a_scope_that_is_cancelled_while_its_call_is_charged_gets_it_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    pay = POLICY.guard(tool="pay", agent={"id": "ann"}, ledger=f"file:{path}")(_paying)
    await pay(500)
    with other_process(path) as other:
        for _ in range(3):
            async with anyio.create_task_group() as group:
                group.start_soon(pay, 400)
                with other.uses():
                    await anyio.sleep(0.1)
                    group.cancel_scope.cancel()
    # At once: the scope has waited.
    await pay(500)
    assert ran() == [("pay", 500)] * 2

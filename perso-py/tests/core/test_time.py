"""The time of a call: `context.now`."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perso import OPEN, WITHHELD, Denied, Json
from support.done import done
from support.policies import policy
from support.times import CASES, LIES, OLD, Case, soon

READS = policy({"allow": "pay", "when": {"context.now": {"starts_with": "20"}}})
NOT = policy({"allow": "pay", "when": {"context": {"only": ["server"]}}})


def test_a_policy_says_whether_it_reads_the_time() -> None:
    assert READS.reads_time and not NOT.reads_time
    assert policy({"allow": "pay", "when": {"args.at": {"eq": {"ref": "context.now"}}}}).reads_time
    assert policy({"allow": "pay", "when": {"context.now": {"length": 24}}}).reads_time
    assert not policy({"allow": "pay", "when": {"args.now": 1, "context.now_or_never": 1}}).reads_time
    changing = policy({"allow": "pay"})
    changing.swap(READS.module)
    assert changing.reads_time


def test_a_call_of_ones_own_has_a_time_only_if_it_is_told() -> None:
    assert not READS.decide("pay").allowed
    assert READS.decide("pay", now=True).allowed
    assert READS.decide("pay", context={"now": datetime.now(UTC).isoformat()}).allowed
    assert not READS.decide("pay", context={"now": "1999"}, now=True).allowed
    assert READS.read("pay", now=True).decide().allowed and not READS.read("pay").decide().allowed
    assert NOT.decide("pay", now=True).allowed
    assert not NOT.decide("pay", context={"now": OLD}, now=True).allowed
    assert not READS.decide(5, now=True).allowed


@dataclass
class Site:
    site: str = "berlin"


class Odd(dict[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise ValueError(key)

    def items(self) -> Any:
        raise ValueError


@pytest.mark.parametrize("context", [None, {}, Site(), Json('{"site": 1}'), Json(" null "), Json("{}"), OPEN])
def test_every_form_of_a_context_gets_the_time(context: object) -> None:
    assert READS.decide("pay", context=context, now=True).allowed
    assert READS.could_allow("pay", context=context)


@pytest.mark.parametrize(
    "context", [WITHHELD, {"now": None}, {"now": datetime.now(UTC)}, Json('{"now": 5}'), Json("{"), [], Odd(now=1)]
)
def test_what_the_context_is_stands(context: object) -> None:
    assert not READS.decide("pay", context=context, now=True).allowed


def test_a_list_is_made_for_any_time() -> None:
    old = policy({"allow": "pay", "when": {"context.now": OLD, "context.site": "berlin"}})
    assert old.could_allow("pay", context={"site": "berlin"})
    assert not old.could_allow("pay", context={"site": "paris"}) and not old.could_allow("pay")
    assert old.could_allow("pay", context={"site": "berlin", "now": OLD})
    assert not old.could_allow("pay", context={"site": "berlin", "now": "2021-01-01T00:00:00.000Z"})


def test_the_time_is_that_of_the_call() -> None:
    def reads(text: str) -> bool:
        return policy({"allow": "pay", "when": {"context.now": {"starts_with": text}}}).decide("pay", now=True).allowed

    while True:
        before, then = datetime.now(UTC), time.monotonic()
        second = f"{before:%Y-%m-%dT%H:%M:%S}."
        result = reads(second), reads(f"{before + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}.")
        if datetime.now(UTC).second == before.second and time.monotonic() - then < 1:
            break
    assert result == (True, False)


def guarded(case: Case) -> Any:
    """Functions of every kind, each as `(pay, ask)`, that return whether they ran."""
    rules = case.policy("pay", "ask")

    def pay(**args: Any) -> bool:
        done.append("pay")
        return True

    async def later(**args: Any) -> bool:
        done.append("later")
        return True

    def each(**args: Any) -> Iterator[bool]:
        done.append("each")
        yield True

    async def each_later(**args: Any) -> AsyncIterator[bool]:
        done.append("each later")
        yield True

    async def first(items: AsyncIterator[bool]) -> bool:
        return await anext(items)

    runs = (
        (pay, lambda run, args: run(**args)),
        (later, lambda run, args: asyncio.run(run(**args))),
        (each, lambda run, args: next(run(**args))),
        (each_later, lambda run, args: asyncio.run(first(run(**args)))),
    )
    for function, run in runs:
        for resource in (None, lambda args: {}):
            guards = [rules.guard(tool=tool, context=case.context, resource=resource)(function) for tool in ("pay", "ask")]
            yield *guards, run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_functions(case: Case) -> None:
    kinds = 0
    for current, old, run in guarded(case):
        for guard, runs in ((current, case.current), (old, case.old)):
            if runs:
                assert run(guard, LIES) and len(done) == 1
            else:
                with pytest.raises(Denied, match=r"Soon|Long ago"):
                    run(guard, LIES)
                assert done == []
            done.clear()
        kinds += 1
    assert kinds == 8


def test_a_call_is_judged_at_one_moment() -> None:
    begin = datetime.now(UTC)
    near = {"any": soon()["any"][:2]}
    rules = policy({"allow": "pay", "when": {"all": [near, {"resource.open": True}]}})

    def slow(args: Any) -> Any:
        time.sleep(2.1)
        return {"open": True}

    @rules.guard(resource=slow)
    def pay() -> str:
        return "paid"

    assert pay() == "paid" and datetime.now(UTC) - begin > timedelta(seconds=2)
    # The next call has a time of its own.
    with pytest.raises(Denied):
        pay()


def test_json_text_has_the_time_that_it_says() -> None:
    assert not READS.decide_json('{"tool": "pay"}').allowed
    assert READS.decide_json(json.dumps({"tool": "pay", "context": {"now": OLD}})).allowed

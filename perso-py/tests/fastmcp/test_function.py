"""A function runs with the judged arguments, and is called in the same way as without a guard."""

import functools
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.dependencies import Depends
from fastmcp.tools import Tool
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, Field

from support.done import done
from support.policies import policy

SMALL = {"args.amount": {"lte": 500}}
RULES = policy({"allow": "refund", "when": SMALL, "reason": "At most $500."})
WITHOUT = policy({"allow": "refund"}, {"deny": "refund", "when": {"args.amount": {"gt": 500}}})


def aliases(amount: Annotated[int, Field(validation_alias=AliasChoices("amt", "amount"))]) -> None:
    done.append(amount)


def alias(amount: Annotated[int, Field(alias="amt")]) -> None:
    done.append(amount)


def before(amount: Annotated[int, BeforeValidator(lambda value: value * 1000)]) -> None:
    done.append(amount)


def after(amount: Annotated[int, AfterValidator(lambda value: value + 1000)]) -> None:
    done.append(amount)


class Order(BaseModel):
    total: int = Field(validation_alias=AliasChoices("sum", "total"))


def nested(order: Order) -> None:
    done.append(order.total)


def asked() -> int:
    return 800


def brought(amount: int = Depends(asked)) -> None:
    done.append(amount)


NESTED = policy({"allow": "refund", "when": {"args.order.total": {"lte": 500}}})

DECOYS = [
    (RULES, aliases, {"amount": 5, "amt": 800}),
    (RULES, alias, {"amount": 5, "amt": 800}),
    (RULES, before, {"amount": 5}),
    (RULES, after, {"amount": 5}),
    (NESTED, nested, {"order": {"total": 5, "sum": 800}}),
    (WITHOUT, brought, {}),
    (WITHOUT, brought, {"amount": 5}),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("rules", "function", "args"), DECOYS)
async def test_what_is_judged_is_what_the_function_gets(rules: Any, function: Any, args: Any) -> None:
    for parent in (False, True):
        server = FastMCP("desk", middleware=[] if parent else [rules.fastmcp()])
        server.tool(function, name="refund")
        if parent:
            inner, server = server, FastMCP("parent", middleware=[rules.fastmcp()])
            server.mount(inner)
        async with Client(server) as client:
            result = await client.call_tool("refund", args, raise_on_error=False)
            assert result.is_error
    assert done == []


@pytest.mark.anyio
async def test_what_fits_runs_once_and_is_judged_once() -> None:
    decisions: list[Any] = []
    server = FastMCP("desk", middleware=[RULES.fastmcp(on_decision=lambda event, args: decisions.append(args))])
    server.tool(lambda amount: done.append(amount), name="refund")
    async with Client(server) as client:
        await client.call_tool("refund", {"amount": 5})
        assert (done, decisions) == ([5], [{"amount": 5}])
        # The function gets another value, which is judged as well.
        server.local_provider.remove_tool("refund")
        server.tool(after, name="refund")
        await client.call_tool("refund", {"amount": -600})
    assert (done, decisions[1:]) == ([5, 400], [{"amount": -600}, {"amount": 400}])


# How functions are called.


@dataclass
class Point:
    x: int


class Methods:
    def method(self, amount: int) -> tuple[int, bool]:
        return amount, threading.current_thread() is threading.main_thread()

    def __call__(self, amount: int) -> str:
        return f"called with {amount!r}"


def plain(amount: int, when: date, points: list[Point], label: Annotated[str, "A label"] = "none") -> list[Any]:
    return [amount, str(when), [point.x for point in points], label, threading.current_thread() is threading.main_thread()]


async def coroutine(amount: int, *, rest: "dict[str, int] | None" = None) -> list[Any]:
    return [amount, rest, threading.current_thread() is threading.main_thread()]


def generator(amount: int) -> Iterator[bool]:
    for _ in range(amount):
        yield threading.current_thread() is threading.main_thread()


async def async_generator(amount: int) -> AsyncIterator[int]:
    for number in range(amount):
        yield number


async def context(amount: int, ctx: Context) -> list[Any]:
    return [amount, ctx.fastmcp.name]


def two(amount: int, more: int) -> list[int]:
    return [amount, more]


FUNCTIONS: list[Any] = [
    (plain, {"amount": "5", "when": "2026-01-02", "points": [{"x": 1}, {"x": 2}]}),
    (plain, {"amount": 5, "when": "2026-01-02", "points": [], "label": "x"}),
    (plain, {"amount": 5, "when": "never", "points": []}),
    (coroutine, {"amount": 5}),
    (coroutine, {"amount": 5, "rest": {"a": 1}}),
    (coroutine, {"amount": 5, "unknown": 1}),
    (generator, {"amount": 3}),
    (async_generator, {"amount": 3}),
    (context, {"amount": 5}),
    (Methods().method, {"amount": 5}),
    (Methods(), {"amount": 5}),
    (functools.partial(two, more=7), {"amount": 5}),
]


@pytest.mark.anyio
@pytest.mark.parametrize("in_thread", [True, False])
@pytest.mark.parametrize(("function", "args"), FUNCTIONS)
async def test_a_guard_does_not_change_how_a_function_is_called(function: Any, args: Any, in_thread: bool) -> None:
    answers = []
    for guards in ([], [policy({"allow": "refund"}).fastmcp()]):
        server = FastMCP("desk", middleware=guards)
        server.add_tool(Tool.from_function(function, name="refund", run_in_thread=in_thread))
        async with Client(server) as client:
            listed = [tool.model_dump() for tool in await client.list_tools()]
            answers.append((listed, (await client.call_tool_mcp("refund", args)).model_dump(exclude={"meta"})))
    assert answers[0] == answers[1]

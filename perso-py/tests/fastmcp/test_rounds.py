"""Approvals by the user of the client, in rounds, on fastmcp 4."""

from typing import Annotated, Any

import mcp_types
import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.server.middleware import Middleware
from fastmcp.tools import Tool
from pydantic import AfterValidator

from perso import Policy, elicit
from support import memory, rounds
from support.memory import POLICY, ran, user
from support.policies import policy

ASK = policy({"id": "ask", "ask": "pay", "reason": "Ask."})


def single(rules: Policy, **settings: Any) -> Any:
    server = FastMCP("desk", middleware=[rules.fastmcp(**settings)])
    for function in memory.FUNCTIONS:
        server.tool(function)
    return server._mcp_server


def mounted(rules: Policy, **settings: Any) -> Any:
    inner = FastMCP("inner")
    for function in memory.FUNCTIONS:
        inner.tool(function)
    server = FastMCP("desk", middleware=[rules.fastmcp(**settings)])
    server.mount(inner)
    return server._mcp_server


def guarded_inside(rules: Policy, **settings: Any) -> Any:
    """The guard is in front of the mounted server."""
    inner = FastMCP("inner", middleware=[rules.fastmcp(**settings)])
    for function in memory.FUNCTIONS:
        inner.tool(function)
    server = FastMCP("desk")
    server.mount(inner)
    return server._mcp_server


@pytest.mark.anyio
@pytest.mark.parametrize("make", [single, mounted, guarded_inside])
@pytest.mark.parametrize("case", rounds.CASES)
async def test_the_user_of_the_client_is_asked(case: Any, make: Any) -> None:
    await case(make)


@pytest.mark.anyio
@pytest.mark.parametrize("is_mounted", [False, True])
async def test_a_tool_that_asks_its_own_question(is_mounted: bool) -> None:
    got: list[Any] = []
    asked = mcp_types.ElicitRequestFormParams(message="Sure?", requested_schema={"type": "object", "properties": {}})
    server = FastMCP("desk", middleware=[ASK.fastmcp(agent={"id": "ann"}, approver=elicit())])
    owner = FastMCP("inner") if is_mounted else server

    @owner.tool(name="pay")
    async def pay(amount: int, ctx: Context) -> Any:
        got.append(list(ctx.input_responses or ()))
        assert ctx.request_state == ("mine" if ctx.input_responses else None)
        if ctx.input_responses:
            return memory.pay(amount)
        requests: Any = {rounds.SURE: mcp_types.ElicitRequest(params=asked)}
        return mcp_types.InputRequiredResult(input_requests=requests, request_state="mine")

    if is_mounted:
        server.mount(owner)
    await rounds.a_tool_that_asks_its_own_question(server._mcp_server, got)


@pytest.mark.anyio
@pytest.mark.parametrize("is_mounted", [False, True])
async def test_a_call_that_is_changed_on_its_way_is_asked_about_as_it_runs(is_mounted: bool) -> None:
    class More(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            args = {"amount": context.message.arguments["amount"] + 1}
            return await call_next(context.copy(message=context.message.model_copy(update={"arguments": args})))

    user[0] = "ann"
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**rounds.asking()), More()])
    owner = FastMCP("inner") if is_mounted else server

    @owner.tool(name="pay")
    def pay(amount: Annotated[int, AfterValidator(lambda amount: amount + 1)]) -> str:
        return memory.pay(amount)

    if is_mounted:
        server.mount(owner)
    async with rounds.by_hand(server._mcp_server) as by_hand:
        asked = await by_hand.call(501)
        for amount in (501, 502, 503):
            assert asked.message.endswith(f'{{"amount":{amount}}}') and ran() == []
            asked = await by_hand.call(501, asked)
        assert asked.text == "ran" and ran() == [("pay", 503)]
        # It was charged once.
        for amount in (493, 2):
            await by_hand.call(amount)
    assert ran() == [("pay", 495)]


@pytest.mark.anyio
@pytest.mark.parametrize("calls", ["server", "function", "transformed"])
async def test_what_a_tool_calls_is_not_asked_about_and_nothing_runs_twice(calls: str) -> None:
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**rounds.asking())])
    server.tool(memory.pay)
    helper = POLICY.guard(tool="pay")(later)

    async def read() -> str:
        memory.read()
        for amount in (1, 501):
            await (helper(amount) if calls == "function" else server.call_tool("pay", {"amount": amount}))
        return "never"

    if calls == "transformed":
        server.add_tool(Tool.from_tool(Tool.from_function(nothing, name="read"), transform_fn=read))
    else:
        server.tool(read)
    user[0] = "ann@a"
    async with rounds.by_hand(server._mcp_server) as by_hand:
        assert memory.LATE in (await by_hand.call({}, tool="read")).text
    assert ran() == [("read", None), ("pay", 1)]


async def nothing() -> str:
    return "nothing"


@pytest.mark.anyio
async def test_a_functions_guard_asks() -> None:
    user[0] = "ann"
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**rounds.asking())])
    server.tool(name="pay")(POLICY.guard(tool="pay")(later))
    async with rounds.by_hand(server._mcp_server) as by_hand:
        assert (await by_hand.call(501, await by_hand.call(501))).text == "ran"
        assert ran() == [("pay", 501)]
        assert (await by_hand.call(502, await by_hand.call(502), rounds.NO)).text.endswith(memory.REFUSED)
        # What was not approved does not count.
        assert (await by_hand.call(499)).text == "ran" and len(ran()) == 1


async def later(amount: int) -> str:
    return memory.pay(amount)


@pytest.mark.anyio
async def test_fastmcps_own_client() -> None:
    async def answer(message: str, response_type: Any, params: Any, context: Any) -> Any:
        return {"approve": '"amount":501' in message}

    user[0] = "ann"
    server = FastMCP("desk", middleware=[POLICY.fastmcp(**rounds.asking())])
    server.tool(memory.pay)
    async with Client(server, elicitation_handler=answer, mode="2026-07-28") as client:
        texts = [
            (await client.call_tool("pay", {"amount": amount}, raise_on_error=False)).content[0].text for amount in (501, 502)
        ]
    assert texts == ["ran", memory.REFUSED] and ran() == [("pay", 501)]

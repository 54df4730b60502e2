"""Approvals by the user of the client, in rounds, on `mcp` 2."""

from typing import Annotated, Any

import pytest
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListToolsResult,
    TextContent,
)
from mcp_types import Tool as ToolInfo
from pydantic import AfterValidator, BaseModel

from perso import Policy, elicit
from support import memory, rounds
from support.memory import POLICY, ran, user
from support.policies import policy
from support.rounds import SURE
from support.serving import listening

ASK = policy({"id": "ask", "ask": "pay", "reason": "Ask."})


def high_level(rules: Policy, **settings: Any) -> Any:
    server = MCPServer("desk", middleware=[rules.mcp(**settings)])
    for function in memory.FUNCTIONS:
        server.tool()(function)
    return server


async def list_tools(ctx: Any, params: Any) -> ListToolsResult:
    return ListToolsResult(tools=[ToolInfo(name=one.__name__, input_schema={"type": "object"}) for one in memory.FUNCTIONS])


def low_level(rules: Policy, **settings: Any) -> Any:
    async def call_tool(ctx: Any, params: Any) -> CallToolResult:
        function = next(function for function in memory.FUNCTIONS if function.__name__ == params.name)
        return CallToolResult(content=[TextContent(type="text", text=function(**params.arguments))])

    server: Server[Any] = Server("desk", on_call_tool=call_tool, on_list_tools=list_tools)
    rules.guard_server(server, **settings)
    return server


@pytest.mark.anyio
@pytest.mark.parametrize("make", [high_level, low_level])
@pytest.mark.parametrize("case", rounds.CASES)
async def test_the_user_of_the_client_is_asked(case: Any, make: Any) -> None:
    await case(make)


@pytest.mark.anyio
@pytest.mark.parametrize("settings", [{}, {"json_response": True}, {"stateless_http": True}])
async def test_the_next_round_comes_over_another_connection(settings: Any) -> None:
    user[0] = "ann"
    with listening(high_level(POLICY, **rounds.asking()).streamable_http_app(**settings)) as url:
        async with rounds.by_hand(f"{url}/mcp") as first, rounds.by_hand(f"{url}/mcp") as second:
            asked = await first.call(501)
            assert asked.is_asked and ran() == []
            assert (await second.call(501, asked)).text == "ran"
            assert (await first.call(501, asked)).is_asked
    assert ran() == [("pay", 501)]


QUESTION = ElicitRequest(params=ElicitRequestFormParams(message="Sure?", requested_schema={"type": "object", "properties": {}}))


@pytest.mark.anyio
@pytest.mark.parametrize("build", ["function", "handler", "sealed handler"])
async def test_a_tool_that_asks_its_own_question(build: str) -> None:
    got: list[Any] = []

    def answer(amount: int, responses: Any, state: str | None) -> Any:
        got.append(list(responses or ()))
        assert state == ("mine" if responses else None)
        return memory.pay(amount) if responses else InputRequiredResult(input_requests={SURE: QUESTION}, request_state="mine")

    async def pay(amount: int, ctx: Context) -> str | InputRequiredResult:
        return answer(amount, ctx.input_responses, ctx.request_state)  # type: ignore[no-any-return]

    async def call_tool(ctx: Any, params: Any) -> Any:
        answered = answer(params.arguments["amount"], params.input_responses, params.request_state)
        return CallToolResult(content=[TextContent(type="text", text=answered)]) if isinstance(answered, str) else answered

    made: Any = MCPServer("desk") if build == "function" else Server("desk", on_call_tool=call_tool, on_list_tools=list_tools)
    if build == "function":
        made.tool()(pay)
    elif build == "sealed handler":
        made.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="desk"))
    ASK.guard_server(made, agent={"id": "ann"}, approver=elicit(), input_responses="pass")
    await rounds.a_tool_that_asks_its_own_question(made, got)


class Sure(BaseModel):
    sure: bool = True


@pytest.mark.anyio
async def test_a_parameter_that_is_asked_for() -> None:
    """The server asks for the parameter in a round of its own, and the call is judged with it."""

    def ask() -> Elicit[Sure]:
        return Elicit("Sure?", Sure)

    rules = policy({"id": "ask", "ask": "pay", "when": {"args.sure.sure": True}, "reason": "Ask."})
    server = MCPServer("desk", middleware=[rules.mcp(approver=elicit())])

    @server.tool(name="pay")
    async def pay(amount: int, sure: Annotated[Sure, Resolve(ask)]) -> str:
        return memory.pay(amount)

    shown: list[str] = []

    async def answer(context: Any, params: Any) -> ElicitResult:
        shown.append(params.message)
        return ElicitResult(action="accept", content={"sure": True} if params.message == "Sure?" else {"approve": True})

    async with rounds.by_hand(server, answer) as by_hand:
        result: Any = await by_hand.client.call_tool("pay", {"amount": 5})
        assert result.content[0].text == "ran" and ran() == [("pay", 5)]
    assert shown == ["Sure?", 'Ask.\n\nTool: "pay"\nArguments: {"amount":5,"sure":{"sure":true}}']


@pytest.mark.anyio
async def test_a_call_that_is_changed_on_its_way_is_asked_about_as_it_runs() -> None:
    async def more(ctx: Any, call_next: Any) -> Any:
        if ctx.method == "tools/call":
            ctx.params["arguments"]["amount"] += 1
        return await call_next(ctx)

    user[0] = "ann"
    server = MCPServer("desk", middleware=[POLICY.mcp(**rounds.asking()), more])

    @server.tool(name="pay")
    def pay(amount: Annotated[int, AfterValidator(lambda amount: amount + 1)]) -> str:
        return memory.pay(amount)

    async with rounds.by_hand(server) as by_hand:
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
async def test_what_a_tool_calls_is_not_asked_about_and_nothing_runs_twice() -> None:
    user[0] = "ann"
    helper = POLICY.guard(tool="pay")(later)
    for calls in ("server", "function"):
        server = MCPServer("desk", middleware=[POLICY.mcp(**rounds.asking())])
        server.tool()(memory.pay)
        inside: Any = lambda amount, server=server: server.call_tool("pay", {"amount": amount})  # noqa: E731
        call = inside if calls == "server" else helper

        @server.tool()
        async def read() -> str:
            memory.read()
            for amount in (1, 501):
                await call(amount)
            return "never"

        user[0] = "ann@a"
        async with rounds.by_hand(server) as by_hand:
            assert memory.LATE in (await by_hand.call({}, tool="read")).text
        assert ran() == [("read", None), ("pay", 1)]


@pytest.mark.anyio
async def test_a_functions_guard_asks() -> None:
    user[0] = "ann"
    server = MCPServer("desk", middleware=[POLICY.mcp(**rounds.asking())])
    server.tool(name="pay")(POLICY.guard(tool="pay")(later))
    async with rounds.by_hand(server) as by_hand:
        assert (await by_hand.call(501, await by_hand.call(501))).text == "ran"
        assert ran() == [("pay", 501)]
        assert (await by_hand.call(502, await by_hand.call(502), rounds.NO)).text.endswith(memory.REFUSED)
        # What was not approved does not count.
        assert (await by_hand.call(499)).text == "ran" and len(ran()) == 1


async def later(amount: int) -> str:
    return memory.pay(amount)


async def plain(amount: int) -> str:
    return memory.pay(amount)


@pytest.mark.anyio
@pytest.mark.parametrize("asks", ["first", "second", "function"])
async def test_each_guard_charges_a_call_once_that_another_one_asks_about(asks: str) -> None:
    rules = policy(
        {"id": "pay", "allow": "pay"}, limits=[{"id": "one", "of": "pay", "max": 2, "window": "1h", "reason": "At most 2."}]
    )
    limits: Any = rules.mcp(ledger="memory:")
    person: Any = ASK.mcp(agent={"id": "ann"}, approver=elicit())
    guards = {"first": [person, limits], "second": [limits, person], "function": [limits]}[asks]
    server = MCPServer("desk", middleware=guards)
    function: Any = plain
    if asks == "function":
        function = ASK.guard(tool="pay", agent={"id": "ann"}, approver=elicit())(later)
    server.tool(name="pay")(function)
    async with rounds.by_hand(server) as by_hand:
        for _ in range(2):
            assert (await by_hand.call(5, await by_hand.call(5))).text == "ran"
        last = await by_hand.call(5)
        if asks == "first":
            last = await by_hand.call(5, last)
        assert last.text == "At most 2. Hint: there is room again in about 60 minutes."
    assert ran() == [("pay", 5)] * 2


@pytest.mark.anyio
async def test_resources_are_not_asked_about() -> None:
    rules = policy({"id": "notes", "ask": "mcp:resources/read", "reason": "Ask."}, covers=["tools", "resources"])
    server = MCPServer("desk", middleware=[rules.mcp(approver=elicit())])

    @server.resource("note://1")
    def note() -> str:
        return "text"

    async with rounds.by_hand(server) as by_hand:
        with pytest.raises(MCPError, match="nobody has decided in time"):
            await by_hand.client.read_resource("note://1")

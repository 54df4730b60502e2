"""LangChain tools: what runs, and what the model reads."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException, tool

from perso import Denied
from support import asks
from support.done import done
from support.policies import AGENT, DESK, policy


@tool
def process_refund(order: str, amount: float = 1000) -> str:
    """Refunds an order."""
    done.append((order, amount))
    return f"refunded {amount:g}"


@tool("process_refund")
async def process_refund_later(order: str, amount: float = 1000) -> str:
    """Refunds an order."""
    done.append((order, amount))
    return f"refunded {amount:g}"


REASON = "Agents may refund up to $500."


def call(args: dict[str, Any], name: str = "process_refund") -> Any:
    return {"type": "tool_call", "name": name, "args": args, "id": "call-1"}


@pytest.mark.anyio
async def test_calls_are_judged_before_they_run() -> None:
    guarded = DESK.langchain(process_refund, agent=AGENT)
    assert guarded.name == "process_refund" and guarded.args == process_refund.args
    assert guarded.description == process_refund.description
    assert guarded.invoke({"order": "1", "amount": 5}) == "refunded 5"
    assert await guarded.ainvoke({"order": "1", "amount": 6}) == "refunded 6"
    # As the model sends it: LangChain converts `"7"` to a number before the guard judges it.
    assert guarded.invoke(call({"order": "1", "amount": "7"})).content == "refunded 7"
    for args in ({"order": "1", "amount": 800}, {"order": "1"}):
        assert guarded.invoke(args) == await guarded.ainvoke(args) == REASON
        message = guarded.invoke(call(args))
        assert message.content == REASON and message.status == "error" and message.tool_call_id == "call-1"
    assert done == [("1", 5), ("1", 6), ("1", 7)]
    # The original tool has not changed.
    process_refund.invoke({"order": "1", "amount": 800})
    assert done[-1] == ("1", 800)


@pytest.mark.anyio
async def test_what_the_model_reads_about_an_ask_and_a_wrong_argument() -> None:
    refund, close, _ = asks.POLICY.langchain([tool(function) for function in asks.TOOLS])
    for refusal in asks.REFUSALS:
        message = refund.invoke(call({"amount": refusal.amount}))
        assert message.content == refusal.text and message.status == "error"
        assert await refund.ainvoke({"amount": refusal.amount}) == refusal.text
    assert close.invoke({}) == await close.ainvoke({}) == f"Closing an account is final. {asks.APPROVAL}"
    assert done == []
    assert refund.invoke({"amount": 450}) == "refunded" and done == [450]


@pytest.mark.anyio
async def test_tools_that_are_async() -> None:
    (guarded,) = DESK.langchain([process_refund_later], agent=AGENT)
    assert await guarded.ainvoke({"order": "1", "amount": 5}) == "refunded 5"
    assert await guarded.ainvoke({"order": "1", "amount": 501}) == REASON
    assert done == [("1", 5)]


@pytest.mark.anyio
async def test_who_calls_is_told_by_the_configuration() -> None:
    def caller(config: RunnableConfig) -> Any:
        return {"roles": config["configurable"]["roles"]}

    guarded = DESK.langchain(process_refund, agent=caller)
    for roles, may in ((["agent"], True), ([], False)):
        config: RunnableConfig = {"configurable": {"roles": roles}}
        assert (guarded.invoke({"order": "1", "amount": 5}, config) == "refunded 5") is may
        assert (await guarded.ainvoke({"order": "1", "amount": 5}, config) == "refunded 5") is may
    assert guarded.invoke({"order": "1", "amount": 5}) == "the call cannot be judged"
    assert len(done) == 2


def test_a_tool_by_its_class_and_one_of_one_text() -> None:
    class Refund(BaseTool):
        name: str = "process_refund"
        description: str = "Refunds."

        def _run(self, amount: float) -> str:
            done.append(amount)
            return "refunded"

    guarded = DESK.langchain(Refund(), agent=AGENT)
    assert isinstance(guarded, Refund)
    assert guarded.invoke({"amount": 5}) == "refunded" and guarded.invoke({"amount": 501}) == REASON

    search = Tool(name="search", func=lambda text: done.append(text) or "found", description="Searches.")
    rules = policy({"allow": "search", "when": {"args.tool_input": {"starts_with": "a"}}, "reason": "Only a."})
    assert rules.langchain(search).invoke("abc") == "found" and rules.langchain(search).invoke("bc") == "Only a."
    assert done == [5, "abc"]


def test_what_else_goes_wrong_is_told_as_before() -> None:
    def fail(amount: float) -> str:
        raise ToolException("out of money")

    for flag, expected in ((True, "out of money"), ("sorry", "sorry"), (lambda error: f"{error}!", "out of money!")):
        failing = StructuredTool.from_function(fail, name="process_refund", description="x", handle_tool_error=flag)
        guarded = DESK.langchain(failing, agent=AGENT)
        assert guarded.invoke({"amount": 5}) == expected and guarded.invoke({"amount": 501}) == REASON
    failing = StructuredTool.from_function(fail, name="process_refund", description="x")
    with pytest.raises(ToolException, match="out of money"):
        DESK.langchain(failing, agent=AGENT).invoke({"amount": 5})


def test_a_guarded_function_as_a_tool() -> None:
    @tool
    @DESK.guard(agent=AGENT)
    def process_refund(amount: float) -> str:
        """Refunds."""
        done.append(amount)
        return "refunded"

    assert process_refund.invoke({"amount": 5}) == "refunded"
    with pytest.raises(ToolException) as raised:
        process_refund.invoke({"amount": 501})
    assert isinstance(raised.value, Denied) and done == [5]

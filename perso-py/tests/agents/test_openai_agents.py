"""The OpenAI Agents SDK: runs with a scripted model."""

import json
from typing import Any

import pytest
from agents import Agent, ModelResponse, Runner, function_tool, set_tracing_disabled
from agents.models.interface import Model
from agents.usage import Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from perso import Policy
from support import asks
from support.done import done
from support.policies import AGENT, DESK

set_tracing_disabled(True)


class Played(Model):
    """A model that calls a tool with these arguments and then repeats what it has read."""

    def __init__(self, arguments: str) -> None:
        self.arguments = arguments
        self.read: list[str] = []

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        outputs = [item["output"] for item in input if isinstance(item, dict) and item.get("type") == "function_call_output"]
        if not outputs:
            call = ResponseFunctionToolCall(
                arguments=self.arguments, call_id="call-1", name="process_refund", type="function_call"
            )
            return ModelResponse(output=[call], usage=Usage(), response_id=None)
        self.read = outputs
        text = ResponseOutputText(text="done", type="output_text", annotations=[])
        message = ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


async def run(arguments: str, agent: Any = AGENT, context: Any = None, policy: Policy = DESK) -> str:
    @function_tool(tool_input_guardrails=[policy.openai_agents(agent=agent)])
    def process_refund(order: str, amount: float) -> str:
        """Refunds an order."""
        done.append((order, amount))
        return f"refunded {amount:g}"

    model = Played(arguments)
    await Runner.run(Agent(name="desk", model=model, tools=[process_refund]), "refund", context=context)
    (read,) = model.read
    return read


@pytest.mark.anyio
async def test_calls_are_judged_before_they_run() -> None:
    assert await run(json.dumps({"order": "1", "amount": 5})) == "refunded 5"
    for arguments in ('{"order": "1", "amount": 800}', '{"order": "1", "amount": 500.00000000000000000001}'):
        assert await run(arguments) == "Agents may refund up to $500."
    # With duplicate keys, the SDK uses the last one.
    for arguments in ('{"order": "1", "amount": 800, "amount": 5}', '{"order": "1", "amount": 5, "Amount": 1}', "[]", "{", ""):
        assert await run(arguments) != "refunded 5"
    assert done == [("1", 5)]


@pytest.mark.anyio
async def test_what_the_model_reads_about_an_ask_and_a_wrong_argument() -> None:
    for refusal in asks.REFUSALS:
        arguments = json.dumps({"order": "1", "amount": refusal.amount})
        assert await run(arguments, policy=asks.POLICY) == refusal.text
    assert done == []
    assert await run(json.dumps({"order": "1", "amount": 450}), policy=asks.POLICY) == "refunded 450"
    assert done == [("1", 450)]


@pytest.mark.anyio
async def test_who_calls_is_told_by_the_context() -> None:
    def caller(data: Any) -> Any:
        return data.context.context

    arguments = json.dumps({"order": "1", "amount": 5})
    assert await run(arguments, caller, {"roles": ["agent"]}) == "refunded 5"
    assert await run(arguments, caller, {"roles": []}) == "Agents may refund up to $500."
    assert await run(arguments, lambda data: 1 / 0, {}) == "the call cannot be judged"
    assert done == [("1", 5)]

"""Every way to run a function tool in the OpenAI Agents SDK: an allowed call runs once, a denied call never runs.

`test_the_sdk_has_no_other_way` fails if the installed SDK has a way that is not in this file.
"""

import ast
import asyncio
import copy
import dataclasses
import json
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agents
import pytest
from agents import (
    Agent,
    AgentHooks,
    FunctionTool,
    ModelResponse,
    RunConfig,
    RunContextWrapper,
    RunHooks,
    Runner,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolSearchTool,
    WebSearchTool,
    function_tool,
    set_tracing_disabled,
    tool_namespace,
)
from agents.exceptions import UserError
from agents.mcp import MCPServerStdio
from agents.models.interface import Model
from agents.realtime import RealtimeAgent, RealtimeModel, RealtimeModelToolCallEvent, RealtimeRunner
from agents.tool import Tool, invoke_function_tool
from agents.tool_context import ToolContext
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic import BaseModel

from perso import Event
from support import asks
from support.done import done
from support.policies import AGENT, DESK, policy

set_tracing_disabled(True)

REASON = "Agents may refund up to $500."
GOOD = json.dumps({"order": "1", "amount": 5.0})
BAD = json.dumps({"order": "1", "amount": 800.0})


class Played(Model):
    """A model that calls a tool with each of these arguments in one response, and then repeats what it has read."""

    def __init__(self, *arguments: str, name: str = "process_refund", namespace: str | None = None) -> None:
        self.calls = [
            ResponseFunctionToolCall(arguments=text, call_id=f"call-{n}", name=name, namespace=namespace, type="function_call")
            for n, text in enumerate(arguments)
        ]
        self.read: list[Any] = []

    def output(self, input: Any) -> Any:
        outputs = [item["output"] for item in input if isinstance(item, dict) and item.get("type") == "function_call_output"]
        if not outputs:
            return [call.model_copy() for call in self.calls]
        self.read = outputs
        text = ResponseOutputText(text="done", type="output_text", annotations=[])
        return [ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")]

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> ModelResponse:
        return ModelResponse(output=self.output(input), usage=Usage(), response_id=None)

    async def stream_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
        response = Response(
            id="r",
            created_at=0,
            model="m",
            object="response",
            output=self.output(input),
            parallel_tool_calls=True,
            tool_choice="auto",
            tools=[],
        )
        yield ResponseCompletedEvent(response=response, type="response.completed", sequence_number=0)


# The kinds of function tools.


def refund(order: str, amount: float) -> str:
    """Refunds an order."""
    done.append(amount)
    return f"refunded {amount:g}"


async def refund_later(order: str, amount: float) -> str:
    """Refunds an order."""
    return refund(order, amount)


async def refund_in_context(context: ToolContext[Any], order: str, amount: float) -> str:
    """Refunds an order."""
    return refund(order, amount)


async def invoke(context: ToolContext[Any], arguments: str) -> str:
    return refund(**json.loads(arguments or "{}"))


async def invoke_narrow(context: RunContextWrapper[Any], arguments: str) -> str:
    assert type(context) is RunContextWrapper
    return refund(**json.loads(arguments or "{}"))


class OwnTool(FunctionTool):
    """A tool whose invoker is its own method."""

    def __init__(self) -> None:
        super().__init__(
            name="process_refund", description="x", params_json_schema={}, on_invoke_tool=self.own, strict_json_schema=False
        )

    async def own(self, context: ToolContext[Any], arguments: str) -> str:
        assert isinstance(self, OwnTool)
        return refund(**json.loads(arguments))


def by_hand(invoker: Any) -> FunctionTool:
    return FunctionTool(
        name="process_refund", description="x", params_json_schema={}, on_invoke_tool=invoker, strict_json_schema=False
    )


def decorated(function: Any, **settings: Any) -> FunctionTool:
    return function_tool(function, name_override="process_refund", **settings)


KINDS: dict[str, Callable[[], FunctionTool]] = {
    "a function": lambda: decorated(refund),
    "a coroutine": lambda: decorated(refund_later),
    "one with the context": lambda: decorated(refund_in_context),
    "one with a time limit": lambda: decorated(refund_later, timeout=60),
    "made by hand": lambda: by_hand(invoke),
    "made by hand, for a narrower context": lambda: by_hand(invoke_narrow),
    "a class of its own": OwnTool,
}


# The ways to run a tool.


async def runner(tool: FunctionTool, arguments: str, **settings: Any) -> Any:
    model = Played(arguments, name=tool.name, namespace=settings.pop("namespace", None))
    result = await Runner.run(Agent(name="desk", model=model, tools=[tool]), "refund", **settings)
    return "interrupted" if result.interruptions else model.read[0]


async def streamed(tool: FunctionTool, arguments: str) -> Any:
    model = Played(arguments)
    result = Runner.run_streamed(Agent(name="desk", model=model, tools=[tool]), "refund")
    async for _ in result.stream_events():
        pass
    return model.read[0]


async def sync(tool: FunctionTool, arguments: str) -> Any:
    model = Played(arguments)

    def run() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            Runner.run_sync(Agent(name="desk", model=model, tools=[tool]), "refund")
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    await asyncio.to_thread(run)
    return model.read[0]


async def approved(tool: FunctionTool, arguments: str) -> Any:
    """A run that is interrupted for an approval and continues from its state."""
    tool = copy.copy(tool)
    tool.needs_approval = True
    model = Played(arguments)
    agent = Agent(name="desk", model=model, tools=[tool])
    state = (await Runner.run(agent, "refund")).to_state()
    assert done == []
    for item in state.get_interruptions():
        state.approve(item)
    await Runner.run(agent, state)
    return model.read[0]


async def approved_by_function(tool: FunctionTool, arguments: str) -> Any:
    """A tool whose `needs_approval` is a function, which the SDK calls only if it finds the arguments simple enough."""

    async def needs(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        return False

    tool = copy.copy(tool)
    tool.needs_approval = needs
    return await runner(tool, arguments)


async def with_early_guardrails(tool: FunctionTool, arguments: str) -> Any:
    tool = copy.copy(tool)
    return await runner(tool, arguments, run_config=RunConfig(tool_execution={"pre_approval_tool_input_guardrails": True}))


class PlayedRealtime(RealtimeModel):
    """A realtime model that calls a tool and records the result."""

    def __init__(self) -> None:
        self.listeners: list[Any] = []
        self.read: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def connect(self, options: Any) -> None: ...

    def add_listener(self, listener: Any) -> None:
        self.listeners.append(listener)

    def remove_listener(self, listener: Any) -> None:
        self.listeners.remove(listener)

    async def send_event(self, event: Any) -> None:
        if hasattr(event, "output") and not self.read.done():
            self.read.set_result(event.output)

    async def send_event_if(self, event: Any, send_if: Callable[[], bool]) -> bool:
        await self.send_event(event)
        return True

    async def close(self) -> None: ...


async def realtime(tool: FunctionTool, arguments: str) -> Any:
    model = PlayedRealtime()
    async with await RealtimeRunner(RealtimeAgent(name="desk", tools=[tool]), model=model).run():
        for listener in model.listeners:
            await listener.on_event(RealtimeModelToolCallEvent(name="process_refund", call_id="call-1", arguments=arguments))
        return await model.read


def context_of(tool: FunctionTool, arguments: str) -> ToolContext[Any]:
    return ToolContext(context=None, tool_name=tool.name, tool_call_id="call-1", tool_arguments=arguments)


async def invoked(tool: FunctionTool, arguments: str) -> Any:
    return await invoke_function_tool(function_tool=tool, context=context_of(tool, arguments), arguments=arguments)


async def by_itself(tool: FunctionTool, arguments: str) -> Any:
    return await tool.on_invoke_tool(context_of(tool, arguments), arguments)


async def copied(tool: FunctionTool, arguments: str) -> Any:
    return await runner(copy.copy(tool), arguments)


WAYS: dict[str, Callable[[FunctionTool, str], Any]] = {
    "Runner.run": runner,
    "Runner.run_streamed": streamed,
    "Runner.run_sync": sync,
    "after an approval": approved,
    "after a function that approves": approved_by_function,
    "with guardrails before the approval": with_early_guardrails,
    "a realtime session": realtime,
    "invoke_function_tool": invoked,
    "on_invoke_tool": by_itself,
    "a copy": copied,
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_every_way(kind: str) -> None:
    for way, run in WAYS.items():
        if way == "on_invoke_tool" and "narrower" in kind:
            continue
        events: list[Event] = []
        guarded = DESK.openai_agents_tools(KINDS[kind](), agent=AGENT, on_decision=lambda event, args: events.append(event))
        assert "refunded 5" in str(await run(guarded, GOOD)), way
        assert done == [5], way
        assert len(events) == 1, f"{way}: a call is judged once"
        done.clear()
        for text in (BAD, '{"order": "1", "amount": 800, "amount": 5}', '{"order": "1", "amount": 500.00000000000000000001}'):
            guarded = DESK.openai_agents_tools(KINDS[kind](), agent=AGENT)
            assert "refunded" not in str(await run(guarded, text)), way
        assert await run(guarded, BAD) == REASON, way
        assert done == [], way
        guarded = asks.POLICY.openai_agents_tools(KINDS[kind]())
        for refusal in asks.NUMBERS:
            # An approval in the SDK is not one for the policy.
            assert await run(guarded, json.dumps({"order": "1", "amount": float(refusal.amount)})) == refusal.text, way
        if run is not approved_by_function:
            # There, the SDK interrupts the run for arguments that do not fit the schema.
            wrong = json.dumps({"order": "1", "amount": asks.NO_NUMBER.amount})
            assert await run(guarded, wrong) == asks.NO_NUMBER.text, way
        assert done == [], way


@pytest.mark.anyio
async def test_names_in_a_namespace() -> None:
    rules = policy({"allow": "desk.process_refund", "when": {"args.amount": {"lte": 500}}, "reason": "No."})
    (guarded,) = tool_namespace(name="desk", description="x", tools=[rules.openai_agents_tools(decorated(refund))])
    assert (
        await runner(guarded, GOOD, namespace="desk") == "refunded 5" and await runner(guarded, BAD, namespace="desk") == "No."
    )
    assert done == [5]


@pytest.mark.anyio
async def test_an_agent_as_a_tool() -> None:
    inside = Agent(
        name="inside", model=Played(GOOD, name="refund_inside"), tools=[function_tool(refund, name_override="refund_inside")]
    )
    rules = policy({"allow": "ask", "when": {"args.input": "please"}, "reason": "No."})
    guarded = rules.openai_agents_tools(inside.as_tool("ask", "Asks the one inside."))
    assert await runner(guarded, '{"input": "please"}') == "done" and done == [5]
    assert await runner(guarded, '{"input": "now"}') == "No." and done == [5]


@pytest.mark.anyio
async def test_calls_at_the_same_time() -> None:
    guarded = DESK.openai_agents_tools(decorated(refund_later), agent=AGENT)
    model = Played(*[GOOD, BAD] * 20)
    await Runner.run(Agent(name="desk", model=model, tools=[guarded]), "refund")
    assert model.read == ["refunded 5", REASON] * 20 and done == [5] * 20


@pytest.mark.anyio
async def test_a_denial_by_a_tool_with_a_schema_for_its_output() -> None:
    class Refunded(BaseModel):
        amount: float

    @function_tool(name_override="process_refund", output_type=Refunded)
    async def tool(order: str, amount: float) -> Refunded:
        """Refunds an order."""
        done.append(amount)
        return Refunded(amount=amount)

    guarded = DESK.openai_agents_tools(tool, agent=AGENT)
    assert json.loads(await runner(guarded, GOOD)) == {"amount": 5} and REASON in await runner(guarded, BAD)
    await runner(guarded, GOOD, hooks=Rewriting("an assignment"))
    assert done == [5]


# What changes the arguments between the guardrail and the tool.


def rewrite(how: str, context: Any) -> None:
    call = context.tool_call
    if how == "an assignment":
        call.arguments = BAD
    elif how == "object.__setattr__":
        object.__setattr__(call, "arguments", BAD)
    elif how == "all at once":
        context.tool_arguments = call.arguments = BAD
    else:
        context.tool_arguments = BAD
        context.tool_call = call.model_copy(update={"arguments": BAD})


HOWS = ["an assignment", "object.__setattr__", "all at once", "another call"]


class Rewriting(RunHooks[Any]):
    def __init__(self, how: str) -> None:
        self.how = how

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        rewrite(self.how, context)


class RewritingAgent(AgentHooks[Any]):
    def __init__(self, how: str) -> None:
        self.how = how

    async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
        rewrite(self.how, context)


def rewriting(how: str) -> ToolInputGuardrail[Any]:
    async def change(data: Any) -> ToolGuardrailFunctionOutput:
        rewrite(how, data.context)
        return ToolGuardrailFunctionOutput.allow()

    return ToolInputGuardrail(guardrail_function=change, name="change")


PLACES: dict[str, Callable[[str], tuple[dict[str, Any], dict[str, Any], list[Any]]]] = {
    "a hook of the run": lambda how: ({"hooks": Rewriting(how)}, {}, []),
    "a hook of the agent": lambda how: ({}, {"hooks": RewritingAgent(how)}, []),
    "another guardrail": lambda how: ({}, {}, [rewriting(how)]),
}


@pytest.mark.anyio
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("place", PLACES)
async def test_what_a_hook_makes_of_the_arguments_is_judged(place: str, how: str) -> None:
    of_run, of_agent, guardrails = PLACES[place](how)
    for kind in ("a function", "made by hand"):
        tool = KINDS[kind]()
        tool.tool_input_guardrails = guardrails
        guarded = DESK.openai_agents_tools(tool, agent=AGENT)
        model = Played(GOOD)
        await Runner.run(Agent(name="desk", model=model, tools=[guarded], **of_agent), "refund", **of_run)
        # Either the call was denied, or the SDK ran the judged arguments anyway.
        assert (model.read, done) in (([REASON], []), (["refunded 5"], [5])) and (model.read == [REASON]) is (
            how != "another call"
        )
        done.clear()


@pytest.mark.anyio
async def test_what_was_parsed_for_an_approval_is_parsed_anew() -> None:
    class Changing(RunHooks[Any]):
        async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
            if context._function_tool_arguments is not None:
                context._function_tool_arguments.args[1] = 800.0

    async def needs(context: Any, arguments: dict[str, Any], call_id: str) -> bool:
        return False

    guarded = DESK.openai_agents_tools(decorated(refund, needs_approval=needs), agent=AGENT)
    alone = decorated(refund, needs_approval=needs, tool_input_guardrails=[DESK.openai_agents(agent=AGENT)])
    for tool in (guarded, alone):
        assert await runner(tool, GOOD, hooks=Changing()) == "refunded 5"
    assert done == [5, 5]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_replaces_what_a_guarded_tool_runs(kind: str) -> None:
    async def other(context: Any, arguments: str) -> str:
        done.append("other")
        return "other"

    class Replacing(RunHooks[Any]):
        async def on_tool_start(self, context: Any, agent: Any, tool: Any) -> None:
            tool.on_invoke_tool = decorated(other).on_invoke_tool if "made" in kind else other

    guarded = DESK.openai_agents_tools(KINDS[kind](), agent=AGENT)
    with pytest.raises(
        (AttributeError, UserError), match="the tool `process_refund` is guarded, and nothing can replace what it runs"
    ):
        await runner(guarded, GOOD, hooks=Replacing())
    assert done == []
    # Copies stay guarded, however they are made.
    copies = [copy.copy(guarded), copy.copy(copy.copy(guarded))]
    if kind != "a class of its own":
        copies.append(dataclasses.replace(guarded, description="another"))
    for made in copies:
        assert await runner(made, BAD) == REASON and done == []
        assert await runner(made, GOOD) == "refunded 5"
        done.clear()


@pytest.mark.anyio
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("place", PLACES)
async def test_after_the_guardrail_alone_nothing_changes_the_arguments(place: str, how: str) -> None:
    of_run, of_agent, guardrails = PLACES[place](how)
    tool = decorated(refund, tool_input_guardrails=[DESK.openai_agents(agent=AGENT), *guardrails])
    model = Played(GOOD)
    running = Runner.run(Agent(name="desk", model=model, tools=[tool], **of_agent), "refund", **of_run)
    if how == "another call":
        await running
        assert done == [5]
    else:
        with pytest.raises((AttributeError, UserError), match=r"guard the tool itself, with `policy\.openai_agents_tools`"):
            await running
        assert done == []


@pytest.mark.anyio
@pytest.mark.parametrize("how", HOWS[:3])
async def test_a_guardrail_before_the_guardrail_alone(how: str) -> None:
    """An earlier guardrail can change what the SDK runs, or only what guardrails see. Nothing runs without being judged."""
    for first, then in ((GOOD, BAD), (BAD, GOOD)):

        async def change(data: Any, then: str = then) -> ToolGuardrailFunctionOutput:
            object.__setattr__(data.context.tool_call, "arguments", then)
            if how == "all at once":
                data.context.tool_arguments = then
            return ToolGuardrailFunctionOutput.allow()

        before = ToolInputGuardrail(guardrail_function=change, name="change")
        for defers in (False, True):
            tool = decorated(refund, tool_input_guardrails=[before, DESK.openai_agents(agent=AGENT)], defer_loading=defers)
            model = Played(first, namespace="process_refund" if defers else None)
            agent = Agent(name="desk", model=model, tools=[tool, *([ToolSearchTool()] if defers else [])])
            await Runner.run(agent, "refund")
            assert 800 not in done and "refunded 800" not in str(model.read)
            done.clear()


SERVER = """
import sys
from pathlib import Path
from mcp.server.mcpserver import MCPServer

server = MCPServer("desk")

@server.tool()
def process_refund(order: str, amount: float) -> str:
    with Path(sys.argv[1]).open("a") as file:
        print(amount, file=file)
    return f"refunded {amount:g}"

server.run()
"""


@pytest.mark.anyio
async def test_tools_of_a_server(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    ran.touch()
    params: Any = {"command": sys.executable, "args": ["-c", SERVER, str(ran)]}
    async with MCPServerStdio(params, tool_input_guardrails=[DESK.openai_agents(agent=AGENT)]) as server:
        for text, expected in (
            (GOOD, "refunded 5"),
            (BAD, REASON),
            ('{"order": "1", "amount": 800, "amount": 5}', "the call cannot be read"),
        ):
            model = Played(text)
            await Runner.run(Agent(name="desk", model=model, mcp_servers=[server]), "refund")
            assert expected in str(model.read[0])
        for how in HOWS[:3]:
            with pytest.raises((AttributeError, UserError), match="guard the tool itself"):
                await Runner.run(Agent(name="desk", model=Played(GOOD), mcp_servers=[server]), "refund", hooks=Rewriting(how))
    assert ran.read_text().split() == ["5.0"]


# The caller, and tools that are not function tools.


@pytest.mark.anyio
async def test_who_calls_is_told_by_the_context_in_every_way() -> None:
    guarded = DESK.openai_agents_tools(decorated(refund_later), agent=lambda data: data.context.context)
    assert await runner(guarded, GOOD, context={"roles": ["agent"]}) == "refunded 5"
    assert await runner(guarded, GOOD, context={"roles": []}) == REASON
    assert await runner(guarded, BAD, context={"roles": ["agent"]}, hooks=Rewriting("an assignment")) == REASON
    assert done == [5]


def test_what_is_no_function_tool_is_refused() -> None:
    for other in (WebSearchTool(), refund, {"type": "function"}):
        with pytest.raises(TypeError, match="is no function tool"):
            DESK.openai_agents_tools([other])  # type: ignore[list-item]


# The inventory.

RUNS = {
    # These run a tool's `on_invoke_tool`, which judges in a guarded tool.
    "tool.py: _invoke_function_tool_with_metadata calls on_invoke_tool",
    "tool.py: invoke_function_tool calls _invoke_function_tool_with_metadata",
    "run_internal/tool_execution.py: _invoke_tool_and_run_post_invoke calls _invoke_function_tool_with_metadata",
    "realtime/session.py: _handle_tool_call calls invoke_function_tool",
    # A custom tool, which is not a function tool and is refused.
    "run_internal/tool_actions.py: _run_call calls on_invoke_tool",
    # The SDK's own invoker, around the function that judges.
    "tool.py: __call__ calls _invoke_tool_impl",
    # The guardrails.
    "run_internal/tool_execution.py: _maybe_execute_tool_approval calls _execute_tool_input_guardrails",
    "run_internal/tool_execution.py: _execute_single_tool_body calls _execute_tool_input_guardrails",
}

CALLED = (
    "on_invoke_tool",
    "invoke_function_tool",
    "_invoke_function_tool_with_metadata",
    "_invoke_tool_impl",
    "_execute_tool_input_guardrails",
)

TOOLS = """
    FunctionTool FileSearchTool WebSearchTool ComputerTool HostedMCPTool CustomTool ShellTool ApplyPatchTool LocalShellTool
    ImageGenerationTool CodeInterpreterTool ToolSearchTool ProgrammaticToolCallingTool
""".split()


def sites() -> set[str]:
    found = set()
    root = Path(agents.__file__).parent

    def visit(node: ast.AST, file: Path, function: str) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = node.name
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            if name in CALLED:
                found.add(f"{file.relative_to(root)}: {function} calls {name}")
        for child in ast.iter_child_nodes(node):
            visit(child, file, function)

    for file in root.rglob("*.py"):
        source = file.read_text()
        if any(name in source for name in CALLED):
            visit(ast.parse(source), file, "")
    return found


def test_the_sdk_has_no_other_way() -> None:
    assert sites() == RUNS, (
        "the SDK runs function tools in new places: guard them in adapters/openai_agents.py, and list them in RUNS"
    )
    kinds = [getattr(typing.get_origin(kind) or kind, "__name__") for kind in typing.get_args(Tool)]
    assert kinds == TOOLS, (
        "the SDK has new kinds of tools: guard those that run in this process, or document that they are not guarded"
    )

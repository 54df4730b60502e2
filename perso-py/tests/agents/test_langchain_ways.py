"""Every way to run a tool in LangChain: an allowed call runs once, a denied call never runs.

`test_langchain_has_no_other_way` fails if the installed LangChain has a way that is not in this file.
"""

import ast
import asyncio
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import langchain_core.tools
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import (
    BaseTool,
    InjectedToolArg,
    InjectedToolCallId,
    StructuredTool,
    Tool,
    create_retriever_tool,
    tool,
)
from pydantic import BaseModel

from perso import Policy
from perso.adapters.langchain import WAYS
from support import asks
from support.done import done
from support.policies import AGENT, DESK, policy

# Beta and deprecated methods of LangChain run tools as well.
pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning"),
]

REASON = "Agents may refund up to $500."


def refund(order: str, amount: float = 1000) -> str:
    """Refunds an order."""
    done.append(amount)
    return f"refunded {amount:g}"


async def refund_later(order: str, amount: float = 1000) -> str:
    """Refunds an order."""
    done.append(amount)
    return f"refunded {amount:g}"


class ByClass(BaseTool):
    name: str = "process_refund"
    description: str = "Refunds an order."

    def _run(self, order: str, amount: float = 1000) -> str:
        return refund(order, amount)


class ByClassLater(ByClass):
    async def _arun(self, order: str, amount: float = 1000) -> str:
        return await refund_later(order, amount)


SCHEMA = {
    "title": "process_refund",
    "type": "object",
    "properties": {"order": {"type": "string"}, "amount": {"type": "number"}},
}

NAMED = {"name": "process_refund", "description": "Refunds an order."}

KINDS: dict[str, Callable[[], BaseTool]] = {
    "a function": lambda: StructuredTool.from_function(refund, **NAMED),
    "a coroutine": lambda: StructuredTool.from_function(coroutine=refund_later, **NAMED),
    "both": lambda: StructuredTool.from_function(refund, refund_later, **NAMED),
    "a JSON schema": lambda: StructuredTool.from_function(
        refund, refund_later, args_schema=SCHEMA, infer_schema=False, **NAMED
    ),
    "a class": ByClass,
    "a class with an async side": ByClassLater,
    "a runnable": lambda: RunnableLambda(lambda args: refund(**args)).as_tool(
        arg_types={"order": str, "amount": float}, **NAMED
    ),
    "a copy": lambda: StructuredTool.from_function(refund, refund_later, **NAMED).model_copy(),
}


async def events(guarded: BaseTool, input: Any) -> Any:
    return [event async for event in guarded.astream_events(input, version="v2")][-1]["data"]["output"]


async def log(guarded: BaseTool, input: Any) -> Any:
    return [patch async for patch in guarded.astream_log(input)][-1].ops


async def one(iterator: Any) -> Any:
    return [item async for item in iterator]


async def inputs(input: Any) -> Any:
    yield input


SYNC: dict[str, Callable[[BaseTool, Any], Any]] = {
    "invoke": lambda guarded, input: guarded.invoke(input),
    "run": lambda guarded, input: guarded.run(input),
    "batch": lambda guarded, input: guarded.batch([input]),
    "batch_as_completed": lambda guarded, input: list(guarded.batch_as_completed([input])),
    "stream": lambda guarded, input: list(guarded.stream(input)),
    "transform": lambda guarded, input: list(guarded.transform(iter([input]))),
    "a pipe": lambda guarded, input: (RunnableLambda(lambda _: input) | guarded).invoke(None),
    "pipe": lambda guarded, input: RunnableLambda(lambda _: input).pipe(guarded).invoke(None),
    "map": lambda guarded, input: guarded.map().invoke([input]),
    "bind": lambda guarded, input: guarded.bind().invoke(input),
    "with_config": lambda guarded, input: guarded.with_config(tags=["x"]).invoke(input),
    "with_retry": lambda guarded, input: guarded.with_retry(stop_after_attempt=1).invoke(input),
    "with_fallbacks": lambda guarded, input: guarded.with_fallbacks([]).invoke(input),
    "with_listeners": lambda guarded, input: guarded.with_listeners().invoke(input),
    "with_types": lambda guarded, input: guarded.with_types().invoke(input),
    "as_tool": lambda guarded, input: guarded.as_tool(arg_types={"order": str, "amount": float}).invoke(input),
    "assign": lambda guarded, input: (RunnableLambda(lambda _: {}).assign(out=lambda _: guarded.invoke(input))).invoke(None),
    "pick": lambda guarded, input: RunnableLambda(lambda _: {"input": input}).pick("input").pipe(guarded).invoke(None),
    "model_copy": lambda guarded, input: guarded.model_copy().invoke(input),
    "a deep copy": lambda guarded, input: guarded.model_copy(deep=True).invoke(input),
}
"""The ways to run a tool from sync code."""

ASYNC: dict[str, Callable[[BaseTool, Any], Any]] = {
    "ainvoke": lambda guarded, input: guarded.ainvoke(input),
    "arun": lambda guarded, input: guarded.arun(input),
    "abatch": lambda guarded, input: guarded.abatch([input]),
    "abatch_as_completed": lambda guarded, input: one(guarded.abatch_as_completed([input])),
    "astream": lambda guarded, input: one(guarded.astream(input)),
    "atransform": lambda guarded, input: one(guarded.atransform(inputs(input))),
    "astream_events": events,
    "astream_log": log,
    "with_alisteners": lambda guarded, input: guarded.with_alisteners().ainvoke(input),
}
"""The ways to run a tool from async code."""

NO_WAY = set(
    """config_schema configurable_alternatives configurable_fields get_config_jsonschema get_graph get_input_jsonschema
    get_input_schema get_lc_namespace get_name get_output_jsonschema get_output_schema get_prompts is_lc_serializable lc_id
    to_json to_json_not_implemented stream_events""".split()
)
"""Public methods of a tool that do not run it; `stream_events` is for chat models, and raises."""


def call(input: dict[str, Any]) -> Any:
    return {"type": "tool_call", "name": "process_refund", "args": input, "id": "call-1"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_sync_way(kind: str) -> None:
    if kind == "a coroutine":
        return
    guarded, asking = DESK.langchain(KINDS[kind](), agent=AGENT), asks.POLICY.langchain(KINDS[kind]())
    for way, run in SYNC.items():
        done.clear()
        run(guarded, {"order": "1", "amount": 5})
        assert done == [5], way
        for denied in ({"order": "1", "amount": 800}, *([] if "runnable" in kind or way == "as_tool" else [{"order": "1"}])):
            done.clear()
            assert REASON in str(run(guarded, dict(denied))), way
            assert done == [], way
        for refusal in asks.NUMBERS:
            done.clear()
            assert refusal.text in str(run(asking, {"order": "1", "amount": refusal.amount})), way
            assert done == [], way
    done.clear()
    guarded.invoke(call({"order": "1", "amount": 5}))
    assert guarded.invoke(call({"order": "1", "amount": 800})).content == REASON and done == [5]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_every_async_way(kind: str) -> None:
    guarded, asking = DESK.langchain(KINDS[kind](), agent=AGENT), asks.POLICY.langchain(KINDS[kind]())
    for way, run in ASYNC.items():
        done.clear()
        await run(guarded, {"order": "1", "amount": 5})
        assert done == [5], way
        for denied in ({"order": "1", "amount": 800}, *([] if "runnable" in kind else [{"order": "1"}])):
            done.clear()
            assert REASON in str(await run(guarded, dict(denied))), way
            assert done == [], way
        for refusal in asks.NUMBERS:
            done.clear()
            assert refusal.text in str(await run(asking, {"order": "1", "amount": refusal.amount})), way
            assert done == [], way
    done.clear()
    await guarded.ainvoke(call({"order": "1", "amount": 5}))
    assert (await guarded.ainvoke(call({"order": "1", "amount": 800}))).content == REASON and done == [5]


RUNS = {
    # These call the methods that the guarded class overrides, so their calls are judged.
    "base.py: BaseTool.arun calls _arun",
    "base.py: BaseTool.run hands on _run",
    # These are called by the original methods, after the call was judged.
    "base.py: BaseTool._arun hands on _run",
    "simple.py: Tool._arun calls _arun",
    "simple.py: Tool._arun calls coroutine",
    "simple.py: Tool._run calls func",
    "structured.py: StructuredTool._arun calls _arun",
    "structured.py: StructuredTool._arun calls coroutine",
    "structured.py: StructuredTool._run calls func",
}


def sites() -> set[str]:
    """The places in LangChain's source that call a tool's `_run`, `_arun`, `func` or `coroutine`, or pass it on."""
    found = set()
    for file in Path(inspect.getfile(langchain_core.tools)).parent.glob("*.py"):
        for kind in ast.parse(file.read_text()).body:
            for method in getattr(kind, "body", []) if isinstance(kind, ast.ClassDef) else []:
                for node in ast.walk(method):
                    if not isinstance(node, ast.Call):
                        continue
                    where = f"{file.name}: {kind.name}.{getattr(method, 'name', '')}"
                    if isinstance(node.func, ast.Attribute) and node.func.attr in ("_run", "_arun", "func", "coroutine"):
                        found.add(f"{where} calls {node.func.attr}")
                    runner = ast.unparse(node.func)
                    if runner in ("context.run", "run_in_executor", "coro_with_context"):
                        found |= {
                            f"{where} hands on {arg.attr}"
                            for arg in node.args
                            if isinstance(arg, ast.Attribute) and arg.attr in ("_run", "_arun")
                        }
    return found


def test_langchain_has_no_other_way() -> None:
    public = {
        name
        for name in dir(BaseTool)
        if not name.startswith("_") and callable(getattr(BaseTool, name, None)) and name not in dir(BaseModel)
    }
    news = public - SYNC.keys() - ASYNC.keys() - NO_WAY
    assert not news, (
        f"LangChain's tools have new methods: test those that run a tool in SYNC or ASYNC, or add them to NO_WAY: {news}"
    )
    assert sites() == RUNS, (
        "LangChain runs a tool at other places than it did: guard them in adapters/langchain.py, and list them in RUNS"
    )
    own = {
        name for kind in BaseTool.__mro__[:4] for name in vars(kind) if name.endswith("_with_config") and name.startswith("_")
    }
    assert own <= WAYS and {*SYNC, *ASYNC} & public - WAYS <= {
        "map",
        "bind",
        "pipe",
        "pick",
        "assign",
        "as_tool",
        "model_copy",
        *(n for n in public if n.startswith("with_")),
    }


# Who calls, and what is an argument.


def caller(config: RunnableConfig) -> Any:
    return {"roles": config["configurable"].get("roles", [])}


ADMIN = {"configurable": {"roles": ["agent"]}}


def run_plain(self: Any, amount: float, config: Any = None) -> str:
    done.append((amount, config))
    return "refunded"


def run_rest(self: Any, **kwargs: Any) -> str:
    done.append(kwargs)
    return "refunded"


OPEN: dict[str, Any] = {"title": "process_refund", "type": "object", "properties": {}}


@pytest.mark.anyio
@pytest.mark.parametrize("run", [run_plain, run_rest])
async def test_the_model_does_not_say_who_calls(run: Any) -> None:
    Refund = type(
        "Refund",
        (BaseTool,),
        {"__annotations__": {"name": str, "description": str}, "name": "process_refund", "description": "x", "_run": run},
    )
    for schema in (None, OPEN):
        if schema is None and run is run_rest:
            continue
        guarded = DESK.langchain(Refund(args_schema=schema), agent=caller)
        args = {"amount": 5, "config": ADMIN}
        assert guarded.invoke(dict(args)) == await guarded.ainvoke(dict(args)) == REASON
        assert guarded.invoke(call(args)).content == REASON
        assert done == []
        # The framework's own does.
        assert guarded.invoke(dict(args), ADMIN) == await guarded.ainvoke(dict(args), ADMIN) == "refunded"
        assert len(done) == 2
        done.clear()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["config", "callbacks", "run_manager", "runtime", "user", "tool_input", "args", "kwargs", "name"]
)
async def test_all_that_the_model_sends_and_that_runs_is_judged(name: str) -> None:
    """Arguments with names that mean something to LangChain: a tool that runs with the model's value was judged with it."""
    rules = policy({"allow": "note", "when": {f"args.{name}": {"exists": False}}, "reason": "No."})

    class Note(BaseTool):
        name: str = "note"
        description: str = "Notes."
        args_schema: Any = OPEN

        def _run(self, **kwargs: Any) -> str:
            done.append(kwargs)
            return "noted"

    def note(**kwargs: Any) -> str:
        done.append(kwargs)
        return "noted"

    async def note_later(**kwargs: Any) -> str:
        return note(**kwargs)

    tools = [Note(), StructuredTool(name="note", description="x", args_schema=OPEN, func=note, coroutine=note_later)]
    for guarded in rules.langchain(tools):
        for answer in (guarded.invoke(call({name: "evil"})).content, (await guarded.ainvoke(call({name: "evil"}))).content):
            # Either the call was denied, or LangChain replaced the value and the tool did not see it.
            assert answer == "No." or "evil" not in str(done), name
        assert "evil" not in str(done), name
        done.clear()
        assert guarded.invoke({"text": "x"}) == await guarded.ainvoke({"text": "x"}) == "noted" and len(done) == 2
        done.clear()


@pytest.mark.anyio
async def test_injected_arguments_are_judged_as_they_run() -> None:
    @tool
    def note(
        text: str, call_id: Annotated[str, InjectedToolCallId], user: Annotated[str, InjectedToolArg], settings: RunnableConfig
    ) -> str:
        """Notes."""
        done.append((text, call_id, user))
        return "noted"

    rules = policy(
        {
            "allow": "note",
            "when": {"args.user": "ann", "args.call_id": "call-1", "args.settings": {"exists": False}},
            "reason": "No.",
        }
    )
    guarded = rules.langchain(note)
    good = {"text": "x", "user": "ann", "settings": "evil", "call_id": "evil"}
    assert guarded.invoke({**call(good), "name": "note"}).content == "noted"
    assert (await guarded.ainvoke({**call(good), "name": "note"})).content == "noted"
    assert done == [("x", "call-1", "ann")] * 2
    assert guarded.invoke({**call({"text": "x", "user": "eve"}), "name": "note"}).content == "No." and len(done) == 2


def test_defaults_are_arguments_whatever_the_schema() -> None:
    guarded = DESK.langchain(KINDS["a JSON schema"](), agent=AGENT)
    assert guarded.invoke({"order": "1"}) == REASON and done == []


def test_retrievers_and_tools_of_one_text() -> None:
    class Found(BaseRetriever):
        def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
            done.append(query)
            return [Document(page_content=query)]

    rules = policy({"allow": "search", "when": {"args.query": {"starts_with": "a"}}, "reason": "Only a."})
    guarded = rules.langchain(create_retriever_tool(Found(), "search", "Searches."))
    assert guarded.invoke({"query": "abc"}) == guarded.invoke("abc") == "abc" and guarded.invoke({"query": "b"}) == "Only a."
    assert done == ["abc"] * 2
    single = policy({"allow": "search", "when": {"args.tool_input": {"starts_with": "a"}}, "reason": "Only a."})
    guarded = single.langchain(Tool(name="search", func=lambda text: done.append(text) or "found", description="Searches."))
    # A tool with one text parameter gets the text under any name that the model uses.
    assert guarded.invoke({"x": "abc"}) == guarded.invoke("abc") == "found"
    assert guarded.invoke({"x": "b"}) == guarded.invoke("b") == "Only a."
    assert done == ["abc"] * 4


@pytest.mark.anyio
async def test_a_callback_that_changes_the_arguments_changes_what_is_judged() -> None:
    rules = policy({"allow": "note", "when": {"args.lines": {"every": {"eq": "good"}}}, "reason": "No."})
    lines: list[str] = []

    class Changing(BaseCallbackHandler):
        run_inline = True

        def on_tool_start(self, *args: Any, **kwargs: Any) -> None:
            lines.append("evil")

    @tool
    def note(lines: Any) -> str:
        """Notes."""
        done.append(lines)
        return "noted"

    guarded = rules.langchain(note)
    for run in (guarded.invoke, guarded.ainvoke):
        lines[:] = ["good"]
        answer: Any = run({"lines": lines}, {"callbacks": [Changing()]})
        assert (await answer if inspect.isawaitable(answer) else answer) == "No." and done == []


@pytest.mark.anyio
async def test_arguments_that_change_while_the_resource_is_awaited_run_as_they_were_judged() -> None:
    rules = policy({"allow": "note", "when": {"args.lines": {"every": {"eq": "good"}}, "resource.open": True}})
    lines = ["good"]
    asked = asyncio.Event()
    changed = asyncio.Event()

    async def resource(args: Any) -> Any:
        asked.set()
        await changed.wait()
        return {"open": True}

    @tool
    async def note(lines: Any) -> str:
        """Notes."""
        done.append(lines)
        return "noted"

    running = asyncio.create_task(rules.langchain(note, resource=resource).ainvoke({"lines": lines}))
    await asked.wait()
    lines.append("evil")
    changed.set()
    assert await running == "noted" and done == [["good"]]


# What cannot be guarded is refused.


def test_classes_with_a_way_of_their_own_are_refused() -> None:
    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError

    for way in WAYS - {"__getattribute__"}:
        for kind in (ByClass, StructuredTool):
            Own = type("Own", (kind,), {way: own})
            made = Own() if kind is ByClass else Own.from_function(refund, **NAMED)
            with pytest.raises(TypeError, match=f"`Own` has its own `{way}`, which could run the tool without being judged"):
                DESK.langchain(made)
    for way in ("invoke", "_run", "_arun"):
        made = ByClass()
        object.__setattr__(made, way, own)
        with pytest.raises(TypeError, match=f"its own `{way}`"):
            DESK.langchain([made])
    for other in (refund, RunnableLambda(refund), {"type": "web_search"}):
        with pytest.raises(TypeError, match="is no LangChain tool"):
            DESK.langchain([other])  # type: ignore[list-item]
    assert done == []


def test_a_guarded_tool_is_not_pickled_into_one_without_a_guard() -> None:
    for kind in (ByClass(), KINDS["a function"]()):
        guarded = DESK.langchain(kind, agent=AGENT)
        with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
            pickle.dumps(guarded)


def test_a_guarded_tool_that_is_guarded_again_is_judged_by_both() -> None:
    no = Policy.compile(
        '{"perso": 1, "rules": [{"id": "no", "deny": "process_refund", "when": {"args.order": "2"}}], "default": "allow"}'
    )
    for kind in KINDS.values():
        if kind is KINDS["a coroutine"]:
            continue
        guarded = no.langchain(DESK.langchain(kind(), agent=AGENT))
        done.clear()
        guarded.invoke({"order": "1", "amount": 5})
        assert guarded.invoke({"order": "1", "amount": 800}) == REASON
        guarded.invoke({"order": "2", "amount": 5})
        assert done == [5]

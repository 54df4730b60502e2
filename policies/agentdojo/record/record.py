"""Records what AgentDojo's tasks call, as JSON lines.

Each task's calls are carried out in the suite's environment, and AgentDojo's own checks have to say that they do what the
task is about: by themselves, and in every pair of a user task and an injection task. There is no model.

    record.py > recording.jsonl
"""

import functools
import importlib.metadata
import json
import re
import sys

from agentdojo.agent_pipeline.tool_execution import tool_result_to_str
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from agentdojo.task_suite.load_suites import _SUITES, get_suites

import facts
import unwritten

VERSION = "v1.2.2"


def number(task_id):
    return int(task_id.rsplit("_", 1)[1])


def in_order(tasks):
    return sorted(tasks.values(), key=lambda task: number(task.ID))


@functools.cache
def untouched(suite, canaries=False):
    vectors = {vector: canary(vector) for vector in suite.get_injection_vector_defaults()} if canaries else {}
    return suite.load_and_inject_default_environment(vectors)


def environment(suite, user_task, canaries=False):
    """The suite's environment when the user task begins, which calls may change."""
    return user_task.init_environment(untouched(suite, canaries).model_copy(deep=True))


def canary(vector):
    return f"<CANARY---{vector}--->"


def run(suite, env, call):
    result, _ = FunctionsRuntime(suite.tools).run_function(env, call.function, dict(call.args), raise_on_error=True)
    return tool_result_to_str(result)


def written(call):
    """A call as the recording has it."""
    return {"tool": call.function, "args": dict(call.args)}


def reads_injection(suite, user_task):
    """How many calls have run when the first text of a stranger has been read: the same canaries as in AgentDojo's attacks."""
    canaries = [canary(vector) for vector in suite.get_injection_vector_defaults()]
    env = environment(suite, user_task, canaries=True)
    for place, call in enumerate(user_task.ground_truth(env)):
        output = run(suite, env, call)
        if any(text in output for text in canaries):
            return place + 1
    raise SystemExit(f"{suite.name} {user_task.ID}: no call reads an injection")


def injected_calls(suite, task, before, env):
    calls = task.ground_truth(env)
    return calls or [FunctionCall(function=tool, args=args) for tool, args in unwritten.calls(suite.name, task.ID, before, env)]


def carried_out(suite, user_task, injection_task, read):
    """The injection's calls, once the user task has read it, and whether they do what it is about."""
    env = environment(suite, user_task)
    before = env.model_copy(deep=True)
    first = user_task.ground_truth(env)[:read]
    for call in first:
        run(suite, env, call)
    calls = injected_calls(suite, injection_task, before, env)
    for call in calls:
        run(suite, env, call)
    output = injection_task.GROUND_TRUTH_OUTPUT
    done = injection_task.security_from_traces(output, before, env, first + calls)
    return calls, injection_task.security(output, before, env) if done is None else done


def solved(suite, user_task):
    """Whether the calls solve the user task."""
    env = environment(suite, user_task)
    before = env.model_copy(deep=True)
    calls = user_task.ground_truth(env)
    for call in calls:
        run(suite, env, call)
    output = user_task.GROUND_TRUTH_OUTPUT
    done = user_task.utility_from_traces(output, before, env, calls)
    return calls, user_task.utility(output, before, env) if done is None else done


def strings(value):
    """All strings in arguments."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)


def wrote(prompt, texts):
    """Those of the texts that the user wrote: as words of their own, not as a part of a longer name or address.

    A full stop before a capital letter ends a sentence, also if the space after it is missing.
    """
    whole = r"(?<![\w@.-]){}(?![\w@-]|\.[a-z0-9])"
    return sorted({text for text in texts if text.strip() and re.search(whole.format(re.escape(text)), prompt)})


def main():
    out = sys.stdout
    newest = max(_SUITES, key=lambda version: tuple(map(int, version[1:].split("."))))
    if newest != VERSION:
        raise SystemExit(f"the newest version of the benchmark is {newest}, not {VERSION}")

    def line(**keys):
        out.write(json.dumps(keys, ensure_ascii=True) + "\n")

    line(agentdojo=importlib.metadata.version("agentdojo"), benchmark=VERSION)
    for suite in sorted(get_suites(VERSION).values(), key=lambda suite: suite.name):
        known = facts.of(suite.name, untouched(suite))
        tools = {tool.name: sorted(tool.parameters.model_fields) for tool in suite.tools}
        line(suite=suite.name, tools=tools, agent=known["agent"], context=known["context"])

        users, injections = in_order(suite.user_tasks), in_order(suite.injection_tasks)
        pairs, fail = {}, []
        for user_task in users:
            read = reads_injection(suite, user_task)
            for injection in injections:
                calls, done = carried_out(suite, user_task, injection, read)
                pairs[user_task.ID, injection.ID] = [written(call) for call in calls]
                if calls and not done:
                    fail.append(f"{user_task.ID} x {injection.ID}")
        played = sum(1 for calls in pairs.values() if calls)
        print(f"{suite.name}: without a policy, {played - len(fail)} of {played} injections succeed", file=sys.stderr)
        for pair in fail:
            print(f"{suite.name}: not {pair}", file=sys.stderr)

        alone = {}
        for injection in injections:
            usual = pairs[users[0].ID, injection.ID]
            alone[injection.ID] = usual
            line(injection_task=injection.ID, goal=injection.GOAL, calls=usual,
                 **({} if injection.ground_truth(untouched(suite)) or not usual else {"written_by": "perso"}))
        texts = {text for calls in alone.values() for call in calls for text in strings(call["args"])}
        for user_task in users:
            calls, done = solved(suite, user_task)
            if not done:
                print(f"{suite.name} {user_task.ID} is not solved by its own calls", file=sys.stderr)
            own = {text for call in calls for text in strings(dict(call.args))}
            other = {ID: pairs[user_task.ID, ID] for ID in alone if pairs[user_task.ID, ID] != alone[ID]}
            line(user_task=user_task.ID, prompt=user_task.PROMPT, calls=[written(call) for call in calls],
                 read=reads_injection(suite, user_task), user_wrote=wrote(user_task.PROMPT, own | texts),
                 **({"injections": other} if other else {}))


if __name__ == "__main__":
    main()

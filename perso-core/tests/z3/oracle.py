#!/usr/bin/env python3
"""Asks Z3 about random policies: `oracle.py SEED COUNT` asks COUNT questions, or a few more, from this seed on.

A line of the output is a policy with Z3's answers: for each of its guarantees, whether a call breaks it; or, for a policy and a
`changed` one, and for each two effects, whether a call has the one before the change and the other after it. `is` says whether
there is such a `call`; it is null if Z3 does not know.
"""

import json
import multiprocessing
import random
import sys

import z3
from meaning import EFFECTS, Call, Policy
from questions import Number, Questions, write

MOST_MILLISECONDS = 10_000


def numbers(value):
    """The numbers in a document."""
    if isinstance(value, Number):
        yield value
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    for one in below:
        yield from numbers(one)


def ask(seed):
    """The questions of a seed, with their answers."""
    source = random.Random(seed)
    questions = Questions(source)
    if source.random() < 0.6:
        policy = questions.guaranteed()
        documents = {"policy": policy}
    else:
        policy = questions.policy()
        documents = {"policy": policy, "changed": questions.changed(policy)}
    call = Call([*numbers([*documents.values()])])
    if "changed" in documents:
        old, new = (Policy(document, call).decides() for document in documents.values())
        pairs = [(one, other) for one in EFFECTS for other in EFFECTS if one != other]
        claims = {f"{one} to {other}": z3.And(old[one], new[other]) for one, other in pairs}
    else:
        claims = {guarantee["id"]: Policy(policy, call).breaks(guarantee) for guarantee in policy["guarantees"]}
    solver = z3.Solver()
    solver.set("timeout", MOST_MILLISECONDS)
    solver.add(call.facts)
    answers = {}
    for name, claim in claims.items():
        solver.push()
        solver.add(claim)
        found = solver.check()
        is_found = None if found == z3.unknown else found == z3.sat
        answers[name] = {"is": is_found, "call": call.shown(solver.model()) if is_found else None}
        solver.pop()
    texts = {name: write(document) for name, document in documents.items()}
    return {"seed": f"{seed:#x}", **texts, "answers": answers}


def main():
    seed, wanted = int(sys.argv[1], 16), int(sys.argv[2])
    asked = 0
    with multiprocessing.Pool() as pool:
        for line in pool.imap(ask, range(seed, seed + wanted), chunksize=4):
            print(json.dumps(line), flush=True)
            asked += len(line["answers"])
            if asked >= wanted:
                break


if __name__ == "__main__":
    main()

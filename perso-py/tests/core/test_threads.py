"""Eight threads judge calls while the policy is replaced."""

import json
import threading
from typing import Any

from perso import Policy


def compiled(most: int) -> bytes:
    # Each policy's limit is part of its rule's id, so that a mixture of two policies would be noticed.
    rule = {"id": f"most-{most}", "allow": "refund", "roles": ["agent"], "when": {"args.amount": {"lte": most}}}
    return Policy.compile(json.dumps({"perso": 1, "rules": [rule]})).module


RELOADS = 2_000


def test_no_thread_gets_a_wrong_answer() -> None:
    modules = {most: compiled(most) for most in (100, 500, 900)}
    policy = Policy(modules[100])
    is_over = threading.Event()
    wrong: list[Any] = []
    counts: list[int] = []

    def judge(number: int) -> None:
        count = 0
        try:
            while not is_over.is_set() or count < 100:
                for amount, may in ((50, {True}), (400, {True, False}), (1000, {False})):
                    decision = policy.decide("refund", {"amount": amount, "n": number}, agent={"roles": ["agent"]})
                    count += 1
                    told = int((decision.rule or decision.cause.rule or "-0").split("-")[1])
                    if decision.allowed not in may or decision.allowed is not (amount <= told):
                        wrong.append((amount, decision))
                if policy.decide("refund", {"amount": str(number)}, agent={"roles": ["agent"]}).cause.problem != "type":
                    wrong.append(number)
        except BaseException as error:
            wrong.append(error)
        counts.append(count)

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for reload in range(RELOADS):
        policy.swap(modules[(100, 500, 900)[reload % 3]])
    is_over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(counts) == 8

"""Eight threads judge for ten seconds, while policies come and go."""

import json
import threading
import time
from typing import Any

from perso import Policy


def compiled(most: int) -> bytes:
    # Its own limit is the id of the rule that it allows with, so that a mixture of two policies would be seen.
    rule = {"id": f"most-{most}", "allow": "refund", "roles": ["agent"], "when": {"args.amount": {"lte": most}}}
    return Policy.compile(json.dumps({"perso": 1, "rules": [rule]})).module


def test_no_thread_gets_a_wrong_answer() -> None:
    modules = {most: compiled(most) for most in (100, 500, 900)}
    policy = Policy(modules[100])
    end = time.monotonic() + 10
    wrong: list[Any] = []
    counts: list[int] = []

    def judge(number: int) -> None:
        count = 0
        try:
            while time.monotonic() < end:
                for amount, may in ((50, {True}), (400, {True, False}), (1000, {False})):
                    decision = policy.decide("refund", {"amount": amount, "n": number}, agent={"roles": ["agent"]})
                    count += 1
                    told = int((decision.rule or decision.cause.rule or "-0").split("-")[1])
                    if decision.allowed not in may or decision.allowed is not (amount <= told):
                        wrong.append((amount, decision))
                if not policy.decide("refund", {"amount": str(number)}, agent={"roles": ["agent"]}).cause.problem == "type":
                    wrong.append(number)
        except BaseException as error:
            wrong.append(error)
        counts.append(count)

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    reloads = 0
    while time.monotonic() < end:
        policy.swap(modules[(100, 500, 900)[reloads % 3]])
        reloads += 1
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(counts) == 8 and min(counts) > 100 and reloads > 100

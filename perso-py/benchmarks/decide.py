"""Measures a decision in Python, in relation to `json.dumps` of the same call, and to cedarpy and casbin with the same policy.

`make bench` runs it and adds the ratios to `target/perso-bench.json`:

| ratio | time of | over that of |
| --- | --- | --- |
| `py_decide_vs_dumps` | `policy.decide` with dicts | `json.dumps` of the same call |
| `py_guard_vs_decide` | what the decorator adds to a call of a function | `policy.decide` of the same call |
| `py_cedarpy_vs_decide` | cedarpy's decision | `policy.decide` |
| `py_casbin_vs_decide` | casbin's decision | `policy.decide` |

and the times themselves, in nanoseconds, as `py_*_ns`.
"""

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import casbin
import cedarpy

from perso import Policy

ROOT = Path(__file__).parents[2]
ROUNDS, ROUND = 41, 0.01

POLICY = Policy.load(ROOT / "policies/support-desk.json")

TOOL = "process_refund"
ARGS = {"order_id": "ORD-8821", "amount": 250, "currency": "USD", "reason": "The parcel arrived with a broken display."}
AGENT = {"id": "agt-099", "roles": ["agent"], "mfa_verified": True, "team": "support-emea"}
RESOURCE = {"owner_id": "mgr-001", "created": "2026-11-02"}
CONTEXT = {"server": "crm", "ip": "10.0.0.7"}
CALL = {"tool": TOOL, "args": ARGS, "agent": AGENT, "resource": RESOURCE, "context": CONTEXT}

CEDAR = """
permit (principal, action == Action::"view_customer", resource) when { principal.roles.contains("agent") };
permit (principal, action == Action::"process_refund", resource)
    when { principal.roles.contains("agent") && context.amount > 0 && context.amount <= 500 };
permit (principal, action == Action::"delete_record", resource)
    when { principal.roles.contains("manager") && resource.owner_id == principal.id };
permit (principal, action == Action::"access_pii", resource) when { principal.roles.contains("agent") };
forbid (principal, action == Action::"access_pii", resource) unless { principal.mfa_verified };
"""

CASBIN_MODEL = """
[request_definition]
r = sub, args, res, act
[policy_definition]
p = act, rule, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && eval(p.rule)
"""

CASBIN_RULES = [
    ("view_customer", "'agent' in r.sub.roles", "allow"),
    ("process_refund", "'agent' in r.sub.roles and r.args.amount > 0 and r.args.amount <= 500", "allow"),
    ("delete_record", "'manager' in r.sub.roles and r.res.owner_id == r.sub.id", "allow"),
    ("access_pii", "'agent' in r.sub.roles", "allow"),
    ("access_pii", "not r.sub.mfa_verified", "deny"),
]


class Record:
    """Attributes in the form that casbin reads."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def by_casbin() -> Callable[[], Any]:
    model = casbin.Model()
    model.load_model_from_text(CASBIN_MODEL)
    enforcer = casbin.Enforcer(model)
    for rule in CASBIN_RULES:
        enforcer.add_policy(*rule)
    request = (Record(AGENT), Record(ARGS), Record(RESOURCE), TOOL)
    assert enforcer.enforce(*request)
    assert not enforcer.enforce(Record(AGENT), Record({**ARGS, "amount": 800}), Record(RESOURCE), TOOL)
    return lambda: enforcer.enforce(*request)


def by_cedarpy() -> Callable[[], Any]:
    def decide(args: dict[str, Any]) -> Any:
        request = {
            "principal": 'Agent::"agt-099"',
            "action": f'Action::"{TOOL}"',
            "resource": 'Order::"ORD-8821"',
            "context": args,
        }
        entities = [
            {"uid": {"__entity": {"type": "Agent", "id": "agt-099"}}, "attrs": AGENT, "parents": []},
            {"uid": {"__entity": {"type": "Order", "id": "ORD-8821"}}, "attrs": RESOURCE, "parents": []},
        ]
        return cedarpy.is_authorized(request, CEDAR, entities).allowed

    assert decide(ARGS) and not decide({**ARGS, "amount": 800})
    return lambda: decide(ARGS)


def guarded() -> tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    def process_refund(order_id: str, amount: float, currency: str, reason: str) -> float:
        return amount

    plain, guard = process_refund, POLICY.guard(agent=AGENT)(process_refund)

    def decide() -> Any:
        return POLICY.decide(TOOL, ARGS, agent=AGENT)

    assert decide()
    return (lambda: plain(**ARGS)), (lambda: guard(**ARGS)), decide


def compare(title: str, candidates: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The median time of each function in nanoseconds, over alternating rounds."""
    repeats = {}
    for name, run in candidates.items():
        count, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < ROUND:
            run()
            count += 1
        repeats[name] = max(count, 1)
    times: dict[str, list[float]] = {name: [] for name in candidates}
    gc.disable()
    for _ in range(ROUNDS):
        for name, run in candidates.items():
            turns = range(repeats[name])
            begin = time.perf_counter()
            for _ in turns:
                run()
            times[name].append((time.perf_counter() - begin) / len(turns) * 1e9)
    gc.enable()
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"\n{title}")
    for name, median in medians.items():
        print(f"  {name:<36} {median:>12.0f} ns")
    return medians


def main() -> None:
    ratios: dict[str, float] = {}

    def ratio(name: str, value: float) -> None:
        ratios[name] = round(value, 4)
        print(f"  {name:<36} {value:>12.3f}")

    assert POLICY.decide(TOOL, ARGS, agent=AGENT, resource=RESOURCE, context=CONTEXT)
    size = len(json.dumps(CALL))
    text = json.dumps(CALL)
    medians = compare(
        f"a call of {size} bytes",
        {
            "nothing": lambda: None,
            "json.dumps": lambda: json.dumps(CALL),
            "decide": lambda: POLICY.decide(TOOL, ARGS, agent=AGENT, resource=RESOURCE, context=CONTEXT),
            "decide_json": lambda: POLICY.decide_json(text),
            "cedarpy": by_cedarpy(),
            "casbin": by_casbin(),
        },
    )
    empty = medians["nothing"]
    decide = medians["decide"] - empty
    ratio("py_decide_vs_dumps", decide / (medians["json.dumps"] - empty))
    ratio("py_cedarpy_vs_decide", (medians["cedarpy"] - empty) / decide)
    ratio("py_casbin_vs_decide", (medians["casbin"] - empty) / decide)
    for name in ("decide", "decide_json", "cedarpy", "casbin"):
        ratios[f"py_{name}_ns"] = round(medians[name] - empty, 1)

    plain, guard, alone = guarded()
    medians = compare("a guarded function", {"nothing": lambda: None, "plain": plain, "guarded": guard, "decide": alone})
    ratio("py_guard_vs_decide", (medians["guarded"] - medians["plain"]) / (medians["decide"] - medians["nothing"]))

    path = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/perso-bench.json")
    known = json.loads(path.read_text()) if path.exists() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**known, **ratios}, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()

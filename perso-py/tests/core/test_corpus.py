"""The corpus that every runner runs, here as JSON text and as Python values."""

from pathlib import Path

import pytest

from support import corpus


@pytest.mark.parametrize("path", corpus.FILES, ids=lambda path: path.name)
def test_conformance(path: Path) -> None:
    check(path)


@pytest.mark.parametrize("path", corpus.HOSTILE, ids=lambda path: path.name)
def test_hostile(path: Path) -> None:
    check(path)


def check(path: Path) -> None:
    policy, cases = corpus.read(path)
    wrong, judged = [], 0
    for case in cases:
        ways = [(way, decision, case.expected) for way, decision in corpus.by_json(policy, case)]
        ways += [(way, decision, case.as_value) for way, decision in corpus.by_value(policy, case)]
        judged += len(ways)
        for way, decision, expected in ways:
            if corpus.shown(decision, expected) != expected:
                wrong.append(f"{case.name}, {way}: expected {expected}, got {decision}")
    assert judged >= len(cases)
    assert not wrong, "\n".join(wrong)


def test_most_cases_are_judged_as_values() -> None:
    judged = total = 0
    for path in corpus.FILES:
        policy, cases = corpus.read(path)
        total += len(cases)
        judged += sum(1 for case in cases if list(corpus.by_value(policy, case)))
    assert total > 600
    assert judged > 0.9 * total

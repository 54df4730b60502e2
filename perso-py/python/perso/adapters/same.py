"""Compares values as JSON."""

from __future__ import annotations

from typing import Any

from perso.guard.own import SCALARS


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON. `1`, `1.0` and `True` differ. Works at any depth.

    >>> is_same({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]})
    True
    >>> is_same({"a": 1}, {"a": True}) or is_same([1], [1, 1]) or is_same({"a": 1}, {"b": 1})
    False
    """
    rest = [(one, other)]
    while rest:
        a, b = rest.pop()
        kind = type(a)
        if kind is not type(b):
            return False
        if kind is dict:
            if a.keys() != b.keys():
                return False
            rest.extend((value, b[key]) for key, value in a.items())
        elif kind is list:
            if len(a) != len(b):
                return False
            rest.extend(zip(a, b, strict=True))
        elif a is not b and not (kind in SCALARS and a == b):
            return False
    return True

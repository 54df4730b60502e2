"""A guard's own copy of a call's arguments, and a watch on the objects that are not copied.

`own` copies Python's containers and keeps objects of other classes as they are. The policy can read some of these: dataclasses,
pydantic models and mappings. `Watched` detects whether one of them changes while the call is judged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from perso._perso import MOST_VALUES, NotOwned, own

__all__ = ["MOST_VALUES", "SCALARS", "NotOwned", "Watched", "own"]

SCALARS = frozenset((str, int, float, bool, type(None)))
PLAIN = frozenset((dict, list, tuple))

NOT_ARGUMENTS = ("self", "cls")
"""The object or class that a method belongs to. It is not an argument, so it may change."""


class Watched:
    """The dataclasses, pydantic models and mappings in arguments that `own` returned, and what they contained."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.before = _records(args)

    def has_changed(self) -> bool:
        """Whether the objects have changed, or can no longer be read."""
        if self.before is None:
            return False
        try:
            after = _records(self.args)
            return (
                after is None
                or len(after) != len(self.before)
                or any(type(a) is not type(b) or not (a is b or a == b) for a, b in zip(self.before, after, strict=True))
            )
        except Exception:
            return True


def _records(args: Any) -> list[Any] | None:
    """The values in arguments, in a fixed order, with those inside dataclasses, pydantic models and mappings.

    Returns `None` if the arguments contain no such object, so that nothing has to be watched.
    """
    rest = [value for key, value in args.items() if key not in NOT_ARGUMENTS] if type(args) is dict else [args]
    if SCALARS.issuperset(map(type, rest)):
        return None
    found: list[Any] = []
    has_records = False
    seen: dict[int, Any] = {}
    left = MOST_VALUES
    while rest:
        value = rest.pop()
        parts = None if type(value) in SCALARS else _parts(value)
        if parts is None:
            found.append(value)
            continue
        has_records = has_records or type(value) not in PLAIN
        if id(value) in seen:
            continue
        seen[id(value)] = value
        before = len(rest)
        for part in parts:
            left -= 1
            if left < 0:
                raise NotOwned(f"the arguments have more than {MOST_VALUES} values")
            rest.append(part)
        found.append(len(rest) - before)
    return found if has_records else None


def _parts(value: Any) -> Iterable[Any] | None:
    """The values inside a value that a policy can read. `None` if it is not a container."""
    kind = type(value)
    if issubclass(kind, dict):
        return (part for item in dict.items(value) for part in item)
    if issubclass(kind, (list, tuple)):
        return (part for part in value)
    if dataclasses.is_dataclass(kind):
        return (getattr(value, field.name) for field in dataclasses.fields(kind))
    fields = getattr(kind, "__pydantic_fields__", None)
    if isinstance(fields, dict):
        extra = getattr(value, "__pydantic_extra__", None)
        return (*(getattr(value, name) for name in fields), *((extra,) if type(extra) is dict else ()))
    if issubclass(kind, Mapping):
        return (part for key in value for part in (key, value[key]))
    return None

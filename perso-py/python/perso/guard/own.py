"""A guard's own copy of a call's arguments, so that nobody can change them between judging and running.

What is copied is what Python itself builds values from: `dict`, `list`, `tuple`, `set` and `bytearray`, each exactly of that
class. Scalars are kept, because they cannot change. Objects of any other class are kept as well: a copy of a database
connection would be no connection. `Watched` notices when one changes of which a policy can read something.

Nothing here recurses, so that depth breaks nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MOST_VALUES = 1 << 20
"""The most values in the arguments of one call: more than 2 MB of JSON text can have."""

SCALARS = frozenset((str, int, float, bool, type(None)))
TEXT = frozenset((str,))
PLAIN = frozenset((dict, list, tuple))


class NotOwned(ValueError):
    """Arguments that a guard cannot copy whole. Its text says why."""


def own(value: Any, *, is_json: bool = False) -> Any:
    """A copy of `value` that shares no `dict`, `list`, `tuple`, `set` or `bytearray` with it.

    With `is_json`, `value` must be what a JSON text can say: anything else raises `NotOwned`, and so do values that contain
    themselves and values that are too large.

    >>> rows = [1]
    >>> copy = own({"a": rows, "b": rows})
    >>> rows.append(2)
    >>> copy
    {'a': [1], 'b': [1]}
    >>> copy["a"] is copy["b"]
    True
    """
    # Most calls have scalars only.
    if type(value) is dict and SCALARS.issuperset(map(type, value.values())) and len(value) <= MOST_VALUES:
        if is_json and not TEXT.issuperset(map(type, value)):
            raise NotOwned("a key of the arguments is no string")
        return value.copy()
    return _Copying(is_json).all_of(value)


class _Open:
    """A container that is being copied."""

    __slots__ = ("original", "kind", "keys", "rest", "parts")

    keys: tuple[Any, ...]
    rest: Iterator[Any]
    parts: list[Any]

    def __init__(self, original: Any) -> None:
        self.original = original
        self.kind = type(original)
        # What is gone through is a copy already: a thread may change the original meanwhile.
        if self.kind is dict:
            held = original.copy()
            self.keys = tuple(held)
            self.rest = iter(tuple(held.values()))
        else:
            self.keys = ()
            self.rest = iter(tuple(original))
        self.parts = []

    def close(self) -> Any:
        if self.kind is dict:
            made = dict(zip(self.keys, self.parts))
            if len(made) != len(self.keys):
                raise NotOwned("two keys of the arguments became equal")
            return made
        return self.parts if self.kind is list else tuple(self.parts)


class _Copying:
    """Copies a value in one walk, each container after what is in it."""

    def __init__(self, is_json: bool) -> None:
        self.is_json = is_json
        self.walked = frozenset((dict, list)) if is_json else PLAIN
        self.left = MOST_VALUES
        # By `id`, with the original, so that no other value can get its `id` meanwhile.
        self.made: dict[int, tuple[Any, Any]] = {}
        self.open: list[_Open] = []
        self.path: set[int] = set()

    def all_of(self, value: Any) -> Any:
        kind = type(value)
        if kind not in self.walked:
            return value if kind in SCALARS else self.leaf(value)
        self.enter(value)
        while True:
            top = self.open[-1]
            for item in top.rest:
                kind = type(item)
                if kind in SCALARS:
                    top.parts.append(item)
                elif kind not in self.walked:
                    top.parts.append(self.leaf(item))
                elif id(item) in self.made:
                    top.parts.append(self.made[id(item)][1])
                else:
                    self.enter(item)
                    break
            else:
                made = self.leave()
                if not self.open:
                    return made
                self.open[-1].parts.append(made)

    def enter(self, value: Any) -> None:
        if id(value) in self.path:
            raise NotOwned("the arguments contain themselves")
        self.count(len(value) + 1)
        opened = _Open(value)
        if self.is_json and not TEXT.issuperset(map(type, opened.keys)):
            raise NotOwned("a key of the arguments is no string")
        self.path.add(id(value))
        self.open.append(opened)

    def leave(self) -> Any:
        closed = self.open.pop()
        made = closed.close()
        self.path.remove(id(closed.original))
        self.made[id(closed.original)] = closed.original, made
        return made

    def leaf(self, value: Any) -> Any:
        """What is not gone into: sets hold nothing that changes, and of other classes nothing is known."""
        if self.is_json:
            raise NotOwned(f"the arguments have a `{type(value).__name__}`, which JSON has not")
        kind = type(value)
        if kind is not set and kind is not bytearray:
            return value
        if id(value) not in self.made:
            if kind is set:
                self.count(len(value))
            self.made[id(value)] = value, value.copy()
        return self.made[id(value)][1]

    def count(self, values: int) -> None:
        self.left -= values
        if self.left < 0:
            raise NotOwned(f"the arguments have more than {MOST_VALUES} values")


# Objects of other classes.

NOT_ARGUMENTS = ("self", "cls")
"""What a method belongs to, which is no argument of a call and may change as it likes."""


class Watched:
    """The objects of other classes in arguments that `own` made, and how they were."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.before = _records(args)

    def has_changed(self) -> bool:
        """Whether what can be read of them is no longer what it was, or can no longer be read."""
        if self.before is None:
            return False
        try:
            after = _records(self.args)
            return (
                after is None
                or len(after) != len(self.before)
                or any(type(a) is not type(b) or not (a is b or a == b) for a, b in zip(self.before, after))
            )
        except Exception:
            return True


def _records(args: Any) -> list[Any] | None:
    """What can be read of the dataclasses, pydantic models and mappings in arguments, one after the other; `None` without any."""
    if type(args) is dict:
        rest = [value for key, value in args.items() if key not in NOT_ARGUMENTS]
    else:
        rest = [args]
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
    """What a value is made of, as far as a policy can read it; `None` if it is one thing."""
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

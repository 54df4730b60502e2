"""Shows a policy the values that a tool's function runs with.

A server makes the function's arguments from the arguments of the call: it applies aliases and defaults, parses text as JSON,
and creates objects. Policies are written for the arguments of the call. `as_run` puts the function's values in their places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import AliasChoices, BaseModel, RootModel, TypeAdapter
from pydantic.fields import FieldInfo

from perso.adapters.same import is_same
from perso.guard.own import SCALARS

NUMBERS = (int, float)


class _Missing:
    """Stands for a value that the client did not send."""


MISSING = _Missing()


def as_run(sent: Any, runs: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """The arguments as `sent` by the client, with the values that the function `runs` with in their places.

    - A value that JSON can represent is the one that the function gets. Objects have it under the names of their fields and
      under the names that the client sent.
    - A value of another class, such as a `datetime`, is the text that the client sent, if that text parses to this value.
      Otherwise it is the value itself, which a policy cannot read.
    - A default that the client did not send is missing, as it was when the call was judged.

    `fields` are the fields of the model that parses the arguments.

    >>> as_run({"path": " /etc "}, {"path": "/etc", "depth": 3}, {"path": FieldInfo(), "depth": FieldInfo(default=3)})
    {'path': '/etc'}
    >>> as_run({"path": "/ok", "p": "/etc"}, {"path": "/etc"}, {"path": FieldInfo(validation_alias="p")})
    {'path': '/etc', 'p': '/etc'}
    """
    return _object(sent, runs, fields)


def _object(sent: Any, runs: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    is_sent = type(sent) is dict
    known: dict[str, Any] = sent if is_sent else {}
    view = dict(known)
    for name, value in runs.items():
        field = fields.get(name)
        names = (name, *_aliases(field))
        given = [known[other] for other in names if other in known]
        if not given and is_sent and field is not None and not _is_renamed(field):
            # The client did not send it: it is a default.
            continue
        for other in names:
            if other in known:
                view[other] = _value(known[other], value)
        if name not in known:
            view[name] = _value(given[0] if given else MISSING, value)
    return view


def _value(sent: Any, runs: Any) -> Any:
    kind = type(runs)
    if kind in SCALARS:
        # `5` and `5.0` are the same number.
        return sent if type(sent) in NUMBERS and kind in NUMBERS and sent == runs else runs
    if is_same(sent, runs):
        return sent
    if isinstance(runs, RootModel):
        return _value(sent, runs.root)
    if isinstance(runs, BaseModel):
        fields = kind.model_fields
        return _object(sent, {**{name: getattr(runs, name) for name in fields}, **(runs.model_extra or {})}, fields)
    if dataclasses.is_dataclass(kind):
        return _object(sent, {field.name: getattr(runs, field.name) for field in dataclasses.fields(kind)}, {})
    if kind is dict:
        return _object(sent, runs, {})
    if kind is list or kind is tuple:
        known = sent if type(sent) is list and len(sent) == len(runs) else [MISSING] * len(runs)
        return [_value(one, other) for one, other in zip(known, runs, strict=True)]
    return sent if _means(kind, sent, runs) else runs


def _aliases(field: FieldInfo | None) -> Iterator[str]:
    """The other names under which a client can send a field."""
    if field is None:
        return
    for alias in (field.alias, field.validation_alias):
        for choice in alias.choices if isinstance(alias, AliasChoices) else (alias,):
            if isinstance(choice, str):
                yield choice


def _is_renamed(field: FieldInfo) -> bool:
    return field.alias is not None or field.validation_alias is not None


def _means(kind: type, sent: Any, value: Any) -> bool:
    """Whether `sent`, parsed as the class `kind`, is equal to `value`."""
    adapter = None if sent is MISSING else _adapter(kind)
    try:
        return adapter is not None and bool(adapter.validate_python(sent) == value)
    except Exception:
        return False


@lru_cache(maxsize=256)
def _adapter(kind: type) -> TypeAdapter[Any] | None:
    try:
        return TypeAdapter(kind)
    except Exception:
        return None

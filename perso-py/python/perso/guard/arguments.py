"""A call's arguments by name, defaults among them: a default argument is an argument."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any


def binder(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """A function with the same parameters that returns its arguments by name.

    >>> def send(to, subject="hello", *files, copy=False, **headers): ...
    >>> binder(send)("ann", copy=True, priority=1)
    {'to': 'ann', 'subject': 'hello', 'files': [], 'copy': True, 'priority': 1}
    """
    kinds = inspect.Parameter
    parameters = inspect.signature(function).parameters.values()
    defaults = tuple(p.default for p in parameters if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY)
    keyword_defaults = {p.name: p.default for p in parameters if p.default is not p.empty and p.kind is p.KEYWORD_ONLY}
    # The names are identifiers, which a signature makes sure of; the defaults are put in afterwards.
    places = [p.replace(annotation=kinds.empty, default=kinds.empty if p.default is kinds.empty else None) for p in parameters]
    items = []
    twice: list[str] = []
    rest = None
    for parameter in parameters:
        if parameter.kind is kinds.VAR_KEYWORD:
            rest = parameter.name
        elif parameter.kind is kinds.VAR_POSITIONAL:
            items.append(f"{parameter.name!r}: [*{parameter.name}]")
            twice.append(parameter.name)
        else:
            items.append(f"{parameter.name!r}: {parameter.name}")
            if parameter.kind is kinds.POSITIONAL_ONLY:
                twice.append(parameter.name)
    check = ""
    if rest:
        items.append(f"**{rest}")
        # With `**rest` a name can be used for two arguments.
        check = "".join(f"    if {name!r} in {rest}: raise TypeError('`{name}` names two arguments')\n" for name in twice)
    source = f"def bind{inspect.Signature(places)}:\n{check}    return {{{', '.join(items)}}}\n"
    scope: dict[str, Any] = {}
    exec(compile(source, "<perso: arguments by name>", "exec"), {}, scope)
    bind = scope["bind"]
    assert isinstance(bind, types.FunctionType)
    bind.__name__ = bind.__qualname__ = getattr(function, "__name__", "call")
    bind.__defaults__ = defaults or None
    bind.__kwdefaults__ = keyword_defaults or None
    return bind

"""Wraps a function, so that each call is judged by its arguments, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Literal

Kind = Literal["function", "coroutine", "generator", "async generator"]

ADMIT = """{check}    {own}args = {wait}{own}admit({own}tool, {args})
    {run}
"""

BODIES: dict[Kind, tuple[str, str, str]] = {
    "function": ("def", "", "return {own}function({call})"),
    "coroutine": ("async def", "await ", "return await {own}function({call})"),
    "generator": ("def", "", "return (yield from {own}function({call}))"),
    "async generator": (
        "async def",
        "await ",
        "async with {own}closing({own}function({call})) as {own}items:\n"
        "        async for {own}item in {own}items: yield {own}item",
    ),
}
"""For each kind of function: the keyword that defines the wrapper, how it waits for the verdict, and how it runs the function.

A generator is judged when its body starts to run, which may be long after the generator was created.
"""


def around(function: Callable[..., Any], admit: Callable[..., Any], tool: str, kind: Kind) -> Callable[..., Any]:
    """Wraps `function` in one with the same parameters that calls `admit` before each call.

    `admit` gets the tool and the arguments by name, including defaults. The function runs only with the arguments that `admit`
    returns. If `admit` raises, the function does not run.

    >>> def admit(tool, args):
    ...     print(tool, args)
    ...     return {**args, "subject": "as judged"}
    >>> def send(to, subject="hello", *files, copy=False, **headers):
    ...     return to, subject, files, copy, headers
    >>> around(send, admit, "mail", "function")("ann", copy=True, priority=1)
    mail {'to': 'ann', 'subject': 'hello', 'files': [], 'copy': True, 'priority': 1}
    ('ann', 'as judged', (), True, {'priority': 1})

    The wrapper is compiled from source, as `dataclasses` does it, so that Python itself binds the arguments and reports those
    that do not fit. `inspect.Signature` makes sure that all names in the source are identifiers.
    """
    parameters = list(inspect.signature(function).parameters.values())
    # A prefix for the wrapper's own names that no parameter has.
    own = "own_"
    while any(parameter.name.startswith(own) for parameter in parameters):
        own += "_"
    places, items, call, twice, rest = [], [], [], [], None
    for parameter in parameters:
        name = parameter.name
        default = parameter.empty if parameter.default is parameter.empty else None
        places.append(parameter.replace(annotation=parameter.empty, default=default))
        if parameter.kind is parameter.VAR_KEYWORD:
            rest = name
            continue
        many = parameter.kind is parameter.VAR_POSITIONAL
        items.append(f"{name!r}: [*{name}]" if many else f"{name!r}: {name}")
        argument = f"{own}args[{name!r}]"
        call.append(f"*{argument}" if many else f"{name}={argument}" if parameter.kind is parameter.KEYWORD_ONLY else argument)
        if many or parameter.kind is parameter.POSITIONAL_ONLY:
            twice.append(name)
    check = ""
    if rest:
        items.append(f"**{rest}")
        call.append(f"**{{{own}name: {own}args[{own}name] for {own}name in {rest}}}")
        # With `**rest`, a keyword can have the name of a positional-only or `*` parameter. Rules would see only one of them.
        check = "".join(f"    if {name!r} in {rest}: raise TypeError('`{name}` names two arguments')\n" for name in twice)
    begin, wait, run = BODIES[kind]
    names = {"check": check, "args": f"{{{', '.join(items)}}}", "call": ", ".join(call), "own": own, "wait": wait}
    source = f"{begin} wrapper{inspect.Signature(places)}:\n" + ADMIT.format(run=run.format(**names), **names)
    scope: dict[str, Any] = {f"{own}admit": admit, f"{own}tool": tool, f"{own}function": function, f"{own}closing": aclosing}
    exec(compile(source, "<perso: a guarded call>", "exec"), scope)
    wrapper = scope["wrapper"]
    # Defaults can be any object, so they cannot be in the source.
    wrapper.__defaults__ = (
        tuple(p.default for p in parameters if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY) or None
    )
    wrapper.__kwdefaults__ = {
        p.name: p.default for p in parameters if p.default is not p.empty and p.kind is p.KEYWORD_ONLY
    } or None
    guarded: Callable[..., Any] = wrapper
    return guarded

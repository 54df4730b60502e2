"""A function around another, with the same parameters, that judges each call by its arguments by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

Kind = Literal["function", "coroutine", "async generator"]

BODIES: dict[Kind, str] = {
    "function": """def wrapper{signature}:
{check}    {own}args = {args}
    {own}denied = {own}judge({own}tool, {own}args, {own}args)
    if {own}denied is not None: raise {own}denied
    return {own}function({call})
""",
    "coroutine": """async def wrapper{signature}:
{check}    {own}args = {args}
    {own}denied = await {own}judge({own}tool, {own}args, {own}args)
    if {own}denied is not None: raise {own}denied
    return await {own}function({call})
""",
    "async generator": """async def wrapper{signature}:
{check}    {own}args = {args}
    {own}denied = await {own}judge({own}tool, {own}args, {own}args)
    if {own}denied is not None: raise {own}denied
    async for {own}item in {own}function({call}): yield {own}item
""",
}


def around(function: Callable[..., Any], judge: Callable[..., Any], tool: str, kind: Kind) -> Callable[..., Any]:
    """A function with the parameters of `function`, which tells `judge` each call before it runs: the tool, and the arguments
    by name, defaults among them, because a default argument is an argument. What `judge` returns is raised; with `None` the
    call runs, with the very arguments that were judged.

    >>> def send(to, subject="hello", *files, copy=False, **headers): ...
    >>> around(send, lambda tool, args, told: print(tool, args), "mail", "function")("ann", copy=True, priority=1)
    mail {'to': 'ann', 'subject': 'hello', 'files': [], 'copy': True, 'priority': 1}

    It is compiled, as `dataclasses` and `inspect.Signature` make sure that the names are identifiers: Python itself then puts
    arguments in their places, and says what is wrong with those that do not fit.
    """
    parameters = list(inspect.signature(function).parameters.values())
    # What the wrapper itself needs has names that no parameter has.
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
        call.append(f"*{name}" if many else f"{name}={name}" if parameter.kind is parameter.KEYWORD_ONLY else name)
        if many or parameter.kind is parameter.POSITIONAL_ONLY:
            twice.append(name)
    check = ""
    if rest:
        items.append(f"**{rest}")
        call.append(f"**{rest}")
        # With `**rest` a name can be used for two arguments.
        check = "".join(f"    if {name!r} in {rest}: raise TypeError('`{name}` names two arguments')\n" for name in twice)
    source = BODIES[kind].format(
        signature=inspect.Signature(places), check=check, args=f"{{{', '.join(items)}}}", call=", ".join(call), own=own
    )
    scope: dict[str, Any] = {f"{own}judge": judge, f"{own}tool": tool, f"{own}function": function}
    exec(compile(source, "<perso: a guarded call>", "exec"), scope)
    wrapper = scope["wrapper"]
    # Values that source can not have in it.
    wrapper.__defaults__ = tuple(p.default for p in parameters if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY) or None
    wrapper.__kwdefaults__ = {p.name: p.default for p in parameters if p.default is not p.empty and p.kind is p.KEYWORD_ONLY} or None
    guarded: Callable[..., Any] = wrapper
    return guarded

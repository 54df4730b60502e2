"""Functions of the host, sync or async."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import anyio

from perso.guard.threads import Threads


class Asked:
    """A function of the host that is asked something. It may be async, and may take fewer arguments than it is offered."""

    def __init__(self, function: Callable[..., Any], told: int) -> None:
        if not callable(function):
            raise TypeError(f"{function!r} cannot be called")
        self.function = function
        self.name: str = getattr(function, "__qualname__", None) or type(function).__qualname__
        # A class with an async `__call__` is async too.
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004 - not a test.
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
        self.threads = Threads(self.name)
        self.told = told
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return
        for count in range(told, -1, -1):
            try:
                signature.bind(*range(count))
            except TypeError:
                continue
            self.told = count
            return
        raise TypeError(f"{function!r} takes more than the {told} arguments that it gets")

    def now(self, *told: Any) -> Any:
        """Asks from code that cannot wait."""
        answer = self.function(*told[: self.told])
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise TypeError(f"{self.function!r} is async, and what it guards is not")
        return answer

    async def wait(self, *told: Any, seconds: float) -> Any:
        """Asks without blocking the event loop: a function that is not async runs in a thread."""
        told = told[: self.told]
        with anyio.move_on_after(seconds):
            if self.is_async:
                return await self.function(*told)
            answer = await self.threads.run(lambda: self.function(*told))
            return await answer if inspect.isawaitable(answer) else answer
        raise TimeoutError(f"`{self.name}` did not answer within {seconds:g} seconds")

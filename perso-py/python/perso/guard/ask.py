"""Calls the host's functions in the settings, sync or async."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import anyio

from perso.guard.threads import Threads


class Asked:
    """A function of the host. It may be async, and may take fewer arguments than the guard offers."""

    def __init__(self, function: Callable[..., Any], offered: int) -> None:
        if not callable(function):
            raise TypeError(f"{function!r} cannot be called")
        self.function = function
        self.name: str = getattr(function, "__qualname__", None) or type(function).__qualname__
        # An object with an async `__call__` is async too.
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004 - not a test
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
        self.threads = Threads(self.name)
        self.count = offered
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return
        for count in range(offered, -1, -1):
            try:
                signature.bind(*range(count))
            except TypeError:
                continue
            self.count = count
            return
        raise TypeError(f"{function!r} takes more than the {offered} arguments that it gets")

    def now(self, *args: Any) -> Any:
        """Calls the function from sync code. Raises `TypeError` if it returns an awaitable."""
        answer = self.function(*args[: self.count])
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise TypeError(f"{self.function!r} is async, but the guarded function is not")
        return answer

    async def wait(self, *args: Any, seconds: float) -> Any:
        """Calls the function without blocking the event loop: a sync function runs in a thread.

        Raises `TimeoutError` after `seconds`.
        """
        args = args[: self.count]
        with anyio.move_on_after(seconds):
            if self.is_async:
                return await self.function(*args)
            answer = await self.threads.run(lambda: self.function(*args))
            return await answer if inspect.isawaitable(answer) else answer
        raise TimeoutError(f"`{self.name}` did not answer within {seconds:g} seconds")

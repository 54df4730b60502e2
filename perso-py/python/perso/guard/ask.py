"""Functions of the host, sync or async."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import anyio.to_thread


class Asked:
    """A function of the host's that is asked something. It may be async, and need not take what it is told."""

    def __init__(self, function: Callable[..., Any], told: int) -> None:
        if not callable(function):
            raise TypeError(f"{function!r} can not be called")
        self.function = function
        # A class with an async `__call__` is async too.
        called = function if inspect.isroutine(function) else getattr(function, "__call__", function)
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
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
        raise TypeError(f"{function!r} takes more than the {told} arguments that it is told")

    def now(self, *told: Any) -> Any:
        """Asks from code that can't wait."""
        answer = self.function(*told[: self.told])
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise TypeError(f"{self.function!r} is async, and what it guards is not")
        return answer

    async def wait(self, *told: Any, seconds: float | None = None) -> Any:
        """Asks without keeping others waiting: a function that is not async runs in a thread."""
        told = told[: self.told]
        with anyio.fail_after(seconds):
            if self.is_async:
                return await self.function(*told)
            answer = await anyio.to_thread.run_sync(lambda: self.function(*told), abandon_on_cancel=True)
            return await answer if inspect.isawaitable(answer) else answer

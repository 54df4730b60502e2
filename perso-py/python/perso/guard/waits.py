"""The two ways in which a guard waits: sync code blocks its thread, and async code lets the event loop go on.

What a guard does is written once, as coroutines that wait through a `Waits`. With `NOW` they never suspend, so that `at_once`
runs them from sync code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from perso.guard.ask import Asked
from perso.guard.threads import Threads

T = TypeVar("T")


class Waits(Protocol):
    """A way to wait."""

    blocks: bool
    """Whether it may block the thread."""

    async def ask(self, asked: Asked, *args: Any, seconds: float) -> Any:
        """Calls a function of the host. Raises `TimeoutError` after `seconds`, if it can."""

    async def run(self, operation: Callable[[], T], threads: Threads, drop: Callable[[T], None] | None = None) -> T:
        """Runs an operation that blocks, to its end. If the task is cancelled meanwhile, `drop` gets the result."""

    async def finish(self, operation: Callable[[], None], threads: Threads) -> None:
        """Runs an operation that blocks, whatever happens to the task. It does not raise, and may run twice."""

    async def sleep(self, seconds: float) -> None:
        """Waits for some time."""


class _Now:
    """For sync code."""

    blocks = True

    async def ask(self, asked: Asked, *args: Any, seconds: float) -> Any:
        return asked.now(*args)

    async def run(self, operation: Callable[[], T], threads: Threads, drop: Callable[[T], None] | None = None) -> T:
        return operation()

    async def finish(self, operation: Callable[[], None], threads: Threads) -> None:
        operation()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _Later:
    """For async code."""

    blocks = False

    async def ask(self, asked: Asked, *args: Any, seconds: float) -> Any:
        return await asked.wait(*args, seconds=seconds)

    async def run(self, operation: Callable[[], T], threads: Threads, drop: Callable[[T], None] | None = None) -> T:
        # The shield keeps off the cancel scopes of anyio. asyncio can cancel a task in spite of it: then the thread drops the
        # result.
        with anyio.CancelScope(shield=True):
            result = await threads.run(operation, drop)
        try:
            # The scopes have waited.
            await checkpoint_if_cancelled()
        except BaseException:
            if drop is not None:
                await threads.surely(partial(drop, result))
            raise
        return result

    async def finish(self, operation: Callable[[], None], threads: Threads) -> None:
        await threads.surely(operation)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


NOW: Waits = _Now()
LATER: Waits = _Later()


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine that does not suspend, because it waits with `NOW`.

    >>> async def double(number: int) -> int:
    ...     await NOW.sleep(0)
    ...     return 2 * number
    >>> at_once(double(4))
    8
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a guard of sync code cannot wait")

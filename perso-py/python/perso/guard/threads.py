"""Threads for a sync function of the host."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

MOST_THREADS = 40
"""The maximum number of threads for one function in one event loop."""


class Threads:
    """The threads of one function.

    A thread cannot be stopped. If a call is abandoned while the function still runs, its thread is lost until the function
    returns, and still counts toward `MOST_THREADS`. While all threads are lost, further calls fail at once. While all are
    merely busy, further calls wait. The event loop's own threads are not used.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = 0
        self.lock = Lock()

    async def run(self, function: Callable[[], T], drop: Callable[[T], None] | None = None) -> T:
        """Runs `function`, which must call this object's function. Abandons it if the calling task is cancelled.

        If it is abandoned and returns nevertheless, `drop` gets the result, in a thread. It does not raise.
        """
        limiter = self._limiter()
        async with limiter:
            if self.lost >= MOST_THREADS:
                raise TimeoutError(f"`{self.name}` is busy: {self.lost} calls are still waiting for it")
            call = _Call(self, function, drop)
            try:
                result: T = await anyio.to_thread.run_sync(call.run, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))
                call.is_received = True
                return result
            finally:
                call.give_up()
                limiter.total_tokens = self._left()

    async def surely(self, function: Callable[[], None]) -> None:
        """Runs `function`, also if the calling task is cancelled or no thread is left. It does not raise, and may run twice."""
        try:
            with anyio.CancelScope(shield=True):
                await self.run(function)
        except BaseException as error:
            Thread(target=function, name="perso").start()
            if not isinstance(error, Exception):
                raise

    def _left(self) -> int:
        # At least one, so that waiting calls get to run and fail with the error that all threads are lost.
        return max(1, MOST_THREADS - self.lost)

    def _limiter(self) -> anyio.CapacityLimiter:
        try:
            limiters = _limiters.get()
        except LookupError:
            limiters = WeakKeyDictionary()
            _limiters.set(limiters)
        limiter = limiters.get(self)
        if limiter is None:
            limiter = limiters[self] = anyio.CapacityLimiter(MOST_THREADS)
        # Lost threads may have returned.
        limiter.total_tokens = self._left()
        return limiter


_limiters: RunVar[WeakKeyDictionary[Threads, anyio.CapacityLimiter]] = RunVar("perso_limiters")


class _Call:
    """A call in a thread. It counts as lost from the time it is abandoned until it ends."""

    def __init__(self, threads: Threads, function: Callable[[], Any], drop: Callable[[Any], None] | None) -> None:
        self.threads = threads
        self.function = function
        self.drop = drop
        self.is_running = False
        self.is_given_up = False
        self.results: list[Any] = []
        """The result, if there is one."""
        self.is_received = False

    def run(self) -> Any:
        with self.threads.lock:
            if self.is_given_up:
                return None
            self.is_running = True
        try:
            result = self.function()
            self.results.append(result)
        finally:
            with self.threads.lock:
                self.is_running = False
                is_dropped = self.is_given_up
                if self.is_given_up:
                    self.threads.lost -= 1
        if is_dropped and self.drop is not None:
            self.drop(result)
        return result

    def give_up(self) -> None:
        with self.threads.lock:
            self.is_given_up = True
            if self.is_running:
                self.threads.lost += 1
                return
        if self.results and not self.is_received and self.drop is not None:
            # The task was cancelled after the thread had ended.
            Thread(target=self.drop, args=self.results, name="perso").start()

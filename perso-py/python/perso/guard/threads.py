"""Threads for a function of the host that is not async."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

MOST_THREADS = 40
"""The most threads that one function has in one event loop."""


class Threads:
    """The threads of one function.

    No thread can be stopped. Where a call is given up while the function still runs, its thread is lost until the function
    returns, and counts as one of `MOST_THREADS`. While all are lost, further calls fail at once; while all are just busy, they
    wait. The event loop's own threads are left alone.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = 0
        self.lock = Lock()

    async def run(self, function: Callable[[], Any]) -> Any:
        """Runs it, which must be a call of the one function, and gives it up when the caller is cancelled."""
        limiter = self._limiter()
        async with limiter:
            if self.lost >= MOST_THREADS:
                raise TimeoutError(f"`{self.name}` is busy: {self.lost} calls are still waiting for it")
            call = _Call(self, function)
            try:
                return await anyio.to_thread.run_sync(call.run, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))
            finally:
                call.give_up()
                limiter.total_tokens = self._left()

    def _left(self) -> int:
        # One at least, so that those who wait learn that all are lost.
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
        # Threads that were lost may have come back.
        limiter.total_tokens = self._left()
        return limiter


_limiters: RunVar[WeakKeyDictionary[Threads, anyio.CapacityLimiter]] = RunVar("perso_limiters")


class _Call:
    """A call in a thread, which counts as lost from when it is given up until it ends."""

    def __init__(self, threads: Threads, function: Callable[[], Any]) -> None:
        self.threads = threads
        self.function = function
        self.is_running = False
        self.is_given_up = False

    def run(self) -> Any:
        with self.threads.lock:
            if self.is_given_up:
                return None
            self.is_running = True
        try:
            return self.function()
        finally:
            with self.threads.lock:
                self.is_running = False
                if self.is_given_up:
                    self.threads.lost -= 1

    def give_up(self) -> None:
        with self.threads.lock:
            self.is_given_up = True
            if self.is_running:
                self.threads.lost += 1

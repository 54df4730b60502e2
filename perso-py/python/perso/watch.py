"""A policy that follows a file."""

from __future__ import annotations

import os
import threading
import weakref

from perso._perso import files
from perso.guard.event import logger
from perso.policy import Path, Policy, read


class Watched(Policy):
    """A policy that reloads whenever its file changes, until you close it or no longer use it. A context manager closes it."""

    _end: threading.Event

    def __new__(cls, path: Path, *, interval: float = 1.0) -> Watched:
        seen = _look_at_all(path)
        policy = super().__new__(cls, read(path))
        policy._end = threading.Event()
        arguments = (weakref.ref(policy), path, seen, interval, policy._end)
        threading.Thread(target=_follow, args=arguments, name="perso-watch", daemon=True).start()
        weakref.finalize(policy, policy._end.set)
        return policy

    def close(self) -> None:
        """Stops watching the file. The active policy stays active."""
        self._end.set()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Seen = tuple[int, int, int, int] | None

Versions = list[tuple[Path, Seen]]
"""The versions of all files that a policy consists of: its own, and those that it extends."""


def _look(path: Path) -> Seen:
    """Identifies a version of a file. It changes as well if a symbolic link points to another file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _look_at_all(path: Path) -> Versions:
    # The policy's own file first: a change after this look is seen by the next one, whatever the list is then.
    own = _look(path)
    return [(path, own), *((file, _look(file)) for file in files(path)[1:])]


def _look_again(seen: Versions) -> Versions:
    return [(file, _look(file)) for file, _ in seen]


def _follow(reference: weakref.ref[Watched], path: Path, seen: Versions, interval: float, end: threading.Event) -> None:
    settled = seen
    while not end.wait(interval):
        looked = _look_again(seen)
        # A file that is still being written changes between two looks.
        if looked == settled:
            continue
        if looked != seen:
            seen = looked
            # Look again soon, and load the file if it has not changed since.
            if end.wait(min(interval, 0.05)):
                return
            if _look_again(seen) != looked:
                continue
        # The policy may extend other files now.
        settled = seen = _look_at_all(path)
        policy = reference()
        if policy is None:
            return
        try:
            policy.reload(path)
        except Exception as error:
            logger.error("`%s` does not load, so the active policy stays active: %s", os.fspath(path), error)
        else:
            logger.info("reloaded the policy from `%s`", os.fspath(path))
        del policy

"""What the tests' tools did in this process. Tests check this rather than the answers."""

from typing import Any

done: list[Any] = []

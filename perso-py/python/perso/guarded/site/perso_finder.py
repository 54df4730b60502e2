"""Runs a function right after the `mcp` package's servers are imported. Needs nothing but Python's own library."""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Optional

MODULE = "mcp.server.lowlevel.server"
"""Where `Server` is, in both lines of the SDK."""


def watch(guard: Callable[[ModuleType], None]) -> None:
    """Gives the module to `guard`, now or as soon as it is imported."""
    if MODULE in sys.modules:
        guard(sys.modules[MODULE])
    else:
        sys.meta_path.insert(0, _Finder(guard))


class _Finder(MetaPathFinder):
    def __init__(self, guard: Callable[[ModuleType], None]) -> None:
        self.guard = guard

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name != MODULE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_guard(module: ModuleType) -> None:
            run(module)
            self.guard(module)

        setattr(spec.loader, "exec_module", run_and_guard)
        return spec

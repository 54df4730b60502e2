"""Runs a function right after the servers of the `mcp` package are imported. Needs only the standard library."""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Optional

MODULE = "mcp.server.lowlevel.server"
"""The module that defines `Server`, in both lines of the SDK."""


def watch(guard: Callable[[ModuleType], None]) -> None:
    """Calls `guard` with the module each time it is imported, and at once if it is imported already."""
    sys.meta_path.insert(0, _Finder(guard))
    if MODULE in sys.modules:
        guard(sys.modules[MODULE])


class _Finder(MetaPathFinder):
    def __init__(self, guard: Callable[[ModuleType], None]) -> None:
        self.guard = guard

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name != MODULE:
            return None
        rest = sys.meta_path[sys.meta_path.index(self) + 1 :]
        # Ask the other finders, such as those of editable installs and of an outer guard.
        specs = (finder.find_spec(name, path, target) for finder in rest)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is None:
            return None
        run = getattr(spec.loader, "exec_module", None)
        if run is None:
            raise ImportError(f"perso cannot guard the servers of `{name}`: its loader has no `exec_module`")

        def run_and_guard(module: ModuleType) -> None:
            run(module)
            self.guard(module)

        setattr(spec.loader, "exec_module", run_and_guard)
        return spec

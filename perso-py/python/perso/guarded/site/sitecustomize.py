"""Guards the servers of a Python process that a guarded server started. Python runs this file when it starts."""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType

HERE = os.path.dirname(os.path.abspath(__file__))


def guard(module: ModuleType) -> None:
    """Guards the servers of a module of the `mcp` package, or ends the process."""
    try:
        from perso.guarded.hook import guard_all
        from perso.guarded.options import Options
        from perso.guarded.sentry import Sentry

        for options in Options.inherited():
            guard_all(module, Sentry(options))
    except Exception as error:
        os.write(2, f"perso: a guarded server started this process, and perso cannot guard it: {error!r}\n".encode())
        os._exit(1)


def run_next() -> None:
    """Runs the `sitecustomize` that Python would have run without this one."""
    spec = PathFinder.find_spec("sitecustomize", [path for path in sys.path if os.path.abspath(path) != HERE])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if "PERSO_GUARDED" in os.environ:
    from perso_finder import watch  # type: ignore[import-not-found]

    watch(guard)
run_next()

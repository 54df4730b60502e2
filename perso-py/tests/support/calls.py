"""Finds the places in a package's source that call functions or methods with certain names."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType


def calls(package: ModuleType, names: Collection[str]) -> set[str]:
    """`file where: what` for each call of one of the names in a package, methods and functions alike."""
    root = Path(package.__path__[0])
    return {
        call
        for path in sorted(root.rglob("*.py"))
        for call in _called(ast.parse(path.read_text()), path.relative_to(root).as_posix(), names, ())
    }


def _called(node: ast.AST, file: str, names: Collection[str], inside: tuple[str, ...]) -> Iterator[str]:
    for below in ast.iter_child_nodes(node):
        if isinstance(below, ast.Call):
            name = below.func.attr if isinstance(below.func, ast.Attribute) else getattr(below.func, "id", None)
            if name in names:
                yield f"{file} {'.'.join(inside)}: {ast.unparse(below.func)}"
        is_named = isinstance(below, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        yield from _called(below, file, names, (*inside, getattr(below, "name")) if is_named else inside)

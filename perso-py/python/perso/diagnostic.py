"""What is found in a policy's text."""

from __future__ import annotations

from typing import Literal, TypedDict


class Diagnostic(TypedDict):
    """A finding with its place, as ``perso compile --format json`` prints it. Lines and columns count from 1."""

    severity: Literal["error", "warning"]
    code: str
    """The kind of finding, for programs."""
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    help: str | None
    """What to do, where there is something to say."""

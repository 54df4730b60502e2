"""Errors, warnings and notes about a policy's text."""

from __future__ import annotations

from typing import Literal, TypedDict


class Diagnostic(TypedDict):
    """An error, warning or note with its position, as ``perso compile --format json`` prints it.

    Lines and columns start at 1.
    """

    severity: Literal["error", "warning", "note"]
    code: str
    """A stable identifier for programs, such as ``default-allow``."""
    message: str
    file: str
    """The path of a document that the policy extends, relative to the policy; ``policy`` for the policy's own text."""
    line: int
    column: int
    end_line: int
    end_column: int
    help: str | None
    """How to fix the problem; ``None`` if there is no advice."""

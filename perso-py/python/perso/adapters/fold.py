"""Compares names as the most lenient reader would."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Invisible marks and fillers, from Unicode's `Default_Ignorable_Code_Point`."""

PARAMS = ("name", "arguments", "task", "_meta", "inputResponses", "requestState")
"""The keys of a call that servers read."""


def folded(name: str) -> str:
    """Normalizes a name, for comparison with names in lowercase ASCII.

    Compatibility forms (NFKC), spaces, control and invisible characters, case, and the dot of an ``i`` make no difference.

    >>> folded(" Tool\u017f / call")
    'tools/call'
    """
    if name.isascii():
        return "".join(char for char in name if char.isprintable() and char != " ").lower()
    text = IGNORABLE.sub("", unicodedata.normalize("NFKC", name))
    visible = "".join(char for char in text if not char.isspace() and unicodedata.category(char)[0] != "C")
    return visible.lower().replace("i\u0307", "i").replace("\u0131", "i")


def readings(name: str) -> list[str]:
    """The folded names that readers could see in a name. Some readers stop at a NUL.

    >>> readings("tasks/update\\0x")
    ['tasks/updatex', 'tasks/update']
    """
    start, end, _ = name.partition("\0")
    return [folded(name), folded(start)] if end else [folded(name)]


def is_ambiguous(values: Any, keys: Collection[str]) -> bool:
    """Whether the values have a key that only some readers take for one of `keys`.

    >>> is_ambiguous({"name": "a", "Name": "b"}, ["name"])
    True
    """
    if not isinstance(values, Mapping):
        return False
    known = {key.lower() for key in keys}
    return any(key not in keys and not known.isdisjoint(readings(str(key))) for key in values)


def is_about_tools(method: str) -> bool:
    """Whether a method is about tools, or a lenient server could take it for one that is."""
    return any(name.startswith("tools/") or name == "tasks/update" for name in readings(method))

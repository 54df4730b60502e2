"""Runs the Python examples in the documentation. The blocks of a page run one after the other."""

import re
from pathlib import Path

import pytest

from perso import Policy
from support.policies import POLICIES, ROOT

PAGES = [ROOT / "perso-py/README.md", ROOT / "docs/python.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("support.wasm").write_bytes(Policy.load(POLICIES / "support-desk.json").module)
    text = page.read_text()
    scope: dict[str, object] = {"__name__": "documentation"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    assert blocks
    for block in blocks:
        # Padded, so that line numbers in errors are those of the page.
        lines = text[: block.start(1)].count("\n")
        exec(compile("\n" * lines + block[1], str(page), "exec"), scope)

"""A repository with a policy, its tests and its tools, and `perso` in front of the path."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/ci.md").read_text()
WORKFLOW = ROOT / "docs/ci/policy.yml"
HOOKS = ROOT / "docs/ci/pre-commit-config.yaml"
#: The folder with the linters.
TOOLS = Path(os.environ["TOOLS"])
PERSO = Path(os.environ["PERSO"])

#: A change of the policy's rules that lets more through, and breaks a guarantee.
WIDER = ('"args.path": { "within": "/srv/share" }, "args"', '"args.path": { "within": "/srv" }, "args"')


def blocks(language: str) -> list[str]:
    """The blocks of a language in the page."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


class World(unittest.TestCase):
    """A folder of its own for each test, with a home of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.repository = self.folder / "repository"
        path = [str(PERSO.parent), str(TOOLS / "venv/bin"), os.environ["PATH"]]
        self.environment = {"HOME": str(self.folder), "PATH": ":".join(path), "GIT_CONFIG_NOSYSTEM": "1", "LANG": "C.UTF-8"}
        self.repository.mkdir()
        (self.repository / "policy").mkdir()
        for name in ["filesystem.json", "filesystem.tests.json"]:
            shutil.copy(ROOT / "policies" / name, self.repository / "policy")
        shutil.copy(ROOT / "perso-core/tests/mcp-tools/server-filesystem.json", self.repository / "policy/tools.json")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "An Author")
        self.git("config", "user.email", "author@example.com")
        # The page says how the tools are approved.
        self.sh(blocks("sh")[0])

    def sh(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a script in the repository, as the page shows it."""
        ran = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=self.repository,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        self.assertEqual(ran.returncode, 0, f"{script}\n{ran.stdout}{ran.stderr}")
        return ran

    def git(self, *arguments: str) -> str:
        ran = self.try_git(*arguments)
        self.assertEqual(ran.returncode, 0, f"{arguments}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def try_git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.repository,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def edit(self, *changes: tuple[str, str], name: str = "filesystem.json") -> None:
        """Replaces texts in a file of the policy, each of which is there."""
        path = self.repository / "policy" / name
        text = path.read_text()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        path.write_text(text)

    def edit_json(self, change) -> None:
        path = self.repository / "policy/filesystem.json"
        policy = json.loads(path.read_text())
        change(policy)
        path.write_text(json.dumps(policy, indent=2))

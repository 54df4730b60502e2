"""Guards published servers without changing them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

PYTHON1 = os.environ["PERSO_PYTHON_MCP1"]


def guarded(folder: Path, policy: Any, module: str, *arguments: str, agent: Any = None) -> Client:
    (folder / "policy.json").write_text(json.dumps(policy))
    told = ["-m", "perso.guarded", "--policy", str(folder / "policy.json"), "--agent", json.dumps(agent or {})]
    return Client(StdioServerParameters(command=PYTHON1, args=[*told, module, *arguments]), mode="legacy")


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=Ann", "-c", "user.email=ann@acme.com"]
    return subprocess.run(["git", "-C", str(folder), *settings, *arguments], check=True, capture_output=True, text=True).stdout


async def text(client: Client, tool: str, /, **args: Any) -> tuple[bool, str]:
    result = await client.call_tool(tool, args)
    return not result.is_error, getattr(result.content[0], "text")


@pytest.mark.anyio
async def test_mcp_server_git(tmp_path: Path) -> None:
    repository, other = tmp_path / "repository", tmp_path / "repository-2"
    for folder in (repository, other):
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        (folder / "a").write_text("a")
        git(folder, "add", "a")
        git(folder, "commit", "-q", "-m", "first")
    policy = {
        "perso": 1,
        "rules": [
            {
                "id": "look",
                "allow": ["git_status", "git_log", "git_branch"],
                "when": {"args.repo_path": {"within": str(repository)}},
            },
            {"id": "add", "allow": "git_add", "roles": ["writer"], "when": {"args.repo_path": {"within": str(repository)}}},
            {
                "id": "topics",
                "allow": "git_create_branch",
                "roles": ["writer"],
                "when": {"args.repo_path": {"within": str(repository)}, "args.branch_name": {"glob": "topic/*"}},
                "reason": "Branches are named topic/….",
            },
        ],
    }
    async with guarded(tmp_path, policy, "mcp_server_git", agent={"roles": ["writer"]}) as client:
        tools = sorted(tool.name for tool in (await client.list_tools()).tools)
        assert tools == ["git_add", "git_branch", "git_create_branch", "git_log", "git_status"]
        assert (await text(client, "git_status", repo_path=str(repository)))[0]
        assert not (await text(client, "git_status", repo_path=str(other)))[0]
        assert not (await text(client, "git_status", repo_path=f"{repository}/../repository-2"))[0]
        assert (await text(client, "git_create_branch", repo_path=str(repository), branch_name="topic/x"))[0]
        denied = await text(client, "git_create_branch", repo_path=str(repository), branch_name="release")
        assert denied == (False, "Branches are named topic/….")
        (repository / "a").write_text("b")
        assert not (await text(client, "git_commit", repo_path=str(repository), message="second"))[0]
        assert (await text(client, "git_add", repo_path=str(repository), files=["a"]))[0]
        assert not (await text(client, "git_reset", repo_path=str(repository)))[0]
        assert not (await text(client, "git_checkout", repo_path=str(repository), branch_name="topic/x"))[0]
    assert git(repository, "log", "--format=%s").split() == ["first"]
    assert git(repository, "branch", "--format=%(refname:short)").split() == ["main", "topic/x"]
    assert git(repository, "diff", "--cached", "--name-only").split() == ["a"]
    assert git(repository, "branch", "--show-current").split() == ["main"]


@pytest.mark.anyio
async def test_mcp_server_time(tmp_path: Path) -> None:
    policy = {
        "perso": 1,
        "rules": [{"id": "europe", "allow": "get_current_time", "when": {"args.timezone": {"starts_with": "Europe/"}}}],
    }
    async with guarded(tmp_path, policy, "mcp_server_time", "--local-timezone", "Europe/Rome") as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["get_current_time"]
        well, answer = await text(client, "get_current_time", timezone="Europe/Rome")
        assert well and json.loads(answer)["timezone"] == "Europe/Rome"
        assert not (await text(client, "get_current_time", timezone="Asia/Tokyo"))[0]
        assert not (
            await text(client, "convert_time", source_timezone="Europe/Rome", time="12:00", target_timezone="Europe/Paris")
        )[0]

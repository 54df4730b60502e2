"""A sandbox for hostile servers and coding agents: a network that is only the loopback, a file system without private files,
an unprivileged user, an empty environment and a time limit.

If any part of it cannot be set up, `enter` fails before anything is started in it. `python sandbox.py SECONDS SEEN... -- COMMAND...`
runs a command in a sandbox; `SEEN` are the directories that stay visible.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: Where worlds are built: empty at first, and owned by the unprivileged user.
GROUND = Path("/srv")
#: Directories with private files, or that anyone can write to. In the sandbox they are empty, except for the paths in `seen`.
HIDDEN = ("/root", "/home", "/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/srv")
#: Directories that the unprivileged user can write to.
OPEN = ("/tmp", str(GROUND))
USER, GROUP = "nobody", "nogroup"
#: The time limit of a process, by default.
SECONDS = 120


class NoSandbox(Exception):
    """A part of the sandbox cannot be set up here."""


def command(arguments: list[str]) -> list[str]:
    """Wraps a command to run it in new namespaces. When its first process ends, all processes in them end."""
    if os.getuid() != 0:
        raise NoSandbox("only root can make the sandbox that the attacks run in: run them as root")
    return ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc", *arguments]


def enter(seen: list[Path], addresses: list[str], hosts: dict[str, str]) -> None:
    """Turns the namespaces of this process into the sandbox. The paths `seen` stay visible and become read-only, the loopback
    gets `addresses`, and only the names in `hosts` resolve."""
    if os.getpid() != 1:
        raise NoSandbox("this process has no process namespace of its own")
    handles = {path: os.open(path, os.O_PATH) for path in seen}
    for hidden in HIDDEN:
        if os.path.isdir(hidden):
            _run("mount", "-t", "tmpfs", "-o", "mode=755,nosuid,nodev", "tmpfs", hidden)
    for path, handle in handles.items():
        if not path.exists():
            path.mkdir(parents=True)
            _run("mount", "--no-canonicalize", "--bind", f"/proc/self/fd/{handle}", str(path), keep=handle)
            _run("mount", "-o", "remount,bind,ro", str(path))
        os.close(handle)
    for directory in OPEN:
        _run("chown", f"{USER}:{GROUP}", directory)
    _file("/etc/hosts", "127.0.0.1 localhost\n" + "".join(f"{ip} {name}\n" for name, ip in hosts.items()))
    _file("/etc/resolv.conf", "")
    _run("ip", "link", "set", "lo", "up")
    for address in addresses:
        _run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    _check(seen)


def unprivileged(arguments: list[str], environment: dict[str, str], seconds: int = SECONDS) -> list[str]:
    """Wraps a command to run it as the unprivileged user, without any way to gain rights, and with only this environment."""
    return [
        "timeout", "--kill-after=1", str(seconds),
        "setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
        "--ambient-caps=-all", "--bounding-set=-all",
        "env", "-i", f"PATH={os.environ['PATH']}", f"HOME={GROUND}/home", "LANG=C.UTF-8",
        *(f"{name}={value}" for name, value in environment.items()), *arguments,
    ]  # fmt: skip


def _check(seen: list[Path]) -> None:
    """Checks the sandbox from the inside, as a server sees it."""
    probe = f"""
import os, pathlib, socket
assert os.getuid() != 0 and os.getgid() != 0 and os.getgroups() in ([], [os.getgid()]), "the user has privileges"
assert "NoNewPrivs:\\t1" in pathlib.Path("/proc/self/status").read_text(), "privileges can be gained"
for path in {[str(path) for path in seen]!r}: assert os.access(path, os.R_OK), f"{{path}} cannot be read"
for path in {[*map(str, seen), *HIDDEN]!r}: assert path in {OPEN!r} or not os.access(path, os.W_OK), f"{{path}} can be written"
names = {{line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line}}
assert names == {{"lo"}}, f"there is more network than the loopback: {{names}}"
"""
    _run(*unprivileged([sys.executable, "-I", "-c", probe], {}))


def _file(path: str, text: str) -> None:
    """Mounts a file with this text over another."""
    source = Path("/tmp") / path.replace("/", "-").strip("-")
    source.write_text(text)
    source.chmod(0o644)
    _run("mount", "--bind", str(source), path)


def _run(*arguments: str, keep: int | None = None) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, pass_fds=() if keep is None else (keep,))
    if done.returncode != 0:
        raise NoSandbox(f"`{arguments[0]}` failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _main(arguments: list[str]) -> None:
    """Runs a command in a sandbox: by this program again, as the first process of new namespaces."""
    if os.getpid() != 1:
        os.execvp("unshare", command([sys.executable, "-B", __file__, *arguments]))
    split = arguments.index("--")
    seconds, *seen = arguments[:split]
    # Interpreters may be installed for a user.
    directories = {Path(sys.base_prefix), *map(Path, seen)} - {Path("/usr"), Path("/usr/local")}
    enter(sorted(directories), [], {})
    os.chdir(GROUND)
    run = unprivileged(arguments[split + 1 :], {}, int(seconds))
    os.execvp(run[0], run)


if __name__ == "__main__":
    try:
        _main(sys.argv[1:])
    except NoSandbox as why:
        sys.exit(f"error: {why}")

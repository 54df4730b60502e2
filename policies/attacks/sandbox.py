"""A sandbox for servers that are attacked: a network of its own, where only the loopback is, a file system in which
everything private is hidden, an unprivileged user, an empty environment and a time limit.

`enter` leaves nothing half done: where a part cannot be had, it fails before any server is started.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

#: Where worlds are built. It is empty at first and belongs to the unprivileged user.
GROUND = Path("/srv")
#: Directories that hold private files, or that anybody may write. They are empty in the sandbox, but for what is asked to be seen.
HIDDEN = ("/root", "/home", "/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/srv")
#: What the unprivileged user may write.
OPEN = ("/tmp", str(GROUND))
USER, GROUP = "nobody", "nogroup"
#: No attack takes longer than this, however it fails.
SECONDS = 120


class NoSandbox(Exception):
    """A part of the sandbox cannot be had here."""


def command(arguments: list[str]) -> list[str]:
    """A command that runs another in new namespaces; all of it ends with the first process in there."""
    if os.getuid() != 0:
        raise NoSandbox("the attacks are played in a sandbox that only root can make: run them as root")
    return ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc", *arguments]


def enter(seen: list[Path], addresses: list[str], hosts: dict[str, str]) -> None:
    """Makes the namespaces that this process is in the sandbox. `seen` stays visible below what is hidden, the loopback has
    `addresses` besides its own, and `hosts` is all that can be resolved."""
    if os.getpid() != 1:
        raise NoSandbox("this process is in no process namespace of its own")
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


def unprivileged(arguments: list[str], environment: dict[str, str]) -> list[str]:
    """A command that runs another as the unprivileged user, who can gain nothing, with this environment alone."""
    return [
        "timeout", "--kill-after=1", str(SECONDS),
        "setpriv", f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
        "--ambient-caps=-all", "--bounding-set=-all",
        "env", "-i", f"PATH={os.environ['PATH']}", f"HOME={GROUND}/home", "LANG=C.UTF-8",
        *(f"{name}={value}" for name, value in environment.items()), *arguments,
    ]  # fmt: skip


def _check(seen: list[Path]) -> None:
    """What servers could do harm with is out of reach."""
    probe = f"""
import os, pathlib, socket
assert os.getuid() != 0 and os.getgid() != 0 and os.getgroups() in ([], [os.getgid()]), "the user has rights"
assert "NoNewPrivs:\\t1" in pathlib.Path("/proc/self/status").read_text(), "rights can be gained"
for path in {[str(path) for path in seen]!r}: assert os.access(path, os.R_OK), f"{{path}} cannot be read"
for path in {[*map(str, seen), *HIDDEN]!r}: assert path in {OPEN!r} or not os.access(path, os.W_OK), f"{{path}} can be written"
names = {{line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line}}
assert names == {{"lo"}}, f"there is a network: {{names}}"
"""
    _run(*unprivileged([sys.executable, "-I", "-c", probe], {}))


def _file(path: str, text: str) -> None:
    """Puts a file in the place of another."""
    source = Path("/tmp") / path.replace("/", "-").strip("-")
    source.write_text(text)
    source.chmod(0o644)
    _run("mount", "--bind", str(source), path)


def _run(*arguments: str, keep: int | None = None) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, pass_fds=() if keep is None else (keep,))
    if done.returncode != 0:
        raise NoSandbox(f"`{arguments[0]}` failed: {(done.stderr or done.stdout).strip()[-500:]}")

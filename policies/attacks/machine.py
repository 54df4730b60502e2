"""The machine that a server runs on, and the effects of an attack on it."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sandbox

#: A copy of the world as it was built, to reset it and to compare it with.
BUILT = Path("/tmp/built")
#: A program that logs its runs. An attack makes another program run it.
CANARY = sandbox.GROUND / "canary" / "run"
RAN = sandbox.GROUND / "canary" / "ran"
#: Where the server of a world keeps its tables, if it does so in files of JSON.
DATA = sandbox.GROUND / "data"
#: The names that resolve.
NAMES = {
    "docs.python.org": "151.101.0.223",
    "intranet": "10.0.0.5",
    "intranet.acme.com": "10.0.0.5",
    "kubernetes.default": "10.0.0.5",
    "vault.service.consul": "10.0.0.5",
    "127.0.0.1.nip.io": "127.0.0.1",
    "localtest.me": "127.0.0.1",
    "metadata.goog": "169.254.169.254",
    "metadata.google.internal": "169.254.169.254",
}
#: Addresses that stand for the inside of a network and for the outside.
ADDRESSES = ["169.254.169.254/32", "10.0.0.5/32", "100.100.100.200/32", "168.63.129.16/32", "151.101.0.223/32", "fd00:ec2::254/128"]
KEY, CERTIFICATE = Path("/tmp/key.pem"), Path("/tmp/certificate.pem")
MAIL_PORT = 2525


class Machine:
    """A world that can be reset, and web and mail servers that log what reaches them."""

    def __init__(self, build: Path) -> None:
        self._reached: list[str] = []
        self._mailed: list[str] = []
        CANARY.parent.mkdir()
        CANARY.write_text(f'#!/bin/sh\necho "$0 $*" >> {RAN}\n')
        CANARY.chmod(0o755)
        (sandbox.GROUND / "home").mkdir()
        subprocess.run(["chown", "-R", f"{sandbox.USER}:{sandbox.GROUP}", str(sandbox.GROUND)], check=True)
        if build.exists():
            self.run(["bash", "-eu", str(build)], check=True)
        self._again = build.with_suffix(".reset.sh")
        BUILT.mkdir()
        subprocess.run(["cp", "-a", f"{sandbox.GROUND}/.", str(BUILT)], check=True)
        self._tables = self._before = _tables(BUILT / DATA.name)
        self._serve_web()
        self._serve_mail()

    def run(self, command: Sequence[str], *, check: bool = False) -> None:
        """Runs a program as a user of the machine would."""
        done = subprocess.run(
            sandbox.unprivileged(list(command), {"CANARY": str(CANARY), "PYTHON": sys.executable}),
            cwd=sandbox.GROUND, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")

    def reset(self) -> None:
        for path in sandbox.GROUND.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        subprocess.run(["cp", "-a", f"{BUILT}/.", str(sandbox.GROUND)], check=True)
        if self._again.exists():
            self.run(["bash", "-eu", str(self._again)], check=True)
        self._before = self._tables
        self._reached.clear()
        self._mailed.clear()

    def mark(self) -> None:
        """From here on, tables are compared with what they are now, not with how they were built."""
        self._before = _tables(DATA)

    def tables(self) -> str:
        """The hash of the tables of the server."""
        return hashlib.sha256(json.dumps(_tables(DATA), sort_keys=True).encode()).hexdigest()

    def shows(self, effect: Mapping[str, str], answers: Sequence[Mapping[str, Any]]) -> bool:
        """Whether an effect can be seen: on the machine, or in the answers."""
        ((kind, what),) = effect.items()
        match kind:
            case "ran":
                return RAN.exists() and what in RAN.read_text()
            case "written":
                return _content(sandbox.GROUND / what) != _content(BUILT / what)
            case "changed":
                return _tables(sandbox.GROUND / what) != self._before
            case "reached":
                return what in self._reached
            case "mailed":
                return any(what in line for line in self._mailed)
            case "told":
                return any(what in json.dumps(answer, ensure_ascii=False) for answer in answers)
        raise ValueError(f"no effect is called {kind!r}")

    def _serve_web(self) -> None:
        reached = self._reached

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/robots.txt":
                    return self.send_error(404)
                if self.path.startswith("/redirect?"):
                    self.send_response(302)
                    self.send_header("Location", self.path.partition("?")[2])
                    return self.end_headers()
                text = b"A page: s3cr3t to some."
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
            address_family = socket.AF_INET6
            daemon_threads = True

            def get_request(self) -> tuple[Any, Any]:
                connection, client = super().get_request()
                address, port = connection.getsockname()[:2]
                reached.append(f"{address.removeprefix('::ffff:')}:{port}")
                return connection, client

            def handle_error(self, *_: Any) -> None:
                pass  # A client that is gone, or that trusts no certificate.

        names = ",".join([*(f"DNS:{name}" for name in NAMES), *(f"IP:{address.partition('/')[0]}" for address in [*ADDRESSES, "127.0.0.1", "::1"])])
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=attacks", "-addext", f"subjectAltName={names}", "-keyout", str(KEY), "-out", str(CERTIFICATE)],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        for port, secure in [(80, False), (443, True), (8080, False), (8443, True)]:
            server = Web(("::", port), Page)
            if secure:
                server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def _serve_mail(self) -> None:
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult

        mailed = self._mailed

        class Box:
            async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
                # Headers end with the first empty line.
                head = envelope.content.decode(errors="replace").replace("\r\n", "\n").partition("\n\n")[0]
                mailed.extend(f"to {address}" for address in envelope.rcpt_tos)
                mailed.extend(f"header {line}" for line in head.split("\n"))
                mailed.append(f"content {envelope.content.decode(errors='replace')}")
                return "250 OK"

        Controller(
            Box(), hostname="127.0.0.1", port=MAIL_PORT, auth_require_tls=False, authenticator=lambda *_: AuthResult(success=True)
        ).start()


def _tables(folder: Path) -> dict[str, Any]:
    """The tables that a server keeps in files of JSON, without its log of calls."""
    return {path.name: json.loads(path.read_text())["db"] for path in folder.iterdir()} if folder.exists() else {}


def _content(path: Path) -> object:
    """The content of a file, a directory or a link, to compare it; None if there is nothing."""
    if path.is_symlink():
        return ("link", path.readlink())
    if path.is_dir():
        return ("directory", sorted((child.name, _content(child)) for child in path.iterdir()))
    return path.read_bytes() if path.exists() else None

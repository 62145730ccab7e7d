"""Unbound from Debian's package: a recursive resolver on a loopback port, in front of one authoritative server."""

import shutil
from pathlib import Path

from .process import Process, free_port

_PROGRAM = "/usr/sbin/unbound"


def missing() -> str:
    return "" if shutil.which(_PROGRAM) else "Unbound is not installed"


class Unbound:
    """Asks the server at `authority` for the names of `zones`, and nobody for any other: no question leaves loopback."""

    def __init__(self, folder: Path, zones: list[str], authority: int):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        stubs = "".join(
            f'stub-zone:\n  name: "{zone}."\n  stub-addr: 127.0.0.1@{authority}\n' for zone in (*zones, "")
        )
        (self.folder / "unbound.conf").write_text(
            f"""\
server:
  interface: 127.0.0.1@{self.port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  do-not-query-localhost: no
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-ip6: no
  module-config: "iterator"
remote-control:
  control-enable: no
{stubs}"""
        )
        self.process: Process | None = None

    def start(self):
        self.process = Process([_PROGRAM, "-d", "-c", self.folder / "unbound.conf"], self.folder / "unbound.log")
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

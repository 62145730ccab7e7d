"""NSD from Debian's package: a real authoritative server on a loopback port."""

import shutil
from pathlib import Path

from .process import Process, free_port

_PROGRAM = "/usr/sbin/nsd"


def missing() -> str:
    return "" if shutil.which(_PROGRAM) else "NSD is not installed"


class Nsd:
    """Serves one zone; `records` are lines of its zone file below the SOA and NS, names relative to the zone."""

    def __init__(self, folder: Path, zone: str, records: str):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.zone = zone.rstrip(".")
        (self.folder / "zone").write_text(
            f"$ORIGIN {self.zone}.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 30\n@ NS ns\nns A 127.0.0.1\n{records}\n"
        )
        (self.folder / "nsd.conf").write_text(
            f"""\
server:
  ip-address: 127.0.0.1@{self.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  database: ""
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.folder}/xfrd.state"
  zonelistfile: "{self.folder}/zone.list"
  hide-version: yes
remote-control:
  control-enable: no
zone:
  name: "{self.zone}."
  zonefile: "{self.folder}/zone"
"""
        )
        self.process: Process | None = None

    def start(self):
        self.process = Process([_PROGRAM, "-d", "-c", self.folder / "nsd.conf"], self.folder / "nsd.log")
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

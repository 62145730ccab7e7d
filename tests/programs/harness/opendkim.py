"""OpenDKIM from Debian's package: as a milter that signs, and as a verifier of one message."""

import shutil
import subprocess
from pathlib import Path

from .process import Process

_PROGRAM = "/usr/sbin/opendkim"


def missing() -> str:
    """Why OpenDKIM cannot be run here; empty if it can."""
    return "" if shutil.which(_PROGRAM) else "OpenDKIM is not installed"


class SigningMilter:
    """Signs mail of one domain, on a Unix socket."""

    def __init__(self, folder: Path, *, domain: str, selector: str, key: Path):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.socket = self.folder / "milter.sock"
        self._config = self.folder / "opendkim.conf"
        self._config.write_text(
            f"""\
Mode                s
Domain              {domain}
Selector            {selector}
KeyFile             {key}
Canonicalization    relaxed/relaxed
OversignHeaders     From
Socket              local:{self.socket}
UMask               000
Background          false
InternalHosts       127.0.0.1
RequireSafeKeys     false
Syslog              false
"""
        )
        self.process: Process | None = None

    def start(self):
        self.process = Process([_PROGRAM, "-x", self._config, "-f"], self.folder / "opendkim.log", umask=0)
        self.process.wait_ready(self.socket.exists, "its socket")
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def verify(folder: Path, message: bytes, records: dict[str, str]) -> tuple[bool, str]:
    """What `opendkim -t` says of a message; `records` maps selector._domainkey.domain to the TXT text."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "records").write_text("".join(f"{name} {text}\n" for name, text in records.items()))
    (folder / "verify.conf").write_text(f"Mode v\nTestDNSData file:{folder / 'records'}\nSyslog false\n")
    (folder / "message.eml").write_bytes(message)
    run = subprocess.run(
        [_PROGRAM, "-x", folder / "verify.conf", "-t", folder / "message.eml"], capture_output=True, text=True
    )
    said = (run.stdout + run.stderr).strip()
    return run.returncode == 0 and "verification (s=" in said and "succeeded" in said, said

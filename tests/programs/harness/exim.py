"""Exim from Debian's package, which scripts/setup unpacks into .cache/exim because it conflicts with Postfix's."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from .postfix import open_path
from .process import Process

_PROGRAM = Path(__file__).resolve().parents[3] / ".cache" / "exim" / "usr" / "sbin" / "exim4"
_USER = "Debian-exim"


def missing() -> str:
    """Why Exim cannot be run here; empty if it can."""
    if not _PROGRAM.exists():
        return "Exim is not unpacked (scripts/setup does)"
    if os.geteuid() != 0:
        return "Exim needs root"
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        return f"there is no user {_USER} (scripts/setup makes it)"
    return ""


class Exim:
    def __init__(self, folder: Path, port: int, *, options: str, routers: str, transports: str, authenticators: str = ""):
        self.folder = Path(folder)
        self.port = port
        self.spool = self.folder / "spool"
        self.logs = self.folder / "log"
        for path in (self.spool, self.logs):
            path.mkdir(parents=True, exist_ok=True)
            shutil.chown(path, _USER, _USER)
        open_path(self.folder)
        self.config = self.folder / "exim.conf"
        self.config.write_text(
            f"""\
exim_path = {_PROGRAM}
spool_directory = {self.spool}
log_file_path = {self.logs}/%slog
pid_file_path = {self.folder}/exim.pid
primary_hostname = exim.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
rfc1413_hosts =
dns_ipv4_lookup = *
keep_environment =
never_users = root
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
{options}
begin acl
accept_all:
  accept
begin routers
{routers}
begin transports
{transports}
begin retry
* * F,1h,5s
begin authenticators
{authenticators}
"""
        )
        self.config.chmod(0o644)
        self.process: Process | None = None

    def start(self):
        self.process = Process([_PROGRAM, "-C", self.config, "-bdf", "-q5s"], self.folder / "start.log", umask=0o022)
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def run(self, *words: str) -> str:
        """Exim's own commands on this instance: "-bp" lists the queue, "-qff" tries everything at once."""
        return subprocess.run(
            [_PROGRAM, "-C", self.config, *words], capture_output=True, text=True, check=False
        ).stdout

    def log_text(self) -> str:
        log = self.logs / "mainlog"
        return log.read_text(errors="replace") if log.exists() else ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def receiver(folder: Path, port: int, *, certificate=None) -> Exim:
    """Takes mail for any domain into one maildir; see inbox(). TLS is offered if there is a certificate."""
    folder = Path(folder)
    inbox_folder = folder / "inbox"
    inbox_folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(inbox_folder, _USER, _USER)
    options = "tls_advertise_hosts =\n"
    if certificate:
        for name in ("chain", "key"):
            copy = folder / f"exim-{name}.pem"
            copy.write_bytes(getattr(certificate, name).read_bytes())
            shutil.chown(copy, _USER, _USER)
            copy.chmod(0o600)
        options = (
            f"tls_advertise_hosts = *\ntls_certificate = {folder}/exim-chain.pem\ntls_privatekey = {folder}/exim-key.pem\n"
        )
    return Exim(
        folder,
        port,
        options=options,
        routers="all:\n  driver = accept\n  transport = keep\n",
        transports=f"""\
keep:
  driver = appendfile
  directory = {inbox_folder}
  maildir_format
  create_directory
  return_path_add = false
  user = {_USER}
""",
    )


def inbox(folder: Path) -> list[bytes]:
    """What receiver() has taken, in no particular order; line ends are LF, as Exim writes them."""
    return [file.read_bytes() for file in (Path(folder) / "inbox" / "new").glob("*")]


def smarthost_client(folder: Path, port: int, job) -> Exim:
    """Takes mail on `port` and hands all of it to the relay as `job` (clients.Submission) says: with AUTH if it has a
    user, with checked TLS unless it says "none"."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "authorities.pem"
    copy.write_bytes(Path(job.authorities).read_bytes())
    copy.chmod(0o644)
    transport = "  hosts_require_auth = *\n" if job.user else ""
    if job.tls == "none":
        transport += "  hosts_avoid_tls = *\n"
    else:
        transport += f"  hosts_require_tls = *\n  tls_verify_certificates = {copy}\n  tls_verify_hosts = *\n"
        transport += "  tls_verify_cert_hostnames =\n"
        transport += "  protocol = smtps\n" if job.tls == "implicit" else ""
    user, password = (text.replace("^", "^^").replace(":", "::") for text in (job.user, job.password))
    send = f"^{user}^{password}" if job.mechanism == "PLAIN" else f": {user} : {password}"
    return Exim(
        folder,
        port,
        options="tls_advertise_hosts =\nrecipients_max = 0\nmessage_size_limit = 100M\n",
        routers=f"""\
smarthost:
  driver = manualroute
  route_list = * 127.0.0.1::{job.port}
  self = send
  transport = smarthost
""",
        transports=f"smarthost:\n  driver = smtp\n{transport}",
        authenticators=f"""\
login:
  driver = plaintext
  public_name = {job.mechanism}
  client_send = {send}
""",
    )

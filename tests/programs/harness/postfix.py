"""Postfix from Debian's package, with configuration, queue and data in folders of its own. Needs root."""

import os
import shutil
import subprocess
from pathlib import Path

from .process import Process

_MASTER = "/usr/lib/postfix/sbin/master"

# Services of master.cf that every instance needs; `smtpd` and others are added for each use. None is chrooted.
_SERVICES = """\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""


def missing() -> str:
    """Why Postfix cannot be run here; empty if it can."""
    if not shutil.which("postfix", path="/usr/sbin:/usr/bin"):
        return "Postfix is not installed"
    if os.geteuid() != 0:
        return "Postfix needs root"
    return ""


class Postfix:
    """One instance. `settings` go to main.cf after the defaults here; `smtpd` maps a port to options of its service."""

    def __init__(self, folder: Path, *, settings: dict | None = None, smtpd: dict[int, dict] | None = None):
        self.folder = Path(folder)
        self.config = self.folder / "etc"
        self.queue = self.folder / "queue"
        self.data = self.folder / "data"
        self.log_folder = self.folder / "log"
        self.log = self.log_folder / "postfix.log"
        self.ports = list(smtpd or {})
        for path in (self.config, self.queue, self.data, self.log_folder):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
        # Its daemons run as its own user and must be able to pass through the folders above.
        open_path(self.folder)
        shutil.chown(self.data, "postfix", "postfix")
        main = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue,
            "data_directory": self.data,
            "maillog_file": self.log,
            "maillog_file_prefixes": self.log_folder,
            "myhostname": "postfix.example",
            "mydestination": "",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtp_tls_security_level": "none",
            "smtpd_tls_security_level": "none",
            **(settings or {}),
        }
        (self.config / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in main.items()))
        lines = []
        for port, options in (smtpd or {}).items():
            lines.append(f"127.0.0.1:{port} inet n - n - - smtpd\n")
            lines += [f"  -o {key}={value}\n" for key, value in options.items()]
        (self.config / "master.cf").write_text("".join(lines) + _SERVICES)
        for name in ("postfix-files", "dynamicmaps.cf"):
            (self.config / name).write_text("")
        self.process: Process | None = None

    def start(self):
        # The check makes the queue's folders. Then the master itself, not the script that would put a shell around it,
        # so that the process started here is the one to watch and to stop.
        self.run("postfix", "check")
        self.process = Process([_MASTER, "-c", self.config, "-s"], self.folder / "start.log", umask=0o022)
        self.process.wait_listening(*self.ports)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def queue_is_empty(self) -> bool:
        return not any(
            file for name in ("maildrop", "incoming", "active", "deferred") for file in (self.queue / name).rglob("*")
            if file.is_file()
        )

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def run(self, command: str, *words: str) -> str:
        """postqueue, postsuper and their like on this instance."""
        return subprocess.run(
            [f"/usr/sbin/{command}", "-c", self.config, *words], capture_output=True, text=True, check=True
        ).stdout

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def open_path(folder: Path):
    """Lets others pass through a private temporary folder."""
    for path in (folder, *folder.parents):
        mode = path.stat().st_mode
        if not mode & 0o001 and path.stat().st_uid == os.geteuid() and len(path.parts) > 2:
            path.chmod(mode | 0o011)


def receiver(folder: Path, port: int, *, certificate=None) -> Postfix:
    """Takes mail for any domain into one maildir; see inbox(). TLS is offered if there is a certificate."""
    inbox = Path(folder) / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    open_path(inbox)
    shutil.chown(inbox, "postfix", "postfix")
    number = str(inbox.stat().st_uid)
    settings = {
        "virtual_transport": "virtual",
        "virtual_mailbox_domains": "static:all",
        "virtual_mailbox_maps": "static:new-mail/",
        "virtual_mailbox_base": inbox,
        "virtual_minimum_uid": "1",
        "virtual_uid_maps": f"static:{number}",
        "virtual_gid_maps": f"static:{number}",
    }
    if certificate:
        settings |= {
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": f"{certificate.key}, {certificate.chain}",
            "smtpd_tls_received_header": "yes",
        }
    return Postfix(folder, settings=settings, smtpd={port: {}})


def inbox(folder: Path) -> list[bytes]:
    """What receiver() has taken, in no particular order; line ends are LF, as Postfix writes them."""
    return [file.read_bytes() for file in (Path(folder) / "inbox" / "new-mail" / "new").glob("*")]


def smarthost_client(folder: Path, port: int, job) -> Postfix:
    """Takes mail on `port` and hands all of it to the relay as `job` (clients.Submission) says: with AUTH if it has a
    user, with checked TLS unless it says "none"."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    relay = f"[127.0.0.1]:{job.port}"
    settings = {
        "relayhost": relay,
        "disable_dns_lookups": "yes",
        "minimal_backoff_time": "2s",
        "queue_run_delay": "2s",
        "default_destination_recipient_limit": "1000",
        "message_size_limit": "0",
    }
    if job.user:
        passwords = folder / "passwords"
        passwords.write_text(f"{relay} {job.user}:{job.password}\n")
        passwords.chmod(0o644)  # read by daemons that have dropped their privileges; in a test's own folder
        settings |= {
            "smtp_sasl_auth_enable": "yes",
            "smtp_sasl_password_maps": f"texthash:{passwords}",
            "smtp_sasl_security_options": "noanonymous",
            "smtp_sasl_mechanism_filter": job.mechanism.lower(),
        }
    if job.tls != "none":
        settings |= {
            "smtp_tls_security_level": "verify",
            "smtp_tls_CAfile": job.authorities,
            "smtp_tls_verify_cert_match": job.server_name,
            "smtp_tls_wrappermode": "yes" if job.tls == "implicit" else "no",
        }
    return Postfix(folder, settings=settings, smtpd={port: {}})

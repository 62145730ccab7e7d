"""sendconn-relay as a test sees it: a configuration, a zone file, the process, and the command line."""

import json
import os
import subprocess
from pathlib import Path

from .process import Process, ProcessError, free_port, wait_until
from .zone import ZoneFile

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build"))
RELAY = BUILD / "relay" / "sendconn-relay"
TOOL = BUILD / "tools" / "sendconn"

PASSWORD = "correct horse battery staple"


def missing() -> str:
    """Why the relay cannot be run; empty if it can."""
    for program in (RELAY, TOOL):
        if not program.exists():
            return f"{program.name} is not built"
    return ""


def sanitized() -> bool:
    """Whether the relay was built with a sanitizer, which keeps freed memory and is slow."""
    program = RELAY.read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def toml(sections: dict) -> str:
    """{"relay": {"hostname": "x"}, "listener": [{…}, {…}]} as TOML; a list of tables becomes [[…]]."""
    text = ""
    for name, content in sections.items():
        for table in content if isinstance(content, list) else [content]:
            text += f"[[{name}]]\n" if isinstance(content, list) else f"[{name}]\n"
            text += "".join(f"{key} = {_toml_value(value)}\n" for key, value in table.items()) + "\n"
    return text


def _toml_value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(one) for one in value) + "]"
    return json.dumps(str(value))


def on_tmpfs(folder: Path) -> bool:
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True)
    return kind.stdout.strip() in ("tmpfs", "ramfs")


class CommandError(Exception):
    """The command line refused; `text` is what it said."""

    def __init__(self, words, code: int, text: str):
        super().__init__(f"sendconn {' '.join(map(str, words))}: exit code {code}: {text}")
        self.code = code
        self.text = text


class Relay:
    """One relay in a folder of its own. `settings` overrides sections of the configuration, key by key.

    Listeners: `port` (STARTTLS), `tls_port` (implicit TLS) and, with plaintext=True, `plain_port` (no TLS, as a
    benchmark wants it). Mail goes to the MX of the zone file on `mx_port`, where a Sink may listen.
    """

    def __init__(self, folder: Path, *, certificate=None, plaintext: bool = False, settings: dict | None = None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port, self.mx_port = free_port(), free_port(), free_port()
        self.plain_port = free_port() if plaintext else 0
        self.zone = ZoneFile(self.folder / "zone.txt")
        self.state = self.folder / "state"
        self.log = self.folder / "relay.log"
        listeners = [
            {"address": f"127.0.0.1:{self.port}", "tls": "starttls"},
            {"address": f"127.0.0.1:{self.tls_port}", "tls": "implicit"},
        ]
        if plaintext:
            listeners.append({"address": f"127.0.0.1:{self.plain_port}", "tls": "none", "auth": False})
        self.sections = {
            "relay": {"hostname": "relay.example", "state_folder": self.state},
            "listener": listeners,
            "dns": {"zone_file": self.zone.path},
            "delivery": {"mx_port": self.mx_port, "allowed_special": ["127.0.0.0/8"], "idle_timeout": "1s"},
        }
        if certificate:
            self.sections["tls"] = {"certificate_file": certificate.chain, "key_file": certificate.key}
        for name, content in (settings or {}).items():
            if isinstance(content, list):
                self.sections[name] = content
            else:
                self.sections[name] = {**self.sections.get(name, {}), **content}
        self.config = self.folder / "sendconn.toml"
        self.write_config()
        self.process: Process | None = None

    def write_config(self):
        self.config.write_text(toml(self.sections))

    def add_listener(self, **options) -> int:
        """Before start(): one more listener, with these keys of its table; its port."""
        port = free_port()
        self.sections["listener"].append({"address": f"127.0.0.1:{port}", **options})
        self.write_config()
        return port

    @property
    def ports(self) -> list[int]:
        return [int(one["address"].rpartition(":")[2]) for one in self.sections["listener"]]

    def start(self, *, outlive: bool = False):
        self.process = Process([RELAY, "--config", self.config], self.log, outlive=outlive)
        self.process.wait_listening(*self.ports)
        return self

    def stop(self, seconds: float = 60.0) -> int:
        return self.process.stop(seconds) if self.process else 0

    def kill(self):
        self.process.kill()

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_logged(self, text: str, seconds: float = 30.0):
        wait_until(lambda: text in self.log_text(), f"'{text}' in the relay's log\n{self.log_text()[-3000:]}", seconds)

    def cli(self, *words, stdin: str = "") -> dict:
        """The command line with --json, on the running relay or on its files; CommandError if it refuses."""
        run = subprocess.run(
            [TOOL, "--config", self.config, "--json", *map(str, words)], input=stdin, capture_output=True, text=True
        )
        if run.returncode != 0:
            raise CommandError(words, run.returncode, (run.stderr or run.stdout).strip())
        return json.loads(run.stdout) if run.stdout.strip() else {}

    # Set-up in a few words.

    def add_account(self, name: str = "acme"):
        self.cli("account", "add", name)

    def add_connector(self, name: str = "acme/office", *, user: str = "office", **options) -> str:
        """With the login `user` and PASSWORD; returns the user. Options such as rate="100/min"."""
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o600)
        words = ["connector", "add", name]
        if user:
            words += ["--user", user, "--password-file", password]
        for key, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                words += [f"--{key.replace('_', '-')}", one]
        self.cli(*words)
        return user

    def add_domain(self, domain: str, connector: str = "acme/office", *, verify: bool = True, key: str = "rsa"):
        """Added, granted, and, unless told otherwise, published, verified and given a published key."""
        account, name = connector.split("/")
        added = self.cli("domain", "add", domain, "--account", account, "--connector", name)
        if verify:
            record = added["records"][0]
            self.zone.add_txt(record["name"], record["text"])
            self.cli("domain", "verify", domain, "--account", account)
        if key:
            self.add_key(domain, account, key)
        return added

    def add_key(self, domain: str, account: str = "acme", kind: str = "rsa", selector: str = ""):
        words = ["dkim", "keygen", "--domain", domain, "--account", account]
        made = self.cli(*words, "--type", kind, "--selector", selector or f"s-{kind}")
        self.zone.add_txt(made["record_name"], made["record_text"])

    def receive_mail_of(self, domain: str, address: str = "127.0.0.1"):
        """Makes `address`, port mx_port, the place where mail for `domain` goes."""
        self.zone.add(domain, "MX", f"10 mx.{domain}.")
        self.zone.add(f"mx.{domain}", "A", address)

    def queue(self) -> list[dict]:
        return self.cli("queue", "list")["messages"]

    def wait_queue_empty(self, seconds: float = 60.0):
        wait_until(lambda: not self.queue(), "the queue to be empty", seconds)

    def __enter__(self):
        try:
            return self.start()
        except ProcessError:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

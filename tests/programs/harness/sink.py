"""The recipient's server as a test sees it: see sink_server.py."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from .process import Process, free_port, wait_until
from .tls import Certificate


@dataclass(frozen=True)
class Received:
    """A message as it came, CRLF line ends and all."""

    number: int
    reverse_path: str
    recipients: list[str]
    mail_options: list[str]
    hello: str
    user: str
    tls: str  # the protocol version; empty: plaintext
    content: bytes

    def field(self, name: str) -> str | None:
        """The first field of that name, unfolded."""
        for one in self.fields():
            found, _, value = one.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None

    def fields(self) -> list[str]:
        head = self.content.partition(b"\r\n\r\n")[0].decode("utf-8", "surrogateescape")
        return head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")

    @property
    def body(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[2]


class Sink:
    def __init__(
        self, folder: Path, *, port: int = 0, address: str = "127.0.0.1", certificate: Certificate | None = None,
        **options,
    ):  # fmt: skip
        """`options` as sink_server.py's, with underscores: require_tls=True, login="user:password"."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._words = [sys.executable, Path(__file__).with_name("sink_server.py")]
        self.address = address
        self._words += ["--folder", self.folder, "--address", address, "--port", self.port]
        if certificate:
            self._words += ["--certificate", certificate.chain, "--key", certificate.key]
        for name, value in options.items():
            if value is True:
                self._words.append(f"--{name.replace('_', '-')}")
            elif value:
                self._words += [f"--{name.replace('_', '-')}", value]
        self.process: Process | None = None

    def start(self, *, outlive: bool = False):
        self.process = Process(self._words, self.folder / "sink.log", outlive=outlive)
        self.process.wait_listening(self.port, address=self.address)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def behave(self, **behaviour):
        """From the next command on; without arguments: takes everything."""
        temporary = self.folder / "behaviour.tmp"
        temporary.write_text(json.dumps(behaviour))
        temporary.rename(self.folder / "behaviour.json")

    def messages(self) -> list[Received]:
        """In the order they came."""
        found = []
        for file in sorted(self.folder.glob("*.json")):
            if file.name != "behaviour.json":
                found.append(Received(**json.loads(file.read_text()), content=file.with_suffix(".eml").read_bytes()))
        return found

    def count(self) -> int:
        return sum(1 for file in self.folder.glob("[0-9]*.json"))

    def wait_for(self, count: int, seconds: float = 30.0) -> list[Received]:
        wait_until(lambda: self.count() >= count, f"message {count} to arrive ({self.count()} so far)", seconds)
        return self.messages()

    def clear(self):
        """Forgets what has arrived."""
        for file in self.folder.glob("[0-9]*"):
            file.unlink()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class CountingSink:
    """The recipient's server for many messages: see counting_sink.py."""

    def __init__(self, folder: Path, port: int = 0):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._notes = self.folder / "notes"
        self.process: Process | None = None

    def start(self):
        words = [sys.executable, Path(__file__).with_name("counting_sink.py"), self.port, self._notes]
        self.process = Process(words, self.folder / "sink.log")
        self.process.wait_listening(self.port)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def deliveries(self) -> dict[str, list[tuple[float, float]]]:
        """When the connection of each delivery was made and when the message had come, by its Message-ID without
        brackets; monotonic seconds."""
        found: dict[str, list[tuple[float, float]]] = {}
        for line in self._notes.read_text().splitlines() if self._notes.exists() else []:
            moment, opened, name = line.split(" ", 2)
            found.setdefault(name, []).append((float(opened), float(moment)))
        return found

    def arrivals(self) -> dict[str, list[float]]:
        """When each message came, by its Message-ID without brackets; monotonic seconds."""
        return {name: [moment for _, moment in each] for name, each in self.deliveries().items()}

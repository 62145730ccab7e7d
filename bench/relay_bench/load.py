"""One measured run: smtp-source at one end, smtp-sink at the other, a relay between them."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from harness.process import Process, ProcessError

DOMAIN = "bench.example"
SELECTOR = "bench"
SENDER = f"sender@{DOMAIN}"
RECIPIENT = "recipient@elsewhere.example"
# Without another message for so long, something hangs.
STALL_SECONDS = 30.0
# How often the driver looks at the sink's count: the error of a run's length, and cheap at that.
_LOOK_SECONDS = 0.005
_MEMORY_LOOK_SECONDS = 0.2
# One line of smtp-sink's counters is shorter than this.
_COUNTER_OCTETS = 100


@dataclass(frozen=True)
class Shape:
    """What is sent, and how."""

    octets: int  # of payload; smtp-source adds a header section of five fields
    sessions: int
    reuse: bool  # -d: many messages over one connection; else one message a connection

    def __str__(self):
        return f"{self.octets // 1024} KB, {self.sessions} sessions" + (", -d" if self.reuse else "")


@dataclass(frozen=True)
class Run:
    """Figures of one run; CPU seconds are user and system time together."""

    messages: int
    seconds: float
    relay_cpu: float
    load_cpu: float  # smtp-source and smtp-sink

    @property
    def rate(self) -> float:
        return self.messages / self.seconds

    @property
    def relay_ms(self) -> float:
        return 1000 * self.relay_cpu / self.messages

    @property
    def load_ms(self) -> float:
        return 1000 * self.load_cpu / self.messages


class Sink:
    """smtp-sink with its counters on, which it writes to a file whenever it has taken a message.

    Its option -M is of no use: it ends before it has replied to the last message, which the relay would send again.
    """

    def __init__(self, folder: Path, port: int, *options: str):
        self._output = folder / "smtp-sink.log"
        self._output.unlink(missing_ok=True)
        self.process = Process(
            ["/usr/sbin/smtp-sink", "-c", "-u", "nobody", "-m", "2000", *options, f"127.0.0.1:{port}", "1000"],
            self._output,
        )
        self.process.wait_listening(port)

    def count(self) -> int:
        """Messages taken so far."""
        with open(self._output, "rb") as file:
            file.seek(max(0, self._output.stat().st_size - 4 * _COUNTER_OCTETS))
            found = re.findall(rb"mesg=(\d+)\r", file.read())
        return int(found[-1]) if found else 0


def start_source(folder: Path, port: int, shape: Shape, messages: int) -> Process:
    return Process(
        ["/usr/sbin/smtp-source", "-s", shape.sessions, "-m", messages, "-l", shape.octets, "-f", SENDER]
        + ["-t", RECIPIENT, "-M", "client.example"]
        + (["-d"] if shape.reuse else [])
        + [f"127.0.0.1:{port}"],
        folder / "smtp-source.log",
    )


def measure(relay, folder: Path, shape: Shape, messages: int, while_running=None) -> Run:
    """Until the sink has counted every message. `while_running` is called over and over until then."""
    sink = Sink(folder, relay.sink_port)
    cpu_before = relay.cpu_seconds()
    started = time.monotonic()
    source = start_source(folder, relay.submit_port, shape, messages)
    _wait_for_all(sink, source, relay, messages, while_running or (lambda: time.sleep(_LOOK_SECONDS)))
    seconds = time.monotonic() - started
    relay_cpu = relay.cpu_seconds() - cpu_before
    _finish(sink, source, relay, messages)
    load_cpu = sum(p.usage.ru_utime + p.usage.ru_stime for p in (source, sink.process))
    return Run(messages, seconds, relay_cpu, load_cpu)


def _wait_for_all(sink: Sink, source: Process, relay, messages: int, pause):
    counted, deadline = 0, time.monotonic() + STALL_SECONDS
    while (count := sink.count()) < messages:
        if count > counted:
            counted, deadline = count, time.monotonic() + STALL_SECONDS
        if time.monotonic() > deadline or (not source.running() and source.exit_code != 0):
            sink.process.stop()
            source.stop()
            raise ProcessError(
                f"{relay.name}: {sink.count()} of {messages} messages arrived; smtp-source ended with "
                f"{source.exit_code}\n{source.log_tail()}\n{relay.describe()}"
            )
        pause()


def _finish(sink: Sink, source: Process, relay, messages: int):
    """The relay has nothing left and nothing came twice."""
    source.wait(STALL_SECONDS)
    relay.wait_idle()
    sink.process.stop()
    if sink.count() != messages:
        raise ProcessError(f"{relay.name}: {sink.count()} messages arrived of {messages} sent")


def take_samples(relay, folder: Path, shape: Shape, messages: int) -> list[bytes]:
    """Sends a few messages and returns them as the sink got them, header section first, lines ended by CRLF."""
    dump = folder / "samples"
    dump.mkdir(exist_ok=True)
    dump.chmod(0o777)
    for old in dump.iterdir():
        old.unlink()
    sink = Sink(folder, relay.sink_port, "-d", f"{dump}/message.")
    source = start_source(folder, relay.submit_port, Shape(shape.octets, 1, shape.reuse), messages)
    _wait_for_all(sink, source, relay, messages, lambda: time.sleep(_LOOK_SECONDS))
    _finish(sink, source, relay, messages)
    return [_strip_sink_fields(path.read_bytes()) for path in sorted(dump.iterdir())]


def _strip_sink_fields(dumped: bytes) -> bytes:
    """smtp-sink puts X-… fields about the session and a Received field with two folded lines in front."""
    lines = dumped.split(b"\n")
    at = 0
    while lines[at].startswith(b"X-"):
        at += 1
    if lines[at].startswith(b"Received: from") and b"smtp-sink" in b"".join(lines[at : at + 4]):
        at += 1
        while lines[at][:1] in (b"\t", b" "):
            at += 1
    return b"\r\n".join(lines[at:])


def measure_memory(relay, folder: Path, shape: Shape, messages: int) -> int:
    """The most octets the relay held during a run of its own: looking costs time that no measured run shall lose."""
    most = 0

    def look():
        nonlocal most
        most = max(most, relay.memory_octets())
        time.sleep(_MEMORY_LOOK_SECONDS)

    measure(relay, folder, shape, messages, look)
    return most

"""Processes: start, wait for a condition, stop; and what they used.

A Process runs in a session of its own, so that what it forked can be ended with it, and dies with the program that
started it.
"""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

# How long to wait for something that normally takes milliseconds; generous, because machines are shared.
START_SECONDS = 30.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.01

# Below the range that Linux gives to outgoing connections, so that none of them takes a port we have just found free.
FIRST_PORT, LAST_PORT = 20000, 32000

_handed_out: set[int] = set()
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class ProcessError(Exception):
    """A program did not start, did not become ready, or did not stop; the text has the end of its log."""


def end_cleanly_on_sigterm():
    """For programs that use this: SIGTERM then ends what they started, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def free_port() -> int:
    """A loopback TCP and UDP port that nobody uses, each call another."""
    while True:
        port = random.randrange(FIRST_PORT, LAST_PORT)
        if port in _handed_out:
            continue
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        _handed_out.add(port)
        return port


def is_listening(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a TCP listener has the port; asks the kernel's table, so that no server sees a connection."""
    # The table has addresses as the bytes in memory, in this machine's order.
    number = int.from_bytes(socket.inet_aton(address), sys.byteorder)
    wanted = {f"{number:08X}:{port:04X}", f"00000000:{port:04X}", f"{0:032X}:{port:04X}"}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and fields[1] in wanted:  # 0A: TCP_LISTEN
                return True
    return False


def wait_until(condition, what: str, seconds: float = START_SECONDS):
    """The first true value of condition(); ProcessError naming `what` if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ProcessError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(POLL_SECONDS)


def _become_child(umask: int, outlive: bool):
    def prepare():
        os.setsid()
        os.umask(umask)
        if not outlive:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


class Process:
    """A running program with its log file. With outlive=True it stays when the program that started it ends."""

    def __init__(self, argv, log: Path, *, env=None, umask: int = 0o077, name: str = "", outlive: bool = False):
        self.argv = [str(word) for word in argv]
        self.name = name or Path(self.argv[0]).name
        self.log = Path(log)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as output:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                preexec_fn=_become_child(umask, outlive),
            )
        self.pid = self._popen.pid
        self.usage = None  # resource usage, once it has ended

    def running(self) -> bool:
        return self._wait(0) is None

    @property
    def exit_code(self):
        """None while it runs; negative: the signal that ended it."""
        return self._popen.returncode

    def _wait(self, options_or_seconds):
        """Like Popen.wait, but keeps the resource usage."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        deadline = time.monotonic() + options_or_seconds
        while True:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.usage = usage
                self._popen.returncode = os.waitstatus_to_exitcode(status)
                return self._popen.returncode
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_SECONDS)

    def wait(self, seconds: float) -> int:
        code = self._wait(seconds)
        if code is None:
            raise ProcessError(f"{self.name} still runs after {seconds:.0f} s\n{self.log_tail()}")
        return code

    def wait_here(self) -> int:
        """Blocks without a limit and without polling: for measured runs."""
        if self._popen.returncode is None:
            _, status, self.usage = os.wait4(self.pid, 0)
            self._popen.returncode = os.waitstatus_to_exitcode(status)
        return self._popen.returncode

    def wait_ready(self, condition, what: str, seconds: float = START_SECONDS):
        """Until condition() holds; at once an error if the program ends before."""

        def ready():
            value = condition()
            if not value and not self.running():
                raise ProcessError(f"{self.name} ended with {self.exit_code} before {what}\n{self.log_tail()}")
            return value

        try:
            return wait_until(ready, what, seconds)
        except ProcessError as error:
            raise ProcessError(f"{self.name}: {error}\n{self.log_tail()}") from None

    def wait_listening(self, *ports: int, address: str = "127.0.0.1"):
        for port in ports:
            self.wait_ready(lambda port=port: is_listening(port, address), f"port {port} listens")

    def log_text(self) -> str:
        """What this process wrote; not what an earlier one left in the same file."""
        with open(self.log, "rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.log_text().splitlines()[-lines:])

    def signal(self, number: int):
        if self.running():
            os.kill(self.pid, number)

    def kill(self):
        """At once and with everything in its session."""
        if self.running():
            os.killpg(self.pid, signal.SIGKILL)
            self.wait_here()

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, and SIGKILL if that does not help; the exit code."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)
            if self._wait(seconds) is None:
                self.kill()
        self._end_session()
        return self.exit_code

    def _end_session(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nothing was left

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def process_tree(root: int) -> list[int]:
    """The process and all that descend from it, as of now."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    tree, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        tree.append(pid)
        waiting.extend(children.get(pid, []))
    return tree


def cpu_seconds(root: int) -> float:
    """User and system time of the process and its descendants, those that ended and were waited for included."""
    ticks = 0
    for pid in process_tree(root):
        try:
            fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])  # utime stime cutime cstime
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_octets(root: int) -> int:
    """Proportional set size of the process and its descendants: shared pages counted once."""
    total = 0
    for pid in process_tree(root):
        try:
            lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
                break
    return total

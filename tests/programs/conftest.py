"""Fixtures: folders on a real disk, certificates, relays and sinks that end with their test.

A failed test shows the end of every log in its folder. Skips say what is missing.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from harness import exim, nsd, opendkim, postfix, relay
from harness.process import Process, end_cleanly_on_sigterm
from harness.relay import Relay, on_tmpfs
from harness.sink import Sink
from harness.tls import Authority

# Where mail comes from and goes to in most tests.
SENDER_DOMAIN = "sender.example"
SENDER = f"ada@{SENDER_DOMAIN}"
RECIPIENT_DOMAIN = "elsewhere.example"
RECIPIENT = f"bob@{RECIPIENT_DOMAIN}"

LOG_OCTETS = 6000


def pytest_configure():
    end_cleanly_on_sigterm()


def _scratch() -> Path:
    """Not on tmpfs, where a spool would be durable for free; short, because of the length of a Unix socket's path."""
    for parent in (Path("/var/tmp"), relay.BUILD):
        if parent.is_dir() and not on_tmpfs(parent):
            return Path(tempfile.mkdtemp(prefix="sendconn-test-", dir=parent))
    pytest.exit("neither /var/tmp nor the build folder is on a disk", 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    item.stash.setdefault(_reports, {})[report.when] = report
    if not report.failed:
        return
    root = item.funcargs.get("folder")
    for file in sorted(root.rglob("*log")) if root else []:
        if file.is_file() and file.stat().st_size:
            text = file.read_bytes()[-LOG_OCTETS:].decode(errors="replace")
            report.sections.append((f"end of {file.relative_to(root)}", text))


_reports = pytest.StashKey()


@pytest.fixture
def folder(request):
    made = _scratch()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def authority():
    made = _scratch()
    yield Authority(made)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def relay_certificate(authority):
    return authority.issue("relay.example", "IP:127.0.0.1")


@pytest.fixture(scope="session")
def sink_certificate(authority):
    return authority.issue(f"mx.{RECIPIENT_DOMAIN}", "IP:127.0.0.1")


@pytest.fixture
def running():
    """start(x) starts anything that has start() and stop(), and stops it after the test, the last one first."""
    started = []

    def start(server):
        started.append(server)
        return server.start()

    yield start
    for server in reversed(started):
        server.stop()


@pytest.fixture
def make_relay(folder, relay_certificate):
    """make_relay(**Relay's arguments): a relay that runs. Each must end cleanly when the test is over."""
    if relay.missing():
        pytest.skip(relay.missing())
    made: list[Relay] = []

    def make(name: str = "", *, start: bool = True, **arguments) -> Relay:
        arguments.setdefault("certificate", relay_certificate)
        made.append(Relay(folder / (name or f"relay{len(made) or ''}"), **arguments))
        return made[-1].start() if start else made[-1]

    yield make
    for one in made:
        running = one.process is not None and one.process.running()
        code = one.stop()
        assert not running or code == 0, f"the relay ended with {code}\n{one.log_text()[-LOG_OCTETS:]}"


@pytest.fixture
def make_sink(folder, running):
    """make_sink(port=…, **Sink's options): a recipient's server that runs."""
    count = 0

    def make(**options) -> Sink:
        nonlocal count
        count += 1
        return running(Sink(folder / f"sink{count}", **options))

    return make


@pytest.fixture
def relay_ready(make_relay):
    """A relay with one connector that may send for SENDER_DOMAIN, and RECIPIENT_DOMAIN's MX at its mx_port."""
    return prepare(make_relay())


def prepare(one: Relay, **connector) -> Relay:
    one.receive_mail_of(RECIPIENT_DOMAIN)
    one.add_account()
    one.add_connector(**connector)
    one.add_domain(SENDER_DOMAIN)
    return one


@pytest.fixture
def sink_ready(make_sink, relay_ready):
    return make_sink(port=relay_ready.mx_port)


def need(*parts):
    """Marks a test that needs programs: @need(postfix, exim)."""
    reasons = [part.missing() for part in parts if part.missing()]
    return pytest.mark.skipif(bool(reasons), reason="; ".join(reasons) or "nothing is missing")


need_postfix = need(postfix)
need_exim = need(exim)
need_opendkim = need(opendkim)
need_nsd = need(nsd)

__all__ = ["Process", "prepare"]

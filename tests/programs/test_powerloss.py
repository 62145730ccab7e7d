"""The whole relay when the power fails and when the disk does: what was answered 250 is in the queue or at its recipient's.

The relay works under libspoolshim.so (tests/shim), which notes every change of its state folder. After a load with
deliveries that succeed and others that wait, the disk is rebuilt as it may look after a power failure at random moments.

SENDCONN_POWER_FAILURES sets their number (default 500). SENDCONN_SEED repeats a run's choices.
"""

import json
import os
import random
import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from conftest import RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN
from harness.process import Process, wait_until
from harness.relay import BUILD, RELAY, TOOL, toml
from harness.sink import CountingSink, Sink

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "shim"))
import powerloss  # noqa: E402

SHIM = BUILD / "tests" / "shim" / "libspoolshim.so"
POINTS = int(os.environ.get("SENDCONN_POWER_FAILURES", "500"))
SEED = int(os.environ.get("SENDCONN_SEED", "0")) or random.randrange(1, 1 << 32)
WAITING_DOMAIN = "later.example"  # nobody listens there: its mail stays in the queue
CLIENTS = 6
LINE = 72
SIZES = [400] * 10 + [4_000] * 5 + [60_000, 300_000]
DELIVERED_STARTS = 4  # of the power failures: the relay itself starts on the disk that is left, and delivers


class Load:
    """Clients that send until told to stop. What was answered 250: its queue id and when, by Message-ID."""

    def __init__(self, port, seed, each=None):
        self.port = port
        self.accepted = {}  # name -> (queue id, time.monotonic_ns() after the reply)
        self.refused = []  # replies
        self.seed = seed
        self.each = each
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        chance = random.Random(self.seed * CLIENTS + number)
        sent = 0
        while not self.ending.is_set() and (self.each is None or sent < self.each):
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                    client.ehlo("client.example")
                    for _ in range(chance.randint(1, 15)):
                        if self.ending.is_set() or sent == self.each:
                            break
                        sent += 1
                        self._send(client, f"{self.seed}-{number}-{sent}@{SENDER_DOMAIN}", chance)
            except (OSError, smtplib.SMTPException):
                time.sleep(0.01)  # the relay ended, or ended the connection; the load goes on when it is back

    def _send(self, client, name, chance):
        domain = chance.choice((RECIPIENT_DOMAIN, WAITING_DOMAIN))
        reply = client.mail(SENDER)
        if reply[0] == 250:
            reply = client.rcpt(f"bob@{domain}")
        if reply[0] == 250:
            reply = client.data(message(name, chance.choice(SIZES)))
        if reply[0] == 250:
            self.accepted[name] = reply[1].decode().split()[-1], time.monotonic_ns()
        else:
            self.refused.append((reply[0], reply[1].decode()))
            client.rset()
            time.sleep(0.01)

    def stop(self):
        self.ending.set()
        self.join()

    def join(self):
        for thread in self.threads:
            thread.join()


def message(name, octets):
    head = f"From: {SENDER}\r\nTo: bob@{RECIPIENT_DOMAIN}\r\nMessage-ID: <{name}>\r\nSubject: x\r\n\r\n"
    return (head + body(name, octets)).encode()


def body(name, octets):
    """Says on every line which message it belongs to."""
    return (f"{name} ".ljust(LINE - 2, "x") + "\r\n") * (octets // LINE + 1)


class Watched:
    """A relay whose state folder is watched, from a state before which everything is certain."""

    def __init__(self, relay, scratch):
        self.relay = relay
        self.scratch = scratch
        relay.receive_mail_of(RECIPIENT_DOMAIN)
        relay.zone.add(WAITING_DOMAIN, "MX", f"10 mx.{WAITING_DOMAIN}.")
        relay.zone.add(f"mx.{WAITING_DOMAIN}", "A", "127.0.0.2")
        relay.add_account()
        relay.add_connector(user="", network="127.0.0.0/8")
        relay.add_domain(SENDER_DOMAIN)
        assert relay.stop() == 0
        self.base = scratch / "base"
        subprocess.run(["cp", "-a", relay.state, self.base], check=True)
        self.shim = powerloss.Shim(SHIM, relay.state, scratch)

    def start(self):
        self.relay.process = Process([RELAY, "--config", self.relay.config], self.relay.log,
                                     env=self.shim.environment())
        self.relay.process.wait_listening(*self.relay.ports)

    def config_for(self, state):
        """A configuration like the relay's, with its state elsewhere."""
        sections = {**self.relay.sections, "relay": {**self.relay.sections["relay"], "state_folder": state}}
        path = self.scratch / "after.toml"
        path.write_text(toml(sections))
        return path

    def failures(self, count, chance):
        """Power failures at random: for each the moment and the disk that is left."""
        records = self.shim.records()
        disk = powerloss.Disk(self.relay.state, self.base)
        applied = 0
        for place in powerloss.points(records, count, chance):
            for record in records[applied:place]:
                disk.apply(record)
            applied = place
            target = powerloss.fresh(self.scratch / "rebuilt")
            disk.rebuild(target, chance)
            yield powerloss.moment_after(records, place), target


def listed(config):
    """The queue by the command line, of the running relay or from the files; a text if it refuses."""
    run = subprocess.run([TOOL, "--config", config, "--json", "queue", "list", "--limit", "100000"],
                         capture_output=True, text=True)
    if run.returncode != 0:
        return run.stderr.strip() or f"exit code {run.returncode}"
    return json.loads(run.stdout)["messages"]


def queued(config):
    """The ids in the queue; a text if it cannot be read."""
    found = listed(config)
    return found if isinstance(found, str) else {one["id"] for one in found}


def promised(load, arrivals, moment):
    """{queue id: name} of what must be in the queue: answered 250, and not yet at its recipient's."""
    return {queue_id: name for name, (queue_id, accepted) in load.accepted.items()
            if accepted < moment and min(arrivals.get(name, [float("inf")])) * 1e9 > moment}


@pytest.fixture
def watched(make_relay, folder):
    if not SHIM.exists():
        pytest.skip("libspoolshim.so is not built")

    def make(**spool):
        settings = {"delivery": {"retry_waits": ["1s"], "retry_jitter_percent": 10}}
        if spool:
            settings["spool"] = spool
        return Watched(make_relay(plaintext=True, settings=settings), folder)

    return make


def run_load(watched, running, folder, seed, each=60):
    sink = running(CountingSink(folder / "sink", watched.relay.mx_port))
    watched.start()
    load = Load(watched.relay.plain_port, seed, each)
    load.join()
    watched.relay.kill()
    sink.stop()
    assert not load.refused, load.refused[:3]
    assert len(load.accepted) == CLIENTS * each
    return load, sink.arrivals()


def test_nothing_that_was_acknowledged_is_lost_when_the_power_fails(watched, running, folder, record_property):
    one = watched()
    load, arrivals = run_load(one, running, folder, SEED)
    assert len(load.accepted) / 5 < len(arrivals) < len(load.accepted), "some are delivered, some wait"
    chance = random.Random(SEED)
    lost = []
    at_stake = 0
    for number, (moment, disk) in enumerate(one.failures(POINTS, chance)):
        config = one.config_for(disk)
        must = promised(load, arrivals, moment)
        at_stake += bool(must)
        found = queued(config)
        if isinstance(found, str):
            lost.append(found)
        else:
            lost += [must[queue_id] for queue_id in must.keys() - found]
        if number % (POINTS // DELIVERED_STARTS or 1) == POINTS // DELIVERED_STARTS - 1:
            lost += deliver_rest(one, config, must, folder / f"sink{number}")
    print(f"seed {SEED}: {POINTS} power failures, {at_stake} with mail at stake, {len(lost)} losses")
    record_property("lost", len(lost))
    assert not lost, (SEED, lost[:10])
    assert at_stake > POINTS / 2


def deliver_rest(one, config, must, folder):
    """Starts the relay on a disk that is left: what it must have for the reachable domain arrives, every octet of it."""
    with Sink(folder, port=one.relay.mx_port) as sink:
        process = Process([RELAY, "--config", config], folder / "relay.log")
        try:
            process.wait_listening(*one.relay.ports)
            subprocess.run([TOOL, "--config", config, "queue", "retry", "--all"], capture_output=True, check=True)
            wait_until(lambda: all(WAITING_DOMAIN in json.dumps(each["recipients"]) for each in listed(config)),
                       "the reachable mail to be delivered")
            left = {each["id"] for each in listed(config)}
        finally:
            process.stop()
        arrived = {each.field("Message-ID").strip("<>"): each.body for each in sink.messages()}
    lost = [name for queue_id, name in must.items() if queue_id not in left and name not in arrived]
    return lost + [f"{name} came damaged" for name, octets in arrived.items()
                   if octets.decode() != body(name, len(octets) - LINE)]


def test_without_sync_the_same_power_failures_lose_mail(watched, running, folder):
    """The test's own proof: it sees a loss where there is one."""
    one = watched(sync=False)
    load, arrivals = run_load(one, running, folder, SEED, each=20)
    failures = 0
    for moment, disk in one.failures(60, random.Random(SEED)):
        found = queued(one.config_for(disk))
        failures += isinstance(found, str) or bool(promised(load, arrivals, moment).keys() - found)
    print(f"seed {SEED}: with sync = false {failures} of 60 power failures lost mail")
    assert failures > 10


def test_a_full_disk_answers_452_and_recovers_by_itself(watched, running, folder):
    one = watched()
    sink = running(CountingSink(folder / "sink", one.relay.mx_port))
    one.start()
    load = Load(one.relay.plain_port, SEED)
    for _ in range(3):
        before = len(load.accepted)
        wait_until(lambda: len(load.accepted) > before + 50, "mail to be accepted")
        refused = len(load.refused)
        one.shim.set_faults("write ENOSPC 1 *", "allocate ENOSPC 1 *", "open ENOSPC 1 *")
        wait_until(lambda: len(load.refused) > refused + 50, "mail to be refused")
        one.shim.set_faults()
    before = len(load.accepted)
    wait_until(lambda: len(load.accepted) > before + 50, "mail to be accepted again")
    load.stop()
    assert {code for code, _ in load.refused} == {452}
    assert all(text.startswith("4.3.1 ") for _, text in load.refused), load.refused[:3]
    one.relay.kill()
    sink.stop()
    must = promised(load, sink.arrivals(), time.monotonic_ns())
    assert must.keys() <= queued(one.relay.config)


def test_an_outcome_that_a_full_disk_refused_is_recorded_as_soon_as_there_is_room(watched, running, folder):
    """Neither a second delivery after a restart, nor a report that waits for one."""
    one = watched()
    one.relay.receive_mail_of(SENDER_DOMAIN)
    sink = running(Sink(folder / "sink", port=one.relay.mx_port))
    good, bad = f"good@{RECIPIENT_DOMAIN}", f"bad@{RECIPIENT_DOMAIN}"
    sink.behave(MAIL="450 4.3.0 later")
    one.start()
    with smtplib.SMTP("127.0.0.1", one.relay.plain_port) as client:
        assert client.sendmail(SENDER, [good, bad], message(f"1@{SENDER_DOMAIN}", 400)) == {}
    one.relay.wait_logged("deferred")
    one.shim.set_faults("write ENOSPC 1 *", "allocate ENOSPC 1 *", "open ENOSPC 1 *")
    sink.behave(RCPT={bad: "550 5.1.1 nobody"})
    one.relay.wait_logged("spool-failed")
    assert [received.recipients for received in sink.messages()] == [[good]]
    one.shim.set_faults()
    wait_until(lambda: len(sink.messages()) == 2, "the report")
    assert sink.messages()[1].recipients == [SENDER] and b"nobody" in sink.messages()[1].content
    wait_until(lambda: queued(one.relay.config) == set(), "the outcomes to be recorded")
    one.relay.kill()
    assert queued(one.relay.config) == set()
    assert len(sink.messages()) == 2


@pytest.mark.parametrize("call", ["write", "sync"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_a_failing_disk_is_answered_4xx_and_loses_nothing(watched, running, folder, call, lasting):
    """The relay recovers, or stops with a clear word; after a new start everything is there, even if power fails."""
    one = watched()
    sink = running(CountingSink(folder / "sink", one.relay.mx_port))
    one.start()
    load = Load(one.relay.plain_port, SEED)
    wait_until(lambda: len(load.accepted) > 100, "mail to be accepted")
    one.shim.set_faults(f"{call} EIO 1 {'*' if lasting else 1} /spool/")

    def shown():
        return load.refused or not one.relay.process.running() or (not lasting and one.shim.disk(one.base).faults)

    wait_until(shown, "the failure to show")
    one.shim.set_faults()
    before = len(load.accepted)
    time.sleep(1)  # whatever it does now: accept again, refuse, or be gone
    recovered = len(load.accepted) > before
    load.stop()
    assert all(400 <= code < 500 for code, _ in load.refused), load.refused[:3]
    if not one.relay.process.running():
        assert "error" in one.relay.log_text()[-2000:], "it stopped without a clear word"
    print(f"{call} {'lasting' if lasting else 'once'}: {'recovered' if recovered else 'takes nothing until restarted'};"
          f" {len(load.refused)} refused: {load.refused[:1]}")
    one.relay.kill()
    one.start()  # on what the system's cache holds
    again = Load(one.relay.plain_port, SEED + 1, each=5)
    again.join()
    assert len(again.accepted) == 5 * CLIENTS
    one.relay.kill()
    sink.stop()
    arrivals = sink.arrivals()
    must = {**promised(load, arrivals, time.monotonic_ns()), **promised(again, arrivals, time.monotonic_ns())}
    assert must.keys() <= queued(one.relay.config)
    disk = one.shim.disk(one.base)
    for seed, survival in enumerate((0.0, 0.5)):
        target = powerloss.fresh(folder / "rebuilt")
        disk.rebuild(target, random.Random(seed), survival)
        found = queued(one.config_for(target))
        assert not isinstance(found, str), found
        lost = [must[queue_id] for queue_id in must.keys() - found]
        assert not lost, (SEED, survival, lost[:5])

"""kill -9 at random instants under load: nothing that was answered 250 is lost, and what comes twice was on its way when
the relay died.

SENDCONN_ROUNDS sets the number of rounds (default 5). SENDCONN_SEED repeats a run's choices.
"""

import math
import os
import random
import smtplib
import threading
import time
from collections import Counter

from conftest import RECIPIENT, RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN
from harness.sink import CountingSink

ROUNDS = int(os.environ.get("SENDCONN_ROUNDS", "5"))
SEED = int(os.environ.get("SENDCONN_SEED", "0")) or random.randrange(1, 1 << 32)
CLIENTS = 8
# From the load's start to the kill.
SHORTEST, LONGEST = 0.05, 1.0
# Between the receiver's note of the final dot and the commit of the outcome: a group commit, on a busy machine.
UNSETTLED_SECONDS = 0.5
# Mostly small, some in the memory's upper range, a few that stream to a file.
SIZES = [500] * 12 + [4_000] * 4 + [60_000, 400_000]


class Load:
    """Clients that send as fast as they can until told to stop, and note what was answered."""

    def __init__(self, port: int, seed: int):
        self.port = port
        self.acknowledged: list[str] = []  # list.append is atomic
        self.unknown: list[str] = []  # sent, or partly; no answer came
        self.refused: list[str] = []
        self._seed = seed
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int):
        choose = random.Random(self._seed * CLIENTS + number)
        counter = 0
        while not self._stop.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                    client.ehlo("client.example")
                    for _ in range(choose.randrange(1, 20)):
                        if self._stop.is_set():
                            return
                        counter += 1
                        self._send(client, f"{self._seed}-{number}-{counter}@{SENDER_DOMAIN}", choose.choice(SIZES))
            except (OSError, smtplib.SMTPException):
                pass  # the relay died, as it shall

    def _send(self, client, name: str, octets: int):
        message = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nMessage-ID: <{name}>\r\nSubject: x\r\n\r\n" + "y" * 70 + "\r\n"
        message += ("x" * 78 + "\r\n") * (octets // 80)
        client.mail(SENDER)
        client.rcpt(RECIPIENT)
        self.unknown.append(name)
        code, _ = client.data(message.encode())
        self.unknown.remove(name)
        (self.acknowledged if code == 250 else self.refused).append(name)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_nothing_that_was_acknowledged_is_lost(make_relay, running, folder, record_property):
    choose = random.Random(SEED)
    relay = make_relay(
        plaintext=True,
        settings={"delivery": {"retry_waits": ["1s"], "retry_jitter_percent": 10}, "log": {"level": "info"}},
    )
    relay.receive_mail_of(RECIPIENT_DOMAIN)
    relay.add_account()
    relay.add_connector(user="", network="127.0.0.0/8")
    relay.add_domain(SENDER_DOMAIN)
    sink = running(CountingSink(folder / "sink", relay.mx_port))
    acknowledged, unknown, refused, kills = [], [], [], []
    for number in range(ROUNDS):
        load = Load(relay.plain_port, SEED + number)
        time.sleep(choose.uniform(SHORTEST, LONGEST))  # the random instant itself
        relay.kill()
        kills.append(time.monotonic())
        load.stop()
        acknowledged += load.acknowledged
        unknown += load.unknown
        refused += load.refused
        relay.start()
    relay.wait_queue_empty(180)
    arrivals = sink.deliveries()

    lost = [name for name in acknowledged if name not in arrivals]
    doubled = {name: each for name, each in arrivals.items() if len(each) > 1}
    gaps = {name: _longest_gap(each, kills) for name, each in doubled.items()}
    unexplained = {name: gap for name, gap in gaps.items() if gap > UNSETTLED_SECONDS}
    figures = {
        "rounds": ROUNDS,
        "acknowledged": len(acknowledged),
        "unanswered": len(unknown),
        "unanswered and delivered": sum(1 for name in unknown if name in arrivals),
        "refused": len(refused),
        "lost": len(lost),
        "doubled": len(doubled),
        "longest from a doubled one's first delivery to the kill, s": round(max(gaps.values(), default=0.0), 3),
        "doubled without reason": len(unexplained),
    }
    print(f"seed {SEED}: " + ", ".join(f"{name} {count}" for name, count in figures.items()))
    for name, count in figures.items():
        record_property(name, count)
    assert not lost, (SEED, lost[:10])
    assert not unexplained, (SEED, list(unexplained.items())[:10])  # name and seconds
    assert not refused, (SEED, refused[:10])
    assert Counter(acknowledged).most_common(1)[0][1] == 1
    # A test that never had anything at stake would prove nothing.
    assert len(acknowledged) > 10 * ROUNDS


def _gap(first: tuple[float, float], second: tuple[float, float], kills: list[float]) -> float:
    """From a delivery to the kill that kept its outcome from the disk; infinite if no kill lies between the making of its
    connection and the next delivery. On a busy machine the receiver may note the delivery after the kill: 0."""
    opened, noted = first
    return min((max(0.0, kill - noted) for kill in kills if opened < kill < second[1]), default=math.inf)


def _longest_gap(each: list[tuple[float, float]], kills: list[float]) -> float:
    return max(_gap(first, second, kills) for first, second in zip(each, each[1:]))

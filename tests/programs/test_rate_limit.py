"""The rates of a connector under sessions that all push at once: never more than burst plus rate times time, over any span
of time, and no less than there is."""

import random
import re
import smtplib
import threading
import time

import pytest

from conftest import RECIPIENT_DOMAIN, SENDER, SENDER_DOMAIN
from harness.sink import CountingSink

SESSIONS = 12
SECONDS = 6.0
MESSAGE_RATE, MESSAGE_BURST = 20, 10
RECIPIENT_RATE, RECIPIENT_BURST = 30, 15


class Grants:
    """What was granted, each with the times of the command and of its reply: the grant lies between them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.spans = []
        self.waits = []
        self.unexpected = []

    def ask(self, command, refusal):
        began = time.monotonic()
        code, text = command()
        ended = time.monotonic()
        with self.lock:
            if code == 250:
                self.spans.append((began, ended))
            elif code == refusal and (told := re.search(rb"^4\.7\.1 .*; retry in (\d+) s$", text)):
                self.waits.append(int(told[1]))
            else:
                self.unexpected.append((code, text))
        return code == 250

    def excess(self, rate, burst):
        """The largest number of grants above what the rate allows, over all spans of time."""
        begins = sorted(began for began, _ in self.spans)
        most = 0.0
        for first in begins:
            inside = sorted(ended for began, ended in self.spans if began >= first)
            for count, last in enumerate(inside, 1):
                most = max(most, count - burst - rate * (last - first))
        return most


@pytest.fixture
def limited(make_relay, running, folder):
    relay = make_relay(plaintext=True)
    relay.receive_mail_of(RECIPIENT_DOMAIN)
    relay.add_account()
    relay.add_connector(user="", network="127.0.0.0/8", message_rate=f"{MESSAGE_RATE}/s, burst {MESSAGE_BURST}",
                        recipient_rate=f"{RECIPIENT_RATE}/s, burst {RECIPIENT_BURST}")
    relay.add_domain(SENDER_DOMAIN)
    running(CountingSink(folder / "sink", relay.mx_port))
    return relay


def test_concurrent_sessions_never_get_more_than_burst_and_rate(limited):
    messages, recipients = Grants(), Grants()
    end = time.monotonic() + SECONDS

    def push(number):
        chance = random.Random(number)
        with smtplib.SMTP("127.0.0.1", limited.plain_port, timeout=30) as client:
            client.ehlo("client.example")
            while time.monotonic() < end:
                if not messages.ask(lambda: client.mail(SENDER), 451):
                    time.sleep(0.005)  # greedy: asks again long before it was told to
                    continue
                granted = [recipients.ask(lambda: client.rcpt(f"bob@{RECIPIENT_DOMAIN}"), 450)
                           for _ in range(chance.randint(1, 3))]
                if any(granted) and chance.random() < 0.8:
                    assert client.data(f"From: {SENDER}\r\n\r\nhello\r\n".encode())[0] == 250
                else:
                    client.rset()

    threads = [threading.Thread(target=push, args=(number,)) for number in range(SESSIONS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    for grants, rate, burst in ((messages, MESSAGE_RATE, MESSAGE_BURST), (recipients, RECIPIENT_RATE, RECIPIENT_BURST)):
        print(f"{len(grants.spans)} granted, {len(grants.waits)} refused in {seconds:.2f} s at {rate}/s, burst {burst}")
        assert not grants.unexpected, grants.unexpected[:3]
        assert grants.excess(rate, burst) <= 0
        assert grants.waits and set(grants.waits) == {1}, "the wait for a token is below a second, rounded up"
    # The sessions push hard enough that every token there is gets used.
    assert len(messages.spans) >= 0.9 * (MESSAGE_BURST + MESSAGE_RATE * SECONDS)


def test_sessions_that_wait_as_told_get_their_turn(limited):
    """Six clients share one bucket and obey: the first refusal ends with the wait that it names, unless others came first."""
    refusals = []

    def obey():
        with smtplib.SMTP("127.0.0.1", limited.plain_port, timeout=30) as client:
            client.ehlo("client.example")
            sent = 0
            while sent < 8:
                code, text = client.mail(SENDER)
                if code == 250:
                    client.rset()
                    sent += 1
                    continue
                told = re.search(rb"retry in (\d+) s", text)
                refusals.append(int(told[1]))
                time.sleep(int(told[1]))

    threads = [threading.Thread(target=obey) for _ in range(6)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 48 tokens, 10 at once and 20 a second: 2 s at least; waits are rounded up to whole seconds.
    assert 1.9 < time.monotonic() - started < 10
    assert refusals
    assert len(refusals) < 48, "nobody is turned away again and again"

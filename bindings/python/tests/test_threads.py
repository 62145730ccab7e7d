"""Threads: the GIL is let go while keys work, and what several threads share stays whole."""

import threading

import pytest

import sendconn
from sendconn import dkim, dns, spf
from support import MESSAGE, NOW, key, key_zone


def in_threads(count, work):
    """Runs work(number) in that many threads at once; what one of them raises comes out."""
    raised = []
    start = threading.Barrier(count)

    def run(number):
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def test_a_key_and_a_zone_are_shared_by_threads():
    zone = key_zone(ed=key())
    keys = dkim.KeyCache()
    expected = dkim.sign(MESSAGE, key=key(), domain="football.example.com", selector="ed", now=NOW)

    def work(number):
        for _ in range(200):
            field = dkim.sign(MESSAGE, key=key(), domain="football.example.com", selector="ed", now=NOW)
            assert field == expected
            assert dkim.verify(field + MESSAGE, resolver=zone, keys=keys, now=NOW)[0].passed

    in_threads(4, work)


def test_python_goes_on_while_a_key_is_made():
    """RSA-4096 takes long; meanwhile another thread counts."""
    counted = []
    done = threading.Event()

    def count():
        while not done.is_set():
            counted.append(None)

    counter = threading.Thread(target=count)
    counter.start()
    before = len(counted)
    dkim.PrivateKey.generate("rsa", bits=4096)
    after = len(counted)
    done.set()
    counter.join()
    assert after > before


def test_a_machine_belongs_to_one_call_at_a_time():
    """While one thread waits for its resolver, another is refused, and the machine is whole afterwards."""
    machine = spf.Check(ip="192.0.2.1", mail_from="joe@example.org")
    asked = threading.Event()
    go_on = threading.Event()

    def resolver(name, type):
        asked.set()
        assert go_on.wait(60)
        return [b"v=spf1 ip4:192.0.2.1 -all"]

    thread = threading.Thread(target=machine.run, args=(resolver,))
    thread.start()
    assert asked.wait(60)
    for use in (machine.questions, lambda: machine.done, lambda: machine.result, lambda: machine.run(resolver)):
        with pytest.raises(sendconn.StateError, match="in use"):
            use()
    go_on.set()
    thread.join()
    assert machine.done and machine.result.passed


def test_pieces_from_many_threads_are_refused_or_taken_whole():
    signer = dkim.Signer([dkim.Signature(domain="football.example.com", selector="ed", key=key())], now=NOW)
    signer.update(MESSAGE)
    piece = b"x" * 100_000 + b"\r\n"

    def work(number):
        for _ in range(50):
            try:
                signer.update(piece)
            except sendconn.StateError:
                pass

    in_threads(4, work)
    assert signer.finish().startswith(b"DKIM-Signature:")


def test_checks_in_threads_over_one_zone():
    zone = dns.Zone.parse('example.org. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\n')
    records = spf.RecordCache()

    def work(number):
        options = spf.Options(records=records)
        for last in range(200):
            found = spf.check(ip=f"192.0.2.{last}", mail_from="a@example.org", resolver=zone, options=options)
            assert found.passed

    in_threads(4, work)
    assert len(records) == 1

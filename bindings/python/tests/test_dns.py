"""sendconn.dns: zones, answers, the resolver over the network and dnspython's."""

import asyncio
import os
import signal
import threading

import pytest

import sendconn
from sendconn import dkim, dns, spf
from support import MESSAGE, NOW, interruptible, key  # noqa: F401

LONG = "v=spf1 " + " ".join(f"ip4:192.0.2.{number}" for number in range(90)) + " -all"
ZONE = f"""
example.org.                  300 IN TXT "v=spf1 mx -all"
example.org.                  300 IN MX  10 mx.example.org.
mx.example.org.                60 IN A   198.51.100.7
mx.example.org.                60 IN AAAA 2001:db8::7
ns.example.org.               300 IN NS  mx.example.org.
long.example.org.             300 IN TXT {" ".join('"' + LONG[at:at + 200] + '"' for at in range(0, len(LONG), 200))}
"""


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("dns.zone", reason="no dnspython, which the test's name server is made of")
    import dns_server

    with dns_server.Server(ZONE) as running:
        yield running


def ask_async(resolver, *questions):
    async def scenario():
        return await asyncio.gather(*(resolver.resolve_async(*one) for one in questions), return_exceptions=True)

    return asyncio.run(scenario())


# ---------------------------------------------------------------- zones and answers


def test_a_zone_answers_and_raises():
    zone = dns.Zone.parse(ZONE)
    assert len(zone) == 6 and repr(zone) == "<Zone of 6 records>"
    answer = zone("example.org", "MX")
    assert answer.values == ((10, "mx.example.org"),) and answer.ttl == 300 and list(answer) == [(10, "mx.example.org")]
    assert zone.resolve("MX.example.org", dns.RecordType.A).values == ("198.51.100.7",)
    assert zone("long.example.org", "TXT").values == (LONG.encode(),)
    with pytest.raises(sendconn.NoSuchName, match="nothing.example TXT: no such name"):
        zone("nothing.example", "TXT")
    with pytest.raises(sendconn.NoData):
        zone("example.org", "A")
    with pytest.raises(ValueError, match="'A', 'AAAA'"):
        zone("example.org", "SPF")
    with pytest.raises(TypeError):
        zone(b"example.org", "TXT")
    with pytest.raises(sendconn.MalformedError, match="line 1"):
        dns.Zone.parse("example.org. IN WHAT x")


def test_a_zone_may_make_names_fail():
    zone = dns.Zone.parse("$FAIL a.example TXT timeout\n$FAIL b.example TXT servfail\n$FAIL c.example TXT malformed\n")
    for name, kind in (("a", sendconn.Timeout), ("b", sendconn.ServerFailure), ("c", sendconn.MalformedAnswer)):
        with pytest.raises(kind):
            zone(name + ".example", "TXT")


def test_answers_are_values():
    assert dns.Answer(["a"], 5) == dns.Answer(values=("a",), ttl=5) and len(dns.Answer()) == 0
    assert repr(dns.Answer([b"x"], ttl=5)) == "Answer(values=(b'x',), ttl=5)"
    with pytest.raises(ValueError):
        dns.Answer(status="lost")
    with pytest.raises(ValueError, match="ttl must be"):
        spf.check(ip="192.0.2.1", mail_from="a@b.example", resolver=lambda name, type: dns.Answer(ttl=-1))
    with pytest.raises(TypeError, match="authenticated must be bool"):
        spf.check(ip="192.0.2.1", mail_from="a@b.example", resolver=lambda name, type: dns.Answer(authenticated=1))


# ---------------------------------------------------------------- the network


def test_the_resolver_asks_blocking_and_in_asyncio(server):
    resolver = dns.Resolver([server.address])
    questions = [("example.org", "TXT"), ("example.org", "MX"), ("mx.example.org", "AAAA"), ("long.example.org", "TXT")]
    blocking = [resolver(*question) for question in questions]
    assert [answer.values for answer in blocking] == [
        (b"v=spf1 mx -all",),
        ((10, "mx.example.org"),),
        ("2001:db8::7",),
        (LONG.encode(),),
    ]
    assert ask_async(resolver, *questions) == blocking
    assert server.address in repr(resolver)


def test_failures_are_told_apart(server):
    resolver = dns.Resolver([server.address], timeout=0.05, tries=1, deadline=0.2)
    kinds = {
        "nothing.example": sendconn.NoSuchName,
        "mx.example.org": sendconn.NoData,
        "x.silent": sendconn.Timeout,
        "x.broken": sendconn.ServerFailure,
    }
    for name, kind in kinds.items():
        with pytest.raises(kind):
            resolver(name, "TXT")
    raised = ask_async(resolver, *((name, "TXT") for name in kinds))
    assert [type(error) for error in raised] == list(kinds.values())


def test_a_cache_is_shared_by_both_ways(server):
    resolver = dns.Resolver([server.address], cache=dns.Cache())
    before = len(server.asked)
    first = resolver("example.org", "TXT")
    assert ask_async(resolver, ("example.org", "TXT")) == [first] and resolver("EXAMPLE.org", "TXT") == first
    with pytest.raises(sendconn.NoSuchName):
        resolver("nothing.example", "TXT")
    assert [type(one) for one in ask_async(resolver, ("nothing.example", "TXT"))] == [sendconn.NoSuchName]
    assert len(server.asked) == before + 2 and len(resolver.cache) == 2
    resolver.cache.remove("example.org", "TXT")
    resolver("example.org", "TXT")
    assert len(server.asked) == before + 3


def test_checks_ask_the_network(server):
    resolver = dns.Resolver([server.address])
    options = {"mail_from": "joe@example.org", "resolver": resolver}
    assert spf.check(ip="198.51.100.7", **options).passed
    assert spf.check(ip="198.51.100.8", **options).result == "fail"
    assert asyncio.run(spf.check_async(ip="2001:db8::7", **options)).passed


def test_many_tasks_and_threads_ask_at_once(server):
    resolver = dns.Resolver([server.address])

    async def scenario():
        return await asyncio.gather(
            *(spf.check_async(ip="198.51.100.7", mail_from="joe@example.org", resolver=resolver) for _ in range(50))
        )

    assert all(found.passed for found in asyncio.run(scenario()))
    passed = []

    def work():
        for _ in range(10):
            passed.append(spf.check(ip="198.51.100.7", mail_from="joe@example.org", resolver=resolver).passed)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == [True] * 80


def test_ctrl_c_ends_a_wait(server, interruptible):
    resolver = dns.Resolver([server.address], timeout=30, deadline=60)
    asked = len(server.asked)

    def interrupt():
        while len(server.asked) == asked:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        resolver("x.silent", "TXT")
    assert dns.Resolver([server.address])("example.org", "TXT").values


def test_a_cancelled_question_leaves_the_resolver_usable(server):
    resolver = dns.Resolver([server.address], timeout=0.2, tries=1)

    async def scenario():
        task = asyncio.ensure_future(resolver.resolve_async("x.silent", "TXT"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await resolver.resolve_async("example.org", "TXT")).values

    assert asyncio.run(scenario()) == (b"v=spf1 mx -all",)
    assert asyncio.run(scenario()) == (b"v=spf1 mx -all",)  # another loop


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"servers": "127.0.0.1"}, TypeError),
        ({"servers": ["nonsense"]}, sendconn.InputError),
        ({"timeout": "x"}, TypeError),
        ({"timeout": 1000}, sendconn.InputError),
        ({"tries": 0}, sendconn.InputError),
        ({"deadline": -1}, ValueError),
        ({"cache": 7}, TypeError),
    ],
)
def test_wrong_options_are_refused(arguments, error):
    with pytest.raises(error):
        dns.Resolver(**arguments)


def test_dnspython_is_a_resolver(server):
    from dns import asyncresolver
    from dns import resolver as theirs

    def configured(kind):
        one = kind(configure=False)
        one.nameservers = ["127.0.0.1"]
        one.port = server.port
        one.lifetime = 0.5
        return sendconn.dns.dnspython(one)

    blocking = configured(theirs.Resolver)
    options = {"ip": "198.51.100.7", "mail_from": "joe@example.org"}
    assert spf.check(resolver=blocking, **options).passed
    found = asyncio.run(spf.check_async(resolver=configured(asyncresolver.Resolver), **options))
    assert found.passed
    for name, kind in (("nothing.example", sendconn.NoSuchName), ("x.broken", sendconn.ServerFailure)):
        with pytest.raises(kind):
            blocking(name, "TXT")
    with pytest.raises(sendconn.NoData):
        blocking("mx.example.org", "TXT")
    with pytest.raises(sendconn.Timeout):
        blocking("x.silent", "TXT")


def test_a_key_is_fetched_from_the_network():
    pytest.importorskip("dns.zone", reason="no dnspython, which the test's name server is made of")
    import dns_server

    line = key().zone_line(domain="football.example.com", selector="ed")
    with dns_server.Server(line + "\n") as server:
        resolver = sendconn.dns.Resolver([server.address])
        signed = dkim.sign(MESSAGE, key=key(), domain="football.example.com", selector="ed", now=NOW) + MESSAGE
        assert dkim.verify(signed, resolver=resolver, now=NOW)[0].passed
        assert asyncio.run(dkim.verify_async(signed, resolver=resolver, now=NOW))[0].passed

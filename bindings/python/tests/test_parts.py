"""The smaller parts: Authentication-Results, a whole message, ownership, limits, addresses, values and errors."""

import asyncio
import copy
import math
import pickle

import pytest

import sendconn
from sendconn import _core, address, authres, dkim, dmarc, dns, limit, ownership, spf
from sendconn.authentication import Check
from support import MESSAGE, NOW, key, key_zone, table

# ---------------------------------------------------------------- Authentication-Results


def test_results_are_written_and_read():
    field = authres.Results(
        id="mx.example.net",
        statements=[
            authres.Statement(
                method="spf",
                result="pass",
                comment="as it should be",
                properties=[authres.Property(type="smtp", name="mailfrom", value="joe@example.org")],
            )
        ],
    )
    written = authres.format(field)
    assert written.startswith(b"Authentication-Results: mx.example.net;") and written.endswith(b"\r\n")
    read = authres.parse(written.decode().partition(":")[2])
    assert read == field and read.statements[0].find("SMTP", "MailFrom") == "joe@example.org"
    assert read.statements[0].find("smtp", "helo") is None
    with pytest.raises(sendconn.MalformedError):
        authres.parse("mx.example.net; spf")
    with pytest.raises(sendconn.InputError):
        authres.format(field.replace(id=""))
    with pytest.raises(TypeError):
        authres.format("mx.example.net; none")
    with pytest.raises(TypeError):
        authres.format(field.replace(statements=["spf=pass"]))


def test_forged_fields_are_removed():
    header = b"Authentication-Results: mx.example.net; spf=pass\r\nFrom: a@b.example\r\n"
    assert authres.remove_forged(header, ["MX.example.net"]) == b"From: a@b.example\r\n"
    for cut in range(len(header)):
        one = authres.ForgeryFilter(["mx.example.net"])
        assert one.feed(header[:cut]) + one.feed(header[cut:]) + one.finish() == b"From: a@b.example\r\n"
        assert one.removed == 1
    with pytest.raises(sendconn.InputError):
        authres.ForgeryFilter([])


# ---------------------------------------------------------------- a whole message

DOMAIN = "football.example.com"


def resolver():
    keys = key_zone(ed=key())
    others = table(
        {
            (DOMAIN, "TXT"): [b"v=spf1 ip4:192.0.2.1 -all"],
            ("mail." + DOMAIN, "TXT"): [b"v=spf1 ip4:192.0.2.1 -all"],
            ("_dmarc." + DOMAIN, "TXT"): [b"v=DMARC1; p=reject"],
        }
    )
    return lambda name, type: keys(name, type) if "_domainkey" in name else others(name, type)


ENVELOPE = {"ip": "192.0.2.1", "helo": "mail." + DOMAIN, "mail_from": "joe@" + DOMAIN, "now": NOW}


def test_authenticate_says_what_a_receiver_needs():
    signed = dkim.sign(MESSAGE, key=key(), domain=DOMAIN, selector="ed", now=NOW) + MESSAGE
    found = sendconn.authenticate(signed, resolver=resolver(), authserv_id="mx.example.net", **ENVELOPE)
    assert found.spf.passed and found.helo.passed and found.dkim[0].passed and found.dmarc.passed
    assert found.authors == (DOMAIN,) and found.problem == "" and not found.null_sender
    assert found.dmarc_checks == (found.dmarc,)
    field = found.field()
    assert field.startswith(b"Authentication-Results: mx.example.net;") and b"dmarc=pass" in field
    assert found.field("other.example").startswith(b"Authentication-Results: other.example;")
    assert found.as_dict()["dkim"][0]["result"] == "pass"

    async def resolve(name, type):
        return resolver()(name, type)

    options = {"resolver": resolve, "authserv_id": "mx.example.net"}
    assert asyncio.run(sendconn.authenticate_async(signed, **options, **ENVELOPE)) == found
    machine = Check(authserv_id="mx.example.net", **ENVELOPE)
    for octet in range(0, len(signed), 100):
        machine.update(signed[octet : octet + 100])
    machine.finish()
    machine.run(resolver())
    assert machine.result == found


def test_a_check_may_be_given_up():
    machine = Check(**ENVELOPE)
    machine.update(MESSAGE)
    machine.finish()
    machine.give_up()
    assert machine.done and machine.result.spf.result == "temperror"


def test_a_message_that_is_none_is_a_finding():
    found = sendconn.authenticate(b"\x00\r\n\r\n", resolver=resolver(), **ENVELOPE)
    assert found.problem and found.dkim == () and not found.dmarc.passed


# ---------------------------------------------------------------- ownership


def test_ownership_is_proven_by_a_record():
    token = ownership.make_token()
    assert len(token) == 40 and token != ownership.make_token()
    wanted = ownership.records("example.org", token=token, provider="sendconn")
    assert wanted.publish == wanted.at_label and wanted.at_label.name == "_sendconn-challenge.example.org"
    entries = {(wanted.at_apex.name, "TXT"): [b"v=spf1 -all", wanted.at_apex.text.encode()]}
    options = {"token": token, "provider": "sendconn"}
    found = ownership.check("example.org", resolver=table(entries), **options)
    assert found.verified and found.where == "example.org"
    missing = ownership.check("example.org", resolver=table({}), **options)
    assert missing.result is ownership.Verdict.MISSING and missing.text
    failing = {("example.org", "TXT"): sendconn.Timeout(), (wanted.at_label.name, "TXT"): sendconn.Timeout()}
    assert ownership.check("example.org", resolver=table(failing), **options).result == "temporary-failure"
    assert asyncio.run(ownership.check_async("example.org", resolver=table(entries), **options)) == found
    machine = ownership.Check("example.org", **options)
    machine.run(table(entries))
    assert machine.result == found
    with pytest.raises(sendconn.MalformedError):
        ownership.check("example.org", token="short", provider="sendconn", resolver=table({}))
    with pytest.raises(sendconn.InputError):
        ownership.records("example.org", token=token, provider="Not Good")


# ---------------------------------------------------------------- limits


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate():
    clock = Clock()
    bucket = limit.TokenBucket("60/min, burst 3", clock=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    assert bucket.wait() == 1.0 and bucket.wait(4) is None
    clock.now += bucket.wait()
    assert bucket.available == 1 and bucket.take() and not bucket.take()
    bucket.give_back()
    assert bucket.take()
    bucket.set_rate(limit.Rate.parse("10/s"))
    assert str(bucket.rate) == "10/s" and (bucket.rate.count, bucket.rate.period, bucket.rate.burst) == (10, 1, 10)
    with pytest.raises(sendconn.MalformedError):
        limit.TokenBucket("often")
    with pytest.raises(ValueError):
        bucket.take(-1)


def test_a_wait_is_long_enough():
    clock = Clock()
    bucket = limit.TokenBucket("7/s, burst 7", clock=clock)
    bucket.take(7)
    for _ in range(1000):
        clock.now += bucket.wait()
        assert bucket.take()


def test_acquire_waits_blocking_and_in_asyncio():
    bucket = limit.TokenBucket("1000/s, burst 1")
    assert bucket.acquire() and bucket.acquire()
    slow = limit.TokenBucket("1/d")
    assert slow.acquire(timeout=0.001) and not slow.acquire(timeout=0.001)
    with pytest.raises(sendconn.InputError, match="burst is 1"):
        slow.acquire(2)

    async def scenario():
        return [await bucket.acquire_async(), await bucket.acquire_async(), await slow.acquire_async(timeout=0)]

    assert asyncio.run(scenario()) == [True, True, False]


def test_a_table_takes_all_or_nothing():
    clock = Clock()
    table_ = limit.Table(10, clock=clock)
    assert table_.take("a", "1/s") is None and table_.take("a", "1/s") == 1.0
    assert table_.take_all([("b", "2/s", 1), ("a", "1/s", 1)]) == 1.0
    assert table_.take("b", "2/s", 2) is None
    table_.give_back([("b", "2/s", 2)])
    assert table_.take("b", "2/s", 2) is None
    assert table_.take("c", "1/s", 5) == math.inf and len(table_) == 2


# ---------------------------------------------------------------- addresses


def test_domains_and_addresses():
    assert address.parse_domain("Bücher.Example.") == "xn--bcher-kva.example"
    assert address.display_domain("xn--bcher-kva.example") == "bücher.example"
    assert address.is_within("a.example.org", "example.org") and not address.is_within("aexample.org", "example.org")
    one = address.Address.parse("joe@Example.ORG")
    assert (one.local, one.domain, str(one)) == ("joe", "example.org", "joe@example.org")
    assert one == address.Address.parse("joe@example.org") and hash(one) == hash(address.Address.parse(str(one)))
    assert one != "joe@example.org" and repr(one) == "Address.parse('joe@example.org')"
    assert address.Address.parse("jö@example.org").needs_smtputf8
    listed = address.parse_address_list('"Joe, S." <joe@example.org>, ann@example.net')
    assert [str(each) for each in listed] == ["joe@example.org", "ann@example.net"]
    with pytest.raises(sendconn.MalformedError) as raised:
        address.parse_domain("a..b")
    assert raised.value.position == 2 and raised.value.text == str(raised.value)
    with pytest.raises(sendconn.LimitError):
        address.parse_address_list("a@b.example, c@d.example", max_addresses=1)


# ---------------------------------------------------------------- values and errors


def test_values_are_frozen_comparable_and_pickled():
    found = spf.check(ip="192.0.2.1", mail_from="joe@example.org", resolver=table({}))
    with pytest.raises(AttributeError, match="frozen"):
        found.result = "pass"
    with pytest.raises(AttributeError):
        del found.result
    with pytest.raises(AttributeError):
        found.other = 1
    for twin in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), copy.copy(found)):
        assert twin == found and hash(twin) == hash(found) and twin.result is found.result
    assert found.replace(domain="x.example") != found and found != found.as_dict()
    with pytest.raises(TypeError, match="unexpected"):
        found.replace(nothing=1)
    with pytest.raises(TypeError, match="needs the argument"):
        spf.Step(domain="x")


def test_words_are_strings():
    assert spf.Verdict.PASS == "pass" and f"{spf.Verdict.PASS}" == str(spf.Verdict.PASS) == "pass"
    assert "%s" % dkim.Verdict.FAIL == "fail" and spf.Verdict("pass") is spf.Verdict.PASS
    assert repr(dmarc.Policy.REJECT) == "<Policy.REJECT: 'reject'>"


def test_the_tree_of_exceptions():
    for kind in (sendconn.InputError, sendconn.LimitError, sendconn.StateError, sendconn.DnsError, sendconn.CryptoError):
        assert issubclass(kind, sendconn.Error)
    assert issubclass(sendconn.MalformedError, (sendconn.InputError, ValueError))
    assert issubclass(sendconn.Timeout, (sendconn.DnsError, TimeoutError))
    assert sendconn.NoSuchName(ttl=7).ttl == 7


def test_an_object_that_was_not_initialized_is_refused():
    """Its members would be whatever lies in memory: the process ended."""
    made = 0
    for kind in vars(_core).values():
        if not isinstance(kind, type) or issubclass(kind, (tuple, Exception)):
            continue
        empty = kind.__new__(kind)
        made += 1
        for name in dir(kind):
            if isinstance(getattr(kind, name), property):
                with pytest.raises(TypeError, match="not initialized"):
                    getattr(empty, name)
    assert made > 20
    for kind in (dkim.PrivateKey, dns.Zone, address.Address):
        with pytest.raises(TypeError, match="not initialized"):
            repr(kind.__new__(kind))
    with pytest.raises(TypeError, match="not initialized"):
        spf.check(ip="192.0.2.1", mail_from="joe@example.org", resolver=dns.Zone.__new__(dns.Zone))

    class Early(spf.Check):
        def __init__(self):
            with pytest.raises(TypeError, match="not initialized"):
                self.questions()
            super().__init__(ip="192.0.2.1", mail_from="joe@example.org")

    assert Early().questions()


@pytest.mark.parametrize(
    "call",
    [
        lambda: ownership.records("example.org", token="0" * 40, provider="ac\r\nme"),
        lambda: dns.Zone.parse('example.org. TXT "text"\nexample.org. 1\x1b[31m0 A 192.0.2.1\n'),
        lambda: dns.Zone.parse("a\x07b CNAME x.example.\na\x07b A 192.0.2.1\n"),
        lambda: dns.Zone.parse("a A " + "x" * 100_000),
        lambda: dns.Resolver(["192.0.2.1\n:53"]),
        lambda: dns.Zone.parse("")("example.org", "TX\nT"),
    ],
)
def test_an_error_is_one_line_that_can_be_shown(call):
    with pytest.raises(Exception) as raised:
        call()
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500


def test_what_cannot_be_pickled_is_refused_by_every_protocol():
    """By the oldest ones the process ended."""
    given = address.Address.parse("joe@example.org")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot pickle PrivateKey"):
            pickle.dumps(key(), protocol)
        assert pickle.loads(pickle.dumps(given, protocol)) == given
    assert copy.deepcopy(given) == given


def test_octets_that_are_no_utf_8_survive():
    asked = []

    def resolver(name, type):
        asked.append(name)
        return [b"v=spf1 exists:%{l}.example.net -all"] if type == "TXT" else ["127.0.0.2"]

    found = spf.check(ip="192.0.2.1", mail_from="j\udcf6e@example.org", resolver=resolver)
    assert found.passed and asked[-1].encode("utf-8", "surrogateescape") == b"j\xf6e.example.net"

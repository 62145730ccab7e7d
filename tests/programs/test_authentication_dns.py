"""SPF, DKIM and DMARC where the DNS is real: Unbound in front of NSD, then servers that fail and lie.

Each check ends with the result that its RFC names, and within the deadline: a failure of the DNS is a temporary error and
never the absence of a record. check-tool (tests/io/check_tool.cpp) sets the timeouts; the commands of sendconn have their
own.
"""

import json
import socket
import subprocess
import time

import pytest

pytest.importorskip("dns.message", reason="needs python3-dnspython")
import dns.flags  # noqa: E402
import dns.message  # noqa: E402
import dns.rcode  # noqa: E402
import dns.rdatatype  # noqa: E402

from harness import nsd, unbound  # noqa: E402
from harness.misbehaving import Misbehaving, garbage, reply, txt  # noqa: E402
from harness.relay import BUILD, TOOL  # noqa: E402
from harness.zone import txt_data  # noqa: E402

CHECK = BUILD / "tests" / "io" / "check-tool"
SIGN = BUILD / "tests" / "dkim" / "dkim-sign-tool"
SECONDS = 60
OK, FAILED, _, NOT_FOUND, TEMPORARY = range(5)

# More than any answer over UDP may hold here (EDNS with 1,232 octets), in the text of one record.
FILLER = " ".join(f"ip4:198.51.100.{i}" for i in range(250))
LARGE_SPF = f"v=spf1 {FILLER} ip4:192.0.2.1 -all"
LARGE_DMARC = "v=DMARC1; p=reject; rua=" + ",".join(f"mailto:report-{i:03}@example" for i in range(120))


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A 4096-bit key: its file, and a key record with a note that takes it over TCP."""
    path = tmp_path_factory.mktemp("key") / "key.pem"
    path.write_bytes(sign_tool("generate", "rsa", "4096"))
    record = sign_tool("record", path).decode().strip()
    return path, record.replace("v=DKIM1;", "v=DKIM1; n=" + "x" * 3000 + ";")


def sign_tool(*words, message=b""):
    run = subprocess.run([SIGN, *map(str, words)], input=message, capture_output=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def signed(key, domain, folder, selector="s"):
    """A message that `domain` has signed."""
    message = f"From: joe@{domain}\r\nSubject: lunch\r\n\r\nat one\r\n".encode()
    path = folder / f"{selector}.{domain}.eml"
    path.write_bytes(sign_tool("sign", "time=1790000000", key[0], domain, selector, "relaxed/relaxed", message=message))
    return path


RECORDS = f"""
large TXT {txt_data(LARGE_SPF)}
_dmarc.large TXT {txt_data(LARGE_DMARC)}
alias CNAME large
_dmarc.alias CNAME _dmarc.large
includes TXT "v=spf1 include:large.example -all"
to-nowhere TXT "v=spf1 include:x.nowhere -all"
a-nowhere TXT "v=spf1 a:x.nowhere -all"
to-none TXT "v=spf1 include:none.example -all"
two TXT "v=spf1 -all"
two TXT "v=spf1 +all"
faulty TXT "v=spf1 ip4:192.0.2.300 -all"
loop TXT "v=spf1 include:loop.example -all"
voids TXT "v=spf1 a:n1.example a:n2.example a:n3.example -all"
circle CNAME ring
ring CNAME circle
_dmarc.many TXT "v=DMARC1; p=none"
_dmarc.many TXT "v=DMARC1; p=reject"
_dmarc.faulty TXT "v=DMARC1; p=refuse"
"""


@pytest.fixture(scope="module")
def resolver(key, tmp_path_factory):
    """Unbound's port. It asks an NSD that serves the zone "example", and refuses everything else: SERVFAIL."""
    for server in (nsd, unbound):
        if server.missing():
            pytest.skip(server.missing())
    folder = tmp_path_factory.mktemp("dns")
    records = RECORDS + f"s._domainkey.large TXT {txt_data(key[1])}\ns._domainkey.alias CNAME s._domainkey.large\n"
    records += 'revoked._domainkey.large TXT "v=DKIM1; p="\n'
    records += "".join(f'two._domainkey.large TXT "v=DKIM1; p={text}"\n' for text in ("", "AAAA"))
    with nsd.Nsd(folder / "nsd", "example", records) as authority:
        with unbound.Unbound(folder / "unbound", ["example"], authority.port) as one:
            yield one.port


def check(server, *words, options=("--timeout", "2000", "--tries", "2", "--deadline", "10000")):
    """What check-tool prints, and the seconds it took."""
    began = time.monotonic()
    run = subprocess.run([CHECK, "--server", f"127.0.0.1:{server}", *options, *map(str, words)], capture_output=True,
                         text=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stderr
    (found,) = [json.loads(line) for line in run.stdout.splitlines()]
    return found, time.monotonic() - began


def full(name):
    return name if name.endswith(".nowhere") else name + ".example"


def sendconn(*words):
    run = subprocess.run([TOOL, "--json", *map(str, words)], capture_output=True, text=True, timeout=SECONDS, check=False)
    return run.returncode, json.loads(run.stdout)


@pytest.mark.parametrize("domain, verdict, code", [
    ("large", "pass", OK),
    ("alias", "pass", OK),
    ("includes", "pass", OK),
    ("x.nowhere", "temperror", TEMPORARY),
    ("to-nowhere", "temperror", TEMPORARY),
    ("a-nowhere", "temperror", TEMPORARY),
    ("circle", "temperror", TEMPORARY),
    ("none", "none", NOT_FOUND),
    ("to-none", "permerror", FAILED),
    ("two", "permerror", FAILED),
    ("faulty", "permerror", FAILED),
    ("loop", "permerror", FAILED),
    ("voids", "permerror", FAILED),
])  # fmt: skip
def test_spf_through_unbound(resolver, domain, verdict, code):
    found, _ = check(resolver, "spf", "192.0.2.1", f"joe@{full(domain)}")
    assert found["verdict"] == verdict, found
    returned, shown = sendconn("spf", "check", "--ip", "192.0.2.1", "--from", f"joe@{full(domain)}", "--dns-server",
                               f"127.0.0.1:{resolver}")
    assert (returned, shown["verdict"]) == (code, verdict)


@pytest.mark.parametrize("domain, signer, verdict, code", [
    ("large", "", "fail", FAILED),
    ("large", "mail.large", "pass", OK),
    ("alias", "alias", "pass", OK),
    ("x.large", "large", "pass", OK),
    ("x.nowhere", "", "temperror", TEMPORARY),
    ("none", "", "none", NOT_FOUND),
    ("many", "many", "none", NOT_FOUND),
    ("faulty", "faulty", "none", NOT_FOUND),
])  # fmt: skip
def test_dmarc_through_unbound(resolver, domain, signer, verdict, code):
    found, _ = check(resolver, "dmarc", full(domain), *([full(signer)] if signer else []))
    assert found["verdict"] == verdict, found
    returned, shown = sendconn("dmarc", "check", full(domain), *(["--dkim", full(signer)] if signer else []),
                               "--dns-server", f"127.0.0.1:{resolver}")
    assert (returned, shown["result"]) == (code, verdict)


@pytest.mark.parametrize("domain, selector, verdict, code", [
    ("large", "s", "pass", OK),
    ("alias", "s", "pass", OK),
    ("large", "none", "permerror", FAILED),
    ("large", "revoked", "permerror", FAILED),
    ("large", "two", "permerror", FAILED),
    ("x.nowhere", "s", "temperror", TEMPORARY),
    ("circle", "s", "permerror", FAILED),
])  # fmt: skip
def test_dkim_through_unbound(resolver, key, tmp_path, domain, selector, verdict, code):
    message = signed(key, full(domain), tmp_path, selector)
    found, _ = check(resolver, "dkim", message)
    assert found["verdict"] == verdict, found
    returned, shown = sendconn("dkim", "verify", message, "--dns-server", f"127.0.0.1:{resolver}")
    assert (returned, [one["verdict"] for one in shown["signatures"]]) == (code, [verdict])


# ---------------------------------------------------------------- servers that fail and lie

DEADLINE = ("--timeout", "300", "--tries", "1", "--deadline", "1000")
# Each check below asks two times, one after the other, at most; the rest is for a busy machine.
MOST_SECONDS = 2 * 1.0 + 3


def rcode(name):
    return lambda octets, tcp: [reply(octets, rcode=dns.rcode.from_text(name))]


def only_truncated(then):
    """Over UDP nothing but "truncated"; over TCP what `then` makes of the query."""
    return lambda octets, tcp: then(octets) if tcp else [reply(octets, flags=dns.flags.TC)]


def of_garbage(kind):
    return lambda octets, tcp: garbage(octets, txt(asked(octets), '"x"'))[kind]


def asked(octets):
    return dns.message.from_wire(octets).question[0].name.to_text()


FAILURES = {
    "SERVFAIL": rcode("SERVFAIL"),
    "REFUSED": rcode("REFUSED"),
    "NOTIMP": rcode("NOTIMP"),
    "silence": lambda octets, tcp: [],
    "truncated, then silence": only_truncated(lambda octets: []),
    "truncated, then a closed connection": only_truncated(lambda octets: [bytearray(b"")]),
    "truncated, then half an answer": only_truncated(lambda octets: [bytearray(b"\xff\xff" + octets)]),
    "truncated, then truncated again": only_truncated(lambda octets: [reply(octets, flags=dns.flags.TC)]),
    "truncated, then SERVFAIL": only_truncated(lambda octets: [reply(octets, rcode=dns.rcode.SERVFAIL)]),
    "an answer to another question": lambda octets, tcp: [
        reply(dns.message.make_query("x.invalid", "TXT", id=int.from_bytes(octets[:2], "big")).to_wire())],
    "another identifier": lambda octets, tcp: [reply(bytes([octets[0] ^ 1]) + octets[1:], txt(asked(octets), '"x"'))],
    "an endless chain of aliases": lambda octets, tcp: [
        reply(octets, (asked(octets), 60, "IN", "CNAME", "x." + asked(octets)))],
    **{f"garbage: {kind}": of_garbage(kind) for kind in garbage(dns.message.make_query("a.example", "TXT").to_wire())},
}  # fmt: skip


@pytest.fixture(scope="module")
def messages(key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("messages")
    return {domain: signed(key, domain, folder) for domain in ("large.example",)}


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("what", ["spf", "dmarc", "dkim"])
def test_a_failing_server_is_a_temporary_error_in_time(messages, what, kind):
    words = {"spf": ("192.0.2.1", "joe@large.example"), "dmarc": ("large.example", "large.example"),
             "dkim": (messages["large.example"],)}[what]
    with Misbehaving(FAILURES[kind]) as server:
        found, seconds = check(server.port, what, *words, options=DEADLINE)
        assert server.received
    assert found["verdict"] == "temperror", found
    assert seconds < MOST_SECONDS


def honest_but(name, failing):
    """A server that knows four records, and fails for one name."""
    known = {
        "org.example.": '"v=spf1 include:_spf.org.example -all"',
        "_spf.org.example.": '"v=spf1 ip4:192.0.2.1 -all"',
        "_dmarc.org.example.": '"v=DMARC1; p=reject"',
    }

    def behave(octets, tcp):
        owner = asked(octets).lower()
        if owner == name:
            return failing(octets, tcp)
        if owner in known and dns.message.from_wire(octets).question[0].rdtype == dns.rdatatype.TXT:
            return [reply(octets, txt(owner, known[owner]))]
        return [reply(octets, rcode=dns.rcode.NXDOMAIN)]

    return behave


@pytest.mark.parametrize("kind", ["SERVFAIL", "silence", "truncated, then half an answer", "garbage: nothing but noise"])
@pytest.mark.parametrize("what, words, name", [
    ("spf", ("192.0.2.1", "joe@org.example"), "_spf.org.example."),
    ("dmarc", ("a.b.org.example",), "_dmarc.a.b.org.example."),
    ("dmarc", ("a.b.org.example",), "_dmarc.b.org.example."),
    ("dmarc", ("a.b.org.example",), "_dmarc.org.example."),
    ("dmarc", ("a.b.org.example",), "_dmarc.example."),
    ("dmarc", ("org.example", "a.org.example"), "_dmarc.a.org.example."),
])  # fmt: skip
def test_a_failure_in_the_middle_is_a_temporary_error(what, words, name, kind):
    with Misbehaving(honest_but(name, FAILURES[kind])) as server:
        found, seconds = check(server.port, what, *words, options=DEADLINE)
    assert found["verdict"] == "temperror", found
    assert seconds < MOST_SECONDS
    with Misbehaving(honest_but("", None)) as server:
        found, _ = check(server.port, what, *words, options=DEADLINE)
    assert found["verdict"] in ("pass", "fail"), "and without the failure it is none"


@pytest.mark.parametrize("what, words, record, verdict", [
    ("spf", ("192.0.2.1", "joe@large.example"), LARGE_SPF, "pass"),
    ("dmarc", ("large.example", "large.example"), LARGE_DMARC, "pass"),
    ("dkim", None, None, "pass"),
], ids=["spf", "dmarc", "dkim"])  # fmt: skip
def test_a_truncated_answer_comes_over_tcp(messages, key, what, words, record, verdict):
    text = txt_data(record or key[1])
    wanted = {"spf": "large.example.", "dmarc": "_dmarc.large.example.", "dkim": "s._domainkey.large.example."}[what]

    def behave(octets, tcp):
        if asked(octets).lower() != wanted:
            return [reply(octets, rcode=dns.rcode.NXDOMAIN)]
        return [reply(octets, txt(wanted, text)) if tcp else reply(octets, flags=dns.flags.TC)]

    with Misbehaving(behave) as server:
        found, _ = check(server.port, what, *(words or (messages["large.example"],)))
        assert "tcp" in {way for way, _ in server.received}
    assert found["verdict"] == verdict, found


def test_a_record_of_64_kilobytes_is_one_answer_and_a_verdict():
    """The largest that an answer can carry; it ends with the term that matches."""
    record = "v=spf1" + " ip4:198.51.100.1" * 3600 + " ip4:192.0.2.1 -all"
    assert 60_000 < len(record) < 65_000

    def behave(octets, tcp):
        return [reply(octets, txt("large.example.", txt_data(record))) if tcp else reply(octets, flags=dns.flags.TC)]

    with Misbehaving(behave) as server:
        found, seconds = check(server.port, "spf", "192.0.2.1", "joe@large.example")
    assert (found["verdict"], found["questions"]) == ("pass", 1)
    assert seconds < 5


def test_the_commands_wait_no_longer_than_their_deadline(messages):
    """Against a server that never answers: 20 seconds for a question, and no second question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        commands = {"spf": ["check", "--ip", "192.0.2.1", "--from", "joe@org.example"], "dmarc": ["check", "org.example"],
                    "dkim": ["verify", messages["large.example"]]}
        began = time.monotonic()
        running = [subprocess.Popen([TOOL, "--json", what, *words, "--dns-server", server], stdout=subprocess.PIPE)
                   for what, words in commands.items()]
        for process in running:
            out, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == TEMPORARY
            assert b'"temperror"' in out
        assert time.monotonic() - began < 25


def test_a_server_that_answers_late_each_time_does_not_hold_a_check():
    """Three seconds for each of eleven questions: after 20 seconds (RFC 7208 section 4.6.4) it is a temporary error."""

    def behave(octets, tcp):
        time.sleep(3)  # the server's manner, not a wait for a condition
        owner = asked(octets)
        number = int(owner[1:].split(".")[0]) if owner.startswith("i") else 0
        return [reply(octets, txt(owner, f'"v=spf1 include:i{number + 1}.example -all"'))]

    with Misbehaving(behave) as server:
        began = time.monotonic()
        code, found = sendconn("spf", "check", "--ip", "192.0.2.1", "--from", "joe@i0.example", "--dns-server",
                               f"127.0.0.1:{server.port}")
        seconds = time.monotonic() - began
    assert (code, found["verdict"]) == (TEMPORARY, "temperror"), found
    assert seconds < 23 and len(server.received) <= 8

"""The c-ares resolver against real servers: NSD, and servers of our own that behave badly on purpose.

resolve-tool (tests/io/resolve_tool.cpp) asks and prints; it stands in the build directory, SENDCONN_BUILD_DIR or
`build` beside this tree.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

dns_message = pytest.importorskip("dns.message", reason="needs python3-dnspython")
import dns.dnssec  # noqa: E402
import dns.flags  # noqa: E402
import dns.name  # noqa: E402
import dns.rcode  # noqa: E402
import dns.rrset  # noqa: E402

from harness.misbehaving import Misbehaving, garbage, reply, txt  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build"))
TOOL = BUILD / "tests" / "io" / "resolve-tool"
_PATH = os.environ.get("PATH", "") + ":/usr/sbin"
NSD = shutil.which("nsd", path=_PATH)
UNBOUND = shutil.which("unbound", path=_PATH)

TOKEN = "86e1828056287e279c93eb37ee8b7a8a6c71c097"
KEY = "v=DKIM1; k=rsa; p=" + "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" * 12
LONG = ["%02d" % i + "x" * 253 for i in range(20)]  # 5,100 octets: more than any UDP answer here can carry

ZONE = f"""
$ORIGIN example.com.
$TTL 300
@       SOA ns hostmaster 1 3600 900 86400 120
        NS ns
        MX 10 mx
        MX 20 backup
        TXT "v=spf1 mx -all"
        TXT "some-service-verification=1234"
        TXT "creoline-verification={TOKEN}"
ns      A 127.0.0.1
mx      60 A 192.0.2.25
mx      AAAA 2001:db8::25
backup  A 192.0.2.26
two     TXT "first " "second"
bytes   TXT "\\000\\255\\"\\\\"
key1._domainkey TXT {" ".join('"%s"' % KEY[i:i + 255] for i in range(0, len(KEY), 255))}
key2._domainkey CNAME key1._domainkey
long    TXT {" ".join('"%s"' % part for part in LONG)}
many    TXT "0{'a' * 200}"
{chr(10).join(f'many TXT "{i}{"a" * 200}"' for i in range(1, 60))}
c1      100 CNAME c2
c2      50 CNAME c3
c3      TXT "end of the chain"
out     CNAME landed.example.net.
dangling CNAME nowhere.example.net.
nxalias CNAME nothing
loop    CNAME pool
pool    CNAME loop
a.b.deep A 192.0.2.1
*.wild  TXT "wildcard"
_creoline-challenge.sub TXT "token={TOKEN} expiry=never"
_creoline-challenge.quoted TXT "\\"token={TOKEN}\\""
_creoline-challenge.old TXT "token={'0' * 40}"
_creoline-challenge.aliased CNAME _creoline-challenge.sub
plain   TXT "v=spf1 -all"
null    MX 0 .
{chr(10).join(f'h{i} CNAME h{i + 1}' for i in range(12))}
h12     TXT "too far"
"""

OTHER_ZONE = """
$ORIGIN example.net.
$TTL 300
@       SOA ns.example.com. hostmaster 1 3600 900 86400 120
        NS ns.example.com.
landed  30 TXT "in another zone"
child   NS ns.child
ns.child A 127.0.0.2
"""


def free_port():
    """A port of loopback that is free for UDP and TCP."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def resolve(*questions, server, options=()):
    """What the resolver answers to NAME TYPE pairs: a dictionary each, and the seconds it took."""
    servers = [server] if isinstance(server, (str, int)) else server
    command = [str(TOOL), *options]
    for one in servers:
        command += ["--server", one if isinstance(one, str) else f"127.0.0.1:{one}"]
    start = time.monotonic()
    run = subprocess.run(command + [word for pair in questions for word in pair], capture_output=True, text=True,
                         timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(a["name"], a["type"]) for a in answers] == list(questions)
    return answers, time.monotonic() - start


def ask(name, record_type, server, *options):
    return resolve((name, record_type), server=server, options=options)[0][0]


def serve(command, port, log, question):
    """Starts a server and waits until it answers; None if it ends before."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        if ask(*question, port, "--timeout", "200", "--tries", "1")["status"] == "no error":
            return process
    process.terminate()
    process.wait()
    return None


def signed_zone():
    """A zone signed with a key of its own, and that key's DNSKEY; one of its records does not fit its signature."""
    from cryptography.hazmat.primitives.asymmetric import ec
    zone = dns.name.from_text("signed.example.")
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
    sets = [dns.rrset.from_rdata(zone, 300, key)]
    for owner, kind, data in (("@", "SOA", "ns.signed.example. hostmaster.signed.example. 1 3600 900 86400 120"),
                              ("@", "NS", "ns.signed.example."), ("ns", "A", "127.0.0.1"),
                              ("good", "TXT", '"signed"'), ("bad", "TXT", '"signed"'),
                              ("alias", "CNAME", "good.signed.example.")):
        sets.append(dns.rrset.from_text(dns.name.from_text(owner, zone), 300, "IN", kind, data))
    lines = []
    for one in sets:
        signature = dns.dnssec.sign(one, private, zone, key, lifetime=86400)
        text = one.to_text()
        if one.name.labels[0] == b"bad":
            text = text.replace("signed\"", "forged\"")
        lines += [text, f"{one.name} {one.ttl} IN RRSIG {signature.to_text()}"]
    return "\n".join(lines) + "\n", f"signed.example. 300 IN DNSKEY {key.to_text()}"


@pytest.fixture(scope="module")
def signed():
    """The text of the signed zone, and the trust anchor."""
    return signed_zone()


@pytest.fixture(scope="module")
def nsd(signed, tmp_path_factory):
    """NSD on a port of its own; yields the port."""
    if NSD is None:
        pytest.skip("nsd is not installed")
    folder = tmp_path_factory.mktemp("nsd")
    zones = {"example.com": ZONE, "example.net": OTHER_ZONE, "signed.example": signed[0], "broken.test": None}
    for name, text in zones.items():
        if text is not None:
            (folder / f"{name}.zone").write_text(text)
    for attempt in range(5):
        port = free_port()
        log = folder / f"log{attempt}"
        (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1
    port: {port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    pidfile: ""
    rrl-ratelimit: 0
remote-control:
    control-enable: no
""" + "".join(f"zone:\n    name: {name}\n    zonefile: {name}.zone\n" for name in zones))
        process = serve([NSD, "-d", "-c", folder / "nsd.conf"], port, log, ("ns.example.com", "A"))
        if process is not None:
            yield port
            process.terminate()
            process.wait()
            return
    pytest.fail("nsd does not start:\n" + log.read_text())


@pytest.fixture(scope="module")
def unbound(signed, nsd, tmp_path_factory):
    """A validating, recursive resolver in front of NSD; yields its port."""
    if UNBOUND is None:
        pytest.skip("unbound is not installed")
    folder = tmp_path_factory.mktemp("unbound")
    for attempt in range(5):
        port = free_port()
        log = folder / f"log{attempt}"
        (folder / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@{port}
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    do-not-query-localhost: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    num-threads: 1
    do-ip6: no
    module-config: "validator iterator"
    trust-anchor: "{signed[1]}"
remote-control:
    control-enable: no
""" + "".join(f'stub-zone:\n    name: "{name}"\n    stub-addr: 127.0.0.1@{nsd}\n'
              for name in ("example.com", "example.net", "signed.example")))
        process = serve([UNBOUND, "-d", "-c", folder / "unbound.conf"], port, log, ("ns.example.com", "A"))
        if process is not None:
            yield port
            process.terminate()
            process.wait()
            return
    pytest.fail("unbound does not start:\n" + log.read_text())


def test_records_of_each_type(nsd):
    mx, a, aaaa, ns = resolve(("example.com", "MX"), ("mx.example.com", "A"), ("mx.example.com", "AAAA"),
                              ("example.com", "NS"), server=nsd)[0]
    assert sorted(mx["records"]) == ["backup.example.com", "mx.example.com"]
    assert a["records"] == ["192.0.2.25"] and a["ttl"] == 60
    assert aaaa["records"] == ["2001:db8::25"]
    assert ns["records"] == ["ns.example.com"]
    assert ask("null.example.com", "MX", nsd)["records"] == [""]
    assert ask("EXAMPLE.com.", "NS", nsd)["records"] == ["ns.example.com"]


def test_several_txt_beside_each_other(nsd):
    answer = ask("example.com", "TXT", nsd)
    assert sorted(answer["records"]) == [f"creoline-verification={TOKEN}", "some-service-verification=1234",
                                         "v=spf1 mx -all"]


def test_the_strings_of_a_txt_are_joined(nsd):
    assert ask("two.example.com", "TXT", nsd)["records"] == ["first second"]
    assert ask("bytes.example.com", "TXT", nsd)["records"] == ['\x00\xff"\\']


@pytest.mark.parametrize("options", [(), ("--tcp",), ("--event-loop",)])
def test_answers_too_long_for_udp_come_over_tcp(nsd, options):
    assert ask("long.example.com", "TXT", nsd, *options)["records"] == ["".join(LONG)]
    many = ask("many.example.com", "TXT", nsd, *options)["records"]
    assert sorted(many) == sorted(str(i) + "a" * 200 for i in range(60))


def test_key_records(nsd):
    assert ask("key1._domainkey.example.com", "TXT", nsd)["records"] == [KEY]
    answer = ask("key2._domainkey.example.com", "TXT", nsd)
    assert answer["records"] == [KEY] and answer["aliases"] == ["key1._domainkey.example.com"]
    assert ask("key3._domainkey.example.com", "TXT", nsd)["status"] == "no such name"


def test_chains_of_aliases(nsd):
    answer = ask("c1.example.com", "TXT", nsd)
    assert answer["records"] == ["end of the chain"]
    assert answer["aliases"] == ["c2.example.com", "c3.example.com"]
    assert answer["ttl"] == 50
    assert ask("c1.example.com", "CNAME", nsd)["records"] == ["c2.example.com"]
    assert ask("loop.example.com", "TXT", nsd)["status"] == "server failure"
    assert ask("h0.example.com", "TXT", nsd)["status"] == "server failure"
    assert ask("h4.example.com", "TXT", nsd)["records"] == ["too far"]


def test_a_chain_that_leaves_the_zone_is_followed(nsd):
    answer = ask("out.example.com", "TXT", nsd)
    assert answer["records"] == ["in another zone"]
    assert answer["aliases"] == ["landed.example.net"]
    assert answer["ttl"] == 30
    assert ask("dangling.example.com", "TXT", nsd)["status"] == "no such name"
    assert ask("nxalias.example.com", "TXT", nsd)["status"] == "no such name"


def test_no_such_name_and_no_data(nsd):
    cases = {("nothing.example.com", "TXT"): "no such name", ("mx.example.com", "TXT"): "no data",
             ("b.deep.example.com", "A"): "no data", ("deep.example.com", "TXT"): "no data",
             ("x.wild.example.com", "A"): "no data", ("c3.example.com", "A"): "no data"}
    answers, _ = resolve(*cases, server=nsd)
    assert {(a["name"], a["type"]): a["status"] for a in answers} == cases
    assert {a["ttl"] for a in answers} == {120}, "the SOA's minimum (RFC 2308 section 5)"
    assert all(not a["records"] for a in answers)
    assert ask("x.wild.example.com", "TXT", nsd)["records"] == ["wildcard"]


def test_failures_of_a_server_are_failures(nsd):
    assert ask("broken.test", "TXT", nsd)["status"] == "server failure", "SERVFAIL: a zone that could not be loaded"
    assert ask("elsewhere.invalid", "TXT", nsd)["status"] == "server failure", "REFUSED: no zone of this server"
    assert ask("x.child.example.net", "TXT", nsd)["status"] == "server failure", "a referral answers nothing"


def test_a_validating_resolver_says_what_is_authenticated(unbound):
    good = ask("good.signed.example", "TXT", unbound)
    assert good["records"] == ["signed"] and good["authenticated"]
    alias = ask("alias.signed.example", "TXT", unbound)
    assert alias["records"] == ["signed"] and alias["authenticated"]
    unsigned = ask("two.example.com", "TXT", unbound)
    assert unsigned["records"] == ["first second"] and not unsigned["authenticated"]


def test_a_bogus_signature_is_a_failure_and_not_absence(nsd, unbound):
    assert ask("bad.signed.example", "TXT", nsd)["records"] == ["forged"]
    assert ask("bad.signed.example", "TXT", unbound)["status"] == "server failure"


def test_through_a_recursive_resolver(unbound):
    assert ask("long.example.com", "TXT", unbound)["records"] == ["".join(LONG)]
    assert ask("out.example.com", "TXT", unbound)["records"] == ["in another zone"]
    assert ask("nxalias.example.com", "TXT", unbound)["status"] == "no such name"
    assert ask("mx.example.com", "TXT", unbound)["status"] == "no data"
    assert ask("loop.example.com", "TXT", unbound)["status"] == "server failure"
    assert verify("sub.example.com", unbound)["verdict"] == "verified"


def verify(domain, server, *options):
    run = subprocess.run([TOOL, "--server", f"127.0.0.1:{server}", *options, "--verify", "creoline", domain, TOKEN],
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("domain, where", [
    ("sub.example.com", "_creoline-challenge.sub.example.com"),
    ("aliased.example.com", "_creoline-challenge.aliased.example.com"),
    ("example.com", "example.com"),
])
def test_ownership_is_verified(nsd, domain, where):
    outcome = verify(domain, nsd)
    assert (outcome["verdict"], outcome["where"]) == ("verified", where)


@pytest.mark.parametrize("domain, verdict, explanation", [
    ("nothing.example.com", "missing", "the name nothing.example.com does not exist"),
    ("plain.example.com", "missing", "none of the TXT records at plain.example.com"),
    ("mx.example.com", "missing", "there is no TXT record at mx.example.com"),
    ("www.sub.example.com", "missing", "publish a TXT record at _creoline-challenge.www.sub.example.com"),
    ("quoted.example.com", "mismatch", "quotation marks"),
    ("old.example.com", "mismatch", "another token"),
    ("x.wild.example.com", "mismatch", 'is "wildcard"'),
    ("broken.test", "temporary failure", "server failure"),
    ("loop.example.com", "temporary failure", "server failure"),
])
def test_ownership_is_not_verified(nsd, domain, verdict, explanation):
    outcome = verify(domain, nsd)
    assert outcome["verdict"] == verdict and explanation in outcome["explanation"]
    assert outcome["where"] == ""


def test_ownership_is_unknown_while_nobody_answers():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        outcome = verify("example.com", silent.getsockname()[1], "--timeout", "100", "--tries", "1")
    assert outcome["verdict"] == "temporary failure" and "timeout" in outcome["explanation"]


def test_names_that_cannot_be_are_not_asked(nsd):
    for name in ("a..example.com", "x" * 64 + ".example.com", ".".join(["x" * 60] * 5)):
        answers, seconds = resolve((name, "TXT"), server=free_port(), options=("--timeout", "30000"))
        assert answers[0]["status"] == "no such name" and seconds < 5


@pytest.mark.parametrize("options", [(), ("--event-loop",)])
def test_many_questions_at_once(nsd, options):
    questions = [(f"n{i}.wild.example.com", "TXT") for i in range(500)]
    answers, _ = resolve(*questions, server=nsd, options=options)
    assert all(a["records"] == ["wildcard"] for a in answers)


def test_a_silent_server_ends_in_a_timeout():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        for options, least, most in [(("--timeout", "200", "--tries", "1"), 0.19, 2),
                                     (("--timeout", "200", "--tries", "2"), 0.39, 4),
                                     (("--timeout", "30000", "--deadline", "300"), 0.29, 2),
                                     (("--timeout", "30000", "--deadline", "300", "--event-loop"), 0.29, 2)]:
            answers, seconds = resolve(("example.com", "TXT"), server=port, options=options)
            assert answers[0]["status"] == "timeout"
            assert least <= seconds <= most, options


def test_a_silent_server_is_passed_over_for_the_next(nsd):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        answers, _ = resolve(("two.example.com", "TXT"), server=[silent.getsockname()[1], nsd],
                             options=("--timeout", "200"))
    assert answers[0]["records"] == ["first second"]


def test_nobody_listening_is_a_failure():
    answers, seconds = resolve(("example.com", "TXT"), server=free_port(), options=("--timeout", "500", "--tries", "1"))
    assert answers[0]["status"] in ("server failure", "timeout") and seconds < 5


@pytest.mark.parametrize("server", ["127.0.0.1:0", "127.0.0.1:70000", "localhost", "[127.0.0.1]:53", "[::1", "::1:x",
                                    "", "127.0.0.1:"])
def test_a_server_that_is_none_is_refused(server):
    run = subprocess.run([TOOL, "--server", server, "a", "A"], capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 1 and "is not a server" in run.stderr


@pytest.mark.parametrize("options", [("--timeout", "0"), ("--timeout", "60001"), ("--tries", "0"), ("--tries", "11"),
                                     ("--deadline", "0")])
def test_options_out_of_range_are_refused(options):
    run = subprocess.run([TOOL, *options, "a", "A"], capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 1 and options[1] in run.stderr


def test_asks_for_validation_with_edns_and_random_identifiers():
    with Misbehaving(lambda q, tcp: [reply(q, txt("example.com.", "x"), flags=dns.flags.AD)]) as server:
        answers, _ = resolve(*[("example.com", "TXT")] * 20, server=server.port)
    assert all(a["authenticated"] and a["records"] == ["x"] for a in answers)
    queries = [dns_message.from_wire(octets) for _, octets in server.received]
    assert all(q.flags & dns.flags.AD and q.flags & dns.flags.RD for q in queries)
    assert all(q.edns == 0 and q.payload == 1232 for q in queries)
    assert len({q.id for q in queries}) > 15


def test_an_answer_without_the_authenticated_bit_is_not_authenticated():
    with Misbehaving(lambda q, tcp: [reply(q, txt("example.com.", "x"))]) as server:
        assert ask("example.com", "TXT", server.port)["authenticated"] is False


def test_asks_over_ipv6():
    with Misbehaving(lambda q, tcp: [reply(q, txt("example.com.", "six"))], family=socket.AF_INET6) as server:
        assert ask("example.com", "TXT", f"[::1]:{server.port}")["records"] == ["six"]


@pytest.mark.parametrize("rcode", ["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "YXDOMAIN", "NOTAUTH"])
def test_error_codes_are_failures_and_not_absence(rcode):
    with Misbehaving(lambda q, tcp: [reply(q, rcode=dns.rcode.from_text(rcode))]) as server:
        assert ask("example.com", "TXT", server.port, "--timeout", "500")["status"] == "server failure"


def test_a_server_without_edns_is_asked_again_without():
    def behave(octets, _):
        query = dns_message.from_wire(octets)
        if query.edns >= 0:
            return [octets[:2] + b"\x81\x81\0\1" + b"\0" * 6 + octets[12:29]]  # FORMERR, without an OPT of its own
        return [reply(octets, txt("example.com.", "plain"))]
    with Misbehaving(behave) as server:
        assert ask("example.com", "TXT", server.port, "--timeout", "500")["records"] == ["plain"]


def test_forged_answers_do_not_count():
    """Wrong identifier, wrong question, other names: sent before the true answer."""
    def behave(octets, _):
        wrong_id = bytes([octets[0] ^ 1]) + octets[1:]
        other = dns_message.make_query("example.org", "TXT", id=int.from_bytes(octets[:2], "big")).to_wire()
        return [reply(wrong_id, txt("example.com.", "forged")), reply(other, txt("example.org.", "forged")),
                reply(octets, txt("example.com.", "true"), txt("example.org.", "forged"))]
    with Misbehaving(behave) as server:
        assert ask("example.com", "TXT", server.port)["records"] == ["true"]


@pytest.mark.parametrize("kind", garbage(dns_message.make_query("example.com", "TXT").to_wire()))
@pytest.mark.parametrize("tcp", [False, True])
def test_garbage_is_a_failure_in_time(kind, tcp):
    with Misbehaving(lambda q, over_tcp: garbage(q)[kind]) as server:
        answers, seconds = resolve(("example.com", "TXT"), server=server.port,
                                   options=("--timeout", "300", "--tries", "1", *(["--tcp"] if tcp else [])))
    assert answers[0]["status"] in ("malformed", "timeout", "server failure")
    assert not answers[0]["records"] and seconds < 5


def test_truncated_over_udp_and_broken_over_tcp_is_a_failure():
    def behave(octets, tcp):
        if not tcp:
            return [reply(octets, flags=dns.flags.TC)]
        return [bytearray(b"\xff\xff" + octets)]  # announces 65,535 octets and sends few
    with Misbehaving(behave) as server:
        answer = ask("example.com", "TXT", server.port, "--timeout", "300", "--tries", "2", "--deadline", "2000")
    assert answer["status"] in ("timeout", "server failure", "malformed")
    assert "tcp" in {transport for transport, _ in server.received}


def test_a_largest_answer_over_tcp():
    texts = [txt("example.com.", " ".join(['"' + "z" * 255 + '"'] * 250))]
    def behave(octets, tcp):
        return [reply(octets, *texts) if tcp else reply(octets, flags=dns.flags.TC)]
    with Misbehaving(behave) as server:
        assert ask("example.com", "TXT", server.port)["records"] == ["z" * 255 * 250]


def test_an_endless_chain_across_messages_ends():
    def behave(octets, _):
        name = dns_message.from_wire(octets).question[0].name.to_text()
        return [reply(octets, (name, 60, "IN", "CNAME", "x" + name))]
    with Misbehaving(behave) as server:
        assert ask("example.com", "TXT", server.port)["status"] == "server failure"
        assert len(server.received) <= 10

"""sendconn.spf: checks by every kind of resolver, and records."""

import asyncio
import ipaddress

import pytest

import sendconn
from sendconn import dns, spf
from support import NOW, table

ZONE = """
example.org.          300 IN TXT "v=spf1 ip4:192.0.2.0/24 mx include:_spf.example.net -all exp=why.example.org"
example.org.          300 IN MX 10 mx.example.org.
mx.example.org.       300 IN A 198.51.100.7
mx.example.org.       300 IN AAAA 2001:db8::7
_spf.example.net.     300 IN TXT "v=spf1 a:out.example.net ~all"
out.example.net.      300 IN A 203.0.113.9
why.example.org.      300 IN TXT "%{i} is not one of %{d}'s"
loop.example.         300 IN TXT "v=spf1 include:loop.example -all"
"""
ENTRIES = {
    ("example.org", "TXT"): [b"v=spf1 ip4:192.0.2.0/24 mx include:_spf.example.net -all exp=why.example.org"],
    ("example.org", "MX"): ["10 mx.example.org"],
    ("mx.example.org", "A"): ["198.51.100.7"],
    ("mx.example.org", "AAAA"): [ipaddress.ip_address("2001:db8::7")],
    ("_spf.example.net", "TXT"): [b"v=spf1 a:out.example.net ~all"],
    ("out.example.net", "A"): ["203.0.113.9"],
    ("why.example.org", "TXT"): [b"%{i} is not one of %{d}'s"],
}


def zone():
    return dns.Zone.parse(ZONE)


def check(ip, resolver, **options):
    return spf.check(ip=ip, helo="mail.example.org", mail_from="joe@example.org", resolver=resolver, **options)


@pytest.mark.parametrize("resolver", [zone(), table(ENTRIES)], ids=["zone", "callable"])
@pytest.mark.parametrize(
    "ip, result, matched",
    [
        ("192.0.2.77", "pass", "ip4:192.0.2.0/24"),
        ("198.51.100.7", "pass", "mx"),
        ("2001:db8::7", "pass", "mx"),
        ("203.0.113.9", "pass", "include:_spf.example.net"),
        ("203.0.113.10", "fail", "-all"),
    ],
)
def test_verdict_and_term_are_the_same_by_every_resolver(resolver, ip, result, matched):
    found = check(ip, resolver)
    assert (found.result, found.reason) == (result, "matched")
    assert matched in (found.matched, found.path[0].term)
    assert check(ipaddress.ip_address(ip), resolver) == found


def test_a_result_says_everything_that_is_known():
    found = check("203.0.113.10", zone(), options=spf.Options(trace=True))
    assert found.result is spf.Verdict.FAIL and not found.passed
    assert found.explanation == "203.0.113.10 is not one of example.org's" and found.explained
    assert (found.domain, found.sender, found.identity) == ("example.org", "joe@example.org", "mailfrom")
    assert (found.lookups, found.void_lookups, found.ttl) == (3, 0, 300)
    assert [step.domain for step in found.path] == ["example.org"]
    assert found.trace and all(isinstance(line.text, str) for line in found.trace)
    assert found.as_dict()["result"] == "fail" and found.as_dict()["path"][0]["term"] == "-all"
    assert repr(found).startswith("Result(result='fail', reason='matched', matched='-all'")


def test_answers_may_be_answers_with_ttl_pairs_and_text():
    def resolver(name, type):
        if type == "TXT":
            return dns.Answer(["v=spf1 mx -all"], ttl=17, authenticated=True)
        if type == "MX":
            return [(10, "MX.example.org.")]
        return ["198.51.100.7"] if name == "mx.example.org" and type == dns.RecordType.A else []

    found = check("198.51.100.7", resolver)
    assert found.passed and found.ttl == 0
    assert check("198.51.100.8", resolver).result == "fail"


@pytest.mark.parametrize(
    "failure, result",
    [
        (sendconn.NoSuchName(), "none"),
        (sendconn.NoData(), "none"),
        (sendconn.Timeout(), "temperror"),
        (sendconn.ServerFailure(), "temperror"),
        (sendconn.MalformedAnswer(), "temperror"),
    ],
)
def test_what_a_resolver_raises_is_an_answer(failure, result):
    assert check("192.0.2.1", table({("example.org", "TXT"): failure})).result == result


def test_another_exception_of_a_resolver_comes_out_unchanged():
    class Broken(Exception):
        pass

    def resolver(name, type):
        raise Broken(name)

    with pytest.raises(Broken, match="example.org"):
        check("192.0.2.1", resolver)
    with pytest.raises(TimeoutError, match="not ours"):
        check("192.0.2.1", table({("example.org", "TXT"): TimeoutError("not ours")}))


@pytest.mark.parametrize(
    "answer, error, text",
    [
        (None, TypeError, "answer must be a list"),
        ("v=spf1 -all", TypeError, "answer must be a list"),
        ([7], TypeError, "TXT record must be bytes"),
        ([None], TypeError, "TXT record"),
    ],
)
def test_an_answer_of_a_wrong_kind_is_refused_with_its_type(answer, error, text):
    with pytest.raises(error, match=text):
        check("192.0.2.1", lambda name, type: answer)


@pytest.mark.parametrize(
    "answer, text",
    [(["mx.example.org"], "10 mx.example"), ([("10", "mx")], "MX preference"), ([(1, 2, 3)], "pair"), (["99999 x.org"], "10 mx")],
)
def test_an_mx_answer_of_a_wrong_form_is_refused(answer, text):
    entries = {("example.org", "TXT"): [b"v=spf1 mx -all"], ("example.org", "MX"): answer}
    with pytest.raises((TypeError, ValueError), match=text):
        check("192.0.2.1", table(entries))


def test_an_address_of_the_wrong_family_is_refused():
    entries = {("example.org", "TXT"): [b"v=spf1 a -all"], ("example.org", "A"): ["2001:db8::1"]}
    with pytest.raises(ValueError, match="must be an IPv4 address"):
        check("192.0.2.1", table(entries))


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"ip": "192.0.2"}, sendconn.MalformedError),
        ({"ip": b"192.0.2.1"}, TypeError),
        ({"ip": 3221225985}, TypeError),
        ({"helo": b"x"}, TypeError),
        ({"mail_from": None}, TypeError),
        ({"identity": "both"}, ValueError),
        ({"now": "today"}, TypeError),
        ({"now": -1}, ValueError),
        ({"now": float("nan")}, ValueError),
        ({"resolver": 7}, TypeError),
        ({"options": 7}, AttributeError),
    ],
)
def test_wrong_arguments_are_refused(arguments, error):
    given = {"ip": "192.0.2.1", "mail_from": "joe@example.org", "resolver": zone(), **arguments}
    with pytest.raises(error):
        spf.check(**given)


def test_stepwise_answers_may_come_in_any_order():
    machine = spf.Check(ip="198.51.100.7", helo="x", mail_from="joe@example.org", now=NOW)
    resolve = table(ENTRIES)
    with pytest.raises(sendconn.StateError, match="no result yet"):
        machine.result
    asked = []
    while not machine.done:
        questions = machine.questions()
        assert questions and not machine.questions()
        for question in reversed(questions):
            asked.append(question)
            machine.answer(("never.asked.example", "TXT"), [b"v=spf1 +all"])
            machine.answer(question, resolve(*question))
    assert machine.result.passed
    assert asked[0] == ("example.org", dns.RecordType.TXT) and asked[0].name == "example.org"


def test_exceptions_may_be_given_as_answers():
    machine = spf.Check(ip="192.0.2.1", mail_from="joe@example.org")
    machine.answer(machine.questions()[0], sendconn.Timeout())
    assert machine.result.result == "temperror"


def test_async_with_blocking_and_with_coroutine_resolvers():
    resolve = table(ENTRIES)

    async def slowly(name, type):
        await asyncio.sleep(0)
        return resolve(name, type)

    async def all_of_them():
        options = {"ip": "203.0.113.9", "mail_from": "joe@example.org"}
        return [await spf.check_async(resolver=one, **options) for one in (slowly, resolve, zone())]

    results = asyncio.run(all_of_them())
    assert all(result.passed for result in results)


def test_a_cancelled_check_cancels_its_questions():
    cancelled = []

    async def never(name, type):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    async def scenario():
        task = asyncio.ensure_future(spf.check_async(ip="192.0.2.1", mail_from="a@example.org", resolver=never))
        while not asyncio.all_tasks() - {task, asyncio.current_task()}:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert not asyncio.run(scenario())
    assert cancelled == ["example.org"]


def test_a_resolver_that_uses_its_own_check_is_refused():
    machine = spf.Check(ip="192.0.2.1", mail_from="joe@example.org")

    def resolver(name, type):
        with pytest.raises(sendconn.StateError, match="in use"):
            machine.questions()
        with pytest.raises(sendconn.StateError, match="in use"):
            machine.run(resolver)
        return spf.check(ip="192.0.2.1", mail_from="joe@example.org", resolver=zone()).result and [b"v=spf1 -all"]

    machine.run(resolver)
    assert machine.result.result == "fail"


def test_the_helo_identity_and_the_null_sender():
    entries = {("mail.example.org", "TXT"): [b"v=spf1 ip4:192.0.2.1 -all"]}
    null = spf.check(ip="192.0.2.1", helo="mail.example.org", mail_from="", resolver=table(entries))
    helo = spf.check(ip="192.0.2.2", helo="mail.example.org", mail_from="a@b.example", identity="helo", resolver=table(entries))
    assert (null.result, null.sender) == ("pass", "postmaster@mail.example.org")
    assert (helo.result, helo.identity) == ("fail", spf.Identity.HELO)


def test_limits_are_options():
    found = spf.check(ip="192.0.2.1", mail_from="a@loop.example", resolver=zone())
    assert (found.result, found.reason) == ("permerror", "lookup-limit") and "10" in found.text
    one = spf.Options(max_lookups=1)
    assert "1" in spf.check(ip="192.0.2.1", mail_from="a@loop.example", resolver=zone(), options=one).text


# ---------------------------------------------------------------- records


def test_parse_gives_terms_with_positions():
    record = spf.parse("v=spf1 ip4:192.0.2.0/24 ?a:%{d}//64 redirect=example.org")
    assert record.valid and str(record).startswith("v=spf1")
    network, address, redirect = record.terms
    assert (network.kind, network.network, network.position) == ("ip4", "192.0.2.0/24", 7)
    assert (address.qualifier, address.has_macros, address.prefix6, address.needs_lookup) == ("?", True, 64, True)
    assert (redirect.kind, redirect.domain) == (spf.TermKind.REDIRECT, "example.org")


def test_parse_gives_faults():
    record = spf.parse("v=spf1 ip4:123.4.5.678/90 -all")
    assert not record.valid and record.faults[0].position == 11 and "678" in record.faults[0].text


def test_lint_finds_what_people_do():
    codes = {finding.code for finding in spf.lint("v=spf1 ptr +all")}
    assert "ptr-used" in codes
    assert all(isinstance(finding.severity, spf.Severity) for finding in spf.lint("v=spf1 ptr"))
    assert spf.lint("v=spf1 ip4:192.0.2.1 -all") == ()


def test_edits():
    assert spf.add_term("v=spf1 mx -all", "include:_spf.example.net") == "v=spf1 mx include:_spf.example.net -all"
    assert spf.add_term(spf.parse("v=spf1 mx -all"), "mx") == "v=spf1 mx -all"
    assert spf.remove_term("v=spf1 mx a -all", "+MX") == "v=spf1 a -all"
    assert spf.merge(["v=spf1 mx -all", "v=spf1 a ~all"]) == "v=spf1 mx a -all"
    with pytest.raises(sendconn.NotFoundError):
        spf.remove_term("v=spf1 -all", "mx")
    with pytest.raises(sendconn.ConflictError):
        spf.add_term("v=spf1 mx -all", "?mx")
    with pytest.raises(sendconn.MalformedError) as raised:
        spf.add_term("v=spf1 ip4:1.2.3 -all", "mx")
    assert raised.value.position is not None and isinstance(raised.value, ValueError)


def test_strings_for_publication():
    text = "v=spf1 " + " ".join(f"ip4:192.0.2.{n}" for n in range(60)) + " -all"
    strings = spf.split_strings(text)
    assert "".join(strings) == text and max(map(len, strings)) <= 255
    assert spf.format_txt('a "b"') == r'"a \"b\""'


def test_explain_draws_what_a_record_includes():
    tree = spf.explain("Example.org", resolver=zone())
    assert tree.includes[0].domain == "_spf.example.net" and tree.lookups == 3
    assert "  _spf.example.net: v=spf1 a:out.example.net ~all" in str(tree)
    assert spf.explain("loop.example", resolver=zone()).includes[0].problem == "includes itself"
    assert "no such name" in spf.explain("nothing.example", resolver=zone()).problem
    assert asyncio.run(spf.explain_async("example.org", resolver=table(ENTRIES))) == tree


def test_received_spf_is_written_and_read():
    found = check("203.0.113.10", zone())
    field = found.received_field(ip="203.0.113.10", helo="mail.example.org", receiver="mx.example.com")
    assert field.startswith(b"Received-SPF: fail") and field.endswith(b"\r\n")
    read = spf.parse_received(field.decode().partition(":")[2])
    assert (read.result, read.client_ip, read.receiver) == ("fail", "203.0.113.10", "mx.example.com")

"""sendconn.dmarc: the check, records, destinations and reports."""

import asyncio

import pytest

import sendconn
from sendconn import authres, dkim, dmarc, dns, spf
from support import MESSAGE, table

ENTRIES = {
    ("_dmarc.example.org", "TXT"): [b"v=DMARC1; p=reject; rua=mailto:reports@elsewhere.example"],
    ("example.org._report._dmarc.elsewhere.example", "TXT"): [b"v=DMARC1"],
}


def resolver():
    return table(ENTRIES)


@pytest.mark.parametrize(
    "spf_fact, dkim_facts, result, aligned",
    [
        (("pass", "example.org"), [], "pass", (True, False)),
        (("pass", "mail.example.org"), [], "pass", (True, False)),
        (("pass", "other.example"), [("fail", "example.org")], "fail", (False, False)),
        (None, [(dmarc.Evidence.PASS, "example.org")], "pass", (False, True)),
        (None, [("temperror", "example.org")], "temperror", (False, False)),
        (None, [], "fail", (False, False)),
    ],
)
def test_alignment_decides(spf_fact, dkim_facts, result, aligned):
    found = dmarc.check("example.org", spf=spf_fact, dkim=dkim_facts, resolver=resolver())
    assert found.result == result and (found.spf_aligned, found.dkim_aligned) == aligned
    assert (found.policy, found.source, found.tag) == ("reject", "author", "p")
    assert found.author == found.policy_domain == "example.org" and found.text
    machine = dmarc.Check(["example.org"], spf=spf_fact, dkim=dkim_facts)
    resolve = resolver()
    while not machine.done:
        for question in machine.questions():
            try:
                machine.answer(question, resolve(*question))
            except sendconn.DnsError as error:
                machine.answer(question, error)
    assert machine.result == found and machine.results == (found,)


def test_results_of_spf_and_dkim_are_facts():
    passed = spf.Result(result=spf.Verdict.PASS, reason=spf.Reason.MATCHED, domain="example.org")
    nobody = spf.Result(result=spf.Verdict.NONE, reason=spf.Reason.UNUSABLE_IDENTITY)
    signed = dkim.SignatureResult(result=dkim.Verdict.PASS, reason=dkim.Reason.VERIFIED, domain="example.org")
    assert dmarc.check("example.org", spf=passed, resolver=resolver()).spf_aligned
    assert dmarc.check("example.org", spf=nobody, dkim=[signed], resolver=resolver()).dkim_aligned
    assert not dmarc.check("example.org", spf=nobody, resolver=resolver()).passed


def test_several_authors():
    both = ["example.org", "example.net"]
    assert dmarc.check(both, resolver=resolver()).result == "permerror"
    each = dmarc.check(both, resolver=resolver(), several_authors="check-each")
    assert (each.result, each.author) == ("fail", "example.org")


def test_async():
    async def resolve(name, type):
        await asyncio.sleep(0)
        return resolver()(name, type)

    found = asyncio.run(dmarc.check_async("example.org", spf=("pass", "example.org"), resolver=resolve))
    assert found.passed


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"authors": 7}, TypeError),
        ({"authors": [b"example.org"]}, TypeError),
        ({"authors": "no domain"}, sendconn.MalformedError),
        ({"spf": ("maybe", "example.org")}, ValueError),
        ({"dkim": [("pass",)]}, TypeError),
        ({"several_authors": "all"}, ValueError),
        ({"max_authors": -1}, ValueError),
    ],
)
def test_wrong_arguments_are_refused(arguments, error):
    with pytest.raises(error):
        dmarc.check(**{"authors": "example.org", "resolver": resolver(), **arguments})


def test_author_domains():
    assert dmarc.author_domains(MESSAGE) == ("football.example.com",)
    with pytest.raises(sendconn.MalformedError):
        dmarc.author_domains(b"Subject: nobody\r\n\r\n")


# ---------------------------------------------------------------- records


def test_records_are_read_and_written():
    text = "v=DMARC1; p=quarantine; sp=none; adkim=s; fo=1:d; rua=mailto:a@example.org"
    record = dmarc.parse(text)
    assert (record.p, record.sp, record.adkim, record.fo) == ("quarantine", "none", "strict", "1:d")
    assert record.rua[0].mailbox == "a@example.org" and record.rua[0].host == "example.org"
    assert dmarc.parse(str(record)) == record
    made = dmarc.Record(p="reject", rua=["mailto:a@example.org"], testing=True)
    assert str(made) == "v=DMARC1; p=reject; t=y; rua=mailto:a@example.org"
    assert dmarc.is_record("v=DMARC1; x") and not dmarc.is_record("v=spf1")
    assert dmarc.record_name("example.org") == "_dmarc.example.org"
    with pytest.raises(sendconn.MalformedError):
        dmarc.parse("v=spf1 -all")
    assert any(finding.severity == "error" for finding in dmarc.lint("v=DMARC1; p=refuse"))
    with pytest.raises(ValueError, match="fo must be"):
        str(record.replace(fo="2"))


def test_destinations_outside_must_agree():
    record = dmarc.parse("v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@elsewhere.example,mailto:c@silent.example")
    found = dmarc.destinations("example.org", record, resolver=resolver())
    assert [one.standing for one in found] == ["internal", "authorized", "refused"]
    assert asyncio.run(dmarc.destinations_async("example.org", record, resolver=resolver())) == found


# ---------------------------------------------------------------- reports


def report():
    result = dmarc.check("example.org", spf=("pass", "example.org"), resolver=resolver())
    row = dmarc.report_row(result, "192.0.2.1").replace(
        dkim_results=(), spf_results=(dmarc.SpfReportResult(domain="example.org", result="pass"),)
    )
    return dmarc.AggregateReport(
        org_name="Example",
        email="reports@example.net",
        report_id="1",
        begin=1_790_000_000,
        end=1_790_086_400,
        policy=dmarc.reported_policy(result),
        rows=[row],
        generator="test",
        errors=[dmarc.ReportNote(text="none")],
    )


def test_a_report_is_written_packed_unpacked_and_read():
    made = report()
    assert dmarc.check_report(made) == ()
    xml = dmarc.format_report(made)
    assert dmarc.parse_report(dmarc.unpack_report(dmarc.pack_report(xml))) == made
    assert dmarc.report_file_name("example.net", made) == "example.net!example.org!1790000000!1790086400.xml.gz"
    assert "Report-ID: <1>" in dmarc.report_subject("example.net", made)
    faulty = made.replace(rows=[made.rows[0].replace(disposition="maybe")])
    assert "maybe" in dmarc.check_report(faulty)[0]
    with pytest.raises(sendconn.InputError, match="maybe"):
        dmarc.format_report(faulty)
    with pytest.raises(sendconn.MalformedError):
        dmarc.parse_report(b"<feedback>")


def test_reports_are_summed_up():
    summary = dmarc.summarize([report(), report()])
    assert (summary.total.messages, summary.total.passed, summary.reports) == (2, 2, 2)
    assert summary.by_source["192.0.2.1"].spf_aligned == 2 and summary.by_author["example.org"].messages == 2


def test_a_failure_report_is_a_message():
    options = {
        "sender": "reports@example.net",
        "recipient": "a@example.org",
        "message_id": "1@example.net",
        "reporter": "test/1",
        "reporting_mta": "mx.example.net",
        "author": "example.org",
        "source_ip": "192.0.2.1",
        "original": MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n",
        "spf_failed": True,
        "spf_dns": "txt : example.org : v=spf1 -all",
        "results": authres.Results(id="mx.example.net"),
    }
    message = dmarc.format_failure_report(**options)
    assert b"message/feedback-report" in message and b"Source-IP: 192.0.2.1" in message
    with pytest.raises(sendconn.InputError):
        dmarc.format_failure_report(**{**options, "spf_failed": False})


def test_the_result_is_a_statement_of_authentication_results():
    result = dmarc.check("example.org", resolver=resolver())
    said = dmarc.statement(result)
    assert (said.method, said.result, said.find("header", "from")) == ("dmarc", "fail", "example.org")
    assert dmarc.check("example.org", resolver=dns.Zone.parse("")).result == "none"

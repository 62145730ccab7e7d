"""DMARC (RFC 9989, 9990, 9991): the check, the records, and reports.

    result = dmarc.check("example.org", spf=spf_result, dkim=dkim_results)
    if result.result == "fail": print(result.policy)
"""

from sendconn import _core
from sendconn._drive import drive
from sendconn._message import octets
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import resolver_or_default

__all__ = [
    "AggregateReport",
    "Alignment",
    "Check",
    "Destination",
    "DestinationCheck",
    "DkimReportResult",
    "Evidence",
    "ExtensionAttribute",
    "ExtensionElement",
    "Finding",
    "Mode",
    "OverrideReason",
    "Policy",
    "PolicySource",
    "PolicyTag",
    "Psd",
    "Record",
    "ReportForm",
    "ReportKind",
    "ReportNote",
    "ReportRow",
    "ReportSummary",
    "ReportUri",
    "ReportedPolicy",
    "Result",
    "SeveralAuthors",
    "Severity",
    "SourceCount",
    "SpfReportResult",
    "Standing",
    "Verdict",
    "author_domains",
    "check",
    "check_async",
    "check_report",
    "destinations",
    "destinations_async",
    "format_failure_report",
    "format_report",
    "is_record",
    "lint",
    "pack_report",
    "parse",
    "parse_report",
    "record_name",
    "report_file_name",
    "report_row",
    "report_subject",
    "reported_policy",
    "statement",
    "summarize",
    "unpack_report",
]


class Policy(Word):
    """What a domain's owner asks for mail that does not pass."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class Mode(Word):
    RELAXED = "relaxed"
    STRICT = "strict"


class Psd(Word):
    """Whether the record's domain is a public suffix, an organizational domain (no), or the tree walk decides."""

    UNKNOWN = "unknown"
    YES = "yes"
    NO = "no"


class Severity(Word):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(Word):
    NONE = "none"
    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Evidence(Word):
    """How an authentication ended, as far as DMARC cares."""

    PASS = "pass"
    FAIL = "fail"
    TEMPERROR = "temperror"


class Alignment(Word):
    NONE = "none"
    RELAXED = "relaxed"
    STRICT = "strict"
    UNKNOWN = "unknown"
    UNCHECKED = "unchecked"


class PolicyTag(Word):
    """Which tag gave the policy."""

    NONE = "none"
    P = "p"
    SP = "sp"
    NP = "np"


class PolicySource(Word):
    """Whose record gave it."""

    NONE = "none"
    AUTHOR = "author"
    ORGANIZATION = "organization"
    PUBLIC_SUFFIX = "public-suffix"


class SeveralAuthors(Word):
    """What to do with several author domains: a permanent error (RFC 9989 section 5.3.1), or check each."""

    REFUSE = "refuse"
    CHECK_EACH = "check-each"


class ReportKind(Word):
    AGGREGATE = "aggregate"
    FAILURE = "failure"


class ReportForm(Word):
    RFC9990 = "rfc9990"
    RFC7489 = "rfc7489"


class Standing(Word):
    """Whether reports may go to an address."""

    INTERNAL = "internal"
    AUTHORIZED = "authorized"
    REFUSED = "refused"
    TEMPORARY_FAILURE = "temporary-failure"


# ---------------------------------------------------------------- records


class ReportUri(Value):
    """One URI of rua= or ruf=. mailbox, host: of a mailto: URI."""

    __slots__ = ("text", "scheme", "mailbox", "host")
    _defaults = {"scheme": "mailto", "mailbox": None, "host": None}

    def __str__(self):
        return self.text


class Record(Value):
    """A DMARC record. Tags that are absent or faulty have their defaults. str() is the text to publish.

    rua, ruf: ReportUri, or text of a URI. policy_faulty: there is no valid p=, or an sp= or np= that is not valid.
    """

    __slots__ = ("p", "sp", "np", "adkim", "aspf", "rua", "ruf", "fo", "psd", "testing", "policy_faulty")
    _defaults = {
        "p": None,
        "sp": None,
        "np": None,
        "adkim": Mode.RELAXED,
        "aspf": Mode.RELAXED,
        "rua": (),
        "ruf": (),
        "fo": "0",
        "psd": Psd.UNKNOWN,
        "testing": False,
        "policy_faulty": False,
    }

    def __str__(self):
        return _core.dmarc_format(self)


class Finding(Value):
    __slots__ = ("severity", "text", "position", "length")


def is_record(text):
    """Whether a TXT record is a DMARC record at all."""
    return _core.dmarc_is_record(text)


def parse(text):
    """The Record; MalformedError if it is none (RFC 9989 section 4.7). Other mistakes are passed over: see lint()."""
    return _core.dmarc_parse(text)


def lint(text):
    """The Findings about one record's text: what is wrong, dangerous or useless."""
    return _core.dmarc_lint(text)


def record_name(domain):
    """Where a domain's record stands; None if that is no name in the DNS."""
    return _core.dmarc_record_name(domain)


# ---------------------------------------------------------------- the check


class Result(Value):
    """What was found out about one author domain.

    policy: what the owner asks for; published: the same as published, before a test mode weakens it. spf, dkim: how the
    authenticated domains align. source, tag: where the policy comes from. notes: for an aggregate report.
    """

    __slots__ = (
        "result",
        "text",
        "author",
        "policy",
        "published",
        "spf",
        "dkim",
        "spf_aligned",
        "dkim_aligned",
        "organizational_domain",
        "policy_domain",
        "source",
        "tag",
        "record",
        "notes",
    )
    _defaults = {
        "text": "",
        "author": None,
        "policy": Policy.NONE,
        "published": Policy.NONE,
        "spf": Alignment.NONE,
        "dkim": (),
        "spf_aligned": False,
        "dkim_aligned": False,
        "organizational_domain": None,
        "policy_domain": None,
        "source": PolicySource.NONE,
        "tag": PolicyTag.NONE,
        "record": None,
        "notes": (),
    }

    @property
    def passed(self):
        return self.result is Verdict.PASS


def author_domains(message):
    """The domains of From, each once; MalformedError if it cannot be read: such a message passes for nobody."""
    header, _, _ = octets(message).partition(b"\r\n\r\n")
    return _core.dmarc_author_domains(header if header.endswith(b"\r\n") else header + b"\r\n")


def _evidence(fact):
    """A result of sendconn.spf or sendconn.dkim, or a pair, as the pair; None where there is no domain."""
    if isinstance(fact, tuple):
        return fact
    if not fact.domain:
        return None
    word = str(fact.result)
    return (word if word in ("pass", "temperror") else "fail", fact.domain)


def _facts(authors, spf, dkim):
    return (
        (authors,) if isinstance(authors, str) else authors,
        None if spf is None else _evidence(spf),
        [fact for fact in map(_evidence, dkim) if fact is not None],
    )


class Check(_core.DmarcCheck):
    """The check without I/O."""

    def __init__(self, authors, *, spf=None, dkim=(), several_authors=SeveralAuthors.REFUSE, max_authors=5):
        super().__init__(*_facts(authors, spf, dkim), several_authors, max_authors)


def check(
    authors, *, spf=None, dkim=(), resolver=None, several_authors=SeveralAuthors.REFUSE, max_authors=5
):
    """Whether a message passes for its author's domain.

    authors: the domain of From, or several (author_domains). spf: the spf.Result of the reverse-path, or a pair of a
    word of Evidence and a domain. dkim: the results of dkim.verify, or such pairs.
    """
    return _core.dmarc_check(*_facts(authors, spf, dkim), resolver_or_default(resolver), several_authors, max_authors)


async def check_async(
    authors, *, spf=None, dkim=(), resolver=None, several_authors=SeveralAuthors.REFUSE, max_authors=5
):
    """check() in asyncio; the resolver may be a coroutine function."""
    machine = _core.DmarcCheck(*_facts(authors, spf, dkim), several_authors, max_authors)
    await drive(machine, resolver_or_default(resolver))
    return machine.result


def statement(result):
    """The Result as a statement of Authentication-Results."""
    return _core.dmarc_statement(result)


class Destination(Value):
    """One address that a record asks reports for. uris: where to send, if at all."""

    __slots__ = ("standing", "published", "uris", "text")


DestinationCheck = _core.DestinationCheck


def destinations(policy_domain, record, *, kind=ReportKind.AGGREGATE, resolver=None):
    """Which of a record's report addresses may be used (RFC 9990 section 4): a tuple of Destination."""
    machine = DestinationCheck(policy_domain, record, kind)
    machine.run(resolver_or_default(resolver))
    return machine.destinations


async def destinations_async(policy_domain, record, *, kind=ReportKind.AGGREGATE, resolver=None):
    """destinations() in asyncio."""
    machine = DestinationCheck(policy_domain, record, kind)
    await drive(machine, resolver_or_default(resolver))
    return machine.destinations


# ---------------------------------------------------------------- aggregate reports


class ReportNote(Value):
    """Text for people. lang: empty means English."""

    __slots__ = ("text", "lang")
    _defaults = {"lang": ""}


class ExtensionAttribute(Value):
    __slots__ = ("name", "value", "space")
    _defaults = {"space": ""}


class ExtensionElement(Value):
    """An element of an extension (RFC 9990 section 5). space: its namespace."""

    __slots__ = ("name", "space", "text", "attributes", "children")
    _defaults = {"space": "", "text": "", "attributes": (), "children": ()}


class OverrideReason(Value):
    """Why the disposition is not what the policy asks for."""

    __slots__ = ("type", "comment")
    _defaults = {"comment": None}


class DkimReportResult(Value):
    __slots__ = ("domain", "selector", "result", "human_result")
    _defaults = {"human_result": None}


class SpfReportResult(Value):
    __slots__ = ("domain", "scope", "result", "human_result")
    _defaults = {"scope": "mfrom", "human_result": None}


class ReportRow(Value):
    """Messages from one address with the same results. dkim, spf: "pass" or "fail", whether they aligned."""

    __slots__ = (
        "source_ip",
        "count",
        "disposition",
        "dkim",
        "spf",
        "header_from",
        "envelope_from",
        "envelope_to",
        "reasons",
        "dkim_results",
        "spf_results",
        "extensions",
    )
    _defaults = {
        "envelope_from": None,
        "envelope_to": None,
        "reasons": (),
        "dkim_results": (),
        "spf_results": (),
        "extensions": (),
    }


class ReportedPolicy(Value):
    """The policy that was found. pct: RFC 7489 alone."""

    __slots__ = ("domain", "p", "sp", "np", "adkim", "aspf", "discovery_method", "fo", "testing", "pct")
    _defaults = {
        "sp": None,
        "np": None,
        "adkim": None,
        "aspf": None,
        "discovery_method": None,
        "fo": None,
        "testing": None,
        "pct": None,
    }


class AggregateReport(Value):
    """begin, end: of the period, Unix time. form: of which RFC."""

    __slots__ = (
        "org_name",
        "email",
        "report_id",
        "begin",
        "end",
        "policy",
        "rows",
        "version",
        "extra_contact_info",
        "errors",
        "generator",
        "extensions",
        "form",
    )
    _defaults = {
        "rows": (),
        "version": "1.0",
        "extra_contact_info": None,
        "errors": (),
        "generator": None,
        "extensions": (),
        "form": ReportForm.RFC9990,
    }


class SourceCount(Value):
    __slots__ = ("messages", "passed", "dkim_aligned", "spf_aligned")


class ReportSummary(Value):
    """What several reports say together. by_source, by_author: SourceCount by IP address and by From domain."""

    __slots__ = (
        "total",
        "quarantined",
        "rejected",
        "overridden",
        "begin",
        "end",
        "reports",
        "by_source",
        "by_author",
    )


def unpack_report(file):
    """The XML in a gzip or zip file, or XML as it is; bombs are not unpacked. bytes to bytes."""
    return _core.dmarc_unpack_report(file)


def pack_report(xml):
    """As a gzip file, the form to send (RFC 9990 section 3.5). bytes to bytes."""
    return _core.dmarc_pack_report(xml)


def parse_report(xml):
    """The AggregateReport in XML of either RFC. MalformedError, LimitError."""
    return _core.dmarc_parse_report(xml)


def check_report(report):
    """What in a report its schema does not allow: a tuple of sentences."""
    return _core.dmarc_check_report(report)


def format_report(report):
    """The report as XML, bytes. InputError with the first sentence of check_report()."""
    return _core.dmarc_format_report(report)


def report_file_name(receiver, report, *, packed=True):
    """RFC 9990 section 3.5.2."""
    return _core.dmarc_report_file_name(receiver, report, packed)


def report_subject(submitter, report):
    """RFC 9990 section 3.5.2."""
    return _core.dmarc_report_subject(submitter, report)


def reported_policy(result):
    """The policy part of a report, from a Result."""
    return _core.dmarc_reported_policy(result)


def report_row(result, source_ip):
    """A row for one message; the results of SPF and DKIM are for the caller to add, by replace()."""
    return _core.dmarc_report_row(result, source_ip)


def summarize(reports):
    """What the reports say together: a ReportSummary."""
    return _core.dmarc_summarize(reports)


def format_failure_report(
    *,
    sender,
    recipient,
    message_id,
    reporter,
    reporting_mta,
    author,
    source_ip,
    original,
    header_only=True,
    dkim_failed=False,
    spf_failed=False,
    mail_from=None,
    recipients=(),
    arrival=None,
    delivery_result="",
    results=None,
    dkim_domain="",
    dkim_identity="",
    dkim_selector="",
    spf_dns="",
    boundary=None,
    date=None,
):
    """A report about one message that failed (RFC 9991), as the bytes of a message. original: bytes of the message, or
    of its header alone; what is private in it is for the caller to cut out."""
    return _core.dmarc_format_failure_report(
        {
            "from": sender,
            "to": recipient,
            "date": date,
            "message_id": message_id,
            "boundary": _core.random_octets(16).hex() if boundary is None else boundary,
            "reporter": reporter,
            "reporting_mta": reporting_mta,
            "author": author,
            "source_ip": source_ip,
            "dkim_failed": dkim_failed,
            "spf_failed": spf_failed,
            "mail_from": mail_from,
            "recipients": recipients,
            "arrival": arrival,
            "delivery_result": delivery_result,
            "results": results,
            "dkim_domain": dkim_domain,
            "dkim_identity": dkim_identity,
            "dkim_selector": dkim_selector,
            "spf_dns": spf_dns,
            "original": original,
            "header_only": header_only,
        }
    )

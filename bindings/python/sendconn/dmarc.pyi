from collections.abc import Iterable, Mapping
from typing import Final, Union

from sendconn import _core
from sendconn._core import Address
from sendconn._core import DestinationCheck as DestinationCheck
from sendconn._message import _AnyMessage
from sendconn._value import Value
from sendconn._word import Word
from sendconn.authres import Results as _AuthResults
from sendconn.authres import Statement as _Statement
from sendconn.dkim import SignatureResult as _SignatureResult
from sendconn.dns import _AnyResolver, _BlockingResolver
from sendconn.spf import Result as _SpfResult
from typing_extensions import TypeAlias

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
    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

class Mode(Word):
    RELAXED = "relaxed"
    STRICT = "strict"

class Psd(Word):
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
    NONE = "none"
    P = "p"
    SP = "sp"
    NP = "np"

class PolicySource(Word):
    NONE = "none"
    AUTHOR = "author"
    ORGANIZATION = "organization"
    PUBLIC_SUFFIX = "public-suffix"

class SeveralAuthors(Word):
    REFUSE = "refuse"
    CHECK_EACH = "check-each"

class ReportKind(Word):
    AGGREGATE = "aggregate"
    FAILURE = "failure"

class ReportForm(Word):
    RFC9990 = "rfc9990"
    RFC7489 = "rfc7489"

class Standing(Word):
    INTERNAL = "internal"
    AUTHORIZED = "authorized"
    REFUSED = "refused"
    TEMPORARY_FAILURE = "temporary-failure"

# What is taken for a fact: a result, or a pair of a word of Evidence and a domain.
_Pair: TypeAlias = tuple[Union[Evidence, str], str]

class ReportUri(Value):
    text: Final[str]
    scheme: Final[str]
    mailbox: Final[str | None]
    host: Final[str | None]
    def __init__(
        self, *, text: str, scheme: str = "mailto", mailbox: str | None = None, host: str | None = None
    ) -> None: ...

class Record(Value):
    p: Final[Policy | None]
    sp: Final[Policy | None]
    np: Final[Policy | None]
    adkim: Final[Mode]
    aspf: Final[Mode]
    rua: Final[tuple[ReportUri, ...]]
    ruf: Final[tuple[ReportUri, ...]]
    fo: Final[str]
    psd: Final[Psd]
    testing: Final[bool]
    policy_faulty: Final[bool]
    def __init__(
        self,
        *,
        p: Policy | str | None = None,
        sp: Policy | str | None = None,
        np: Policy | str | None = None,
        adkim: Mode | str = Mode.RELAXED,
        aspf: Mode | str = Mode.RELAXED,
        rua: Iterable[ReportUri | str] = (),
        ruf: Iterable[ReportUri | str] = (),
        fo: str = "0",
        psd: Psd | str = Psd.UNKNOWN,
        testing: bool = False,
        policy_faulty: bool = False,
    ) -> None: ...

class Finding(Value):
    severity: Final[Severity]
    text: Final[str]
    position: Final[int]
    length: Final[int]

def is_record(text: str) -> bool: ...
def parse(text: str) -> Record: ...
def lint(text: str) -> tuple[Finding, ...]: ...
def record_name(domain: str) -> str | None: ...

class Result(Value):
    result: Final[Verdict]
    text: Final[str]
    author: Final[str | None]
    policy: Final[Policy]
    published: Final[Policy]
    spf: Final[Alignment]
    dkim: Final[tuple[Alignment, ...]]
    spf_aligned: Final[bool]
    dkim_aligned: Final[bool]
    organizational_domain: Final[str | None]
    policy_domain: Final[str | None]
    source: Final[PolicySource]
    tag: Final[PolicyTag]
    record: Final[Record | None]
    notes: Final[tuple[str, ...]]
    def __init__(
        self,
        *,
        result: Verdict,
        text: str = "",
        author: str | None = None,
        policy: Policy = Policy.NONE,
        published: Policy = Policy.NONE,
        spf: Alignment = Alignment.NONE,
        dkim: Iterable[Alignment] = (),
        spf_aligned: bool = False,
        dkim_aligned: bool = False,
        organizational_domain: str | None = None,
        policy_domain: str | None = None,
        source: PolicySource = PolicySource.NONE,
        tag: PolicyTag = PolicyTag.NONE,
        record: Record | None = None,
        notes: Iterable[str] = (),
    ) -> None: ...
    @property
    def passed(self) -> bool: ...

def author_domains(message: _AnyMessage) -> tuple[str, ...]: ...

class Check(_core.DmarcCheck):
    def __init__(
        self,
        authors: str | Iterable[str],
        *,
        spf: _SpfResult | _Pair | None = None,
        dkim: Iterable[_SignatureResult | _Pair] = (),
        several_authors: SeveralAuthors | str = SeveralAuthors.REFUSE,
        max_authors: int = 5,
    ) -> None: ...

def check(
    authors: str | Iterable[str],
    *,
    spf: _SpfResult | _Pair | None = None,
    dkim: Iterable[_SignatureResult | _Pair] = (),
    resolver: _BlockingResolver | None = None,
    several_authors: SeveralAuthors | str = SeveralAuthors.REFUSE,
    max_authors: int = 5,
) -> Result: ...
async def check_async(
    authors: str | Iterable[str],
    *,
    spf: _SpfResult | _Pair | None = None,
    dkim: Iterable[_SignatureResult | _Pair] = (),
    resolver: _AnyResolver | None = None,
    several_authors: SeveralAuthors | str = SeveralAuthors.REFUSE,
    max_authors: int = 5,
) -> Result: ...
def statement(result: Result) -> _Statement: ...

class Destination(Value):
    standing: Final[Standing]
    published: Final[ReportUri]
    uris: Final[tuple[ReportUri, ...]]
    text: Final[str]

def destinations(
    policy_domain: str,
    record: Record,
    *,
    kind: ReportKind | str = ReportKind.AGGREGATE,
    resolver: _BlockingResolver | None = None,
) -> tuple[Destination, ...]: ...
async def destinations_async(
    policy_domain: str,
    record: Record,
    *,
    kind: ReportKind | str = ReportKind.AGGREGATE,
    resolver: _AnyResolver | None = None,
) -> tuple[Destination, ...]: ...

class ReportNote(Value):
    text: Final[str]
    lang: Final[str]
    def __init__(self, *, text: str, lang: str = "") -> None: ...

class ExtensionAttribute(Value):
    name: Final[str]
    value: Final[str]
    space: Final[str]
    def __init__(self, *, name: str, value: str, space: str = "") -> None: ...

class ExtensionElement(Value):
    name: Final[str]
    space: Final[str]
    text: Final[str]
    attributes: Final[tuple[ExtensionAttribute, ...]]
    children: Final[tuple[ExtensionElement, ...]]
    def __init__(
        self,
        *,
        name: str,
        space: str = "",
        text: str = "",
        attributes: Iterable[ExtensionAttribute] = (),
        children: Iterable[ExtensionElement] = (),
    ) -> None: ...

class OverrideReason(Value):
    type: Final[str]
    comment: Final[ReportNote | None]
    def __init__(self, *, type: str, comment: ReportNote | str | None = None) -> None: ...

class DkimReportResult(Value):
    domain: Final[str]
    selector: Final[str | None]
    result: Final[str]
    human_result: Final[ReportNote | None]
    def __init__(
        self, *, domain: str, selector: str | None, result: str, human_result: ReportNote | str | None = None
    ) -> None: ...

class SpfReportResult(Value):
    domain: Final[str]
    scope: Final[str | None]
    result: Final[str]
    human_result: Final[ReportNote | None]
    def __init__(
        self, *, domain: str, scope: str | None = "mfrom", result: str, human_result: ReportNote | str | None = None
    ) -> None: ...

class ReportRow(Value):
    source_ip: Final[str]
    count: Final[int]
    disposition: Final[str]
    dkim: Final[str]
    spf: Final[str]
    header_from: Final[str]
    envelope_from: Final[str | None]
    envelope_to: Final[str | None]
    reasons: Final[tuple[OverrideReason, ...]]
    dkim_results: Final[tuple[DkimReportResult, ...]]
    spf_results: Final[tuple[SpfReportResult, ...]]
    extensions: Final[tuple[ExtensionElement, ...]]
    def __init__(
        self,
        *,
        source_ip: str,
        count: int,
        disposition: str,
        dkim: str,
        spf: str,
        header_from: str,
        envelope_from: str | None = None,
        envelope_to: str | None = None,
        reasons: Iterable[OverrideReason] = (),
        dkim_results: Iterable[DkimReportResult] = (),
        spf_results: Iterable[SpfReportResult] = (),
        extensions: Iterable[ExtensionElement] = (),
    ) -> None: ...

class ReportedPolicy(Value):
    domain: Final[str]
    p: Final[str]
    sp: Final[str | None]
    np: Final[str | None]
    adkim: Final[str | None]
    aspf: Final[str | None]
    discovery_method: Final[str | None]
    fo: Final[str | None]
    testing: Final[str | None]
    pct: Final[str | None]
    def __init__(
        self,
        *,
        domain: str,
        p: str,
        sp: str | None = None,
        np: str | None = None,
        adkim: str | None = None,
        aspf: str | None = None,
        discovery_method: str | None = None,
        fo: str | None = None,
        testing: str | None = None,
        pct: str | None = None,
    ) -> None: ...

class AggregateReport(Value):
    org_name: Final[str]
    email: Final[str]
    report_id: Final[str]
    begin: Final[int]
    end: Final[int]
    policy: Final[ReportedPolicy]
    rows: Final[tuple[ReportRow, ...]]
    version: Final[str | None]
    extra_contact_info: Final[ReportNote | None]
    errors: Final[tuple[ReportNote, ...]]
    generator: Final[str | None]
    extensions: Final[tuple[ExtensionElement, ...]]
    form: Final[ReportForm]
    def __init__(
        self,
        *,
        org_name: str,
        email: str,
        report_id: str,
        begin: int,
        end: int,
        policy: ReportedPolicy,
        rows: Iterable[ReportRow] = (),
        version: str | None = "1.0",
        extra_contact_info: ReportNote | str | None = None,
        errors: Iterable[ReportNote | str] = (),
        generator: str | None = None,
        extensions: Iterable[ExtensionElement] = (),
        form: ReportForm | str = ReportForm.RFC9990,
    ) -> None: ...

class SourceCount(Value):
    messages: Final[int]
    passed: Final[int]
    dkim_aligned: Final[int]
    spf_aligned: Final[int]

class ReportSummary(Value):
    total: Final[SourceCount]
    quarantined: Final[int]
    rejected: Final[int]
    overridden: Final[int]
    begin: Final[int]
    end: Final[int]
    reports: Final[int]
    by_source: Final[Mapping[str, SourceCount]]
    by_author: Final[Mapping[str, SourceCount]]

def unpack_report(file: bytes) -> bytes: ...
def pack_report(xml: bytes) -> bytes: ...
def parse_report(xml: bytes) -> AggregateReport: ...
def check_report(report: AggregateReport) -> tuple[str, ...]: ...
def format_report(report: AggregateReport) -> bytes: ...
def report_file_name(receiver: str, report: AggregateReport, *, packed: bool = True) -> str: ...
def report_subject(submitter: str, report: AggregateReport) -> str: ...
def reported_policy(result: Result) -> ReportedPolicy: ...
def report_row(result: Result, source_ip: _core._AnyIp) -> ReportRow: ...
def summarize(reports: Iterable[AggregateReport]) -> ReportSummary: ...
def format_failure_report(
    *,
    sender: str | Address,
    recipient: str | Address,
    message_id: str,
    reporter: str,
    reporting_mta: str,
    author: str,
    source_ip: _core._AnyIp,
    original: bytes,
    header_only: bool = True,
    dkim_failed: bool = False,
    spf_failed: bool = False,
    mail_from: str | None = None,
    recipients: Iterable[str] = (),
    arrival: float | None = None,
    delivery_result: str = "",
    results: _AuthResults | None = None,
    dkim_domain: str = "",
    dkim_identity: str = "",
    dkim_selector: str = "",
    spf_dns: str = "",
    boundary: str | None = None,
    date: float | None = None,
) -> bytes: ...

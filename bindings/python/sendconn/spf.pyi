from collections.abc import Iterable, Mapping
from typing import Final

from sendconn import _core
from sendconn._core import SpfRecordCache as RecordCache
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import _AnyResolver, _BlockingResolver

__all__ = [
    "Check",
    "Fault",
    "Finding",
    "Identity",
    "Included",
    "Options",
    "Qualifier",
    "Reason",
    "ReceivedSpf",
    "Record",
    "RecordCache",
    "Result",
    "Severity",
    "Step",
    "Term",
    "TermKind",
    "TraceLine",
    "Verdict",
    "VoidCounting",
    "add_term",
    "check",
    "check_async",
    "explain",
    "explain_async",
    "format_txt",
    "is_record",
    "lint",
    "merge",
    "parse",
    "parse_received",
    "remove_term",
    "split_strings",
]

class Verdict(Word):
    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"

class Reason(Word):
    MATCHED = "matched"
    NO_MATCH = "no-match"
    UNUSABLE_IDENTITY = "unusable-identity"
    NO_RECORD = "no-record"
    SEVERAL_RECORDS = "several-records"
    SYNTAX = "syntax"
    LOOKUP_LIMIT = "lookup-limit"
    VOID_LOOKUP_LIMIT = "void-lookup-limit"
    MX_LIMIT = "mx-limit"
    INCLUDE_WITHOUT_RECORD = "include-without-record"
    REDIRECT_WITHOUT_RECORD = "redirect-without-record"
    DNS_FAILURE = "dns-failure"
    ENGINE_FAILURE = "engine-failure"

class Identity(Word):
    MAIL_FROM = "mailfrom"
    HELO = "helo"

class VoidCounting(Word):
    BY_TERM = "by-term"
    BY_QUESTION = "by-question"

class Severity(Word):
    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"

class Qualifier(Word):
    PASS = "+"
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"

class TermKind(Word):
    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"
    REDIRECT = "redirect"
    EXP = "exp"
    UNKNOWN_MODIFIER = "unknown-modifier"

class Step(Value):
    domain: Final[str]
    term: Final[str]
    position: Final[int]
    def __init__(self, *, domain: str, term: str, position: int) -> None: ...

class TraceLine(Value):
    depth: Final[int]
    text: Final[str]
    def __init__(self, *, depth: int, text: str) -> None: ...

class Result(Value):
    result: Final[Verdict]
    reason: Final[Reason]
    matched: Final[str | None]
    text: Final[str]
    explanation: Final[str]
    explained: Final[bool]
    identity: Final[Identity]
    domain: Final[str]
    sender: Final[str]
    lookups: Final[int]
    void_lookups: Final[int]
    ttl: Final[int]
    path: Final[tuple[Step, ...]]
    trace: Final[tuple[TraceLine, ...]]
    def __init__(
        self,
        *,
        result: Verdict,
        reason: Reason,
        matched: str | None = None,
        text: str = "",
        explanation: str = "",
        explained: bool = False,
        identity: Identity = Identity.MAIL_FROM,
        domain: str = "",
        sender: str = "",
        lookups: int = 0,
        void_lookups: int = 0,
        ttl: int = 0,
        path: Iterable[Step] = (),
        trace: Iterable[TraceLine] = (),
    ) -> None: ...
    @property
    def passed(self) -> bool: ...
    def received_field(self, *, ip: _core._AnyIp, helo: str, receiver: str) -> bytes: ...

class Options(Value):
    receiver: Final[str]
    explain: Final[bool]
    default_explanation: Final[str]
    trace: Final[bool]
    max_lookups: Final[int]
    max_void_lookups: Final[int]
    max_mx_names: Final[int]
    max_ptr_names: Final[int]
    void_counting: Final[VoidCounting]
    records: Final[RecordCache | None]
    def __init__(
        self,
        *,
        receiver: str = "unknown",
        explain: bool = True,
        default_explanation: str = "",
        trace: bool = False,
        max_lookups: int = 10,
        max_void_lookups: int = 2,
        max_mx_names: int = 10,
        max_ptr_names: int = 10,
        void_counting: VoidCounting | str = VoidCounting.BY_TERM,
        records: RecordCache | None = None,
    ) -> None: ...

class Check(_core.SpfCheck):
    def __init__(
        self,
        *,
        ip: _core._AnyIp,
        helo: str = "",
        mail_from: str = "",
        identity: Identity | str = Identity.MAIL_FROM,
        now: float | None = None,
        options: Options | None = None,
    ) -> None: ...

def check(
    *,
    ip: _core._AnyIp,
    helo: str = "",
    mail_from: str = "",
    resolver: _BlockingResolver | None = None,
    identity: Identity | str = Identity.MAIL_FROM,
    now: float | None = None,
    options: Options | None = None,
) -> Result: ...
async def check_async(
    *,
    ip: _core._AnyIp,
    helo: str = "",
    mail_from: str = "",
    resolver: _AnyResolver | None = None,
    identity: Identity | str = Identity.MAIL_FROM,
    now: float | None = None,
    options: Options | None = None,
) -> Result: ...

class Term(Value):
    kind: Final[TermKind]
    qualifier: Final[Qualifier]
    text: Final[str]
    domain: Final[str]
    network: Final[str | None]
    prefix4: Final[int]
    prefix6: Final[int]
    has_macros: Final[bool]
    needs_lookup: Final[bool]
    position: Final[int]

class Fault(Value):
    text: Final[str]
    position: Final[int]
    octets: Final[int]

class Record(Value):
    text: Final[str]
    terms: Final[tuple[Term, ...]]
    faults: Final[tuple[Fault, ...]]
    @property
    def valid(self) -> bool: ...

class Finding(Value):
    severity: Final[Severity]
    code: Final[str]
    text: Final[str]
    position: Final[int]
    octets: Final[int]

def is_record(text: str) -> bool: ...
def parse(text: str) -> Record: ...
def lint(text: str) -> tuple[Finding, ...]: ...
def add_term(record: str | Record, term: str) -> str: ...
def remove_term(record: str | Record, term: str) -> str: ...
def merge(records: Iterable[str | Record]) -> str: ...
def split_strings(text: str) -> tuple[str, ...]: ...
def format_txt(text: str) -> str: ...

class Included(Value):
    domain: Final[str]
    record: Final[Record | None]
    problem: Final[str]
    includes: Final[tuple[Included, ...]]
    def __init__(
        self,
        *,
        domain: str,
        record: Record | None = None,
        problem: str = "",
        includes: Iterable[Included] = (),
    ) -> None: ...
    @property
    def lookups(self) -> int: ...

def explain(domain: str, *, resolver: _BlockingResolver | None = None) -> Included: ...
async def explain_async(domain: str, *, resolver: _AnyResolver | None = None) -> Included: ...

class ReceivedSpf(Value):
    result: Final[Verdict]
    comment: Final[str]
    client_ip: Final[str]
    envelope_from: Final[str]
    helo: Final[str]
    problem: Final[str]
    receiver: Final[str]
    identity: Final[str]
    mechanism: Final[str]
    others: Final[Mapping[str, str]]

def parse_received(value: str) -> ReceivedSpf: ...

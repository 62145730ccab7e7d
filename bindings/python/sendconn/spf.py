"""SPF (RFC 7208): may this client send mail for this domain?

    result = spf.check(ip="192.0.2.1", helo="mail.example.org", mail_from="joe@example.org")
    if result.result == "fail": ...

A verdict is a value; nothing is raised for what strangers publish.
"""

from sendconn import _core
from sendconn._drive import drive
from sendconn._errors import DnsError
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import resolver_or_default

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
    """RFC 7208 section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Reason(Word):
    """Why the verdict is what it is."""

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
    """Whose right to send is checked."""

    MAIL_FROM = "mailfrom"
    HELO = "helo"


class VoidCounting(Word):
    """How look-ups that find nothing are counted."""

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


# ---------------------------------------------------------------- checks


class Step(Value):
    """One record on the way to the deciding term."""

    __slots__ = ("domain", "term", "position")


class TraceLine(Value):
    """What happened, for a person; depth: how many includes and redirects deep."""

    __slots__ = ("depth", "text")


class Result(Value):
    """A verdict with everything that a log, a field or a person wants to know. Texts come from strangers where the
    record does; they are printable ASCII on one line."""

    __slots__ = (
        "result",
        "reason",
        "matched",
        "text",
        "explanation",
        "explained",
        "identity",
        "domain",
        "sender",
        "lookups",
        "void_lookups",
        "ttl",
        "path",
        "trace",
    )
    _defaults = {
        "matched": None,
        "text": "",
        "explanation": "",
        "explained": False,
        "identity": Identity.MAIL_FROM,
        "domain": "",
        "sender": "",
        "lookups": 0,
        "void_lookups": 0,
        "ttl": 0,
        "path": (),
        "trace": (),
    }

    @property
    def passed(self):
        return self.result is Verdict.PASS

    def received_field(self, *, ip, helo, receiver):
        """The whole field Received-SPF (RFC 7208 section 9.1), with CRLF at its end. receiver: the host that checked."""
        return _core.spf_received_field(self, ip, helo, receiver)


RecordCache = _core.SpfRecordCache


class Options(Value):
    """How a check is made. The limits are RFC 7208's own (section 4.6.4)."""

    __slots__ = (
        "receiver",
        "explain",
        "default_explanation",
        "trace",
        "max_lookups",
        "max_void_lookups",
        "max_mx_names",
        "max_ptr_names",
        "void_counting",
        "records",
    )
    _defaults = {
        "receiver": "unknown",
        "explain": True,
        "default_explanation": "",
        "trace": False,
        "max_lookups": 10,
        "max_void_lookups": 2,
        "max_mx_names": 10,
        "max_ptr_names": 10,
        "void_counting": VoidCounting.BY_TERM,
        "records": None,
    }


class Check(_core.SpfCheck):
    """A check without I/O: hands out questions, takes answers in any order, until it is done.

        check = spf.Check(ip=ip, helo=helo, mail_from=sender)
        while not check.done:
            for question in check.questions():
                check.answer(question, lookup(question.name, question.type))
        print(check.result)
    """

    def __init__(self, *, ip, helo="", mail_from="", identity=Identity.MAIL_FROM, now=None, options=None):
        super().__init__(ip, helo, mail_from, identity, now, options)


def check(*, ip, helo="", mail_from="", resolver=None, identity=Identity.MAIL_FROM, now=None, options=None):
    """Whether the client at `ip` may send for the domain of `mail_from`, or of `helo` if that is empty.

    ip: text or an ipaddress object. mail_from: without angle brackets. resolver: see sendconn.dns; none: the network.
    identity: HELO to check that name alone. now: Unix time, for explanations. Returns a Result.
    """
    return _core.spf_check(ip, helo, mail_from, resolver_or_default(resolver), identity, now, options)


async def check_async(
    *, ip, helo="", mail_from="", resolver=None, identity=Identity.MAIL_FROM, now=None, options=None
):
    """check() in asyncio; the resolver may be a coroutine function."""
    machine = _core.SpfCheck(ip, helo, mail_from, identity, now, options)
    await drive(machine, resolver_or_default(resolver))
    return machine.result


# ---------------------------------------------------------------- records


class Term(Value):
    """A well-formed term of a record. network: of ip4 and ip6. prefix4, prefix6: of a and mx, too."""

    __slots__ = (
        "kind",
        "qualifier",
        "text",
        "domain",
        "network",
        "prefix4",
        "prefix6",
        "has_macros",
        "needs_lookup",
        "position",
    )


class Fault(Value):
    """What makes a record unusable, and where."""

    __slots__ = ("text", "position", "octets")


class Record(Value):
    """A record, parsed. One with faults is a permerror for everybody (RFC 7208 section 4.6)."""

    __slots__ = ("text", "terms", "faults")

    @property
    def valid(self):
        return not self.faults

    def __str__(self):
        return self.text


class Finding(Value):
    """What is wrong with a record. code: stable, for programs, such as "ptr-used"."""

    __slots__ = ("severity", "code", "text", "position", "octets")


def is_record(text):
    """Whether a TXT record is an SPF record at all (RFC 7208 section 4.5)."""
    return _core.spf_is_record(text)


def parse(text):
    """A Record; any text can be parsed, its faults say whether it is valid."""
    return _core.spf_parse(text)


def lint(text):
    """The Findings about a record as far as its text alone tells, in the order of the text."""
    return _core.spf_lint(text)


def add_term(record, term):
    """The record's text with `term` where it belongs. ConflictError if it stands there with another qualifier."""
    return _core.spf_add_term(str(record), term)


def remove_term(record, term):
    """The record's text without `term`. NotFoundError if it does not stand there."""
    return _core.spf_remove_term(str(record), term)


def merge(records):
    """One record out of several, which a domain must not publish (RFC 7208 section 3.2)."""
    return _core.spf_merge([str(record) for record in records])


def split_strings(text):
    """The strings of a TXT record, at most 255 octets each (RFC 1035 section 3.3)."""
    return _core.split_strings(text)


def format_txt(text):
    """Those strings as a zone file has them: quoted and escaped."""
    return _core.format_txt(text)


# ---------------------------------------------------------------- a record with everything it includes


class Included(Value):
    """A domain's record and what it leads to. problem: why there is no record, or what is wrong with it."""

    __slots__ = ("domain", "record", "problem", "includes")
    _defaults = {"record": None, "problem": "", "includes": ()}

    @property
    def lookups(self):
        """Terms that ask the DNS, here and below, were all of them evaluated (RFC 7208 section 4.6.4: at most 10)."""
        own = 0 if self.record is None else sum(term.needs_lookup for term in self.record.terms)
        return own + sum(included.lookups for included in self.includes)

    def __str__(self):
        return "\n".join(self._lines(""))

    def _lines(self, indent):
        shown = self.record.text if self.record is not None else ""
        yield f"{indent}{self.domain}: {shown}" + (f"  ({self.problem})" if self.problem else "")
        for included in self.includes:
            yield from included._lines(indent + "  ")


def explain(domain, *, resolver=None):
    """A domain's record with everything it includes, as a tree of Included. str() of it draws it."""
    walk = _explain(_core.parse_domain(domain), ())
    asked, answer = next(walk), None
    resolver = resolver_or_default(resolver)
    while True:
        try:
            answer = resolver(asked, "TXT")
        except DnsError as error:
            answer = error
        try:
            asked = walk.send(answer)
        except StopIteration as end:
            return end.value


async def explain_async(domain, *, resolver=None):
    """explain() in asyncio."""
    walk = _explain(_core.parse_domain(domain), ())
    asked, answer = next(walk), None
    resolver = resolver_or_default(resolver)
    resolve = getattr(resolver, "resolve_async", resolver)
    while True:
        try:
            answer = resolve(asked, "TXT")
            if hasattr(answer, "__await__"):
                answer = await answer
        except DnsError as error:
            answer = error
        try:
            asked = walk.send(answer)
        except StopIteration as end:
            return end.value


#: Records within each other; more than a check follows (RFC 7208 section 4.6.4).
_MAX_DEPTH = 10


def _explain(domain, above):
    """A generator: yields the names whose TXT records it wants, and returns an Included."""
    if domain in above:
        return Included(domain=domain, problem="includes itself")
    if len(above) == _MAX_DEPTH:
        return Included(domain=domain, problem=f"more than {_MAX_DEPTH} records deep")
    answer = yield domain
    if isinstance(answer, DnsError):
        return Included(domain=domain, problem=f"no record: {answer.status.replace('-', ' ')}")
    texts = [value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value for value in answer]
    found = [text for text in texts if is_record(text)]
    if not found:
        return Included(domain=domain, problem="no SPF record")
    record = parse(found[0])
    problem = "" if record.valid else record.faults[0].text
    if len(found) > 1:
        problem = "several SPF records (RFC 7208 section 4.5)"
    includes = []
    for term in record.terms:
        if term.kind in ("include", "redirect"):
            if term.has_macros:
                includes.append(Included(domain=term.domain, problem="depends on the message"))
            else:
                includes.append((yield from _explain(term.domain.lower().rstrip("."), (*above, domain))))
    return Included(domain=domain, record=record, problem=problem, includes=tuple(includes))


# ---------------------------------------------------------------- Received-SPF


class ReceivedSpf(Value):
    """The content of a field Received-SPF. Trust it only from a host of your own: anybody can write one."""

    __slots__ = (
        "result",
        "comment",
        "client_ip",
        "envelope_from",
        "helo",
        "problem",
        "receiver",
        "identity",
        "mechanism",
        "others",
    )


def parse_received(value):
    """The field's value, the part behind the colon. MalformedError otherwise."""
    return _core.spf_parse_received(value)

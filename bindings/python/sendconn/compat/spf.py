"""pyspf's interface over sendconn: `from sendconn.compat import spf` instead of `import spf`.

There are check2, check and the class query with check, best_guess, get_header and the explanations; DNSLookup may be
replaced as with pyspf. What differs, and why:

- Texts of errors are sendconn's; results, codes and the domain's explanations are the same.
- There is no lax and no harsh mode: `strict` is taken and ignored. A record with a fault is a permerror, whatever
  follows it (RFC 7208 section 4.6).
- A check is RFC 7208's: it counts void lookups (section 4.6.4), does not ask for records of type SPF (section 3.1), and
  knows no "ambiguous", "unknown" or trusted-forwarder result. query's own steps (validate_mechanism, expand, dns_a, ...)
  are not here.
- As to VoidCounting, each question that finds nothing counts, as in pyspf.
"""

import math
import re
import socket
import time

from sendconn import _core
from sendconn import authres as _authres
from sendconn import spf as _spf
from sendconn._errors import DnsError, Error, NoData, NoSuchName, Timeout
from sendconn.dns import Resolver

__all__ = [
    "DEFAULT_SPF",
    "EXPLANATIONS",
    "AmbiguityWarning",
    "DNSLookup",
    "PermError",
    "TempError",
    "check",
    "check2",
    "query",
    "quote_value",
    "split_email",
]

#: Seconds for a whole check (RFC 7208 section 4.6.4).
MAX_PER_LOOKUP_TIME = 20
MAX_LOOKUP = 10
MAX_VOID_LOOKUPS = 2
#: CNAMEs that are followed when DNSLookup does not; as many as sendconn's own resolver follows.
MAX_CNAME = 8

DEFAULT_SPF = "v=spf1 a/24 mx/24 ptr"

EXPLANATIONS = {
    "pass": "sender SPF authorized",
    "fail": "SPF fail - not authorized",
    "permerror": "permanent error in processing",
    "temperror": "temporary DNS error in processing",
    "softfail": "domain owner discourages use of this host",
    "neutral": "access neither permitted nor denied",
    "none": "",
}

_CODES = {"fail": 550, "permerror": 550, "temperror": 451}


class TempError(Exception):
    """A temporary error, such as a failing DNS."""

    def __init__(self, msg, mech=None, ext=None):
        super().__init__(msg, mech)
        self.msg = str(msg)
        self.mech = mech
        self.ext = ext

    def __str__(self):
        return f"{self.msg}: {self.mech}" if self.mech else self.msg


class PermError(TempError):
    """An error that stays until somebody mends the record."""


class AmbiguityWarning(TempError):
    """Never raised: there is no harsh mode."""


_resolvers = {}


def DNSLookup(name, qtype, strict=True, timeout=MAX_PER_LOOKUP_TIME):
    """The records at a name as ((name, type), data) pairs; TempError if the DNS fails. Replace it to use another DNS."""
    seconds = max(1, math.ceil(timeout))
    if seconds not in _resolvers:
        _resolvers[seconds] = Resolver(deadline=seconds)
    try:
        answer = _resolvers[seconds](name, qtype)
    except (NoSuchName, NoData):
        return []
    except DnsError as error:
        raise TempError(f"DNS {error}") from error
    values = [(value,) if isinstance(value, bytes) else value for value in answer]
    return [((name, qtype), value) for value in values]


def split_email(s, h):
    """The sender's local part and domain; without a sender, postmaster at the HELO name."""
    if not s:
        return "postmaster", h
    local, at, domain = s.partition("@")
    if not at:
        return "postmaster", s
    return local or "postmaster", domain


_DOT_ATOM = re.compile(r"[0-9a-z!#$%&'*+/=?^_`{}|~-]+(?:\.[0-9a-z!#$%&'*+/=?^_`{}|~-]+)*", re.IGNORECASE)


def quote_value(s):
    """A value of Received-SPF, quoted where it must be."""
    if s is None or _DOT_ATOM.fullmatch(s):
        return s
    return '"' + s.replace("\\", r"\\").replace('"', r"\"").replace("\x00", r"\x00") + '"'


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _on_one_line(field):
    """A field's content: names and addresses come from strangers, and must not begin another field."""
    return _CONTROL.sub("?", field)


def _comment(text):
    """What stands in parentheses stays there (RFC 5322 section 3.2.2)."""
    return "(" + re.sub(r"[()\\]", r"\\\g<0>", text) + ")"


def check2(i, s, h, local=None, receiver=None, timeout=MAX_PER_LOOKUP_TIME, verbose=False, querytime=20):
    """(result, explanation) for a client at `i` that sends MAIL FROM:<s> after HELO h."""
    result, _, explanation = query(
        i=i, s=s, h=h, local=local, receiver=receiver, timeout=timeout, verbose=verbose, querytime=querytime
    ).check()
    return result, explanation


def check(i, s, h, local=None, receiver=None, verbose=False):
    """(result, code, explanation) with the result's names of before RFC 4408."""
    result, code, explanation = query(i=i, s=s, h=h, local=local, receiver=receiver, verbose=verbose).check()
    return {"permerror": "unknown", "temperror": "error"}.get(result, result), code, explanation


class query:
    """One check and what is known after it: mechanism, perm_error, prob, lookups, void_lookups, and result, which is
    sendconn's own."""

    def __init__(
        self,
        i,
        s,
        h,
        local=None,
        receiver=None,
        strict=True,
        timeout=MAX_PER_LOOKUP_TIME,
        verbose=False,
        querytime=0,
    ):
        self.s = s if s or not h else "postmaster@" + h
        self.h = h
        self.ident = "mailfrom" if s or not h else "helo"
        self.l, self.o = split_email(s, h)
        self.d = self.o
        self.r = receiver or "unknown"
        self.t = str(int(time.time()))
        self.libspf_local = local
        self.strict = strict
        self.timeout = querytime if querytime > 0 else timeout
        self.querytime = querytime
        self.verbose = verbose
        self.exps = dict(EXPLANATIONS)
        self.defexps = dict(EXPLANATIONS)
        self.cache = {}
        self.mech = []
        self.mechanism = None
        self.perm_error = None
        self.prob = ""
        self.lookups = 0
        self.void_lookups = 0
        self.result = None
        self._given = None
        self.i = self.c = self.v = None
        if i:
            self.set_ip(i)

    def set_ip(self, i):
        import ipaddress

        try:
            address = ipaddress.ip_address(i)
        except ValueError as error:
            raise PermError(str(error)) from error
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        self.ipaddr = address
        self.c = str(address)
        self.v = "in-addr" if address.version == 4 else "ip6"
        self.i = self.c if address.version == 4 else ".".join(address.exploded.replace(":", "").upper())

    def set_default_explanation(self, exp):
        for result in ("softfail", "fail", "permerror"):
            self.exps[result] = self.defexps[result] = exp

    def set_explanation(self, exp):
        for result in ("softfail", "fail", "permerror"):
            self.exps[result] = exp

    def check(self, spf=None):
        """(result, code, explanation). spf: the record to take instead of the domain's own."""
        self._given = spf
        self.mech = []
        self.mechanism = None
        self.perm_error = None
        self.prob = ""
        self._asked_until = time.monotonic() + self.querytime if self.querytime > 0 else None
        found = _spf.check(
            ip=self.c,
            helo=self.h or "",
            mail_from="" if self.ident == "helo" else self.s,
            resolver=self._resolve,
            now=int(self.t),
            options=_spf.Options(
                receiver=self.r, default_explanation=self.exps["fail"], void_counting="by-question"
            ),
        )
        self.result = found
        self.mechanism = found.matched
        self.lookups = found.lookups
        self.void_lookups = found.void_lookups
        result = str(found.result)
        if result == "fail":
            explanation = found.explanation or self.exps["fail"]
        elif result == "temperror":
            self.prob = found.text
            explanation = "SPF Temporary Error: " + found.text
        elif result == "permerror":
            self.prob = found.text
            self.perm_error = PermError(found.text)
            explanation = "SPF Permanent Error: " + found.text
        else:
            explanation = self.exps[result]
        return result, _CODES.get(result, 250), explanation

    def best_guess(self, spf=DEFAULT_SPF):
        """The check with a record that stands for domains without one."""
        result, code, explanation = self.check(spf)
        return ("neutral", 250, explanation) if result == "permerror" else (result, code, explanation)

    def get_header(self, res, receiver=None, header_type="spf", aid=None, **kv):
        """The content of Received-SPF, or (header_type "authres") the whole field Authentication-Results."""
        receiver = receiver or self.r
        comment = f"{receiver}: {self.get_header_comment(res)}"
        mechanism = quote_value(self.mechanism)
        if header_type == "authres":
            if not aid:
                raise SyntaxError("authserv-id missing for Authentication Results header type, see RFC 8601 2.5")
            name, value = ("mailfrom", self.d) if self.ident != "helo" else ("helo", self.h)
            statement = _authres.Statement(
                method="spf",
                result=res,
                comment=comment,
                properties=[_authres.Property(type="smtp", name=name, value=value)],
            )
            field = _authres.format(_authres.Results(id=aid, statements=[statement]))
            return field.decode("ascii").strip()
        if header_type != "spf":
            raise SyntaxError(f"Unknown results header type: {header_type}")
        words = {
            "client-ip": self.c,
            "envelope-from": None if self.ident == "helo" else quote_value(self.s),
            "helo": quote_value(self.h),
            "receiver": receiver,
            "problem": quote_value(" ".join(self.mech)) if res == "permerror" and self.mech else None,
            "mechanism": mechanism,
            **{"x-" + key.replace("_", "-"): quote_value(value) for key, value in sorted(kv.items())},
        }
        names = {"permerror": "PermError", "temperror": "TempError", "softfail": "SoftFail"}
        shown = "".join(f" {key}={value};" for key, value in words.items() if value)
        return _on_one_line(f"{names.get(res, res.capitalize())} {_comment(comment)}{shown} identity={self.ident}")

    def get_header_comment(self, res):
        texts = {
            "pass": f"domain of {self.o} designates {self.c} as permitted sender",
            "fail": f"domain of {self.o} does not designate {self.c} as permitted sender",
            "softfail": f"transitioning domain of {self.o} does not designate {self.c} as permitted sender",
            "neutral": f"{self.c} is neither permitted nor denied by domain of {self.o}",
            "none": f"{self.c} is neither permitted nor denied by domain of {self.o}",
            "permerror": f"permanent error in processing domain of {self.o}: {self.prob}",
            "temperror": f"temporary error in processing during lookup of {self.o}",
        }
        if res not in texts:
            raise ValueError("invalid SPF result for header comment: " + res)
        return texts[res]

    # ---------------------------------------------------------------- the DNS

    def dns(self, name, qtype):
        """The data of a name's records of one type, as DNSLookup gives it."""
        key = (name.lower(), qtype)
        if key not in self.cache:
            self.cache[key] = self._look_up(name, qtype, MAX_CNAME)
        return self.cache[key]

    def _look_up(self, name, qtype, hops):
        timeout = self.timeout
        if self._asked_until is not None:
            timeout = min(timeout, self._asked_until - time.monotonic())
            if timeout <= 0:
                raise TempError("DNS Error: exceeded max query lookup time")
        found = list(DNSLookup(name, qtype, self.strict, timeout))
        values = [value for (_, kind), value in found if kind == qtype]
        aliases = [value for (owner, kind), value in found if kind == "CNAME" and owner.lower() == name.lower()]
        if values or not aliases:
            return values
        if hops == 0:
            raise TempError("DNS Error: too many aliases")
        return self._look_up(aliases[0].rstrip("."), qtype, hops - 1)

    _asked_until = None

    def _resolve(self, name, type):
        kind = str(type)
        own = kind == "TXT" and name == self.d.rstrip(".").lower()
        if own and self._given is not None:
            return [self._given if not self.libspf_local else self._with_local(self._given)]
        try:
            values = self.dns(name, kind)
        except TempError as error:
            raise Timeout(str(error)) from error
        if kind == "TXT":
            values = [b"".join(value) if isinstance(value, (tuple, list)) else value for value in values]
            if own and self.libspf_local:
                values = [self._with_local(value) for value in values]
        elif kind == "AAAA":
            values = [_text_of_ip6(value) for value in values]
        elif kind in ("PTR", "CNAME", "NS"):
            values = [str(value) for value in values]
        elif kind == "MX":
            values = [(int(preference), str(exchange)) for preference, exchange in values]
        return values

    def _with_local(self, record):
        """The record with the local policy in front of its last word."""
        text = record.decode("utf-8", "surrogateescape") if isinstance(record, bytes) else record
        if not _core.spf_is_record(text):
            return record
        for term in self.libspf_local.split():
            try:
                text = _core.spf_add_term(text, term)
            except Error:
                return record
        return text


def _text_of_ip6(value):
    if isinstance(value, bytes):
        return socket.inet_ntop(socket.AF_INET6, value)
    return str(value)

"""DNS as checks need it: answers, zones in memory, and resolvers.

A resolver is any callable that takes a name and a type ("TXT", "A", ...) and returns a list: TXT as bytes, A and AAAA as
text or ipaddress objects, MX as "10 mx.example" or a pair, other names as text. It raises NoSuchName, NoData, Timeout
or ServerFailure. An `Answer` instead of a list also says the TTL and whether the answer was authenticated. In the
functions that end in `_async` it may be a coroutine function.
"""

from collections import namedtuple

from sendconn import _core
from sendconn._errors import (
    DnsError,
    MalformedAnswer,
    NoData,
    NoSuchName,
    ServerFailure,
    Timeout,
)
from sendconn._value import Value
from sendconn._word import Word

__all__ = [
    "Answer",
    "Cache",
    "DnsError",
    "MalformedAnswer",
    "NoData",
    "NoSuchName",
    "Question",
    "RecordType",
    "Resolver",
    "ServerFailure",
    "Status",
    "Timeout",
    "Zone",
    "default_resolver",
    "dnspython",
]


class RecordType(Word):
    A = "A"
    AAAA = "AAAA"
    CNAME = "CNAME"
    MX = "MX"
    NS = "NS"
    PTR = "PTR"
    TXT = "TXT"
    TLSA = "TLSA"


class Status(Word):
    """How a question ended; only NO_ERROR has values."""

    NO_ERROR = "no-error"
    NO_SUCH_NAME = "no-such-name"
    NO_DATA = "no-data"
    TIMEOUT = "timeout"
    SERVER_FAILURE = "server-failure"
    MALFORMED = "malformed"


#: What a check wants to know: a name in A-labels without a trailing dot, and a RecordType.
Question = namedtuple("Question", "name type")


class Answer(Value):
    """Values with what else a resolver knows.

    values: as a resolver may return them. ttl: seconds, the smallest on the way. authenticated: the AD bit of a
    resolver that validates. aliases: the names that CNAMEs led through.
    """

    __slots__ = ("values", "ttl", "authenticated", "status", "aliases")
    _defaults = {"values": (), "ttl": 0, "authenticated": False, "status": Status.NO_ERROR, "aliases": ()}

    def __init__(self, values=(), ttl=0, authenticated=False, status=Status.NO_ERROR, aliases=()):
        super().__init__(
            values=tuple(values), ttl=ttl, authenticated=authenticated, status=Status(status), aliases=tuple(aliases)
        )

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)


Zone = _core.Zone
Cache = _core.Cache


class Resolver(_core.Resolver):
    """Asks the network, by c-ares. Any number of threads and tasks at once.

    servers: "192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53"; none: the system's. timeout: seconds for the first try
    of a server. tries: of each server. deadline: seconds for a whole question. cache: a Cache, which may be shared.
    """

    async def resolve_async(self, name, type):
        """The Answer; raises NoSuchName, NoData, Timeout, ServerFailure or MalformedAnswer."""
        import asyncio

        from sendconn._loop import ask

        return await ask(self, asyncio.get_running_loop(), name, RecordType(type))


_default = None


def default_resolver():
    """The Resolver that checks use if none is given: the system's servers, and a cache."""
    global _default
    if _default is None:
        _default = Resolver(cache=Cache())
    return _default


def resolver_or_default(resolver):
    return default_resolver() if resolver is None else resolver


def dnspython(resolver=None):
    """A resolver that asks by dnspython: one of its resolvers (dns.resolver.Resolver, or dns.asyncresolver.Resolver for
    the functions that end in _async), or none for its default."""
    import inspect

    import dns.resolver

    chosen = resolver if resolver is not None else dns.resolver.get_default_resolver()

    if inspect.iscoroutinefunction(chosen.resolve):

        async def ask(name, type):
            with _as_ours(name, type):
                return _from_dnspython(await chosen.resolve(name + ".", str(type), search=False), type)

    else:

        def ask(name, type):
            with _as_ours(name, type):
                return _from_dnspython(chosen.resolve(name + ".", str(type), search=False), type)

    return ask


class _as_ours:
    """dnspython's exceptions as ours."""

    def __init__(self, name, type):
        self._what = f"{name} {type}"

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        import dns.exception
        import dns.name
        import dns.resolver

        if error is None:
            return False
        if isinstance(error, (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel)):
            raise NoSuchName(f"{self._what}: no such name") from error
        if isinstance(error, dns.resolver.NoAnswer):
            raise NoData(f"{self._what}: no data") from error
        if isinstance(error, dns.exception.Timeout):
            raise Timeout(f"{self._what}: timeout") from error
        if isinstance(error, dns.exception.DNSException):
            raise ServerFailure(f"{self._what}: {error}") from error
        return False


def _from_dnspython(found, type):
    import dns.flags

    kind = str(type)
    if kind == "TXT":
        values = [b"".join(record.strings) for record in found]
    elif kind in ("A", "AAAA"):
        values = [record.address for record in found]
    elif kind == "MX":
        values = [(record.preference, record.exchange.to_text(omit_final_dot=True)) for record in found]
    elif kind == "TLSA":
        values = [record.to_wire() for record in found]
    else:
        values = [record.target.to_text(omit_final_dot=True) for record in found]
    chain = found.chaining_result if hasattr(found, "chaining_result") else None
    aliases = []
    if chain is not None and chain.cnames:
        aliases = [rrset[0].target.to_text(omit_final_dot=True) for rrset in chain.cnames]
    return Answer(
        values,
        ttl=found.rrset.ttl,
        authenticated=bool(found.response.flags & dns.flags.AD),
        aliases=aliases,
    )

"""Proof that somebody controls a domain: a token published as a TXT record.

    token = ownership.make_token()
    print(ownership.records("example.org", token=token, provider="sendconn").publish)
    ownership.check("example.org", token=token, provider="sendconn").result == "verified"
"""

from sendconn import _core
from sendconn._drive import drive
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import resolver_or_default

__all__ = ["Check", "Record", "Records", "Result", "Verdict", "check", "check_async", "make_token", "records"]


class Verdict(Word):
    VERIFIED = "verified"
    MISSING = "missing"
    MISMATCH = "mismatch"
    TEMPORARY_FAILURE = "temporary-failure"


class Record(Value):
    """A TXT record to publish. name: without a trailing dot."""

    __slots__ = ("name", "text")


class Records(Value):
    """The records that prove a domain; either one is enough. publish: the one to recommend."""

    __slots__ = ("publish", "at_label", "at_apex")


class Result(Value):
    """where: the name whose record proved it. text: one sentence, what was found and what is required."""

    __slots__ = ("result", "where", "text")

    @property
    def verified(self):
        return self.result is Verdict.VERIFIED


def make_token():
    """160 random bits as 40 hexadecimal digits, for one account and one domain."""
    return _core.ownership_make_token()


def records(domain, *, token, provider):
    """What to publish. provider: a name of your own, lower-case letters, digits and hyphens."""
    publish, at_label, at_apex = _core.ownership_records(domain, token, provider)
    return Records(publish=publish, at_label=at_label, at_apex=at_apex)


class Check(_core.OwnershipCheck):
    """The check without I/O."""

    def __init__(self, domain, *, token, provider):
        super().__init__(domain, token, provider)


def check(domain, *, token, provider, resolver=None):
    """Whether one of the records stands in the DNS; a failing resolver is never taken for a missing record."""
    return _core.ownership_check(domain, token, provider, resolver_or_default(resolver))


async def check_async(domain, *, token, provider, resolver=None):
    """check() in asyncio; the resolver may be a coroutine function."""
    machine = _core.OwnershipCheck(domain, token, provider)
    await drive(machine, resolver_or_default(resolver))
    return machine.result

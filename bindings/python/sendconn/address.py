"""Domain names and mailbox addresses (RFC 5321, RFC 5890, RFC 6531)."""

from sendconn import _core

__all__ = ["Address", "display_domain", "is_within", "parse_address_list", "parse_domain"]

Address = _core.Address


def parse_domain(text):
    """The name in lower case and A-labels, without a trailing dot; MalformedError if it is none."""
    return _core.parse_domain(text)


def display_domain(text):
    """The name as people read it: in U-labels where they are valid."""
    return _core.display_domain(text)


def is_within(domain, other):
    """Whether `domain` is `other` or below it."""
    return _core.is_within(domain, other)


def parse_address_list(value, *, max_addresses=100):
    """The mailboxes of a field such as From or To, as a tuple of Address (RFC 5322 section 3.4)."""
    return _core.parse_address_list(value, max_addresses)


def _parse(text):
    """For pickle, which knows functions by their names."""
    return Address.parse(text)

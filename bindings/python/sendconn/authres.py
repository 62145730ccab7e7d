"""The field Authentication-Results (RFC 8601): written, read, and removed where a stranger forged it in our name."""

from sendconn import _core
from sendconn._value import Value

__all__ = ["ForgeryFilter", "Property", "Results", "Statement", "format", "parse", "remove_forged"]


class Property(Value):
    """From which property of the message a result follows: "smtp.mailfrom=example.com"."""

    __slots__ = ("type", "name", "value")


class Statement(Value):
    """One method's result. Trust nothing in a comment."""

    __slots__ = ("method", "result", "properties", "comment", "reason", "version")
    _defaults = {"properties": (), "comment": "", "reason": "", "version": 1}

    def find(self, type, name):
        """The value of the first property of this type and name, or None."""
        wanted = (type.lower(), name.lower())
        for one in self.properties:
            if (one.type.lower(), one.name.lower()) == wanted:
                return one.value
        return None


class Results(Value):
    """One field. id: the authserv-id, who says so. No statements: no authentication was done."""

    __slots__ = ("id", "statements", "version")
    _defaults = {"statements": (), "version": 1}


def parse(value):
    """The Results in a field's value, the part behind the colon. Any sender can write one: read only those with your
    own id, and remove foreign ones first (remove_forged). MalformedError, LimitError."""
    return _core.authres_parse(value)


def format(results, *, utf8=False, columns=78):
    """The whole field as bytes, folded, with CRLF at its end. utf8: the message is internationalized (RFC 6532)."""
    return _core.authres_format(results, utf8, columns)


def remove_forged(header, own_ids):
    """The header section without the fields that carry one of our own ids (RFC 8601 section 5)."""
    return _core.authres_remove_forged(header, own_ids)


#: The same for a message in pieces.
ForgeryFilter = _core.ForgeryFilter

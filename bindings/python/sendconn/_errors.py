"""The exceptions. A verdict (an SPF permerror, a signature that fails) is a value and never raised."""


class Error(Exception):
    """Whatever sendconn refuses. The text is one sentence: the fact, what is required, the section of the RFC."""

    #: Offset in octets of the offending place in the input, or None.
    position = None

    @property
    def text(self):
        return str(self.args[0]) if self.args else ""


class InputError(Error, ValueError):
    """A value that the caller chose is outside the documented range."""


class MalformedError(InputError):
    """The input does not follow its grammar; `position` says where."""


class LimitError(Error, ValueError):
    """A named limit was passed; the text says which and its value."""


class StateError(Error, RuntimeError):
    """The call is not allowed in the object's present state."""


class NotFoundError(Error, LookupError):
    """What was asked for does not exist."""


class ConflictError(Error, ValueError):
    """What was to be made exists already, or contradicts what exists."""


class CryptoError(Error):
    """The cryptographic library refused the operation."""


class SystemFailure(Error):
    """The operating system refused the operation."""


class UnsupportedError(Error):
    """Understood, but not offered by this build or this peer."""


class DnsError(Error):
    """A question without an answer. Resolvers raise one of its kinds; checks draw their conclusions from which."""

    status = "server-failure"

    def __init__(self, text="", *, ttl=0, authenticated=False):
        super().__init__(text)
        self.ttl = ttl
        self.authenticated = authenticated


class NoSuchName(DnsError):
    """NXDOMAIN: the name does not exist, nor does anything below it."""

    status = "no-such-name"


class NoData(DnsError):
    """The name exists, a record of this type does not."""

    status = "no-data"


class Timeout(DnsError, TimeoutError):
    """Nobody answered in time."""

    status = "timeout"


class ServerFailure(DnsError):
    """SERVFAIL, REFUSED, or any other failure that a server reports."""


class MalformedAnswer(DnsError):
    """An answer that cannot be read."""

    status = "malformed"


# By the numbers of the library's Errc, which are pinned.
_BY_CODE = {
    1: InputError,
    2: MalformedError,
    3: LimitError,
    4: StateError,
    5: NotFoundError,
    6: ConflictError,
    7: CryptoError,
    8: SystemFailure,
    9: UnsupportedError,
}

_BY_STATUS = {kind.status: kind for kind in (NoSuchName, NoData, Timeout, ServerFailure, MalformedAnswer)}


def make(code, text, position):
    """For the C++ part."""
    error = _BY_CODE.get(code, Error)(text)
    if position is not None:
        error.position = position
    return error


def make_dns(status, name, type, ttl, authenticated):
    """For the C++ part."""
    text = f"{name} {type}: {status.replace('-', ' ')}"
    return _BY_STATUS[str(status)](text, ttl=ttl, authenticated=authenticated)

"""sendconn: mail for other people's domains, with proof. SPF, DKIM, DMARC, results, ownership and limits.

Each part is a module: sendconn.spf, dkim, dmarc, authres, ownership, limit, dns, address, smtp, mailer and aio.
`authenticate` does what a receiver does, `Mailer` sends. A function that may wait for the network has a twin in asyncio
that ends in `_async`; a class `Check`, `Signer` or `Verifier` beside it does the same without any I/O, for every other
loop.
"""

from sendconn._core import __version__
from sendconn._errors import (
    ConflictError,
    CryptoError,
    DnsError,
    Error,
    InputError,
    LimitError,
    MalformedAnswer,
    MalformedError,
    NoData,
    NoSuchName,
    NotFoundError,
    ServerFailure,
    StateError,
    SystemFailure,
    Timeout,
    UnsupportedError,
)
from sendconn._message import octets

from sendconn import address, authres, dkim, dmarc, dns, limit, ownership, spf  # isort: skip
from sendconn.authentication import authenticate, authenticate_async  # isort: skip


def __getattr__(name):
    # Who only checks mail does without what sending it needs.
    if name == "Mailer":
        from sendconn.mailer import Mailer

        return Mailer
    if name in ("aio", "mailer", "smtp"):
        import importlib

        return importlib.import_module("sendconn." + name)
    raise AttributeError(f"module 'sendconn' has no attribute {name!r}")



__all__ = [
    "ConflictError",
    "CryptoError",
    "DnsError",
    "Error",
    "InputError",
    "LimitError",
    "MalformedAnswer",
    "Mailer",
    "MalformedError",
    "NoData",
    "NoSuchName",
    "NotFoundError",
    "ServerFailure",
    "StateError",
    "SystemFailure",
    "Timeout",
    "UnsupportedError",
    "__version__",
    "address",
    "authenticate",
    "authenticate_async",
    "authres",
    "dkim",
    "dmarc",
    "dns",
    "limit",
    "octets",
    "ownership",
    "spf",
]

from sendconn import address as address
from sendconn import aio as aio
from sendconn import authres as authres
from sendconn import dkim as dkim
from sendconn import dmarc as dmarc
from sendconn import dns as dns
from sendconn import limit as limit
from sendconn import mailer as mailer
from sendconn import ownership as ownership
from sendconn import smtp as smtp
from sendconn import spf as spf
from sendconn._core import __version__ as __version__
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
from sendconn.authentication import authenticate, authenticate_async
from sendconn.mailer import Mailer as Mailer

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

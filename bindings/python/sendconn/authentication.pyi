from typing import Final

from sendconn import _core
from sendconn._core import KeyCache
from sendconn._message import _AnyMessage
from sendconn._value import Value
from sendconn.authres import Results as _AuthResults
from sendconn.dkim import SignatureResult, VerifyPolicy
from sendconn.dmarc import Result as _DmarcResult
from sendconn.dmarc import SeveralAuthors
from sendconn.dns import _AnyResolver, _BlockingResolver
from sendconn.spf import Options as _SpfOptions
from sendconn.spf import Result as _SpfResult

__all__ = ["Check", "Results", "authenticate", "authenticate_async"]

class Results(Value):
    spf: Final[_SpfResult]
    helo: Final[_SpfResult | None]
    null_sender: Final[bool]
    dkim: Final[tuple[SignatureResult, ...]]
    authors: Final[tuple[str, ...]]
    problem: Final[str]
    dmarc: Final[_DmarcResult]
    dmarc_checks: Final[tuple[_DmarcResult, ...]]
    authres: Final[_AuthResults]
    def field(self, authserv_id: str | None = None) -> bytes: ...

class Check(_core.AuthenticationCheck):
    def __init__(
        self,
        *,
        ip: _core._AnyIp,
        helo: str = "",
        mail_from: str = "",
        now: float | None = None,
        spf: _SpfOptions | None = None,
        dkim: VerifyPolicy | None = None,
        keys: KeyCache | None = None,
        several_authors: SeveralAuthors | str = "refuse",
        max_authors: int = 5,
        authserv_id: str | None = None,
    ) -> None: ...
    @property
    def result(self) -> Results: ...

def authenticate(
    message: _AnyMessage,
    *,
    ip: _core._AnyIp,
    helo: str = "",
    mail_from: str = "",
    resolver: _BlockingResolver | None = None,
    authserv_id: str | None = None,
    now: float | None = None,
    spf: _SpfOptions | None = None,
    dkim: VerifyPolicy | None = None,
    keys: KeyCache | None = None,
    several_authors: SeveralAuthors | str = "refuse",
    max_authors: int = 5,
) -> Results: ...
async def authenticate_async(
    message: _AnyMessage,
    *,
    ip: _core._AnyIp,
    helo: str = "",
    mail_from: str = "",
    resolver: _AnyResolver | None = None,
    authserv_id: str | None = None,
    now: float | None = None,
    spf: _SpfOptions | None = None,
    dkim: VerifyPolicy | None = None,
    keys: KeyCache | None = None,
    several_authors: SeveralAuthors | str = "refuse",
    max_authors: int = 5,
) -> Results: ...

from collections.abc import Iterable
from typing import Any

from sendconn.spf import Result

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

MAX_PER_LOOKUP_TIME: int
MAX_LOOKUP: int
MAX_VOID_LOOKUPS: int
MAX_CNAME: int
DEFAULT_SPF: str
EXPLANATIONS: dict[str, str]

class TempError(Exception):
    msg: str
    mech: str | None
    ext: Any
    def __init__(self, msg: object, mech: str | None = None, ext: Any = None) -> None: ...

class PermError(TempError): ...
class AmbiguityWarning(TempError): ...

def DNSLookup(name: str, qtype: str, strict: bool | int = True, timeout: float = 20) -> Iterable[Any]: ...
def split_email(s: str, h: str) -> tuple[str, str]: ...
def quote_value(s: str | None) -> str | None: ...
def check2(
    i: str,
    s: str,
    h: str,
    local: str | None = None,
    receiver: str | None = None,
    timeout: float = 20,
    verbose: bool = False,
    querytime: float = 20,
) -> tuple[str, str]: ...
def check(
    i: str, s: str, h: str, local: str | None = None, receiver: str | None = None, verbose: bool = False
) -> tuple[str, int, str]: ...

class query:
    s: str
    h: str
    l: str
    o: str
    d: str
    r: str
    t: str
    i: str | None
    c: str | None
    v: str | None
    ident: str
    mech: list[str]
    mechanism: str | None
    perm_error: PermError | None
    prob: str
    lookups: int
    void_lookups: int
    cache: dict[tuple[str, str], list[Any]]
    result: Result | None
    def __init__(
        self,
        i: str,
        s: str,
        h: str,
        local: str | None = None,
        receiver: str | None = None,
        strict: bool | int = True,
        timeout: float = 20,
        verbose: bool = False,
        querytime: float = 0,
    ) -> None: ...
    def set_ip(self, i: str) -> None: ...
    def set_default_explanation(self, exp: str) -> None: ...
    def set_explanation(self, exp: str) -> None: ...
    def check(self, spf: str | None = None) -> tuple[str, int, str]: ...
    def best_guess(self, spf: str = ...) -> tuple[str, int, str]: ...
    def get_header(
        self,
        res: str,
        receiver: str | None = None,
        header_type: str = "spf",
        aid: str | None = None,
        **kv: str,
    ) -> str: ...
    def get_header_comment(self, res: str) -> str: ...
    def dns(self, name: str, qtype: str) -> list[Any]: ...

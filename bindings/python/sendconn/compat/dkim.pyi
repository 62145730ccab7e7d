from collections.abc import Iterable, Sequence
from logging import Logger
from typing import Any, Callable, NoReturn, Union

from typing_extensions import TypeAlias

__all__ = [
    "ARC",
    "CV_Fail",
    "CV_None",
    "CV_Pass",
    "DKIM",
    "DKIMException",
    "DnsTimeoutError",
    "InternalError",
    "KeyFormatError",
    "MessageFormatError",
    "ParameterError",
    "Relaxed",
    "Simple",
    "UnknownKeyTypeError",
    "ValidationError",
    "arc_sign",
    "arc_verify",
    "dkim_sign",
    "dkim_verify",
    "fold",
    "get_txt",
    "select_headers",
    "sign",
    "validate_signature_fields",
    "verify",
]

Relaxed: bytes
Simple: bytes
CV_Pass: bytes
CV_Fail: bytes
CV_None: bytes

class DKIMException(Exception): ...
class InternalError(DKIMException): ...
class KeyFormatError(DKIMException): ...
class MessageFormatError(DKIMException): ...
class ParameterError(DKIMException): ...
class ValidationError(DKIMException): ...
class UnknownKeyTypeError(DKIMException): ...
class DnsTimeoutError(DKIMException): ...

_Text: TypeAlias = Union[str, bytes]
_DnsFunction: TypeAlias = Callable[..., Union[str, bytes, None]]

def get_txt(name: _Text, timeout: float = 5) -> bytes | None: ...
def fold(header: bytes, namelen: int = 0, linesep: bytes = b"\r\n") -> bytes: ...
def select_headers(headers: Sequence[Any], include_headers: Iterable[Any]) -> list[Any]: ...
def validate_signature_fields(
    sig: dict[bytes, Any], mandatory_fields: Iterable[bytes] = ..., arc: bool = False
) -> None: ...

class DKIM:
    FROZEN: tuple[bytes, ...]
    SHOULD: tuple[bytes, ...]
    SHOULD_NOT: tuple[bytes, ...]
    RFC5322_SINGLETON: tuple[bytes, ...]
    logger: Logger
    debug_content: bool
    signature_algorithm: bytes
    should_sign: set[bytes]
    should_not_sign: set[bytes]
    frozen_sign: set[bytes]
    minkey: int
    linesep: bytes
    timeout: float
    tlsrpt: bool | str
    domain: bytes | None
    selector: bytes | str
    signature_fields: dict[bytes, bytes]
    signed_headers: list[tuple[bytes, bytes]]
    include_headers: tuple[bytes, ...]
    keysize: int
    def __init__(
        self,
        message: bytes | None = None,
        logger: Logger | None = None,
        signature_algorithm: bytes = b"rsa-sha256",
        minkey: int = 1024,
        linesep: bytes = b"\r\n",
        debug_content: bool = False,
        timeout: float = 5,
        tlsrpt: bool | str = False,
    ) -> None: ...
    def set_message(self, message: bytes | None) -> None: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def body(self) -> bytes: ...
    def add_frozen(self, s: Iterable[bytes]) -> None: ...
    def add_should_not(self, s: Iterable[bytes]) -> None: ...
    def default_sign_headers(self) -> list[bytes]: ...
    def all_sign_headers(self) -> list[bytes]: ...
    def present(self) -> bool: ...
    def sign(
        self,
        selector: _Text,
        domain: _Text,
        privkey: _Text,
        signature_algorithm: bytes | None = None,
        identity: _Text | None = None,
        canonicalize: tuple[bytes, bytes] = (b"relaxed", b"simple"),
        include_headers: Iterable[_Text] | None = None,
        length: bool = False,
    ) -> bytes: ...
    def verify_headerprep(self, idx: int = 0) -> Any: ...
    def verify(self, idx: int = 0, dnsfunc: _DnsFunction = ...) -> bool: ...

def sign(
    message: bytes,
    selector: _Text,
    domain: _Text,
    privkey: _Text,
    identity: _Text | None = None,
    canonicalize: tuple[bytes, bytes] = (b"relaxed", b"simple"),
    signature_algorithm: bytes = b"rsa-sha256",
    include_headers: Iterable[_Text] | None = None,
    length: bool = False,
    logger: Logger | None = None,
    linesep: bytes = b"\r\n",
    tlsrpt: bool | str = False,
) -> bytes: ...
def verify(
    message: bytes,
    logger: Logger | None = None,
    dnsfunc: _DnsFunction = ...,
    minkey: int = 1024,
    timeout: float = 5,
    tlsrpt: bool | str = False,
) -> bool: ...

dkim_sign = sign
dkim_verify = verify

def arc_sign(*arguments: Any, **options: Any) -> NoReturn: ...
def arc_verify(*arguments: Any, **options: Any) -> NoReturn: ...

class ARC:
    def __init__(self, *arguments: Any, **options: Any) -> None: ...

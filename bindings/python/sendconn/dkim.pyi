from collections.abc import Sequence
from typing import Final, TypeVar

from sendconn._core import KeyCache as KeyCache
from sendconn._core import PrivateKey as PrivateKey
from sendconn._core import Signature as Signature
from sendconn._core import SignedFields as SignedFields
from sendconn._core import Signer as Signer
from sendconn._core import Verifier as Verifier
from sendconn._message import _AnyMessage
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import _AnyResolver, _BlockingResolver

_P = TypeVar("_P", bound=VerifyPolicy)

__all__ = [
    "BodyLength",
    "Canonicalization",
    "Finding",
    "KeyCache",
    "KeyComparison",
    "KeyMatch",
    "KeyRecord",
    "KeyType",
    "Mistake",
    "PrivateKey",
    "Reason",
    "Severity",
    "Signature",
    "SignatureResult",
    "SignedFields",
    "Signer",
    "Verdict",
    "Verifier",
    "VerifyPolicy",
    "lint_key_record",
    "parse_key_record",
    "sign",
    "sign_async",
    "verify",
    "verify_async",
]

class KeyType(Word):
    RSA = "rsa"
    ED25519 = "ed25519"

class Canonicalization(Word):
    SIMPLE = "simple"
    RELAXED = "relaxed"

class Verdict(Word):
    PASS = "pass"
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"

class Reason(Word):
    VERIFIED = "verified"
    SYNTAX = "syntax"
    VERSION = "version"
    MISSING_TAG = "missing-tag"
    UNKNOWN_ALGORITHM = "unknown-algorithm"
    UNKNOWN_CANONICALIZATION = "unknown-canonicalization"
    UNKNOWN_QUERY = "unknown-query"
    IDENTITY_OUTSIDE_DOMAIN = "identity-outside-domain"
    FROM_NOT_SIGNED = "from-not-signed"
    EXPIRES_BEFORE_IT_WAS_SIGNED = "expires-before-it-was-signed"
    TOO_MANY_SIGNATURES = "too-many-signatures"
    SHA1_REFUSED = "sha1-refused"
    EXPIRED = "expired"
    FROM_FUTURE = "from-future"
    LENGTH_REFUSED = "length-refused"
    UNSIGNED_CONTENT = "unsigned-content"
    UNSIGNED_FROM = "unsigned-from"
    KEY_TOO_SHORT = "key-too-short"
    KEY_TOO_LONG = "key-too-long"
    KEY_UNAVAILABLE = "key-unavailable"
    NO_KEY = "no-key"
    KEY_SYNTAX = "key-syntax"
    KEY_REVOKED = "key-revoked"
    KEY_TYPE_DIFFERS = "key-type-differs"
    KEY_FORBIDS_HASH = "key-forbids-hash"
    KEY_NOT_FOR_MAIL = "key-not-for-mail"
    KEY_FORBIDS_SUBNAME = "key-forbids-subname"
    KEY_UNUSABLE = "key-unusable"
    LENGTH_BEYOND_BODY = "length-beyond-body"
    BODY_DIFFERS = "body-differs"
    SIGNATURE_DIFFERS = "signature-differs"

class BodyLength(Word):
    ACCEPT = "accept"
    REFUSE_UNSIGNED_CONTENT = "refuse-unsigned-content"
    REFUSE = "refuse"

class Severity(Word):
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

class Mistake(Word):
    NOT_A_KEY_RECORD = "not-a-key-record"
    SYNTAX = "syntax"
    VERSION = "version"
    NO_VERSION = "no-version"
    DUPLICATE_TAG = "duplicate-tag"
    UNKNOWN_TAG = "unknown-tag"
    OBSOLETE_TAG = "obsolete-tag"
    NO_KEY = "no-key"
    REVOKED = "revoked"
    BAD_BASE64 = "bad-base64"
    BAD_KEY = "bad-key"
    CUT_OFF = "cut-off"
    QUOTES = "quotes"
    UNKNOWN_TYPE = "unknown-type"
    KEY_BELOW_1024_BITS = "key-below-1024-bits"
    KEY_BELOW_2048_BITS = "key-below-2048-bits"
    KEY_ABOVE_4096_BITS = "key-above-4096-bits"
    NO_SHA256 = "no-sha256"
    SHA1 = "sha1"
    UNKNOWN_HASH = "unknown-hash"
    NOT_FOR_MAIL = "not-for-mail"
    TESTING = "testing"
    UNKNOWN_FLAG = "unknown-flag"
    TOO_LONG = "too-long"

class KeyMatch(Word):
    MATCHES = "matches"
    MALFORMED = "malformed"
    REVOKED = "revoked"
    OTHER_TYPE = "other-type"
    OTHER_KEY = "other-key"
    UNUSABLE = "unusable"

class KeyComparison(Value):
    match: Final[KeyMatch]
    text: Final[str]
    def __bool__(self) -> bool: ...

class KeyRecord(Value):
    type: Final[str]
    hashes: Final[tuple[str, ...] | None]
    services: Final[tuple[str, ...]]
    flags: Final[tuple[str, ...]]
    notes: Final[bytes]
    key: Final[bytes]
    @property
    def revoked(self) -> bool: ...
    @property
    def testing(self) -> bool: ...
    @property
    def strict(self) -> bool: ...

class Finding(Value):
    severity: Final[Severity]
    mistake: Final[Mistake]
    text: Final[str]
    position: Final[int]
    length: Final[int]

def parse_key_record(text: str) -> KeyRecord: ...
def lint_key_record(text: str) -> tuple[Finding, ...]: ...
def sign(
    message: _AnyMessage,
    *,
    key: PrivateKey | str | bytes | None = None,
    domain: str | None = None,
    selector: str | None = None,
    identity: str = "",
    header: Canonicalization | str = Canonicalization.RELAXED,
    body: Canonicalization | str = Canonicalization.RELAXED,
    timestamp: bool = True,
    expires_in: int | None = None,
    copy_fields: bool = False,
    body_length: int | None = None,
    fields: SignedFields | None = None,
    signatures: Sequence[Signature] | None = None,
    now: float | None = None,
) -> bytes: ...
async def sign_async(
    message: _AnyMessage,
    *,
    key: PrivateKey | str | bytes | None = None,
    domain: str | None = None,
    selector: str | None = None,
    identity: str = "",
    header: Canonicalization | str = Canonicalization.RELAXED,
    body: Canonicalization | str = Canonicalization.RELAXED,
    timestamp: bool = True,
    expires_in: int | None = None,
    copy_fields: bool = False,
    body_length: int | None = None,
    fields: SignedFields | None = None,
    signatures: Sequence[Signature] | None = None,
    now: float | None = None,
) -> bytes: ...

class VerifyPolicy(Value):
    allow_sha1: Final[bool]
    min_rsa_bits: Final[int]
    max_rsa_bits: Final[int]
    max_signatures: Final[int]
    body_length: Final[BodyLength]
    refuse_expired: Final[bool]
    refuse_future: Final[bool]
    clock_skew: Final[int]
    require_from: Final[bool]
    refuse_unsigned_from: Final[bool]
    allow_drafts: Final[bool]
    def __init__(
        self,
        *,
        allow_sha1: bool = False,
        min_rsa_bits: int = 1024,
        max_rsa_bits: int = 4096,
        max_signatures: int = 10,
        body_length: BodyLength | str = BodyLength.ACCEPT,
        refuse_expired: bool = True,
        refuse_future: bool = False,
        clock_skew: int = 300,
        require_from: bool = True,
        refuse_unsigned_from: bool = False,
        allow_drafts: bool = False,
    ) -> None: ...
    @classmethod
    def legacy(cls: type[_P]) -> _P: ...

class SignatureResult(Value):
    result: Final[Verdict]
    reason: Final[Reason]
    text: Final[str]
    domain: Final[str]
    selector: Final[str]
    identity: Final[str]
    algorithm: Final[str]
    signature: Final[str]
    header: Final[Canonicalization]
    body: Final[Canonicalization]
    signed_at: Final[int | None]
    expires_at: Final[int | None]
    body_length: Final[int | None]
    unsigned_octets: Final[int]
    unsigned_from: Final[bool]
    key_bits: Final[int]
    testing: Final[bool]
    strict: Final[bool]
    key_authenticated: Final[bool]
    def __init__(
        self,
        *,
        result: Verdict,
        reason: Reason,
        text: str = "",
        domain: str = "",
        selector: str = "",
        identity: str = "",
        algorithm: str = "",
        signature: str = "",
        header: Canonicalization = Canonicalization.SIMPLE,
        body: Canonicalization = Canonicalization.SIMPLE,
        signed_at: int | None = None,
        expires_at: int | None = None,
        body_length: int | None = None,
        unsigned_octets: int = 0,
        unsigned_from: bool = False,
        key_bits: int = 0,
        testing: bool = False,
        strict: bool = False,
        key_authenticated: bool = False,
    ) -> None: ...
    @property
    def passed(self) -> bool: ...
    @property
    def option(self) -> str: ...

def verify(
    message: _AnyMessage,
    *,
    resolver: _BlockingResolver | None = None,
    policy: VerifyPolicy | None = None,
    keys: KeyCache | None = None,
    now: float | None = None,
    max_key_records: int = 4,
) -> tuple[SignatureResult, ...]: ...
async def verify_async(
    message: _AnyMessage,
    *,
    resolver: _AnyResolver | None = None,
    policy: VerifyPolicy | None = None,
    keys: KeyCache | None = None,
    now: float | None = None,
    max_key_records: int = 4,
) -> tuple[SignatureResult, ...]: ...

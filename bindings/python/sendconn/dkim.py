"""DKIM (RFC 6376, RFC 8301, RFC 8463): signing, verifying, keys and their records.

    key = dkim.PrivateKey.from_pem(open("key.pem").read())
    field = dkim.sign(message, key=key, domain="example.org", selector="mail")
    send(field + sendconn.octets(message))

    for result in dkim.verify(message): print(result.result, result.domain)
"""

from sendconn import _core
from sendconn._drive import drive
from sendconn._message import is_stream, octets, pieces
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import resolver_or_default

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
    """What Authentication-Results says of one signature (RFC 8601 section 2.7.1)."""

    PASS = "pass"
    FAIL = "fail"
    POLICY = "policy"
    NEUTRAL = "neutral"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Reason(Word):
    """Why, in the order in which a signature is looked at: its field, the policy, the key, the message."""

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
    """What l= may leave open (RFC 6376 section 8.2)."""

    ACCEPT = "accept"
    REFUSE_UNSIGNED_CONTENT = "refuse-unsigned-content"
    REFUSE = "refuse"


class Severity(Word):
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Mistake(Word):
    """What is wrong with a key record."""

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
    """How a private key and a published record fit together."""

    MATCHES = "matches"
    MALFORMED = "malformed"
    REVOKED = "revoked"
    OTHER_TYPE = "other-type"
    OTHER_KEY = "other-key"
    UNUSABLE = "unusable"


# ---------------------------------------------------------------- keys and records

PrivateKey = _core.PrivateKey
KeyCache = _core.KeyCache


class KeyComparison(Value):
    """Would a signature made by the key verify with the record? text: one sentence."""

    __slots__ = ("match", "text")

    def __bool__(self):
        return self.match is KeyMatch.MATCHES


class KeyRecord(Value):
    """A key record with its defaults filled in. hashes: None: all. services: empty: all. key: empty: revoked."""

    __slots__ = ("type", "hashes", "services", "flags", "notes", "key")

    @property
    def revoked(self):
        return not self.key

    @property
    def testing(self):
        """t=y: mail is to be treated as if it were not signed."""
        return "y" in self.flags

    @property
    def strict(self):
        """t=s: i= must have the domain of d= itself."""
        return "s" in self.flags


class Finding(Value):
    """What is wrong with a key record, where, and what to do."""

    __slots__ = ("severity", "mistake", "text", "position", "length")


def parse_key_record(text):
    """The KeyRecord; MalformedError if no verifier can read it (RFC 6376 section 3.6.1)."""
    return _core.dkim_parse_key_record(text)


def lint_key_record(text):
    """The Findings about a key record's text, by position; none for a record that needs nothing."""
    return _core.dkim_lint_key_record(text)


# ---------------------------------------------------------------- signing

Signature = _core.Signature
SignedFields = _core.SignedFields
Signer = _core.Signer


def sign(
    message,
    *,
    key=None,
    domain=None,
    selector=None,
    identity="",
    header=Canonicalization.RELAXED,
    body=Canonicalization.RELAXED,
    timestamp=True,
    expires_in=None,
    copy_fields=False,
    body_length=None,
    fields=None,
    signatures=None,
    now=None,
):
    """The DKIM-Signature field as bytes with CRLF at its end: put it in front of octets(message) and send that.

    message: bytes, an EmailMessage or a binary file. key: a PrivateKey (decode it once), or PEM text. identity: i=.
    timestamp: whether to say t=. expires_in: seconds, x=. copy_fields: z=. body_length: l=, so that anybody can append;
    only for those who insist. fields: SignedFields. now: Unix time. signatures: a list of Signature instead of key,
    domain and selector; then there is a field for each.
    """
    if signatures is not None:
        if key is not None or domain is not None or selector is not None:
            raise TypeError("sign() takes signatures, or key, domain and selector, not both")
        if is_stream(message):
            return _sign_stream(message, signatures, fields, now)
        return _core.dkim_sign_all(
            message if type(message) is bytes else octets(message), signatures, fields, now
        )
    if key is None or domain is None or selector is None:
        raise TypeError("sign() needs key, domain and selector, or signatures")
    options = (domain, selector, key, identity, header, body, timestamp, expires_in, copy_fields, body_length)
    if type(message) is bytes:
        return _core.dkim_sign(message, *options, fields, now)
    if is_stream(message):
        return _sign_stream(message, [_signature(*options)], fields, now)
    return _core.dkim_sign(octets(message), *options, fields, now)


def _signature(domain, selector, key, identity, header, body, timestamp, expires_in, copy_fields, body_length):
    return Signature(
        domain=domain,
        selector=selector,
        key=key,
        identity=identity,
        header=header,
        body=body,
        timestamp=timestamp,
        expires_in=expires_in,
        copy_fields=copy_fields,
        body_length=body_length,
    )


def _sign_stream(message, signatures, fields, now):
    signer = Signer(signatures, fields=fields, now=now)
    for piece in pieces(message):
        signer.update(piece)
    return signer.finish()


async def sign_async(message, **options):
    """sign() in a thread, so that the loop goes on meanwhile. The options are the same."""
    import asyncio

    return await asyncio.to_thread(sign, message, **options)


# ---------------------------------------------------------------- verifying


class VerifyPolicy(Value):
    """What is accepted. The defaults are the RFCs' own; a refusal names the option (SignatureResult.option)."""

    __slots__ = (
        "allow_sha1",
        "min_rsa_bits",
        "max_rsa_bits",
        "max_signatures",
        "body_length",
        "refuse_expired",
        "refuse_future",
        "clock_skew",
        "require_from",
        "refuse_unsigned_from",
        "allow_drafts",
    )
    _defaults = {
        "allow_sha1": False,
        "min_rsa_bits": 1024,
        "max_rsa_bits": 4096,
        "max_signatures": 10,
        "body_length": BodyLength.ACCEPT,
        "refuse_expired": True,
        "refuse_future": False,
        "clock_skew": 300,
        "require_from": True,
        "refuse_unsigned_from": False,
        "allow_drafts": False,
    }

    @classmethod
    def legacy(cls):
        """For mail from before 2018: SHA-1, RSA keys from 384 bits, signatures of the drafts before RFC 4871."""
        return cls(allow_sha1=True, min_rsa_bits=384, allow_drafts=True)


class SignatureResult(Value):
    """One DKIM-Signature field and what became of it. What the field says is there as far as it could be read, whatever
    the verdict; it is a stranger's text. Times are Unix times."""

    __slots__ = (
        "result",
        "reason",
        "text",
        "domain",
        "selector",
        "identity",
        "algorithm",
        "signature",
        "header",
        "body",
        "signed_at",
        "expires_at",
        "body_length",
        "unsigned_octets",
        "unsigned_from",
        "key_bits",
        "testing",
        "strict",
        "key_authenticated",
    )
    _defaults = {
        "text": "",
        "domain": "",
        "selector": "",
        "identity": "",
        "algorithm": "",
        "signature": "",
        "header": Canonicalization.SIMPLE,
        "body": Canonicalization.SIMPLE,
        "signed_at": None,
        "expires_at": None,
        "body_length": None,
        "unsigned_octets": 0,
        "unsigned_from": False,
        "key_bits": 0,
        "testing": False,
        "strict": False,
        "key_authenticated": False,
    }

    @property
    def passed(self):
        return self.result is Verdict.PASS

    @property
    def option(self):
        """The option of VerifyPolicy that refused it, or an empty str."""
        return _core.dkim_option_of(self.reason)


#: Takes a message in pieces; has questions as soon as the header is complete.
Verifier = _core.Verifier


def verify(message, *, resolver=None, policy=None, keys=None, now=None, max_key_records=4):
    """A SignatureResult for each DKIM-Signature field, from the top; an empty tuple: the message has none.

    policy: a VerifyPolicy. keys: a KeyCache, so that keys stay decoded from message to message. now: when the message
    was received, Unix time. max_key_records: how many records at one name are tried.
    """
    resolver = resolver_or_default(resolver)
    if type(message) is bytes:
        return _core.dkim_verify(message, resolver, policy, keys, now, max_key_records)
    verifier = _fed(message, policy, keys, now, max_key_records)
    verifier.run(resolver)
    return verifier.results


async def verify_async(message, *, resolver=None, policy=None, keys=None, now=None, max_key_records=4):
    """verify() in asyncio; the resolver may be a coroutine function. All keys are asked for at once."""
    verifier = _fed(message, policy, keys, now, max_key_records)
    await drive(verifier, resolver_or_default(resolver))
    return verifier.results


def _fed(message, policy, keys, now, max_key_records):
    verifier = Verifier(policy=policy, keys=keys, now=now, max_key_records=max_key_records)
    for piece in pieces(message):
        verifier.update(piece)
    verifier.finish()
    return verifier

"""dkimpy's interface over sendconn: `from sendconn.compat import dkim` instead of `import dkim`.

There are sign, verify, their names dkim_sign and dkim_verify, the class DKIM, the exceptions, and the helpers fold,
select_headers and validate_signature_fields. What differs, and why:

- Signatures with rsa-sha1 are neither made nor accepted (RFC 8301 section 3.1), nor are keys below 1024 bits used to
  sign (RFC 8301 section 3.2).
- d= and s= must be domain names (RFC 6376 section 3.5): sign() raises ParameterError for others.
- Return-Path, Received and DKIM-Signature are never signed (RFC 6376 section 5.4.1).
- A message whose header section no two readers would read alike is refused, where dkimpy guesses (RFC 5322 section 2.2).
- ARC is being moved to historic status: arc_sign, arc_verify and ARC raise NotImplementedError. dkimpy's own modules
  (dkim.crypto, dkim.canonicalization, dkim.util, ...) are not here.
"""

import base64
import logging
import re
import time
from collections import OrderedDict

from sendconn import _core
from sendconn import dkim as _dkim
from sendconn._errors import CryptoError, DnsError, Error, InputError, NoData, Timeout
from sendconn.dns import default_resolver

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

Relaxed = b"relaxed"
Simple = b"simple"
CV_Pass = b"pass"
CV_Fail = b"fail"
CV_None = b"none"

#: Silent unless the application gives it a handler.
_logger = logging.getLogger("sendconn.compat.dkim")
_logger.addHandler(logging.NullHandler())

#: How far a signer's clock may be off; dkimpy's own figure.
_CLOCK_SKEW = 36000
#: Decoded keys that are kept, since this interface hands over PEM with each message.
_MAX_KEYS = 64


class DKIMException(Exception):
    """Base class for DKIM errors."""


class InternalError(DKIMException):
    """Should never happen."""


class KeyFormatError(DKIMException):
    """A private or public key that cannot be used."""


class MessageFormatError(DKIMException):
    """A message that cannot be read."""


class ParameterError(DKIMException):
    """An argument that cannot be used."""


class ValidationError(DKIMException):
    """A signature that is not valid."""


class UnknownKeyTypeError(DKIMException):
    """k= is neither rsa nor ed25519."""


class DnsTimeoutError(DKIMException):
    """The question for the public key was not answered in time."""


def _text(value):
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _octets(value):
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _wire(message):
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def get_txt(name, timeout=5):
    """The TXT record at a name, or None; by sendconn's own resolver."""
    try:
        answer = default_resolver()(_text(name).rstrip("."), "TXT")
    except Timeout as error:
        raise DnsTimeoutError(str(error)) from error
    except DnsError:
        return None
    return answer.values[0]


def fold(header, namelen=0, linesep=b"\r\n"):
    """A field folded at column 72, at spaces where there are any. What is folded already stays."""
    begun, separator, line = header.rpartition(linesep + b" ")
    lines = [begun] if separator else []
    width = 72 if separator else max(72 - namelen, 1)
    while len(line) > width:
        at = line.rfind(b" ", 1, width)
        if at == -1:
            lines.append(line[:width])
            line = line[width:]
        else:
            lines.append(line[:at])
            line = line[at + 1 :]
        width = 72
    return (linesep + b" ").join([*lines, line])


def select_headers(headers, include_headers):
    """The fields that h= means: each name from the lowest field of that name upwards."""
    chosen = []
    reached = {}
    for name in include_headers:
        at = reached.get(name, len(headers)) - 1
        while at >= 0 and headers[at][0].lower() != name:
            at -= 1
        if at >= 0:
            chosen.append(headers[at])
        reached[name] = max(at, 0)
    return chosen


def _parse_tags(value):
    """The tags of a DKIM-Signature field; its form is for the verifier to judge."""
    tags = {}
    for tag in value.strip().rstrip(b";").split(b";"):
        name, found, content = tag.partition(b"=")
        if not found or name.strip() in tags:
            raise MessageFormatError(f"not a tag list: {tag!r}")
        tags[name.strip()] = content.strip()
    return tags


def validate_signature_fields(sig, mandatory_fields=(b"v", b"a", b"b", b"bh", b"d", b"h", b"s"), arc=False):
    """ValidationError unless the tags of a signature are there, in form, and in time (RFC 6376 section 3.5)."""
    for name in mandatory_fields:
        if name not in sig:
            raise ValidationError(f"missing {_text(name)}=")
    if sig.get(b"v", b"1") != b"1":
        raise ValidationError(f"v= value is not 1 ({sig[b'v']!r})")
    if b"a" in sig and sig[b"a"] not in (b"rsa-sha256", b"ed25519-sha256"):
        raise ValidationError(f"unknown signature algorithm: {sig[b'a']!r}")
    for name in (b"b", b"bh"):
        if name in sig:
            try:
                base64.b64decode(b"".join(sig[name].split()), validate=True)
            except ValueError as error:
                raise ValidationError(f"{_text(name)}= value is not valid base64 ({sig[name]!r})") from error
    if not arc and b"i" in sig and b"d" in sig:
        identity, domain = sig[b"i"].lower(), sig[b"d"].lower()
        if not identity.endswith((b"@" + domain, b"." + domain)):
            raise ValidationError(f"i= domain is not within d= (i={sig[b'i']!r} d={sig[b'd']!r})")
    for name in (b"l", b"t", b"x"):
        if name in sig and re.fullmatch(rb"[0-9]{1,76}", sig[name]) is None:
            raise ValidationError(f"{_text(name)}= value is not a decimal integer ({sig[name]!r})")
    now = int(time.time())
    if b"t" in sig and int(sig[b"t"]) > now + _CLOCK_SKEW:
        raise ValidationError(f"t= value is in the future ({sig[b't']!r})")
    if b"x" in sig:
        if int(sig[b"x"]) < now - _CLOCK_SKEW:
            raise ValidationError(f"x= value is past ({sig[b'x']!r})")
        if b"t" in sig and int(sig[b"x"]) < int(sig[b"t"]):
            raise ValidationError(f"x= value is less than t= value (x={sig[b'x']!r} t={sig[b't']!r})")


# ---------------------------------------------------------------- keys

#: PKCS#8 of an Ed25519 key up to its 32 octets (RFC 8410 section 7).
_ED25519_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
_keys = OrderedDict()


def _load_key(privkey, algorithm):
    privkey = _octets(privkey)
    known = _keys.get((privkey, algorithm))
    if known is not None:
        return known
    pem = privkey
    if algorithm == b"ed25519-sha256" and b"-----BEGIN" not in privkey:
        try:
            seed = base64.b64decode(privkey.strip(), validate=True)
        except ValueError as error:
            raise KeyFormatError("invalid ed25519 private key or format") from error
        if len(seed) != 32:
            raise KeyFormatError("invalid ed25519 private key or format")
        body = base64.b64encode(_ED25519_PREFIX + seed)
        pem = b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"
    try:
        key = _dkim.PrivateKey.from_pem(pem)
    except Error as error:
        raise KeyFormatError(str(error)) from error
    if (key.type == "ed25519") != (algorithm == b"ed25519-sha256"):
        raise KeyFormatError(f"an {key.type} key cannot sign with {_text(algorithm)}")
    _keys[(privkey, algorithm)] = key
    while len(_keys) > _MAX_KEYS:
        _keys.popitem(last=False)
    return key


# ---------------------------------------------------------------- the class


class DKIM:
    """A message, and the options of signing and verifying it."""

    FROZEN = (b"from",)
    SHOULD = (
        b"from",
        b"sender",
        b"reply-to",
        b"subject",
        b"date",
        b"message-id",
        b"to",
        b"cc",
        b"mime-version",
        b"content-type",
        b"content-transfer-encoding",
        b"content-id",
        b"content-description",
        b"resent-date",
        b"resent-from",
        b"resent-sender",
        b"resent-to",
        b"resent-cc",
        b"resent-message-id",
        b"in-reply-to",
        b"references",
        b"list-id",
        b"list-help",
        b"list-unsubscribe",
        b"list-subscribe",
        b"list-post",
        b"list-owner",
        b"list-archive",
    )
    SHOULD_NOT = (
        b"return-path",
        b"received",
        b"comments",
        b"keywords",
        b"bcc",
        b"resent-bcc",
        b"dkim-signature",
    )
    RFC5322_SINGLETON = (
        b"date",
        b"from",
        b"sender",
        b"reply-to",
        b"to",
        b"cc",
        b"bcc",
        b"message-id",
        b"in-reply-to",
        b"references",
    )

    def __init__(
        self,
        message=None,
        logger=None,
        signature_algorithm=b"rsa-sha256",
        minkey=1024,
        linesep=b"\r\n",
        debug_content=False,
        timeout=5,
        tlsrpt=False,
    ):
        self.logger = logger if logger is not None else _logger
        self.debug_content = debug_content
        _check_algorithm(signature_algorithm)
        self.signature_algorithm = signature_algorithm
        self.should_sign = set(self.SHOULD)
        self.should_not_sign = set(self.SHOULD_NOT)
        self.frozen_sign = set(self.FROZEN)
        self.minkey = minkey
        self.linesep = linesep
        self.timeout = timeout
        self.tlsrpt = tlsrpt
        self.set_message(message)

    def set_message(self, message):
        """Takes another message, in bytes; lines may end in LF."""
        self._message = _wire(message) if message else b""
        self._headers = None
        self.domain = None
        self.selector = "default"
        self.signature_fields = {}
        self.signed_headers = []
        self.include_headers = ()
        self.keysize = 0

    @property
    def headers(self):
        """Pairs of name and value, folds and line end included."""
        if self._headers is None:
            self._headers = _split_header(self._message)
        return self._headers

    @property
    def body(self):
        return _split(self._message)[1]

    def add_frozen(self, s):
        """Fields to sign an extra time, so that nobody can add another."""
        self.frozen_sign.update(x.lower() for x in s if x.lower() not in self.should_not_sign)

    def add_should_not(self, s):
        """Fields not to sign."""
        self.should_not_sign.update(x.lower() for x in s if x.lower() not in self.frozen_sign)

    def default_sign_headers(self):
        """The fields that are there of should_sign and frozen_sign, the latter an extra time."""
        wanted = self.should_sign | self.frozen_sign
        names = [name for name, _ in self.headers if name.lower() in wanted]
        return names + [name for name in names if name.lower() in self.frozen_sign]

    def all_sign_headers(self):
        """All fields that are there and not in should_not_sign."""
        return [name for name, _ in self.headers if name.lower() not in self.should_not_sign]

    def present(self):
        """Whether the message has a DKIM signature."""
        return any(name.lower() == b"dkim-signature" for name, _ in self.headers)

    def sign(
        self,
        selector,
        domain,
        privkey,
        signature_algorithm=None,
        identity=None,
        canonicalize=(b"relaxed", b"simple"),
        include_headers=None,
        length=False,
    ):
        """The field DKIM-Signature, as bytes with a line end."""
        if signature_algorithm:
            _check_algorithm(signature_algorithm)
            self.signature_algorithm = signature_algorithm
        key = _load_key(privkey, self.signature_algorithm)
        selector, domain = _octets(selector), _octets(domain)
        if identity is not None and not _octets(identity).endswith(domain):
            raise ParameterError("identity must end with domain")
        names = self.default_sign_headers() if include_headers is None else include_headers
        names = [_octets(name).lower() for name in names]
        if b"from" not in names:
            raise ParameterError("The From header field MUST be signed")
        for name in set(names) & self.should_not_sign:
            raise ParameterError(f"The {_text(name)} header field SHOULD NOT be signed")
        try:
            header, body = (_text(word) for word in canonicalize)
            field = _core.dkim_sign(
                self._message,
                _text(domain),
                _text(selector),
                key,
                _text(identity) if identity else "@" + _text(domain),
                header,
                body,
                True,
                None,
                False,
                # All of the body: as much as there is.
                2**62 if length and not self.tlsrpt else None,
                self._fields(names),
                None,
            )
        except CryptoError as error:
            raise KeyFormatError(str(error)) from error
        except (InputError, ValueError) as error:
            raise ParameterError(str(error)) from error
        self.signature_fields = _parse_tags(field.partition(b":")[2])
        self._note_fields()
        self.domain = domain
        self.selector = selector
        return field.replace(b"\r\n", self.linesep) if self.linesep != b"\r\n" else field

    def _fields(self, names):
        """What to sign, in the form of sendconn: a name is signed as often as it occurs, or once more."""
        present = [name.lower() for name, _ in self.headers]
        oversigned = []
        where_present = []
        for name in dict.fromkeys(names):
            (oversigned if names.count(name) > present.count(name) else where_present).append(_text(name))
        return _dkim.SignedFields(oversigned=oversigned, where_present=where_present)

    def _note_fields(self):
        names = self.signature_fields.get(b"h", b"").split(b":")
        self.include_headers = tuple(name.strip().lower() for name in names)
        self.signed_headers = select_headers(self.headers, self.include_headers)

    def verify_headerprep(self, idx=0):
        """The signature's tags, the names in h= and all DKIM-Signature fields; False if there are not so many."""
        fields = [(name, value) for name, value in self.headers if name.lower() == b"dkim-signature"]
        if len(fields) <= idx:
            return False
        self.signature_fields = _parse_tags(fields[idx][1])
        validate_signature_fields(self.signature_fields)
        self.domain = self.signature_fields[b"d"]
        self.selector = self.signature_fields[b"s"]
        self._note_fields()
        return self.signature_fields, list(self.include_headers), fields

    def verify(self, idx=0, dnsfunc=get_txt):
        """Whether the signature number `idx` verifies, the topmost being 0. Raises for a malformed one."""
        if not self.verify_headerprep(idx):
            return False
        verifier = _dkim.Verifier(policy=self._policy())
        try:
            verifier.update(self._message)
            verifier.finish()
        except Error as error:
            raise MessageFormatError(str(error)) from error
        wanted = f"{_text(self.selector)}._domainkey.{_text(self.domain)}".lower()
        for question in verifier.questions():
            verifier.answer(question, self._look_up(question.name, dnsfunc) if question.name == wanted else NoData())
        result = verifier.results[idx]
        self.keysize = result.key_bits
        return self._conclude(result)

    def _policy(self):
        # RFC 8460 section 3: a report's l= counts for nothing.
        length = "refuse-unsigned-content" if self.tlsrpt else "accept"
        return _dkim.VerifyPolicy(
            min_rsa_bits=self.minkey,
            body_length=length,
            refuse_future=True,
            clock_skew=_CLOCK_SKEW,
            max_signatures=100,
        )

    def _look_up(self, name, dnsfunc):
        try:
            text = dnsfunc(_octets(name) + b".", timeout=self.timeout)
        except DnsTimeoutError as error:
            self.logger.error("%s", error)
            return Timeout(str(error))
        if not text:
            return NoData()
        text = _octets(text).strip()
        if self.tlsrpt:
            # RFC 8460 section 3: keys for reports say so; ours must serve mail.
            services = re.search(rb"(?:^|;)\s*s\s*=\s*([^;]*)", text)
            for_reports = services is not None and b"tlsrpt" in services.group(1).split(b":")
            if self.tlsrpt == "strict" and not for_reports:
                raise ValidationError("Message is tlsrpt and Service Type is not tlsrpt")
            if for_reports:
                text = text[: services.start(1)] + b"email" + text[services.end(1) :]
        return [text]

    def _conclude(self, result):
        if result.passed:
            return True
        text = result.text or str(result.reason)
        self.logger.error("%s", text)
        kind = _RAISED.get(str(result.reason))
        if kind is not None:
            raise kind(text)
        return False


#: Which reasons dkimpy raises for; the others are False.
_RAISED = {
    "syntax": MessageFormatError,
    "version": ValidationError,
    "missing-tag": ValidationError,
    "unknown-algorithm": ValidationError,
    "unknown-canonicalization": MessageFormatError,
    "unknown-query": ValidationError,
    "identity-outside-domain": ValidationError,
    "from-not-signed": ValidationError,
    "expires-before-it-was-signed": ValidationError,
    "sha1-refused": ValidationError,
    "expired": ValidationError,
    "from-future": ValidationError,
    "unsigned-content": ValidationError,
    "key-too-short": KeyFormatError,
    "key-not-for-mail": ValidationError,
    "length-beyond-body": ValidationError,
    "body-differs": ValidationError,
}


def _check_algorithm(algorithm):
    if algorithm not in (b"rsa-sha256", b"ed25519-sha256"):
        raise ParameterError(f"Unsupported signature algorithm: {_text(algorithm)} (RFC 8301 section 3.1)")


def _split(message):
    """Header section and body, where the verifier sees them, too: a message may begin with the empty line."""
    if message.startswith(b"\r\n"):
        return b"", message[2:]
    header, _, body = message.partition(b"\r\n\r\n")
    return header, body


def _split_header(message):
    header, _ = _split(message)
    fields = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += line + b"\r\n"
        elif line:
            name, colon, value = line.partition(b":")
            if not colon:
                raise MessageFormatError(f"Unexpected characters in RFC822 header: {line!r}")
            # White space in front of the colon does not count (RFC 5322 section 4.5), nor for the verifier.
            fields.append([name.rstrip(b" \t"), value + b"\r\n"])
    return [(name, value) for name, value in fields]


# ---------------------------------------------------------------- the functions


def sign(
    message,
    selector,
    domain,
    privkey,
    identity=None,
    canonicalize=(b"relaxed", b"simple"),
    signature_algorithm=b"rsa-sha256",
    include_headers=None,
    length=False,
    logger=None,
    linesep=b"\r\n",
    tlsrpt=False,
):
    """The field DKIM-Signature of a message, as bytes with a line end."""
    signer = DKIM(message, logger=logger, signature_algorithm=signature_algorithm, linesep=linesep, tlsrpt=tlsrpt)
    return signer.sign(
        selector,
        domain,
        privkey,
        identity=identity,
        canonicalize=canonicalize,
        include_headers=include_headers,
        length=length,
    )


def verify(message, logger=None, dnsfunc=get_txt, minkey=1024, timeout=5, tlsrpt=False):
    """Whether the topmost DKIM signature of a message verifies."""
    try:
        verifier = DKIM(message, logger=logger, minkey=minkey, timeout=timeout, tlsrpt=tlsrpt)
        return verifier.verify(dnsfunc=dnsfunc)
    except DKIMException as error:
        if logger is not None:
            logger.error("%s", error)
        return False


dkim_sign = sign
dkim_verify = verify


def _refuse_arc(*arguments, **options):
    raise NotImplementedError("sendconn has no ARC: RFC 8617 is being moved to historic status")


arc_sign = _refuse_arc
arc_verify = _refuse_arc


class ARC:
    """Refused: see arc_sign."""

    def __init__(self, *arguments, **options):
        _refuse_arc()

#!/usr/bin/env python3
"""Writes the corpora of the fuzzers whose inputs are scripts of octets, which nobody writes by hand.

    make_corpora.py [FOLDER]      default: corpus beside this file

The same files each time; a change of an input's form is a change here.
"""

import pathlib
import random
import sys

TOKEN = b"86e1828056287e279c93eb37ee8b7a8a6c71c097"  # as in fuzz/ownership_check.cpp
STEADY, NEXT = 0, 1  # selectors of fuzz/dkim_rotation.cpp
UNKNOWN, MATCHES, ABSENT, REVOKED, OTHER = range(5)  # dkim::RecordSeen
BEGIN = 1 << 3 << 2
TIME_PASSES = 1


def observe(selector, seen, minutes=0, days=0):
    """A step of fuzz/dkim_rotation.cpp: which octet says so, and how much time passed."""
    octet = next(o for o in range(128) if o % 4 >= 2 and (o >> 1 & 7) % 3 == selector and (o >> 4) % 5 == seen)
    return bytes([octet, 128 + days if days else minutes])


def rotations():
    times = bytes([24, 168, 6])  # hours: settle, keep, stale
    settled = times + bytes([BEGIN, 0])
    settled += b"".join(observe(NEXT, MATCHES, 90) + observe(STEADY, MATCHES, 90) for _ in range(20))
    kept = settled + b"".join(observe(STEADY, MATCHES, 1) + observe(NEXT, MATCHES, days=1) for _ in range(9))
    yield "switch", settled
    yield "whole", kept + observe(STEADY, ABSENT, 5)
    yield "back", settled + observe(NEXT, ABSENT, 5) + bytes([TIME_PASSES, 60])
    yield "state", bytes([2, 1, 1, 3]) + b"onetwo"


def ownerships():
    yield "label", b"\x00token=" + TOKEN + b"\n@v=spf1 -all\n"
    yield "apex", b"\x19v=spf1 -all\n@acme-verification=" + TOKEN.upper() + b"\n@acme-verification=0000\n"
    yield "pairs", b"\x08token=" + TOKEN + b" expiry=2027-01-01\ntoken=" + TOKEN + b" \n"
    yield "quoted", b'\x00"token=' + TOKEN + b'"\n@\xe2\x80\x9cacme-verification=' + TOKEN + b"\xe2\x80\x9d\n"
    yield "failure", b"\x43token=" + TOKEN + b"\n@acme-verification=" + TOKEN + b"\n"
    yield "token", TOKEN


def records_for_two_engines():
    """fuzz/spf_libspf2.cpp: options, how the DNS answers, and records of pieces."""
    yield "tree", b"\x00\x01\x02\x05\x13\n\x9c\x9d\x88\n\x8c\x89\n\x80\x81\x88\n"
    yield "macros", b"\x03\x41\x02\x85\x13\x22\n\x83\xaa.\x96\x83\xad.\x97\x88\n\x8b\n"
    yield "redirect", b"\x00\xf9\x02\x00\x13\n\x9f\n\x81\x82\x88\n"
    rng = random.Random(7208)
    for number in range(6):
        text = bytes([rng.randrange(8)]) + bytes(rng.choice([1, 2, 3, 4, 5, 9, 0xE4, 0xF8]) for _ in range(8)) + b"\n"
        for _ in range(4):
            text += bytes(rng.choice([rng.randrange(0x80, 0xC0), rng.randrange(0x80, 0x95)]) for _ in range(6)) + b"\n"
        yield f"random{number}", text


def messages():
    """fuzz/authenticate.cpp: where to cut, options, envelope, answers, and a message."""
    plain = b"From: Joe <joe@example.org>\r\nSubject: lunch\r\n\r\nat one\r\n"
    signature = (
        b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=s; h=from;\r\n"
        b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=AAAA\r\n"
        b"Authentication-Results: mx.example; none\r\n"
    )
    key = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"  # RFC 8463 appendix A.2
    yield "plain", (
        b"\x05\x00mail.example.org\njoe@example.org\nv=spf1 ip4:192.0.2.1 -all\nv=DMARC1; p=reject\n\n" + plain
    )
    yield "two_authors", (
        b"\x03\x09h\n\nv=spf1 a mx include:a.example -all\n!2\nv=DMARC1; p=none; sp=reject; psd=n\n?\n\n"
        b"From: a@example.org, b@example.com\r\n\r\nx"
    )
    yield "signed", (
        b"\x11\x02mail.example.org\nx@y.example\n" + key + b"?\nv=DMARC1; p=quarantine; adkim=s\n\n" + signature + plain
    )
    yield "no_message", b"\x01\x00h.example\njoe@example.org\n!4\n\nnonsense\r\n\r\n"


def compositions():
    """fuzz/mime.cpp: what the values are for, and address, names, subject, texts, file name, type, cut at 0xff."""
    yield "plain", b"\x00" + b"\xff".join([b"ada@example.org", b"Ada", b"Bob, B.", b"Hello", b"Hi\n"])
    yield "languages", b"\x03" + b"\xff".join(
        value.encode() for value in ("jörg@müller.example", "Jörg", "山田", "Grüße  =?utf-8?q?x?= ", "Привет\r", "<p>ü", "ä\".txt",
                                     "text/csv; charset=utf-8"))
    yield "field", b"\x08" + b"\xff".join([b"", b"=?", b"\\\"", b"a\tb", b"", b"", b"X-Own", b"v " * 60])
    yield "message", b"\x24" + b"\xff".join([b"", b"", b"", b"", b"A: b\r\n\r\n--=_m_30313233343536373839616263646566\r\n", b"", b"i.eml"])
    yield "image", b"\x11" + b"\xff".join([b"", b"", b"", b"x" * 90, b"From me\n.\n", b"<img>", b"", b"logo@example.org"])


def powers():
    """fuzz/rsa_power.cpp: a modulus and a base of 256 octets each."""
    ones, zeros = b"\xff" * 256, b"\0" * 256
    steps = bytes(range(255, -1, -1))
    yield "ones", ones + ones[:-1] + b"\xfe"
    yield "smallest", b"\x80" + zeros[:-2] + b"\x01" + b"\x7f" + ones[1:]
    yield "runs", (b"\xff" * 13 + b"\0" * 13) * 9 + b"\xff" * 22 + (b"\0" * 7 + b"\xff" * 6) * 19 + b"\0" * 9
    yield "steps", steps + steps[128:] + steps[:128]


CORPORA = {
    "authenticate": messages,
    "dkim_rotation": rotations,
    "mime": compositions,
    "ownership_check": ownerships,
    "rsa_power": powers,
    "spf_libspf2": records_for_two_engines,
}


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus"
    for name, make in CORPORA.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for file, octets in make():
            (root / name / file).write_bytes(octets)


if __name__ == "__main__":
    main()

"""Our DKIM verifier and our signer among those of others: dkimpy, OpenDKIM's library and Mail::DKIM sign generated
messages and verify them, and so do we. Half of the messages are changed on the way. Where two verifiers disagree, the
section of RFC 6376 that decides must be known here, or the test fails."""

import base64
import collections
import logging
import os
import random
import re
import subprocess
from pathlib import Path

import dkim
import pytest

from harness import libopendkim

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build"))
SIGN_TOOL = BUILD / "tests" / "dkim" / "dkim-sign-tool"
VERIFY_TOOL = BUILD / "tests" / "dkim" / "dkim-verify-tool"
MAIL_DKIM = ROOT / "tests" / "programs" / "harness" / "mail_dkim.pl"

SEED = int(os.environ.get("SENDCONN_DKIM_SEED", "6376"))
MESSAGES = int(os.environ.get("SENDCONN_DKIM_MESSAGES", "480"))
DOMAIN = "football.example.com"
FORMS = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]
# Signer, algorithm, selector.
SIGNERS = [("sendconn", "rsa", "r1"), ("sendconn", "ed25519", "e1"), ("dkimpy", "rsa", "r1"),
           ("dkimpy", "ed25519", "e1"), ("opendkim", "rsa", "r1"), ("opendkim", "rsa", "r2"),
           ("mail_dkim", "rsa", "r1"), ("mail_dkim", "rsa", "r2"), ("sendconn", "rsa", "r3")]
BITS = {"r1": "2048", "r2": "1024", "r3": "4096"}
PATIENCE = 300  # seconds until a program counts as hanging


def run(*command, stdin=b""):
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


def frame(octets):
    return b"%d\n%s" % (len(octets), octets)


def frames(octets):
    out = []
    while octets:
        size, _, octets = octets.partition(b"\n")
        out.append(octets[:int(size)])
        octets = octets[int(size):]
    return out


# ---------------------------------------------------------------- messages

WORDS = ["dinner", "ready", "game", "lost", "Gr\u00fc\u00dfe", "\u65e5\u672c\u8a9e", "\U0001f4e7", "=20=", "a;b=c|d",
         "\"quoted\"", "<html>", "b=", "v=1;", "--", ".", "From", "(comment)", "=?utf-8?q?=C3=A4?="]
SPACES = [" ", "  ", "\t", " \t ", "   "]
FOLDS = ["\r\n ", "\r\n\t", " \r\n ", "\r\n  \t", "\t\r\n "]


def encode(generator, text):
    """In one of the charsets that mail has; what does not fit is replaced."""
    return text.encode(generator.choice(["utf-8", "utf-8", "iso-8859-15", "ascii"]), errors="replace")


def make_value(generator, size):
    parts = []
    for _ in range(generator.randint(0, size)):
        parts.append(generator.choice(WORDS))
        parts.append(generator.choice(FOLDS if generator.random() < 0.15 else SPACES))
    if parts and generator.random() < 0.7:
        parts.pop()
    return generator.choice([" ", "", "\t", "  ", " "]) + "".join(parts)


def make_header(generator):
    fields = ["From: Joe SixPack <joe@football.example.com>"]
    if generator.random() < 0.3:
        fields[0] = generator.choice(["From: joe@football.example.com\r\n (Joe)", "FROM:joe@football.example.com",
                                      "from :  <joe@football.example.com>", "From:\r\n joe@football.example.com"])
    names = ["Subject", "To", "Cc", "Date", "Message-ID", "X-Odd", "x-ODD", "Received", "Reply-To", "MIME-Version",
             "Content-Type", "List-Id", "Comments", "References", "X-" + "long" * 15]
    for _ in range(generator.randint(0, 9)):
        fields.append(generator.choice(names) + ":" + make_value(generator, generator.choice([3, 8, 40])))
    generator.shuffle(fields)
    return b"".join(encode(generator, field) + b"\r\n" for field in fields)


def make_body(generator):
    kind = generator.random()
    if kind < 0.06:
        return b""
    if kind < 0.12:
        return b"\r\n" * generator.randint(1, 4)
    if kind < 0.18:
        return b" \t\r\n" * generator.randint(1, 3)
    lines = []
    for _ in range(generator.choice([1, 3, 30, 400])):
        line = "".join(generator.choice(WORDS) + generator.choice(SPACES) for _ in range(generator.randint(0, 12)))
        lines.append(encode(generator, generator.choice(["", "", " ", "\t", "."]) + line))
    return b"\r\n".join(lines) + b"\r\n" * generator.choice([1, 1, 1, 2, 4])


CHANGES = {
    "none": lambda message: message,
    "received": lambda message: b"Received: from a by b;\r\n\tFri, 11 Jul 2003 21:01:54 -0700\r\n" + message,
    "body": lambda message: message + b"x\r\n",
    "empty-lines": lambda message: message + b"\r\n\r\n",
    "first-line": lambda message: message.replace(b"\r\n\r\n", b"\r\n\r\nAdded.\r\n", 1),
    "spaces-at-line-ends": lambda message: b"\r\n\r\n".join(
        [message.partition(b"\r\n\r\n")[0], message.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"  \r\n")]),
    "subject": lambda message: re.sub(rb"(?m)^Subject:", b"Subject: [club]", message),
    "from": lambda message: re.sub(rb"(?mi)^From ?:", b"From: x", message),
    "refolded": lambda message: re.sub(rb"\r\n[ \t]+", b"\r\n\t", message),
    "signature": lambda message: re.sub(rb"([;\s])b=(\s*)([A-Za-z0-9])",
                                        lambda found: found[1] + b"b=" + found[2]
                                        + (b"B" if found[3] == b"A" else b"A"), message),
}


class World:
    """Keys, records, and everybody who signs and verifies."""

    def __init__(self, folder):
        self.keys = {}
        lines = []
        for _, algorithm, selector in SIGNERS:
            if selector in self.keys:
                continue
            self.keys[selector] = folder / f"{selector}.pem"
            self.keys[selector].write_bytes(run(SIGN_TOOL, "generate", algorithm, BITS.get(selector, "")).strip() + b"\n")
            lines.append(f"{selector}._domainkey.{DOMAIN} ".encode() + run(SIGN_TOOL, "record", self.keys[selector]).strip())
        self.records = folder / "records"
        self.records.write_bytes(b"\n".join(lines) + b"\n")
        self.texts = dict(line.split(b" ", 1) for line in lines)
        self.opendkim = libopendkim.LibOpenDkim(self.records)
        pem = self.keys["e1"].read_text().split("-----")[2]
        self.seed = base64.b64encode(base64.b64decode(pem)[-32:])  # PKCS#8 ends with the 32 octets (RFC 8410)
        self.quiet = logging.getLogger("dkim-interop")
        self.quiet.setLevel(logging.CRITICAL)

    def sign(self, generator, signer, message):
        name, algorithm, selector = signer
        forms = generator.choice(FORMS)
        if name == "sendconn":
            options = generator.choice([[], ["copy=yes"], ["identity=@mail." + DOMAIN], ["expires=999999999"],
                                        ["length=7"]])
            return run(SIGN_TOOL, "sign", self.keys[selector], DOMAIN, selector, forms, *options, stdin=message)
        if name == "dkimpy":
            key = self.seed if algorithm == "ed25519" else self.keys[selector].read_bytes()
            canonicalize = tuple(form.encode() for form in forms.split("/"))
            length = generator.random() < 0.2
            try:
                return dkim.sign(message, selector.encode(), DOMAIN.encode(), key, logger=self.quiet, length=length,
                                 canonicalize=canonicalize, signature_algorithm=algorithm.encode() + b"-sha256") + message
            except dkim.DKIMException:
                return None
        if name == "opendkim":
            field = self.opendkim.sign(message, algorithm, self.keys[selector].read_bytes(), DOMAIN, selector, forms)
        else:
            field = frames(run("perl", MAIL_DKIM, "sign", self.keys[selector], DOMAIN, selector,
                               stdin=frame(forms.encode()) + frame(message)))[0]
        return field and field + message

    # Each gives for each message a list, True for each signature that passes; None if it refuses the message, as OpenDKIM
    # does where there is no From.

    def verify_ours(self, messages):
        lines = run(VERIFY_TOOL, self.records, "time=1700000100", "piece=1000",
                    stdin=b"".join(map(frame, messages))).decode().splitlines()
        return [None if line.startswith("error") else [part.startswith("pass") for part in line.split(", ")]
                for line in lines], lines

    def verify_dkimpy(self, messages):
        def lookup(name, timeout=5):
            return self.texts.get(name.rstrip(b".") if isinstance(name, bytes) else name.rstrip(".").encode())

        results = []
        for message in messages:
            found = []
            for index in range(len(re.findall(rb"(?mi)^DKIM-Signature *:", message.partition(b"\r\n\r\n")[0]))):
                try:
                    found.append(dkim.DKIM(message, logger=self.quiet).verify(idx=index, dnsfunc=lookup))
                except dkim.DKIMException:
                    found.append(False)
            results.append(found)
        return results

    def verify_opendkim(self, messages):
        return [self.opendkim.verify(message) for message in messages]

    def verify_mail_dkim(self, messages):
        answers = frames(run("perl", MAIL_DKIM, "verify", self.records, stdin=b"".join(map(frame, messages))))
        return [[result == b"pass" for result in answer.split(b",")] for answer in answers]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    if libopendkim.missing():
        pytest.skip(libopendkim.missing())
    if subprocess.run(["perl", "-MMail::DKIM", "-e", "1"], capture_output=True).returncode:
        pytest.skip("no Mail::DKIM for Perl (scripts/setup installs it)")
    return World(tmp_path_factory.mktemp("dkim"))


def fields_of(message):
    return re.split(rb"\r\n(?![ \t])", message.partition(b"\r\n\r\n")[0])


def signatures_of(message):
    return [field for field in fields_of(message) if re.match(rb"(?i)dkim-signature *:", field)]


def explanation(verifier, message, index, ours):
    """The section by which we and not `verifier` are right about the signature; empty if there is none."""
    signature = signatures_of(message)[index]
    if verifier == "dkimpy" and any(re.match(rb"[^:\s]+[ \t]+:", field) for field in fields_of(message)) and ours:
        return "RFC 5322 section 4.5: white space before a colon is obsolete and must be taken; dkimpy refuses the message"
    if verifier == "mail_dkim" and b"a=ed25519" in signature and ours:
        return "RFC 8463 section 3: Mail::DKIM 1.20230212 knows no Ed25519"
    copies = re.search(rb"(?s);\s*z=([^;]*)", signature)
    if verifier == "dkimpy" and copies and re.search(rb"\sb=", copies[1]) and ours:
        return "RFC 6376 section 3.7: b= is the tag of that name; dkimpy also empties a \"b=\" inside z= where a line begins"
    return ""


def test_all_verifiers_agree(world):
    generator = random.Random(SEED)
    messages, notes = [], []
    refused = collections.Counter()
    while len(messages) < MESSAGES:
        message = make_header(generator) + b"\r\n" + make_body(generator)
        signers = generator.sample(SIGNERS, generator.choice([1, 1, 1, 2, 3]))
        signed = message
        for signer in signers:
            added = world.sign(generator, signer, signed)
            if added is None:
                refused[signer[0]] += 1
            else:
                signed = added
        if signed == message:
            continue
        change = generator.choice(list(CHANGES) + ["none"] * len(CHANGES))
        messages.append(CHANGES[change](signed))
        notes.append(f"{change}, signed by {', '.join('/'.join(signer) for signer in signers)}")

    ours, lines = world.verify_ours(messages)
    theirs = {"dkimpy": world.verify_dkimpy(messages), "opendkim": world.verify_opendkim(messages),
              "mail_dkim": world.verify_mail_dkim(messages)}
    explained, faults, signatures, passes = collections.Counter(), [], 0, 0
    for number, message in enumerate(messages):
        signatures += len(ours[number] or [])
        passes += sum(ours[number] or [])
        for verifier, results in theirs.items():
            theirs_here = results[number] if results[number] is not None else [False] * len(ours[number] or [])
            if ours[number] is None or len(theirs_here) != len(ours[number]):
                faults.append((verifier, number, notes[number], lines[number], theirs_here))
                continue
            for index, (our, their) in enumerate(zip(ours[number], theirs_here)):
                if our == their:
                    continue
                why = explanation(verifier, message, index, our)
                if why:
                    explained[why] += 1
                else:
                    faults.append((verifier, number, notes[number], lines[number], theirs_here))
    print(f"{len(messages)} messages with {signatures} signatures, {passes} of them good; refused by a signer: {dict(refused)}")
    for why, times in explained.items():
        print(f"{times} times: {why}")
    for fault in faults[:20]:
        print(*fault, sep=" | ")
        print(messages[fault[1]][:3000])
    assert not faults, f"{len(faults)} disagreements without an explanation"
    assert passes > MESSAGES / 3 and signatures - passes > MESSAGES / 5

"""Our DKIM signatures against two verifiers that are not ours, dkimpy and OpenDKIM: every kind of message in every
combination of algorithms and canonicalizations, rewrites on the way, and tampering, which both must notice."""

import os
import re
import subprocess
import time
from pathlib import Path

import dkim
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SENDCONN_BUILD_DIR", ROOT / "build"))
TOOL = BUILD / "tests" / "dkim" / "dkim-sign-tool"
OPENDKIM = "/usr/sbin/opendkim"
DOMAIN = "football.example.com"
SELECTORS = {"rsa": "r1", "ed25519": "e1"}
# "opendkim -t" puts one space behind each colon before it looks at a field, so it cannot check these as they stand.
NOT_ONE_SPACE_AFTER_COLON = ["fold-after-colon", "no-space-after-colon"]
FORMS = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]
PATIENCE = 60  # seconds until a program counts as hanging

FROM = b"From: Joe SixPack <joe@football.example.com>\r\n"
MESSAGES = {
    "ordinary": FROM + b"To: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\n"
                       b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <1@football.example.com>\r\n"
                       b"\r\nHi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n",
    "empty-body": FROM + b"Subject: nothing\r\n\r\n",
    "blank-lines": FROM + b"Subject: blank\r\n\r\n\r\n\r\n\r\n",
    "blank-lines-at-end": FROM + b"Subject: blank\r\n\r\nx\r\n\r\n\r\n",
    "white-space-body": FROM + b"Subject: white\r\n\r\n \r\n\t\r\n  \t \r\n",
    "white-space-lines": FROM + b"Subject: white\r\n\r\n  a\t \tb  \r\n\tc \r\n \r\nd  e\r\n \r\n",
    "odd-folding": b"From: joe@football.example.com\r\n (Joe)\r\nTo: a@b.example,\r\n\tc@d.example,\r\n   e@f.example\r\n"
                   b"Subject: folded  \r\n\there \t\r\n   and  there\t \r\n\r\nbody\r\n",
    "folded-white-space-line": FROM + b"Subject: a\r\n \t\r\n b\r\n\r\nbody\r\n",
    "trailing-spaces": FROM + b"Subject: x  \t \r\nTo: a@b.example \r\nCc: \r\n\r\nbody\r\n",
    "fold-after-colon": b"From:\r\n joe@football.example.com\r\nSubject:\r\n\t\r\n x\r\n\r\nbody\r\n",
    "no-space-after-colon": b"From:joe@football.example.com\r\nSubject:x\r\nTo:\ta@b.example\r\n\r\nbody\r\n",
    "names-in-odd-case": b"fROM: joe@football.example.com\r\nSUBJECT: x\r\nmime-version: 1.0\r\n\r\nbody\r\n",
    "8-bit": FROM + b"Subject: \xe4\xf6\xfc \xa0\xff\r\n\r\nGr\xfc\xdfe \xa0\xff\x80\r\n",
    "utf-8": "From: J\u00f6rg <j\u00f6rg@football.example.com>\r\nSubject: \u65e5\u672c\u8a9e \U0001f4e7\r\n\r\n"
             "Gr\u00fc\u00dfe \u2026\r\n".encode(),
    "fields-of-a-name": b"Resent-To: b@c.example\r\nResent-From: joe@football.example.com\r\nResent-To: d@e.example\r\n"
                        b"Sender: joe@football.example.com\r\n" + FROM + b"\r\nbody\r\n",
    "newsletter": FROM + b"List-Unsubscribe: <https://football.example.com/u/1>\r\n"
                         b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-ID: News <n.football.example.com>\r\n"
                         b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         b"Content-Transfer-Encoding: 8bit\r\n\r\nbody\r\n",
    "dots": FROM + b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
    "long-lines": FROM + b"Subject: " + b"x" * 900 + b"\r\n\r\n" + b"y " * 490 + b"\r\n",
    "large": FROM + b"Subject: large\r\n\r\n" + b"Some words,  and a tab\t here. \r\n" * 50_000,
}


def run(*command, stdin=b""):
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


class Verifiers:
    """The keys, and the two programs that check with them."""

    def __init__(self, folder):
        self.folder = folder
        self.keys = {}
        self.records = {}
        for algorithm, selector in SELECTORS.items():
            self.keys[algorithm] = folder / f"{algorithm}.pem"
            self.keys[algorithm].write_bytes(run(TOOL, "generate", algorithm))
            record = run(TOOL, "record", self.keys[algorithm]).strip()
            self.records[f"{selector}._domainkey.{DOMAIN}."] = record
        (folder / "records").write_bytes(
            b"".join(name.rstrip(".").encode() + b" " + text + b"\n" for name, text in self.records.items()))
        (folder / "nobody").write_text("")
        (folder / "opendkim.conf").write_text(
            f"Mode v\nSyslog no\nTestDNSData {folder}/records\nInternalHosts {folder}/nobody\n")

    def sign(self, message, *signatures, time=1_700_000_000):
        """Signatures are tuples: algorithm, forms, options of the tool."""
        arguments = []
        for algorithm, forms, *options in signatures:
            arguments += ["+"] * bool(arguments)
            arguments += [self.keys[algorithm], DOMAIN, SELECTORS[algorithm], forms, *options]
        return run(TOOL, "sign", f"time={time}", *arguments, stdin=message)

    def sign_with_dkimpy(self, message):
        return dkim.sign(message, SELECTORS["rsa"].encode(), DOMAIN.encode(), self.keys["rsa"].read_bytes(),
                         canonicalize=(b"simple", b"simple")) + message

    def dkimpy(self, message):
        """The results of all signatures from the top, by algorithm."""
        results = []
        for index in range(message.count(b"DKIM-Signature: v=1; a=")):
            verifier = dkim.DKIM(message)
            try:
                passed = verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: self.records.get(name.decode()))
            except dkim.DKIMException:
                passed = False
            results.append(passed)
        return results

    def opendkim(self, message):
        file = self.folder / "message.eml"
        file.write_bytes(message)
        done = subprocess.run([OPENDKIM, "-x", self.folder / "opendkim.conf", "-vv", "-t", file], capture_output=True,
                              timeout=PATIENCE)
        output = done.stdout + done.stderr
        found = re.findall(rb"dkim=(\w+)[^;]*?header\.d=football", output.replace(b"\n", b" "))
        return [result == b"pass" for result in found] or [False]


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory):
    return Verifiers(tmp_path_factory.mktemp("dkim"))


def both(verifiers, message):
    return {"dkimpy": verifiers.dkimpy(message), "opendkim": verifiers.opendkim(message)}


def verdict(*results):
    return {"dkimpy": list(results), "opendkim": list(results)}


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("algorithms", ["rsa", "ed25519", "rsa+ed25519"])
def test_verifies(verifiers, name, forms, algorithms):
    signatures = [(algorithm, forms) for algorithm in algorithms.split("+")]
    signed = verifiers.sign(MESSAGES[name], *signatures)
    assert signed.endswith(MESSAGES[name])
    if name in NOT_ONE_SPACE_AFTER_COLON and forms.startswith("simple/"):
        assert verifiers.dkimpy(signed) == [True] * len(signatures)
        if not any(verifiers.opendkim(verifiers.sign_with_dkimpy(MESSAGES[name]))):
            pytest.skip("passes dkimpy; opendkim -t rewrites the space after a colon (it refuses dkimpy's own, too)")
    assert both(verifiers, signed) == verdict(*[True] * len(signatures))


def test_verifies_with_each_signature_in_a_form_of_its_own(verifiers):
    signatures = [(algorithm, forms) for algorithm in SELECTORS for forms in FORMS]
    signed = verifiers.sign(MESSAGES["white-space-lines"], *signatures)
    assert verifiers.dkimpy(signed) == [True] * 8


def test_verifies_with_every_tag(verifiers):
    now = int(time.time())
    options = ["identity=joe@mail." + DOMAIN, "expires=3600", "length=3", "copy=yes"]
    signed = verifiers.sign(MESSAGES["odd-folding"], ("rsa", "simple/relaxed", *options),
                            ("ed25519", "relaxed/simple", *options), time=now)
    assert both(verifiers, signed) == verdict(True, True)
    assert verifiers.dkimpy(signed + b"appended\r\n") == [True, True]


def test_is_refused_once_it_has_expired(verifiers):
    now = int(time.time())
    signed = verifiers.sign(MESSAGES["ordinary"], ("rsa", "relaxed/relaxed", "expires=60"), time=now - 86_400)
    assert both(verifiers, signed) == verdict(False)


LIST_REWRITE = (
    b"Received: from mx.football.example.com (mx.football.example.com [192.0.2.1])\r\n"
    b"\tby lists.example.org (Postfix) with ESMTPS id 4TQx1\r\n"
    b"\tfor <club@lists.example.org>; Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"
    b"List-Id: The club <club.lists.example.org>\r\n"
    b"List-Archive: <https://lists.example.org/club/>\r\n"
    b"List-Help: <mailto:club-request@lists.example.org?subject=help>\r\n"
    b"List-Owner: <mailto:club-owner@lists.example.org>\r\n"
    b"List-Post: <mailto:club@lists.example.org>\r\n"
    b"List-Subscribe: <mailto:club-join@lists.example.org>\r\n"
    b"List-Unsubscribe: <mailto:club-leave@lists.example.org>\r\n"
    b"Precedence: list\r\n"
    b"Errors-To: club-bounces@lists.example.org\r\n"
    b"Sender: club-bounces@lists.example.org\r\n")


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("name", ["ordinary", "newsletter", "fields-of-a-name", "utf-8"])
def test_bears_what_a_mailing_list_adds(verifiers, name, forms):
    signed = verifiers.sign(MESSAGES[name], ("rsa", forms), ("ed25519", forms))
    assert both(verifiers, LIST_REWRITE + signed) == verdict(True, True)


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("before, after", [
    (b"We lost", b"We won"),
    (b"Subject: Is", b"Subject: [club] Is"),
    (b"From: Joe", b"From: Jim"),
    (b"\r\n\r\nHi", b"\r\nReply-To: x@evil.example\r\n\r\nHi"),
    (b"\r\n\r\nHi", b"\r\nFrom: x@evil.example\r\n\r\nHi"),
    (b"\r\n\r\nHi", b"\r\nContent-Type: text/html\r\n\r\nHi"),
    (b"t=1700000000", b"t=1700000001"),
], ids=["body", "subject", "from", "reply-to", "second-from", "content-type", "signature"])
def test_is_broken_by_tampering(verifiers, forms, before, after):
    signed = verifiers.sign(MESSAGES["ordinary"], ("rsa", forms), ("ed25519", forms))
    assert both(verifiers, signed) == verdict(True, True)
    assert before in signed
    tampered = both(verifiers, signed.replace(before, after))
    assert not any(tampered["dkimpy"]) and not any(tampered["opendkim"])


@pytest.mark.parametrize("octets", [1, 2, 7, 63, 64, 65, 4096])
def test_does_not_depend_on_the_pieces(verifiers, octets):
    message = MESSAGES["white-space-lines"]
    whole = verifiers.sign(message, ("ed25519", "relaxed/relaxed"))
    pieces = run(TOOL, "sign", "time=1700000000", f"piece={octets}", verifiers.keys["ed25519"], DOMAIN,
                 SELECTORS["ed25519"], "relaxed/relaxed", stdin=message)
    assert pieces == whole

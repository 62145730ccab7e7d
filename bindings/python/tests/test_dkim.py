"""sendconn.dkim: keys, signing and verifying, in every form that a message may have."""

import asyncio
import email
import email.policy
import io

import pytest

import sendconn
from sendconn import dkim, dns
from support import MESSAGE, NOW, key, key_zone, table

DOMAIN = "football.example.com"


def zone():
    return key_zone(ed=key(), rsa=key("rsa"))


def sign(message=MESSAGE, **options):
    return dkim.sign(message, **{"key": key(), "domain": DOMAIN, "selector": "ed", "now": NOW, **options})


def verify(message, **options):
    return dkim.verify(message, **{"resolver": zone(), "now": NOW, **options})


@pytest.mark.parametrize("type, selector, bits", [("ed25519", "ed", 256), ("rsa", "rsa", 1024)])
@pytest.mark.parametrize("header", ["simple", "relaxed"])
@pytest.mark.parametrize("body", list(dkim.Canonicalization))
def test_what_is_signed_verifies(type, selector, bits, header, body):
    field = sign(key=key(type), selector=selector, header=header, body=body)
    assert field.startswith(b"DKIM-Signature: ") and field.endswith(b"\r\n")
    (result,) = verify(field + MESSAGE)
    assert result.passed and result.result is dkim.Verdict.PASS and result.reason == "verified"
    assert (result.domain, result.selector, result.key_bits) == (DOMAIN, selector, bits)
    assert (result.header, result.body, result.signed_at) == (header, body, NOW)
    (changed,) = verify(field + MESSAGE.replace(b"hungry", b"thirsty"))
    assert (changed.result, changed.reason) == ("fail", "body-differs") and changed.text
    (header_changed,) = verify(field + MESSAGE.replace(b"dinner", b"supper"))
    assert header_changed.reason is dkim.Reason.SIGNATURE_DIFFERS


def test_a_message_may_be_bytes_a_file_or_an_email_message():
    plain = sign()
    assert sign(bytearray(MESSAGE)) == plain
    assert sign(memoryview(MESSAGE)) == plain
    assert sign(io.BytesIO(MESSAGE)) == plain
    for policy in (email.policy.default, email.policy.SMTP, email.policy.compat32):
        parsed = email.message_from_bytes(MESSAGE, policy=policy)
        assert sendconn.octets(parsed) == MESSAGE
        assert sign(parsed) == plain
    signed = email.message_from_bytes(plain + MESSAGE, policy=email.policy.SMTP)
    for form in (plain + MESSAGE, io.BytesIO(plain + MESSAGE), signed):
        assert [result.result for result in verify(form)] == ["pass"]


def test_a_message_in_the_form_of_local_files_is_signed_as_it_will_be_sent():
    local = MESSAGE.replace(b"\r\n", b"\n")
    assert sign(local) == sign()
    assert sign(io.BytesIO(local)) == sign()
    assert sendconn.octets(local) == MESSAGE
    assert sendconn.octets(io.BytesIO(local)) == MESSAGE


def test_a_file_is_read_in_pieces_with_the_same_result():
    body = b"".join(b"line %d of a long one\n" % number for number in range(20_000))
    local = MESSAGE.replace(b"\r\n", b"\n") + body

    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(997)

    assert sign(Slow(local)) == sign(local) == sign(Slow(sendconn.octets(local)))


@pytest.mark.parametrize("message", ["text", None, 7, io.StringIO("text"), [b"x"]])
def test_what_is_no_message_is_refused(message):
    with pytest.raises(TypeError):
        sign(message)
    with pytest.raises(TypeError):
        verify(message)


def test_several_signatures_at_once():
    signatures = [
        dkim.Signature(domain=DOMAIN, selector="rsa", key=key("rsa")),
        dkim.Signature(domain=DOMAIN, selector="ed", key=key(), identity=f"joe@{DOMAIN}", expires_in=60),
    ]
    fields = dkim.sign(MESSAGE, signatures=signatures, now=NOW)
    first, second = verify(fields + MESSAGE)
    assert first.passed and first.algorithm == "rsa-sha256"
    assert second.passed and second.identity == f"joe@{DOMAIN}" and second.expires_at == NOW + 60
    assert verify(fields + MESSAGE, now=NOW + 1000)[1].reason == "expired"
    with pytest.raises(TypeError, match="not both"):
        dkim.sign(MESSAGE, signatures=signatures, key=key())
    with pytest.raises(TypeError, match="needs key"):
        dkim.sign(MESSAGE, key=key())


def test_options_of_a_signature():
    fields = dkim.SignedFields(oversigned=["From", "Subject"], where_present=["To"])
    field = sign(fields=fields, timestamp=False, copy_fields=True, body_length=3)
    assert b"h=from:from:subject:subject:to" in field.replace(b"\r\n ", b"").replace(b" ", b"").lower()
    assert b"l=3" in field and b"z=" in field and b"t=" not in field.partition(b"h=")[0].partition(b"d=")[2]
    (result,) = verify(field + MESSAGE)
    assert result.passed and result.body_length == 3 and result.unsigned_octets > 0
    refused = dkim.VerifyPolicy(body_length="refuse-unsigned-content")
    (result,) = verify(field + MESSAGE, policy=refused)
    assert (result.result, result.reason, result.option) == ("policy", "unsigned-content", "body_length")


@pytest.mark.parametrize(
    "options, error",
    [
        ({"domain": "football..example.com"}, sendconn.MalformedError),
        ({"domain": b"football.example.com"}, TypeError),
        ({"selector": "a b"}, sendconn.MalformedError),
        ({"identity": "joe@elsewhere.example"}, sendconn.InputError),
        ({"header": "nofws"}, ValueError),
        ({"timestamp": 1}, TypeError),
        ({"expires_in": 0}, sendconn.InputError),
        ({"expires_in": 1.5}, TypeError),
        ({"body_length": -1}, ValueError),
        ({"body_length": 2**70}, ValueError),
        ({"fields": ["from"]}, TypeError),
        ({"key": "no key"}, sendconn.MalformedError),
        ({"key": 7}, TypeError),
        ({"now": "x"}, TypeError),
    ],
)
def test_wrong_options_are_refused(options, error):
    with pytest.raises(error):
        sign(**options)


def test_a_message_without_from_or_with_a_broken_header_is_refused():
    with pytest.raises(sendconn.MalformedError):
        sign(b"Subject: x\r\n\r\nbody\r\n")
    with pytest.raises(sendconn.MalformedError):
        sign(b"From: a@b.example\r\nno field at all\r\n\r\nbody\r\n")
    with pytest.raises(sendconn.LimitError):
        sign(b"From: a@b.example\r\nX: " + b"x" * 300_000 + b"\r\n\r\nbody\r\n")


def test_signer_and_verifier_take_pieces_cut_anywhere():
    expected = sign()
    for cut in range(len(MESSAGE) + 1):
        signer = dkim.Signer([dkim.Signature(domain=DOMAIN, selector="ed", key=key())], now=NOW)
        signer.update(MESSAGE[:cut])
        signer.update(MESSAGE[cut:])
        assert signer.finish() == expected
    with pytest.raises(sendconn.StateError):
        signer.finish()
    whole = expected + MESSAGE
    records = zone()
    for cut in range(0, len(whole) + 1, 7):
        verifier = dkim.Verifier(now=NOW)
        verifier.update(whole[:cut])
        for question in verifier.questions():
            verifier.answer(question, records(*question))
        verifier.update(whole[cut:])
        verifier.finish()
        for question in verifier.questions():
            verifier.answer(question, records(*question))
        assert verifier.done and verifier.results[0].passed


def test_a_verifier_that_waits_for_its_message_says_so():
    verifier = dkim.Verifier()
    verifier.update(sign())
    with pytest.raises(sendconn.StateError, match="finish"):
        verifier.run(zone())
    with pytest.raises(sendconn.StateError, match="no result yet"):
        verifier.results


@pytest.mark.parametrize(
    "answer, result, reason",
    [
        (sendconn.NoSuchName(), "permerror", "no-key"),
        (sendconn.Timeout(), "temperror", "key-unavailable"),
        ([b"v=DKIM1; p="], "permerror", "key-revoked"),
        ([b"v=spf1 -all"], "permerror", "key-syntax"),
        ([b"v=DKIM1; k=rsa; p=MFww"], "permerror", "key-type-differs"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(answer, result, reason):
    (found,) = verify(sign() + MESSAGE, resolver=table({(f"ed._domainkey.{DOMAIN}", "TXT"): answer}))
    assert (found.result, found.reason) == (result, reason)


def test_testing_authenticated_and_the_strings_of_a_record():
    record = key().record().replace("k=", "t=y; k=", 1).encode()  # once: the key may end in "k=" too
    answer = dns.Answer([[record[:20], record[20:]]], authenticated=True)
    (found,) = verify(sign() + MESSAGE, resolver=lambda name, type: answer)
    assert found.passed and found.testing and found.key_authenticated


def test_async_verifies_and_signs():
    records = zone()

    async def slowly(name, type):
        await asyncio.sleep(0)
        return records(name, type)

    async def scenario():
        field = await dkim.sign_async(MESSAGE, key=key("rsa"), domain=DOMAIN, selector="rsa", now=NOW)
        both = field + sign() + MESSAGE
        return [await dkim.verify_async(both, resolver=one, now=NOW) for one in (slowly, records, table({}))]

    by_coroutine, by_zone, by_none = asyncio.run(scenario())
    assert [result.result for result in by_coroutine] == ["pass", "pass"] and by_zone == by_coroutine
    assert [result.reason for result in by_none] == ["no-key", "no-key"]


def test_a_message_without_signatures_has_no_results():
    assert verify(MESSAGE) == ()


# ---------------------------------------------------------------- keys and records


def test_keys_are_written_and_read_with_and_without_passphrase():
    for one in (key(), key("rsa")):
        assert dkim.PrivateKey.from_pem(one.to_pem()).public_octets == one.public_octets
        secret = one.to_pem(passphrase="geheim")
        assert "ENCRYPTED" in secret
        assert dkim.PrivateKey.from_pem(secret.encode(), passphrase=b"geheim").public_octets == one.public_octets
        with pytest.raises(sendconn.CryptoError):
            dkim.PrivateKey.from_pem(secret, passphrase="falsch")
    assert sign(key=key().to_pem()) == sign()
    assert (key("rsa").type, key("rsa").bits, key().type) == ("rsa", 1024, dkim.KeyType.ED25519)
    with pytest.raises(sendconn.InputError):
        dkim.PrivateKey.generate("rsa", bits=512)
    with pytest.raises(ValueError, match="'rsa', 'ed25519'"):
        dkim.PrivateKey.generate("dsa")


def test_a_key_shows_nothing_secret():
    assert repr(key()) == "<PrivateKey: Ed25519>" and repr(key("rsa")) == "<PrivateKey: RSA, 1024 bits>"


def test_records_are_read_compared_and_checked():
    record = key("rsa").record()
    parsed = dkim.parse_key_record(record)
    assert (parsed.type, parsed.key, parsed.revoked) == ("rsa", key("rsa").public_octets, False)
    assert key("rsa").compare(record) and key("rsa").compare(record).match is dkim.KeyMatch.MATCHES
    assert not key().compare(record) and key().compare(record).match == "other-type"
    assert [finding.mistake for finding in dkim.lint_key_record(record)] == ["key-below-2048-bits"]
    assert dkim.lint_key_record("v=spf1 -all")[0].mistake is dkim.Mistake.NOT_A_KEY_RECORD
    with pytest.raises(sendconn.MalformedError):
        dkim.parse_key_record("v=DKIM2; p=")


def test_a_cache_of_keys_changes_no_result():
    keys = dkim.KeyCache()
    whole = sign() + MESSAGE
    assert verify(whole, keys=keys) == verify(whole, keys=keys) == verify(whole)
    assert len(keys) == 1

"""sendconn.compat: dkimpy's and pyspf's interfaces, beside the peers themselves where they are installed."""

import base64

import pytest

from sendconn import dkim as our_dkim
from sendconn.compat import dkim, spf
from support import MESSAGE, key

DOMAIN = b"football.example.com"


def dnsfunc(name, timeout=5):
    assert name == b"ed._domainkey.football.example.com." or name == b"rsa._domainkey.football.example.com."
    return (key() if name.startswith(b"ed") else key("rsa")).record()


def seed():
    """The Ed25519 key as dkimpy takes it: base64 of the 32 octets."""
    der = base64.b64decode("".join(key().to_pem().splitlines()[1:-1]))
    return base64.b64encode(der[-32:])


def test_signs_and_verifies_with_pem_and_with_a_seed():
    rsa = dkim.sign(MESSAGE, b"rsa", DOMAIN, key("rsa").to_pem().encode())
    assert rsa.startswith(b"DKIM-Signature:") and dkim.verify(rsa + MESSAGE, dnsfunc=dnsfunc)
    ed25519 = dkim.sign(MESSAGE, b"ed", DOMAIN, seed(), signature_algorithm=b"ed25519-sha256")
    assert dkim.verify(ed25519 + MESSAGE, dnsfunc=dnsfunc)
    assert not dkim.verify(ed25519 + MESSAGE.replace(b"dinner", b"supper"), dnsfunc=dnsfunc)
    assert not dkim.verify(MESSAGE, dnsfunc=dnsfunc)


def test_each_signature_has_its_number():
    both = dkim.sign(MESSAGE, b"rsa", DOMAIN, key("rsa").to_pem())
    broken = MESSAGE.replace(b"dinner", b"supper")
    both = dkim.sign(broken, b"rsa", DOMAIN, key("rsa").to_pem()) + both
    checker = dkim.DKIM(both + MESSAGE)
    assert not checker.verify(0, dnsfunc=dnsfunc) and checker.verify(1, dnsfunc=dnsfunc)
    assert checker.domain == DOMAIN and checker.selector == b"rsa" and checker.keysize == 1024
    assert not checker.verify(2, dnsfunc=dnsfunc)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"privkey": b"no key"}, dkim.KeyFormatError),
        ({"signature_algorithm": b"rsa-sha1"}, dkim.ParameterError),
        ({"domain": b"bad(domain"}, dkim.ParameterError),
        ({"identity": b"joe@elsewhere.example"}, dkim.ParameterError),
        ({"include_headers": [b"subject"]}, dkim.ParameterError),
        ({"include_headers": [b"from", b"received"]}, dkim.ParameterError),
    ],
)
def test_what_cannot_be_signed_raises_dkimpys_exceptions(arguments, error):
    given = {"selector": b"rsa", "domain": DOMAIN, "privkey": key("rsa").to_pem(), **arguments}
    with pytest.raises(error):
        dkim.sign(MESSAGE, **given)


@pytest.mark.parametrize(
    "message",
    [
        b"\r\n" + b"%(signature)s" + b"From: joe@football.example.com\r\n\r\nbody\r\n",  # no header section
        b"DKIM-Signature : v=1; d=elsewhere.example; s=x\r\n" + b"%(signature)s" + MESSAGE,
        b"DKIM-Signature\t: v=1; a=rsa-sha256\r\n" + b"%(signature)s" + MESSAGE,
    ],
    ids=["that begins with an empty line", "whose name has a space behind it", "with a tab"],
)
def test_a_message_in_an_odd_form_is_no_pass_and_raises_nothing(message):
    signature = dkim.sign(MESSAGE, b"rsa", DOMAIN, key("rsa").to_pem())
    message = message.replace(b"%(signature)s", signature)
    assert dkim.verify(message, dnsfunc=dnsfunc) is False
    # The signature that is judged is the one whose tags are told.
    checker = dkim.DKIM(message)
    if checker.present():
        assert not checker.domain or checker.domain != DOMAIN
        assert checker.verify(1, dnsfunc=dnsfunc) and checker.domain == DOMAIN


def test_arc_is_refused_clearly():
    for refused in (dkim.arc_sign, dkim.arc_verify, dkim.ARC):
        with pytest.raises(NotImplementedError, match="ARC"):
            refused(MESSAGE)


def test_what_we_sign_their_verifier_accepts_and_the_other_way_round():
    theirs = pytest.importorskip("dkim", reason="no dkimpy")
    ours = our_dkim.sign(MESSAGE, key=key("rsa"), domain=DOMAIN.decode(), selector="rsa")
    assert theirs.verify(ours + MESSAGE, dnsfunc=dnsfunc)
    signed = theirs.sign(MESSAGE, b"rsa", DOMAIN, key("rsa").to_pem().encode())
    assert dkim.verify(signed + MESSAGE, dnsfunc=dnsfunc)


# ---------------------------------------------------------------- pyspf

ZONE = {
    ("example.org", "TXT"): [(b"v=spf1 mx ", b"include:x.example ~all")],
    ("x.example", "CNAME"): ["y.example"],
    ("y.example", "TXT"): [(b"v=spf1 ip6:2001:db8::/32 exp=z.example -all",)],
    ("example.org", "MX"): [(10, "mx.example.org")],
    ("mx.example.org", "A"): ["192.0.2.1"],
    ("fail.example", "TXT"): [(b"v=spf1 -all exp=z.example",)],
    ("z.example", "TXT"): [(b"not %{i}",)],
    ("bad.example", "TXT"): [(b"v=spf1 ip4:1.2.3 -all",)],
}


@pytest.fixture
def lookup(monkeypatch):
    def DNSLookup(name, qtype, strict=True, timeout=20):
        if name == "slow.example":
            raise spf.TempError("DNS timeout")
        for (owner, kind), values in ZONE.items():
            if owner == name.lower() and kind in (qtype, "CNAME"):
                for value in values:
                    yield (owner, kind), value

    monkeypatch.setattr(spf, "DNSLookup", DNSLookup)


@pytest.mark.parametrize(
    "ip, sender, result, code, explanation",
    [
        ("192.0.2.1", "a@example.org", "pass", 250, "sender SPF authorized"),
        ("2001:db8::1", "a@example.org", "pass", 250, "sender SPF authorized"),
        ("192.0.2.2", "a@example.org", "softfail", 250, "domain owner discourages use of this host"),
        ("192.0.2.2", "a@fail.example", "fail", 550, "not 192.0.2.2"),
        ("192.0.2.2", "a@nothing.example", "none", 250, ""),
        ("192.0.2.2", "a@slow.example", "temperror", 451, None),
        ("192.0.2.2", "a@bad.example", "permerror", 550, None),
    ],
)
def test_check_gives_pyspfs_triples(lookup, ip, sender, result, code, explanation):
    query = spf.query(i=ip, s=sender, h="mail.example.org")
    found = query.check()
    assert found[:2] == (result, code) and (explanation is None or found[2] == explanation)
    assert spf.check2(ip, sender, "mail.example.org") == (found[0], found[2])
    classic = {"permerror": "unknown", "temperror": "error"}.get(result, result)
    assert spf.check(ip, sender, "mail.example.org") == (classic, found[1], found[2])
    assert query.get_header(result).lower().startswith(result)
    if result == "permerror":
        assert query.perm_error is not None


def test_a_record_may_be_given_and_a_local_policy_added(lookup):
    query = spf.query(i="192.0.2.9", s="a@example.org", h="x", local="ip4:192.0.2.9")
    assert query.check()[0] == "pass" and query.mechanism == "ip4:192.0.2.9"
    assert spf.query(i="192.0.2.9", s="a@example.org", h="x").check("v=spf1 -all")[0] == "fail"
    assert spf.query(i="192.0.2.9", s="", h="fail.example").check()[0] == "fail"
    with pytest.raises(spf.PermError):
        spf.query(i="nowhere", s="a@example.org", h="x")


@pytest.mark.parametrize(
    "sender, helo",
    [
        ("joe\r\nBcc: eve@elsewhere.example@example.org", "mail.example.org"),
        ("joe@example.org\r\nBcc: eve@elsewhere.example", "mail.example.org"),
        ("", "mail.example.org\nBcc: eve@elsewhere.example"),
        ("joe@example.org) client-ip=192.0.2.1; (", "mail.example.org"),
    ],
)
def test_no_name_gets_out_of_its_place_in_a_header(lookup, sender, helo):
    query = spf.query(i="203.0.113.7", s=sender, h=helo, receiver="mx.example.net")
    result, _, _ = query.check()
    for kind in ("spf", "authres"):
        field = query.get_header(result, header_type=kind, aid="mx.example.net").replace("\r\n ", " ")
        assert "\r" not in field and "\n" not in field
        if kind == "spf":
            # Behind the only comment stand our own words.
            comment, _, rest = field.replace("\\(", "").replace("\\)", "").partition(") ")
            assert comment.count("(") == 1 and rest.startswith("client-ip=203.0.113.7;")


def test_headers_have_pyspfs_form(lookup):
    query = spf.query(i="192.0.2.1", s="a@example.org", h="mail.example.org")
    query.check()
    assert query.get_header("pass", receiver="mx.example") == (
        "Pass (mx.example: domain of example.org designates 192.0.2.1 as permitted sender) client-ip=192.0.2.1;"
        ' envelope-from="a@example.org"; helo=mail.example.org; receiver=mx.example; mechanism=mx; identity=mailfrom'
    )
    field = query.get_header("pass", header_type="authres", aid="mx.example")
    assert "spf=pass" in field and "smtp.mailfrom=example.org" in field

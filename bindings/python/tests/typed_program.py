"""What mypy --strict reads: every part used once, with the types that a careful program writes down."""

from __future__ import annotations

import email.message
import io
import ipaddress

import sendconn
from sendconn import address, aio, authres, dkim, dmarc, dns, limit, ownership, smtp, spf
from sendconn.compat import dkim as dkimpy
from sendconn.compat import spf as pyspf


def resolver(name: str, type: dns.RecordType) -> list[bytes]:
    if type is not dns.RecordType.TXT:
        raise sendconn.NoData()
    return [b"v=spf1 -all"]


async def coroutine(name: str, type: dns.RecordType) -> dns.Answer:
    return dns.Answer(resolver(name, type), ttl=300)


def blocking() -> None:
    zone: dns.Zone = dns.Zone.parse("")
    found: spf.Result = spf.check(ip=ipaddress.ip_address("192.0.2.1"), mail_from="a@b.example", resolver=zone)
    verdict: spf.Verdict = found.result
    text: str = found.text
    matched: str | None = found.matched
    print(verdict is spf.Verdict.PASS, text, matched, found.as_dict()["result"])
    key: dkim.PrivateKey = dkim.PrivateKey.generate("ed25519")
    field: bytes = dkim.sign(email.message.EmailMessage(), key=key, domain="b.example", selector="s")
    results: tuple[dkim.SignatureResult, ...] = dkim.verify(io.BytesIO(field), resolver=resolver)
    passed: bool = any(result.passed for result in results)
    policy: dmarc.Policy = dmarc.check("b.example", spf=found, dkim=results, resolver=resolver).policy
    everything = sendconn.authenticate(field, ip="192.0.2.1", resolver=dns.Resolver(["192.0.2.53"]))
    header: bytes = everything.field("mx.example")
    bucket: limit.TokenBucket = limit.TokenBucket("10/s")
    wait: float | None = bucket.wait()
    token: str = ownership.make_token()
    name: str = ownership.records("b.example", token=token, provider="p").publish.name
    domain: str = address.Address.parse("a@b.example").domain
    statement: str | None = authres.parse("x; spf=pass").statements[0].find("smtp", "mailfrom")
    mailer: sendconn.Mailer = sendconn.Mailer("mail.example.org", user="a", password="b", tls="implicit")
    accepted: bool = mailer.send(field, sender="a@b.example", recipients=["c@d.example"]).all_accepted
    print(passed, policy, header, wait, name, domain, statement, accepted)
    print(dkimpy.verify(field), pyspf.check2("192.0.2.1", "a@b.example", "h"))


def stepwise() -> spf.Result:
    check = spf.Check(ip="192.0.2.1")
    while not check.done:
        for question in check.questions():
            check.answer(question, resolver(question.name, question.type))
    return check.result


async def asynchronous() -> None:
    one: spf.Result = await spf.check_async(ip="192.0.2.1", resolver=coroutine)
    two: tuple[dkim.SignatureResult, ...] = await dkim.verify_async(b"", resolver=coroutine)
    three: dmarc.Result = await dmarc.check_async("b.example", resolver=coroutine)
    four: ownership.Result = await ownership.check_async("b.example", token="", provider="p", resolver=resolver)
    five: dns.Answer = await dns.Resolver().resolve_async("b.example", "TXT")
    print(one, two, three, four, five, await limit.TokenBucket("1/s").acquire_async())


class Handler(aio.Handler):
    async def on_login(self, peer: aio.Peer, user: str, password: str) -> bool:
        return (user, password) == ("a", "b")

    def on_rcpt(self, peer: aio.Peer, recipient: address.Address) -> str | None:
        return None if recipient.domain == "b.example" else "550 5.7.1 not for us"

    async def on_message(self, peer: aio.Peer, message: aio.Message) -> smtp.Reply:
        text: str = message.parse().get_content()
        return smtp.Reply(code=250, enhanced="2.0.0", text=f"{len(text)} of {message.sender}")


async def mail() -> None:
    options = smtp.ServerOptions(require_tls=False, mechanisms=[smtp.Mechanism.PLAIN])
    async with aio.Server(Handler(), options=options) as server:
        async with aio.Client("127.0.0.1", server.port, tls="off") as client:
            accepted: bool = (await client.send(b"", sender="", recipients=["a@b.example"])).all_accepted
            print(accepted, (await aio.send(b"", host="127.0.0.1", sender="a@b.example", recipients=[])).tls)


def session() -> None:
    server = smtp.ServerSession(smtp.ServerOptions())
    event: smtp.Event | None = server.next_event()
    if isinstance(event, smtp.Mail):
        sender: address.Address | None = event.reverse_path
        server.reply(f"550 5.7.1 not {sender}")
    client = smtp.ClientSession(smtp.ClientOptions(tls=smtp.Tls.OFF))
    client.begin(None, ["a@b.example"], body=smtp.Body.EIGHT_BIT_MIME)
    pem: str = smtp.make_self_signed("localhost")[0]
    print(client.capabilities.max_octets, server.output() + client.output(), pem)

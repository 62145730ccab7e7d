"""Searches for calls that crash the bindings, or raise what no caller expects.

    PYTHONPATH=build-test/bindings/python python3 bindings/python/tests/fuzz.py --seconds 600
    ... fuzz.py --seed 17 --rounds 1000        the same calls each time

Every round calls one function or drives one machine with arguments that are right, wrong in type, huge or hostile:
resolvers that raise, return rubbish, use their own machine or are cancelled; files that break off; subclasses whose
methods raise. What may come out is a value, or one of the exceptions in EXPECTED. A crash ends the process: the round
stands in the file that --log names, which is written before each one.
"""

import argparse
import asyncio
import email.message
import faulthandler
import gc
import io
import ipaddress
import random
import sys
import threading
import time
import warnings

import sendconn
from sendconn import address, authres, dkim, dmarc, dns, limit, ownership, smtp, spf
from sendconn._value import Value
from sendconn.authentication import Check as AuthenticationCheck
from sendconn.compat import dkim as dkimpy
from sendconn.compat import spf as pyspf


class Hostile(Exception):
    """What callbacks of this program raise."""


# SystemError and InternalError are ours, RuntimeError besides StateError too.
EXPECTED = (
    sendconn.Error, TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError, StopIteration, Hostile,
    dkimpy.DKIMException, pyspf.TempError, NotImplementedError, SyntaxError, asyncio.CancelledError, TimeoutError,
)  # fmt: skip

MESSAGE = (
    b"From: Joe <joe@example.org>\r\nTo: ann@example.net\r\nSubject: x\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700\r\n"
    b"\r\nbody\r\n"
)
KEYS = [dkim.PrivateKey.generate("ed25519"), dkim.PrivateKey.generate("rsa", bits=1024)]
ZONE = dns.Zone.parse(
    'example.org. 60 IN TXT "v=spf1 a mx include:x.example.org exists:%{l}.example.org ?all"\n'
    "example.org. 60 IN MX 10 example.org.\nexample.org. 60 IN A 192.0.2.1\n"
    'x.example.org. 60 IN TXT "v=spf1 ptr redirect=example.org"\n'
    '_dmarc.example.org. 60 IN TXT "v=DMARC1; p=reject; rua=mailto:a@other.example"\n'
    + KEYS[0].zone_line(domain="example.org", selector="s")
    + "\n"
)
SIGNED = dkim.sign(MESSAGE, key=KEYS[0], domain="example.org", selector="s") + MESSAGE
REPORT = dmarc.format_report(
    dmarc.AggregateReport(
        org_name="x", email="a@example.org", report_id="1", begin=1, end=2,
        policy=dmarc.ReportedPolicy(domain="example.org", p="none"),
        rows=[dmarc.ReportRow(source_ip="192.0.2.1", count=1, disposition="none", dkim="pass", spf="fail",
                              header_from="example.org",
                              spf_results=[dmarc.SpfReportResult(domain="example.org", result="fail")])],
    )
)  # fmt: skip


VERIFIER = smtp.ScramVerifier.from_password("secret")
CONVERSATION = (
    b"EHLO c.example\r\n", b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", b"x\r\n.\r\n", b"RSET\r\n",
    b"AUTH PLAIN AGEAYg==\r\n", b"AUTH SCRAM-SHA-256 biwsbj1hLHI9YWFhYWFhYWFhYWFhYWFhYWFhYWE=\r\n", b"STARTTLS\r\n", b"QUIT\r\n",
    b"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n", b"220 mx\r\n250 mx\r\n", b"250 2.0.0 ok\r\n", b"354 go\r\n",
    b"550 5.1.1 no\r\n", b"421 bye\r\n", b".\r\n",
)  # fmt: skip


class BadStr(str):
    def __eq__(self, other):
        raise Hostile("eq")

    __hash__ = str.__hash__

    def encode(self, *arguments):
        raise Hostile("encode")


class BadIndex:
    def __index__(self):
        raise Hostile("index")

    def __iter__(self):
        yield "example.org"
        raise Hostile("iter")

    def __getattr__(self, name):
        raise Hostile(name)


class BadFile(io.BytesIO):
    def __init__(self, seed):
        super().__init__(SIGNED * 3)
        self.random = random.Random(seed)

    def read(self, size=-1):
        if self.random.random() < 0.1:
            raise Hostile("read")
        if self.random.random() < 0.05:
            return "text"
        return super().read(self.random.randrange(1, 100))


class Fuzz:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.trail = []

    def pick(self, *choices):
        return self.random.choice(choices)

    # ------------------------------------------------------------ values

    def text(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return "".join(chr(self.random.choice([0, 10, 13, 32, 34, 37, 46, 64, 127, 128, 0x153, 0xD800, 0xDCF6,
                                                   0x10FFFF])) for _ in range(self.random.randrange(40)))
        if kind == 1:
            return self.pick("x", "\0", "%{l}", "a.", "é") * self.random.choice([300, 70_000, 300_000])
        if kind == 2:
            return BadStr("example.org")
        return self.pick("", "example.org", "x.example.org", "joe@example.org", "192.0.2.1", "2001:db8::1", "TXT", "A",
                         "v=spf1 a:%{d} -all", "v=DMARC1; p=none", "v=DKIM1; p=", "10/s", "pass", "relaxed", "strict",
                         "reject", "helo", "0" * 40, "mx.example.net; spf=pass smtp.mailfrom=a@b.example")

    def octets(self):
        kind = self.random.randrange(8)
        if kind == 0:
            return bytes(self.random.randrange(256) for _ in range(self.random.randrange(200)))
        if kind == 1:
            return self.pick(b"x", b"\r\n", b"\n", b"From: a@b.example\r\n", b"\0") * self.random.choice([1000, 100_000])
        given = self.pick(MESSAGE, SIGNED, REPORT, b"", b"v=spf1 -all", MESSAGE.replace(b"\r\n", b"\n"), SIGNED * 2)
        if self.random.random() < 0.3 and given:
            at = self.random.randrange(len(given))
            given = given[:at] + bytes([self.random.randrange(256)]) + given[at + self.random.randrange(3) :]
        return given

    def odd(self):
        """Something of a type that hardly anything takes."""
        return self.pick(None, True, 0, -1, 2**63, 2**200, -(2**70), 1.5, float("nan"), float("inf"), [], (), {}, object(),
                         BadIndex(), print, b"x", bytearray(b"x"), memoryview(SIGNED), {"a": 1}, Ellipsis, type,
                         [None], ["example.org"], ("pass", "example.org"), [("TXT",)], range(3), self.random.random())

    def thing(self):
        """A value of ours, maybe where another is meant."""
        return self.pick(ZONE, KEYS[0], KEYS[1], dkim.KeyCache(4), dns.Cache(), spf.Options(trace=True),
                         dkim.VerifyPolicy.legacy(), dns.Answer([b"v=spf1 -all"], ttl=3), sendconn.Timeout(),
                         dkim.Signature(domain="example.org", selector="s", key=KEYS[0]), dkim.SignedFields(),
                         dmarc.parse("v=DMARC1; p=none; rua=mailto:a@example.org"), spf.parse("v=spf1 a -all"),
                         limit.Rate.parse("1/s"), ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("::1"),
                         address.Address.parse("a@b.example"), dkim.Verdict.PASS, dmarc.parse_report(REPORT),
                         authres.parse("x.example; spf=pass"), email.message.EmailMessage(), io.BytesIO(SIGNED),
                         BadFile(self.random.random()), Value)

    def any(self):
        return self.pick(self.text, self.octets, self.odd, self.thing)()

    def maybe(self, right):
        """Mostly what is right here."""
        return right if self.random.random() < 0.8 else self.any()

    # ------------------------------------------------------------ resolvers

    def rubbish(self):
        return self.pick(
            lambda: [], lambda: None, lambda: [b"v=spf1 a mx -all"], lambda: ["192.0.2.1"], lambda: [(1, "example.org")],
            lambda: ["10 example.org"], lambda: [b"x" * 100_000], lambda: [[b"v=spf1 ", b"a"]], lambda: self.any(),
            lambda: [self.any(), self.any()], lambda: dns.Answer([self.any()], ttl=self.pick(0, 60, -1, 2**40)),
            lambda: dns.Answer(status="timeout"), lambda: (each for each in [b"v=spf1 -all"]),
        )()  # fmt: skip

    def resolver(self, machines=()):
        """A callable that answers in one of many ways; `machines` are those that may be asking."""
        mode = self.random.random()
        if mode < 0.2:
            return ZONE
        if mode < 0.25:
            return self.any()

        def resolve(name, type):
            choice = self.random.random()
            if choice < 0.35:
                return ZONE(name, type)
            if choice < 0.45:
                raise self.pick(sendconn.NoSuchName(), sendconn.NoData(ttl=5), sendconn.Timeout(), Hostile("resolver"),
                                sendconn.NoSuchName(ttl="x"), sendconn.ServerFailure(authenticated=7))
            if choice < 0.6 and machines:
                machine = self.random.choice(machines)
                self.use(machine)
            if choice < 0.65:
                self.call()
            if choice < 0.67:
                gc.collect()
            return self.rubbish()

        if self.random.random() < 0.3:

            async def slowly(name, type):
                await asyncio.sleep(0)
                return resolve(name, type)

            return slowly
        return resolve

    def use(self, machine):
        """One method of a machine, in whatever state it is."""
        if isinstance(machine, (smtp.ServerSession, smtp.ClientSession)):
            self.converse(machine)
            return
        name = self.pick("questions", "answer", "run", "done", "result", "results", "update", "finish", "give_up",
                         "destinations", "feed", "removed")
        try:
            found = getattr(machine, name)
            if not callable(found):
                return
            if name == "answer":
                questions = [*machine.questions(), ("example.org", "TXT"), self.any()]
                found(self.random.choice(questions), self.pick(self.rubbish(), sendconn.Timeout()))
            elif name == "run":
                found(self.resolver())
            elif name in ("update", "feed"):
                found(self.maybe(self.octets()))
            elif name == "results":
                found(self.maybe("mx.example"))
            else:
                found()
        except EXPECTED:
            pass

    # ------------------------------------------------------------ calls

    def envelope(self):
        return {"ip": self.maybe("192.0.2.1"), "helo": self.maybe("x.example.org"), "mail_from": self.maybe("joe@example.org")}

    def signature(self):
        given = {"domain": self.maybe("example.org"), "selector": self.maybe("s"), "key": self.maybe(self.pick(*KEYS))}
        for name in ("identity", "header", "body", "timestamp", "expires_in", "copy_fields", "body_length"):
            if self.random.random() < 0.15:
                given[name] = self.any()
        return given

    def machine(self):
        return self.pick(
            lambda: spf.Check(**self.envelope()),
            lambda: dkim.Verifier(policy=self.maybe(None), keys=self.maybe(None), now=self.maybe(None)),
            lambda: dkim.Signer([dkim.Signature(**self.signature())], now=self.maybe(1)),
            lambda: dmarc.Check(self.maybe("example.org"), spf=self.maybe(("pass", "example.org")), dkim=self.maybe(())),
            lambda: dmarc.DestinationCheck(self.maybe("example.org"), self.maybe(dmarc.parse("v=DMARC1; rua=mailto:a@b.c"))),
            lambda: ownership.Check(self.maybe("example.org"), token=self.maybe("0" * 40), provider=self.maybe("p")),
            lambda: AuthenticationCheck(**self.envelope()),
            lambda: authres.ForgeryFilter(self.maybe(["mx.example"])),
            lambda: self.session(),
        )()  # fmt: skip

    def session(self):
        """One side of SMTP, in the middle of a conversation."""
        if self.random.random() < 0.5:
            options = {"require_tls": False, "require_auth": False, "offer_starttls": self.pick(True, False)}
            for name in smtp.ServerOptions.__slots__:
                if self.random.random() < 0.03:
                    options[name] = self.any()
            session = smtp.ServerSession(smtp.ServerOptions(**options), clock=self.maybe(time.monotonic))
        else:
            options = {"tls": self.pick("off", "opportunistic", "required", "implicit"), "user": self.pick(None, "a")}
            for name in smtp.ClientOptions.__slots__:
                if self.random.random() < 0.03:
                    options[name] = self.any()
            session = smtp.ClientSession(smtp.ClientOptions(**options), clock=self.maybe(time.monotonic))
        for _ in range(self.random.randrange(20)):
            self.converse(session)
        return session

    def converse(self, session):
        """One call of a session, in whatever state it is."""
        name = self.pick("feed", "feed", "next_event", "next_event", "next_event", "accept", "output", "reply",
                         "reply_verifier", "tls_started", "shut_down", "input_closed", "next_deadline", "on_time", "begin",
                         "content", "end_content", "quit", "pending", "set_tls", "trust_client", "capabilities")
        arguments = {
            "feed": lambda: [self.maybe(self.pick(*CONVERSATION))],
            "content": lambda: [self.maybe(MESSAGE)],
            "reply": lambda: [self.maybe(self.pick("250 2.0.0 ok", "535 5.7.8 no", "421 4.3.0 bye"))],
            "reply_verifier": lambda: [self.maybe(self.pick(VERIFIER, None))],
            "shut_down": lambda: [self.maybe("421 4.3.2 later")],
            "begin": lambda: [self.maybe("a@b.example"), self.maybe(["c@d.example"])],
        }.get(name, list)()
        try:
            found = getattr(session, name)
            if callable(found):
                found(*arguments)
        except EXPECTED:
            pass

    def drive(self):
        machine = self.machine()
        if self.random.random() < 0.7 and hasattr(machine, "update"):
            machine.update(self.maybe(SIGNED))
            machine.finish()
        for _ in range(self.random.randrange(6)):
            self.use(machine)
        if hasattr(machine, "run"):
            machine.run(self.resolver([machine]))
        for _ in range(self.random.randrange(3)):
            self.use(machine)

    def call(self):
        message = self.maybe(self.octets())
        resolver = self.resolver()
        self.pick(
            lambda: spf.check(resolver=resolver, **self.envelope(), options=self.maybe(None), now=self.maybe(None)),
            lambda: dkim.sign(message, **self.signature(), fields=self.maybe(None), now=self.maybe(None)),
            lambda: dkim.sign(message, signatures=self.maybe([dkim.Signature(**self.signature())])),
            lambda: dkim.verify(message, resolver=resolver, policy=self.maybe(None), keys=self.maybe(dkim.KeyCache(2)),
                                now=self.maybe(None), max_key_records=self.maybe(2)),
            lambda: dmarc.check(self.maybe("example.org"), spf=self.maybe(None), dkim=self.maybe(()), resolver=resolver),
            lambda: sendconn.authenticate(message, resolver=resolver, authserv_id=self.maybe("mx.example"),
                                          **self.envelope()),
            lambda: ownership.check(self.maybe("example.org"), token=self.maybe("0" * 40), provider=self.maybe("p"),
                                    resolver=resolver),
            lambda: spf.explain(self.maybe("example.org"), resolver=resolver),
            lambda: self.pick(spf.parse, spf.lint, spf.is_record, spf.split_strings, spf.format_txt, spf.parse_received,
                              dkim.parse_key_record, dkim.lint_key_record, dmarc.parse, dmarc.lint, dmarc.is_record,
                              dmarc.record_name, authres.parse, address.parse_domain, address.display_domain,
                              address.Address.parse, address.parse_address_list, limit.Rate.parse, dns.Zone.parse,
                              dkim.PrivateKey.from_pem, dmarc.unpack_report, dmarc.pack_report, dmarc.parse_report,
                              sendconn.octets, dmarc.author_domains, dmarc.check_report, dmarc.format_report,
                              authres.format, dmarc.statement, dmarc.reported_policy, smtp.Reply.parse,
                              smtp.ScramVerifier.parse, VERIFIER.check_password, smtp.make_self_signed)(self.any()),
            lambda: self.pick(spf.add_term, spf.remove_term, address.is_within, dmarc.report_row, dmarc.report_subject,
                              authres.remove_forged, dmarc.report_file_name, ZONE, ZONE.resolve)(self.any(), self.any()),
            lambda: dns.Resolver(self.maybe(["127.0.0.1:1"]), timeout=self.maybe(0.01), cache=self.maybe(None)),
            lambda: dns.Answer(self.any(), self.any()).as_dict(),
            lambda: limit.TokenBucket(self.maybe("10/s"), clock=self.maybe(time.monotonic)).take(self.maybe(1)),
            lambda: limit.Table(self.maybe(3)).take_all(self.maybe([("k", "1/s", 1)])),
            lambda: dkim.SignedFields(oversigned=self.any(), where_present=self.any()),
            lambda: KEYS[0].compare(self.any()),
            self.send,
            lambda: dmarc.Record(p=self.any(), rua=self.any(), fo=self.any()).__str__(),
            lambda: dmarc.summarize(self.maybe([dmarc.parse_report(REPORT)])),
            lambda: dmarc.format_report(dmarc.parse_report(REPORT).replace(**{self.pick("rows", "errors", "begin", "policy",
                                                                                       "extensions", "form"): self.any()})),
            lambda: authres.format(authres.Results(id=self.any(), statements=self.any())),
            lambda: dkimpy.verify(message, dnsfunc=lambda name, timeout=5: self.rubbish()),
            lambda: dkimpy.sign(message, self.maybe(b"s"), self.maybe(b"example.org"), self.maybe(KEYS[1].to_pem())),
            lambda: pyspf.check2(self.maybe("192.0.2.1"), self.maybe("a@example.org"), self.maybe("x")),
            self.drive,
        )()  # fmt: skip

    def send(self):
        """Only ever to a port of this machine where nobody listens."""
        options = {"tls": "off", "verify": False, "connect_timeout": 1, "command_timeout": 1, "authorities_file": ""}
        for name in ("tls", "user", "password", "hello_name", "signatures", "fields", "keep_open", "max_messages",
                     "send_timeout", "max_recipients", "authorities_file"):
            if self.random.random() < 0.1:
                options[name] = self.any()
        mailer = sendconn.Mailer("127.0.0.1", 1, **options)
        callbacks = {name: self.any() for name in ("on_progress", "is_cancelled", "on_trace") if self.random.random() < 0.2}
        mailer.send(self.maybe(MESSAGE), sender=self.maybe("a@example.org"), recipients=self.maybe(["b@example.net"]),
                    **callbacks)

    async def call_async(self):
        message = self.maybe(self.octets())
        resolver = self.resolver()
        work = self.pick(
            lambda: spf.check_async(resolver=resolver, **self.envelope()),
            lambda: dkim.verify_async(message, resolver=resolver),
            lambda: dkim.sign_async(message, **self.signature()),
            lambda: dmarc.check_async(self.maybe("example.org"), resolver=resolver),
            lambda: sendconn.authenticate_async(message, resolver=resolver, **self.envelope()),
            lambda: ownership.check_async(self.maybe("example.org"), token="0" * 40, provider="p", resolver=resolver),
            lambda: spf.explain_async(self.maybe("example.org"), resolver=resolver),
        )()  # fmt: skip
        task = asyncio.ensure_future(work)
        for _ in range(self.random.randrange(8)):
            await asyncio.sleep(0)
        if self.random.random() < 0.5:
            task.cancel()
        await task

    def threads(self):
        """Several threads at one machine."""
        machine = self.machine()
        raised = []

        def work(seed):
            other = Fuzz(seed)
            try:
                for _ in range(10):
                    other.use(machine)
            except BaseException as error:  # noqa: BLE001
                raised.append(error)

        seeds = [self.random.random() for _ in range(3)]
        running = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        if raised:
            raise raised[0]

    def round(self):
        try:
            choice = self.random.random()
            if choice < 0.75:
                self.call()
            elif choice < 0.95:
                asyncio.run(self.call_async())
            else:
                self.threads()
        except EXPECTED:
            return


def no_network(name, qtype, strict=True, timeout=20):
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0, help="how long (0: by --rounds)")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="of the first round (a random one)")
    parser.add_argument("--log", help="a file that holds the seed of the round that is going on")
    options = parser.parse_args()
    faulthandler.enable()
    warnings.simplefilter("ignore")  # of coroutines that a resolver gave where none is awaited
    sys.setswitchinterval(0.0005)
    pyspf.DNSLookup = no_network
    # Where no resolver is given: nobody answers.
    dns._default = dns.Resolver(["127.0.0.1:1"], timeout=0.01, tries=1, deadline=0.02)
    first = options.seed if options.seed is not None else random.randrange(2**32)
    end = time.monotonic() + options.seconds
    rounds = 0
    while time.monotonic() < end if options.seconds else rounds < options.rounds:
        seed = first + rounds
        if options.log:
            with open(options.log, "w", encoding="ascii") as log:
                log.write(f"{seed}\n")
        try:
            Fuzz(seed).round()
        except BaseException:
            print(f"seed {seed}", file=sys.stderr)
            raise
        rounds += 1
    print(f"{rounds} rounds from seed {first}: no crash, no unexpected exception")


if __name__ == "__main__":
    main()

"""sendconn.aio: the server and the client of asyncio, against each other and raw octets."""

import asyncio
import contextlib
import email.message
import logging
import ssl

import pytest

import sendconn
from sendconn import aio, smtp
from sendconn._link import Link
from sendconn.mailer import Fate, Stage
from support import ENVELOPE, MESSAGE

OPEN = smtp.ServerOptions(hostname="mx.example.org", require_tls=False, require_auth=False)
SECONDS = 30.0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Contexts of a server and of a client that trusts it as "localhost"."""
    folder = tmp_path_factory.mktemp("certificate")
    chain, key = smtp.make_self_signed("localhost")
    (folder / "chain.pem").write_text(chain)
    (folder / "both.pem").write_text(chain + key)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cafile=str(folder / "chain.pem"))


class Keeper(aio.Handler):
    """Keeps messages, and what was called."""

    def __init__(self):
        self.messages = []
        self.called = []

    async def on_message(self, peer, message):
        self.called.append("message")
        self.messages.append(message)

    def on_close(self, peer):
        self.called.append("close")


class Login(Keeper):
    async def on_login(self, peer, user, password):
        return (user, password) == ("ada", "secret")


def run(test):
    async def limited():
        await asyncio.wait_for(test(), SECONDS)

    asyncio.run(limited())


async def until(condition):
    """As soon as condition() holds."""
    while not condition():
        await asyncio.sleep(0.005)


def client_of(server, **options):
    return aio.Client("127.0.0.1", server.port, **{"tls": "off", "hello_name": "client.example", **options})


class Raw:
    """A client that says what it is told to."""

    def __init__(self, server):
        self.server = server

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        return self

    async def __aexit__(self, *error):
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def say(self, octets):
        self.writer.write(octets)

    async def reply(self):
        lines = []
        while True:
            line = (await self.reader.readline()).decode()
            lines.append(line.rstrip())
            if line[3:4] != "-":
                return "\n".join(lines)

    async def open(self):
        assert (await self.reply()).startswith("220 ")
        self.say(b"EHLO client.example\r\n")
        return await self.reply()


# ---------------------------------------------------------------- a message


def test_a_message_in_the_clear():
    async def test():
        keeper = Keeper()
        async with aio.Server(keeper, options=OPEN) as server, client_of(server) as client:
            report = await client.send(MESSAGE, **ENVELOPE)
            assert report.all_accepted and report.tls == "" and report.failed_at is Stage.NONE
            (message,) = keeper.messages
            assert message.octets == MESSAGE and message.sender == ENVELOPE["sender"]
            assert [str(one) for one in message.recipients] == ENVELOPE["recipients"]
            assert (message.ip, message.hello, message.user) == ("127.0.0.1", "client.example", None)
            assert message.parse()["Subject"] == "Is dinner ready?"
            assert client.is_open
        assert keeper.called == ["message", "close"] and not client.is_open

    run(test)


@pytest.mark.parametrize("implicit", [False, True])
def test_tls_and_a_login(certificate, implicit):
    async def test():
        keeper = Login()
        options = smtp.ServerOptions(hostname="mx.example.org")
        async with aio.Server(keeper, options=options, ssl_context=certificate[0], implicit_tls=implicit) as server:
            report = await aio.send(
                MESSAGE, host="localhost", port=server.port, ssl_context=certificate[1], user="ada", password="secret",
                tls="implicit" if implicit else "required", **ENVELOPE,
            )  # fmt: skip
            assert report.all_accepted and report.tls == "TLSv1.3"
            assert keeper.messages[0].user == "ada" and keeper.messages[0].tls == "TLSv1.3"
            wrong = await aio.send(
                MESSAGE, host="localhost", port=server.port, ssl_context=certificate[1], user="ada", password="wrong",
                tls="implicit" if implicit else "required", **ENVELOPE,
            )  # fmt: skip
            assert wrong.failed_at is Stage.LOGIN and wrong.recipients[0].fate is Fate.PERMANENT
            assert wrong.reply.code == 535 and wrong.tls == "TLSv1.3"
            untrusted = await aio.send(
                MESSAGE, host="localhost", port=server.port, tls="implicit" if implicit else "required", **ENVELOPE
            )
            assert untrusted.failed_at is Stage.TLS and "certificate" in untrusted.reply.text
            assert (await aio.send(
                MESSAGE, host="localhost", port=server.port, verify=False, user="ada", password="secret",
                tls="implicit" if implicit else "required", **ENVELOPE,
            )).all_accepted  # fmt: skip
            assert len(keeper.messages) == 2

    run(test)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
def test_verifiers_are_enough_for_every_mechanism(mechanism, certificate):
    verifier = smtp.ScramVerifier.from_password("secret")

    class Verifiers(Keeper):
        async def on_verifier(self, peer, user):
            return verifier if user == "ada" else None

    async def test():
        keeper = Verifiers()
        async with aio.Server(keeper, options=smtp.ServerOptions(), ssl_context=certificate[0]) as server:
            for user, password, ok in (("ada", "secret", True), ("ada", "Secret", False), ("eve", "secret", False)):
                report = await aio.send(
                    MESSAGE, host="localhost", port=server.port, ssl_context=certificate[1], user=user,
                    password=password, mechanisms=[mechanism], **ENVELOPE,
                )  # fmt: skip
                assert report.all_accepted == ok and (ok or report.failed_at is Stage.LOGIN)
        assert [message.user for message in keeper.messages] == ["ada"]

    run(test)


def test_what_smtp_cannot_carry_is_refused_before_anything_is_sent():
    async def test():
        async with aio.Server(Keeper(), options=OPEN) as server, client_of(server) as client:
            for octets, position in ((b"A: b\r\n\r\nx\ry\r\n", 9), (b"A: b\r\n\r\nx\0\r\n", 9), (b"A: b\r\n\r\n\nx\r\n", 8)):
                with pytest.raises(sendconn.MalformedError) as caught:
                    await client.send(octets, **ENVELOPE)
                assert caught.value.position == position
            with pytest.raises(sendconn.InputError):
                await client.send(MESSAGE, sender="a@b.example", recipients=[])
            with pytest.raises(sendconn.MalformedError):
                await client.send(MESSAGE, sender="a@b.example", recipients=["no address"])
            with pytest.raises(TypeError):
                await client.send(MESSAGE)
            assert not client.is_open and server.connections == 0

    run(test)


def test_an_email_message_and_a_large_one():
    async def test():
        keeper = Keeper()
        async with aio.Server(keeper, options=OPEN) as server, client_of(server) as client:
            made = email.message.EmailMessage()
            made["From"] = "ada@example.org"
            made["To"] = "Bob <bob@example.net>"
            made["Bcc"] = "secret@example.net"
            made.set_content("Grüße\n", cte="8bit")
            assert (await client.send(made)).all_accepted
            large = b"Subject: x\r\n\r\n" + (b"." * 998 + b"\r\n") * 20_000
            assert (await client.send(large, **ENVELOPE)).all_accepted
        first, second = keeper.messages
        assert [str(one) for one in first.recipients] == ["bob@example.net", "secret@example.net"]
        assert b"secret" not in first.octets and first.eight_bit and first.body == "8BITMIME"
        assert second.octets == large

    run(test)


def test_smtputf8_goes_only_to_servers_that_have_it():
    async def test():
        keeper = Keeper()
        async with aio.Server(keeper, options=OPEN) as server, client_of(server) as client:
            assert (await client.send(MESSAGE, sender="ä@example.org", recipients=["b@example.net"])).all_accepted
            assert keeper.messages[0].smtputf8 and keeper.messages[0].sender == "ä@example.org"

    run(test)


# ---------------------------------------------------------------- refusals


def test_each_recipient_has_a_fate():
    class Choosy(Keeper):
        def on_rcpt(self, peer, recipient):
            return {"no": "550 5.1.1 nobody", "later": "450 4.2.1 later", "false": False}.get(recipient.local)

    async def test():
        keeper = Choosy()
        async with aio.Server(keeper, options=OPEN) as server, client_of(server) as client:
            names = ["yes", "no", "later", "false"]
            report = await client.send(MESSAGE, sender="", recipients=[f"{name}@example.org" for name in names])
            assert [one.fate for one in report.recipients] == ["accepted", "permanent", "temporary", "permanent"]
            assert report.recipients[1].reply.text == "nobody" and not report.all_accepted
            assert report.reply.code == 250 and [str(one) for one in keeper.messages[0].recipients] == ["yes@example.org"]
            assert keeper.messages[0].reverse_path is None
            report = await client.send(MESSAGE, sender="", recipients=["no@example.org", "later@example.org"])
            assert [one.fate for one in report.recipients] == ["permanent", "temporary"]
            assert len(keeper.messages) == 1

    run(test)


@pytest.mark.parametrize(
    ("method", "answer", "fate", "stage"),
    [
        ("on_connect", "554 5.7.1 no", "permanent", "greeting"),
        ("on_connect", False, "permanent", "greeting"),
        ("on_connect", "421 4.3.2 later", "temporary", "greeting"),
        ("on_mail", "550 5.7.1 not you", "permanent", "none"),
        ("on_mail", "451 4.7.1 later", "temporary", "none"),
        ("on_message", "554 5.6.0 spam", "permanent", "none"),
        ("on_message", "452 4.3.1 full", "temporary", "none"),
        ("on_message", smtp.Reply(code=250, enhanced="2.0.0", text="queued as 7"), "accepted", "none"),
        ("on_message", True, "accepted", "none"),
    ],
)
def test_every_refusal_arrives(method, answer, fate, stage):
    class Refusing:
        pass

    handler = Refusing()
    setattr(handler, method, lambda *arguments: answer)

    async def test():
        async with aio.Server(handler, options=OPEN) as server, client_of(server) as client:
            report = await client.send(MESSAGE, **ENVELOPE)
            assert (report.recipients[0].fate, report.failed_at) == (fate, stage)
            if isinstance(answer, str):
                code, _, text = answer.split(" ", 2)
                # Before EHLO a server may not use enhanced codes (RFC 2034 section 3).
                assert str(report.recipients[0].reply) == (f"{code} {text}" if method == "on_connect" else answer)

    run(test)


@pytest.mark.parametrize("method", ["on_connect", "on_mail", "on_rcpt", "on_message"])
@pytest.mark.parametrize("wrong", [ZeroDivisionError("boom"), asyncio.CancelledError(), 7, "no reply", smtp.Reply(code=7)])
def test_what_a_handler_does_wrong_is_451_and_logged(method, wrong, caplog):
    class Failing(Keeper):
        pass

    async def failing(self, *arguments):
        await asyncio.sleep(0)
        if isinstance(wrong, BaseException):
            raise wrong
        return wrong

    setattr(Failing, method, failing)

    async def test():
        async with aio.Server(Failing(), options=OPEN) as server:
            async with client_of(server) as client:
                report = await client.send(MESSAGE, **ENVELOPE)
            if isinstance(wrong, asyncio.CancelledError) and not hasattr(asyncio.current_task(), "cancelling"):
                return  # before Python 3.11 nobody can tell that it was not this task
            assert report.recipients[0].fate is Fate.TEMPORARY and report.recipients[0].reply.code == 451
            assert "boom" not in report.reply.text

    with caplog.at_level(logging.ERROR, "sendconn.smtp"):
        run(test)
    assert any(method in record.getMessage() and record.exc_info for record in caplog.records)


def test_a_login_that_cannot_be_decided_is_454(caplog):
    class Failing(Keeper):
        async def on_login(self, peer, user, password):
            raise ZeroDivisionError

    async def test():
        async with aio.Server(Failing(), options=OPEN) as server:
            async with Raw(server) as raw:
                await raw.open()
                raw.say(b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n")
                assert (await raw.reply()).startswith("454 4.7.0 ")

    run(test)
    assert "on_login failed" in caplog.text and "secret" not in caplog.text


def test_no_login_by_accident():
    """A handler that forgets to answer lets nobody in."""

    class Forgetful(Keeper):
        async def on_login(self, peer, user, password):
            pass

    async def test():
        async with aio.Server(Forgetful(), options=OPEN) as server:
            async with Raw(server) as raw:
                await raw.open()
                raw.say(b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n")
                assert (await raw.reply()).startswith("535 ")

    run(test)


def test_options_that_cannot_be_met_are_refused():
    with pytest.raises(sendconn.InputError, match="needs its user"):
        aio.Client("mail.example.org", password="secret")
    with pytest.raises(sendconn.InputError, match="ssl_context"):
        aio.Server(Login())
    with pytest.raises(sendconn.InputError, match="on_login"):
        aio.Server(Keeper(), options=OPEN.replace(require_auth=True))
    with pytest.raises(sendconn.InputError, match="implicit_tls"):
        aio.Server(Keeper(), options=OPEN, implicit_tls=True)
    with pytest.raises(ValueError):
        aio.Server(Keeper(), options=OPEN.replace(max_errors=-1))
    for wrong in ({"tls": "x"}, {"port": 70_000}, {"command_timeout": -1}, {"tls": "off", "user": "ada"}):
        with pytest.raises(ValueError):
            aio.Client("127.0.0.1", **wrong)


# ---------------------------------------------------------------- connections


def test_octets_behind_starttls_are_dropped(certificate):
    """An attacker on the way puts a command behind STARTTLS; it must not come to life inside TLS."""

    async def test():
        keeper = Keeper()
        async with aio.Server(keeper, options=OPEN, ssl_context=certificate[0]) as server:
            async with Raw(server) as raw:
                await raw.open()
                raw.say(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
                assert (await raw.reply()).startswith("220 ")
                loop = asyncio.get_running_loop()
                protocol = raw.writer.transport.get_protocol()
                transport = await loop.start_tls(raw.writer.transport, protocol, certificate[1], server_hostname="localhost")
                raw.writer._transport = transport
                transport.write(b"EHLO client.example\r\nRCPT TO:<bob@example.org>\r\n")
                assert "250" in await raw.reply()
                assert (await raw.reply()).startswith("503 ")  # no MAIL came before

    run(test)


def test_a_reply_behind_the_220_to_starttls_fails_the_client(certificate):
    async def serve(reader, writer):
        writer.write(b"220 mx\r\n")
        await reader.readline()
        writer.write(b"250-mx\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n")
        await reader.read()
        writer.close()

    async def test():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            report = await aio.send(MESSAGE, host="localhost", port=port, ssl_context=certificate[1], **ENVELOPE)
            assert report.recipients[0].fate is Fate.TEMPORARY and "in the clear" in report.reply.text

    run(test)


def test_tls_is_required_unless_said_otherwise():
    async def test():
        keeper = Keeper()
        async with aio.Server(keeper, options=OPEN) as server:
            report = await aio.send(MESSAGE, host="127.0.0.1", port=server.port, **ENVELOPE)
            assert report.failed_at is Stage.TLS and keeper.messages == []
            report = await aio.send(MESSAGE, host="127.0.0.1", port=server.port, tls="opportunistic", **ENVELOPE)
            assert report.all_accepted

    run(test)


def test_a_failed_handshake_ends_one_connection_alone(certificate):
    async def test():
        async with aio.Server(Keeper(), options=OPEN, ssl_context=certificate[0]) as server:
            async with Raw(server) as raw:
                await raw.open()
                raw.say(b"STARTTLS\r\n")
                await raw.reply()
                raw.say(b"this is no TLS\r\n" * 10)
                await raw.reader.read()
            await until(lambda: server.connections == 0)
            async with client_of(server) as client:
                assert (await client.send(MESSAGE, **ENVELOPE)).all_accepted

    run(test)


def test_a_server_that_is_not_there_is_a_report():
    async def test():
        async with aio.Server(options=OPEN) as server:
            port = server.port
        report = await aio.send(MESSAGE, host="127.0.0.1", port=port, tls="off", **ENVELOPE)
        assert report.failed_at is Stage.CONNECT and report.recipients[0].fate is Fate.TEMPORARY
        assert report.reply.code == 0 and "refused" in report.reply.text

    run(test)


def test_a_lost_connection_is_made_anew():
    async def test():
        keeper = Keeper()
        server = await aio.Server(keeper, options=OPEN).start()
        client = client_of(server)
        assert (await client.send(MESSAGE, **ENVELOPE)).all_accepted
        port = server.port
        await server.close()
        again = aio.Server(keeper, port=port, options=OPEN)
        async with again:
            assert (await client.send(MESSAGE, **ENVELOPE)).all_accepted
            await client.close()
        assert len(keeper.messages) == 2

    run(test)


def scripted(*replies):
    """A server that says one after the other, whatever it hears."""

    async def serve(reader, writer):
        with contextlib.suppress(OSError):
            for reply in replies:
                writer.write(reply)
                await reader.readline()
        writer.close()

    return asyncio.start_server(serve, "127.0.0.1", 0)


def test_a_password_that_the_server_repeats_is_not_in_the_report():
    async def test():
        repeated = b"535 5.7.8 what is s3cret!, czNjcmV0IQ== or AGFkYQBzM2NyZXQh?\r\n"
        async with await scripted(b"220 mx\r\n", b"250-mx\r\n250 AUTH PLAIN\r\n", repeated) as server:
            port = server.sockets[0].getsockname()[1]
            options = {"tls": "off", "user": "ada", "password": "s3cret!", "login_without_tls": True}
            report = await aio.send(MESSAGE, host="127.0.0.1", port=port, **options, **ENVELOPE)
        assert report.reply.text == "what is [hidden], [hidden] or [hidden]?"
        assert "s3cret" not in repr(report) and report.recipients[0].reply == report.reply

    run(test)


def test_what_a_server_says_can_be_printed():
    async def test():
        async with await scripted(b"220 mx\r\n", b"250 mx\r\n", b"550 5.7.1 Empf\xe4nger \x1b[31m\0\r\n") as server:
            port = server.sockets[0].getsockname()[1]
            report = await aio.send(MESSAGE, host="127.0.0.1", port=port, tls="off", **ENVELOPE)
        assert report.reply.text == "Empf\ufffdnger  [31m "
        str(report.reply).encode()  # else print() raises

    run(test)


class Deaf:
    """A session whose deadline has passed, and which has nothing to say before it is told."""

    next_deadline = 0.0
    pending = 0
    told = False

    def next_event(self):
        return smtp.Closed(orderly=False, reason=None) if self.told else None

    def output(self):
        return b""

    def on_time(self):
        self.told = True


def test_a_deadline_behind_a_peer_that_reads_nothing_does_not_stop_the_loop():
    async def test():
        link = Link(Deaf(), asyncio.get_running_loop())
        link.pause_writing()
        assert type(await link.next_event()) is smtp.Closed

    run(test)


def test_max_messages_and_several_tasks():
    async def test():
        keeper = Keeper()
        async with aio.Server(keeper, options=OPEN) as server:
            async with client_of(server, max_messages=3) as client:
                reports = await asyncio.gather(*(client.send(MESSAGE, **ENVELOPE) for _ in range(7)))
                assert all(report.all_accepted for report in reports)
        assert keeper.called.count("message") == 7 and keeper.called.count("close") == 3

    run(test)


def test_a_connection_lost_after_the_message_may_have_delivered_it():
    async def serve(reader, writer):
        writer.write(b"220 mx\r\n")
        await reader.readline()
        writer.write(b"250 mx\r\n")
        await reader.readline()
        writer.write(b"250 ok\r\n")
        await reader.readline()
        writer.write(b"250 ok\r\n")
        await reader.readline()
        writer.write(b"354 go\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.close()

    async def test():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            report = await aio.send(MESSAGE, host="127.0.0.1", port=port, tls="off", **ENVELOPE)
            assert report.may_have_arrived and report.recipients[0].fate is Fate.TEMPORARY

    run(test)


def test_a_cancelled_send_drops_the_connection():
    class Slow(Keeper):
        def __init__(self):
            super().__init__()
            self.waits = asyncio.Event()
            self.go_on = asyncio.Event()

        async def on_message(self, peer, message):
            self.waits.set()
            await self.go_on.wait()
            await super().on_message(peer, message)

    async def test():
        keeper = Slow()
        async with aio.Server(keeper, options=OPEN) as server:
            client = client_of(server)
            task = asyncio.ensure_future(client.send(MESSAGE, **ENVELOPE))
            await keeper.waits.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not client.is_open
            keeper.go_on.set()  # the handler goes on: its message may be stored
            await until(lambda: server.connections == 0)
            assert len(keeper.messages) == 1
            assert (await client.send(MESSAGE, **ENVELOPE)).all_accepted
            await client.close()

    run(test)


def test_deadlines_end_slow_clients_and_slow_servers():
    async def test():
        async with aio.Server(Keeper(), options=OPEN.replace(command_timeout=1)) as server:
            async with Raw(server) as raw:
                await raw.open()
                assert (await raw.reply()).startswith("421 4.4.2 ")
                assert await raw.reader.read() == b""
            await until(lambda: server.connections == 0)

        silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        async with silent:
            port = silent.sockets[0].getsockname()[1]
            report = await aio.send(MESSAGE, host="127.0.0.1", port=port, tls="off", command_timeout=1, **ENVELOPE)
            assert report.failed_at is Stage.GREETING and report.reply.enhanced == "4.4.2"

    run(test)


def test_a_client_that_reads_nothing_is_not_read_either():
    """Commands without end, whose replies nobody takes, must not fill the server's memory."""

    async def test():
        async with aio.Server(Keeper(), options=OPEN.replace(max_idle_commands=10**9)) as server:
            async with Raw(server) as raw:
                await raw.open()
                raw.writer.transport.pause_reading()
                sent = 0
                with contextlib.suppress(asyncio.TimeoutError):
                    while sent < 200_000_000:
                        raw.say(b"NOOP\r\n" * 10_000)
                        sent += 60_000
                        await asyncio.wait_for(raw.writer.drain(), 0.5)
                assert sent < 50_000_000
                (link,) = server._connections.values()
                assert link.session.pending < 1_000_000
                raw.writer.transport.abort()
            await until(lambda: server.connections == 0)

    run(test)


def test_closing_lets_a_message_be_answered_and_cuts_what_is_left():
    class Slow(Keeper):
        def __init__(self):
            super().__init__()
            self.waits = asyncio.Event()
            self.go_on = asyncio.Event()

        async def on_message(self, peer, message):
            self.waits.set()
            await self.go_on.wait()

    async def test():
        keeper = Slow()
        server = await aio.Server(keeper, options=OPEN).start()
        async with Raw(server) as idle:
            await idle.open()
            sending = asyncio.ensure_future(aio.send(MESSAGE, host="127.0.0.1", port=server.port, tls="off", **ENVELOPE))
            await keeper.waits.wait()
            closing = asyncio.ensure_future(server.close())
            assert (await idle.reply()).startswith("421 4.3.2 ")
            keeper.go_on.set()
            assert (await sending).all_accepted
            await closing
        keeper = Slow()
        server = await aio.Server(keeper, options=OPEN).start()
        sending = asyncio.ensure_future(aio.send(MESSAGE, host="127.0.0.1", port=server.port, tls="off", **ENVELOPE))
        await keeper.waits.wait()
        await server.close(timeout=0.05)
        report = await sending
        assert report.may_have_arrived and server.connections == 0 and keeper.called == ["close"]

    run(test)


def test_a_loop_that_ends_takes_the_server_with_it():
    """asyncio.run() cancels what is left; nothing hangs, also where a handler waits."""

    class Stuck(Keeper):
        async def on_message(self, peer, message):
            waits.set()
            await asyncio.sleep(3600)

    async def main():
        global waits
        waits = asyncio.Event()
        server = await aio.Server(Stuck(), options=OPEN).start()
        asyncio.ensure_future(aio.send(MESSAGE, host="127.0.0.1", port=server.port, tls="off", **ENVELOPE))
        await waits.wait()

    asyncio.run(main())


def test_more_connections_than_allowed_are_told_to_come_later():
    async def test():
        async with aio.Server(Keeper(), options=OPEN, max_connections=1) as server:
            async with Raw(server) as one, Raw(server) as two:
                await one.open()
                assert (await two.reply()).startswith("421 too many connections")
            await until(lambda: server.connections == 0)
            async with Raw(server) as three:
                await three.open()

    run(test)


def test_a_handler_knows_its_peer():
    class Knowing(Login):
        def on_connect(self, peer):
            peer.data["connected"] = True

        def on_mail(self, peer, mail):
            assert peer.data == {"connected": True}
            self.peer = (peer.ip, peer.hello, peer.extended, peer.user, peer.tls)
            assert mail.size == len(MESSAGE)

    async def test():
        keeper = Knowing()
        async with aio.Server(keeper, options=OPEN) as server:
            async with client_of(server, user="ada", password="secret", login_without_tls=True) as client:
                assert (await client.send(MESSAGE, **ENVELOPE)).all_accepted
        assert keeper.peer == ("127.0.0.1", "client.example", True, "ada", "")

    run(test)


def test_lmtp():
    replies = [b"220 mx", b"250-mx\r\n250 PIPELINING", b"250 ok", b"250 ok", b"250 ok", b"354 go"]

    async def serve(reader, writer):
        for reply in replies:
            writer.write(reply + b"\r\n")
            if reply != b"354 go":
                await reader.readline()
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 2.0.0 kept\r\n552 5.2.2 full\r\n")
        await reader.readline()
        writer.write(b"221 bye\r\n")
        writer.close()

    async def test():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            report = await aio.send(
                MESSAGE, host="127.0.0.1", port=port, tls="off", lmtp=True, sender="",
                recipients=["a@b.example", "c@b.example"],
            )  # fmt: skip
            assert [one.fate for one in report.recipients] == ["accepted", "permanent"]
            assert report.recipients[0].reply.text == "kept" and report.recipients[1].reply.enhanced == "5.2.2"

    run(test)

"""sendconn.smtp: sessions without I/O, wired back to back and fed by hand."""

import itertools

import pytest

import sendconn
from sendconn import smtp
from sendconn.address import Address

OPEN = smtp.ServerOptions(hostname="mx.example.org", require_tls=False, require_auth=False)
ADA, BOB, EVE = (Address.parse(f"{name}@example.org") for name in ("ada", "bob", "eve"))
VERIFIER = smtp.ScramVerifier.from_password("secret", salt=b"0123456789abcdef")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def events(session):
    """All that have come of what was fed; decisions among them are accepted."""
    found = []
    while True:
        event = session.next_event()
        if event is None or isinstance(event, smtp.StartTls):
            return found + ([event] if event else [])
        found.append(event)
        if isinstance(event, smtp.Closed):
            return found
        if isinstance(event, smtp.ScramLogin):
            session.reply_verifier(VERIFIER if event.user == "ada" else None, user=event.user)
        elif event.is_decision:
            session.accept()


def kinds(found):
    return [type(event).__name__ for event in found]


def greeted(options=OPEN, **arguments):
    session = smtp.ServerSession(options, **arguments)
    session.feed(b"EHLO client.example\r\n")
    events(session)
    session.output()
    return session


def say(session, octets):
    """The events that come of it, and the replies."""
    session.feed(octets)
    found = events(session)
    return found, session.output().decode()


def converse(client, server, *, answer=None, turns=200):
    """Both sides until neither has anything to say; the events of each. answer(event): the server's decision."""
    of_client, of_server = [], []
    for _ in range(turns):
        server.feed(client.output())
        while (event := server.next_event()) is not None and not isinstance(event, smtp.Paused):
            of_server.append(event)
            if isinstance(event, smtp.StartTls):
                break
            if isinstance(event, smtp.Closed):
                server.output()
                return of_client, of_server
            if isinstance(event, smtp.ScramLogin):
                server.reply_verifier(VERIFIER if event.user == "ada" else None, user=event.user)
            elif event.is_decision:
                given = answer(event) if answer else None
                if given is None:
                    server.accept()
                else:
                    server.reply(given)
        said = server.output()
        client.feed(said)
        while (event := client.next_event()) is not None:
            of_client.append(event)
            if isinstance(event, smtp.StartTls):
                server.tls_started()
                client.tls_started()
            if isinstance(event, smtp.Closed):
                return of_client, of_server
        if not said and not client_has_more(client, of_client):
            return of_client, of_server
    raise AssertionError("they talk without end")


def client_has_more(client, of_client):
    if of_client and isinstance(of_client[-1], smtp.SendContent):
        client.content(b"Subject: x\r\n\r\n")
        client.content(memoryview(b".dots\r\n..\r\n"))
        client.end_content()
        return True
    return False


# ---------------------------------------------------------------- the server


def test_a_whole_session_gives_every_event_of_receiving():
    session = smtp.ServerSession(OPEN)
    (greeting,) = events(session)
    assert greeting == smtp.Greeting() and greeting.is_decision
    assert session.output() == b"220 mx.example.org ESMTP\r\n"
    assert session.output() == b""
    found, replies = say(session, b"EHLO client.example\r\n")
    assert found == [smtp.Hello(name="client.example", extended=True)]
    assert "250-PIPELINING\r\n" in replies and "STARTTLS" not in replies and "AUTH" in replies
    assert session.extended and session.hello_name == "client.example" and not session.tls
    found, replies = say(
        session,
        b"MAIL FROM:<ada@example.org> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\n",
    )
    assert found == [
        smtp.Mail(reverse_path=ADA, body=smtp.Body.EIGHT_BIT_MIME, size=20),
        smtp.Rcpt(forward_path=BOB),
        smtp.Rcpt(forward_path=EVE),
        smtp.DataStart(),
    ]
    assert [line[:3] for line in replies.splitlines()] == ["250", "250", "250", "354"]
    found, replies = say(session, b"Subject: x\r\n\r\n..dot \xc3\xa9\r\n.\r\n")
    assert b"".join(event.octets for event in found[:-1]) == b"Subject: x\r\n\r\n.dot \xc3\xa9\r\n"
    assert found[-1] == smtp.MessageEnd(octets=23, eight_bit=True)
    assert replies == "250 2.0.0 taken\r\n"
    found, replies = say(session, b"QUIT\r\n")
    assert kinds(found) == ["Closed"] and found[0].orderly and found[0].reason.code == 221
    assert replies.startswith("221 ")


def test_where_the_input_is_cut_changes_nothing_but_content():
    text = (
        b"EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n"
        b"RSET\r\nNOOP\r\nMAIL FROM:<ada@example.org>\r\nRSET\r\nQUIT\r\n"
    )

    def run(pieces):
        session = smtp.ServerSession(OPEN)
        found, content, out = [], b"", b""
        for piece in pieces:
            session.feed(piece)
            for event in events(session):
                if isinstance(event, smtp.Content):
                    content += event.octets
                else:
                    found.append(event)
            out += session.output()
        return found, content, out

    whole = run([text])
    assert kinds(whole[0])[-2:] == ["Reset", "Closed"]
    assert run([text[at : at + 1] for at in range(len(text))]) == whole
    assert run([text[at : at + 7] for at in range(0, len(text), 7)]) == whole


def test_a_decision_pauses_the_session_and_what_is_fed_waits():
    session = greeted()
    session.feed(b"MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.org>\r\n")
    assert isinstance(session.next_event(), smtp.Mail)
    assert session.next_event() == smtp.Paused()
    assert session.next_deadline is None and session.pending == len("RCPT TO:<bob@example.org>\r\n")
    session.reply("550 5.7.1 not you")
    assert session.next_event() is None  # RCPT without MAIL is refused by the session itself
    assert [line[:3] for line in session.output().decode().splitlines()] == ["550", "503"]
    session.reply("250 nobody asked")
    assert session.output() == b"" and session.pending == 0


@pytest.mark.parametrize(
    ("line", "decision"),
    [
        ("MAIL FROM:<ada@example.org>", smtp.Mail),
        ("RCPT TO:<bob@example.org>", smtp.Rcpt),
        ("DATA", smtp.DataStart),
        ("Subject: x\r\n\r\n.", smtp.MessageEnd),
    ],
)
def test_every_decision_can_be_refused(line, decision):
    session = greeted()
    for said in ("MAIL FROM:<ada@example.org>", "RCPT TO:<bob@example.org>", "DATA", "Subject: x\r\n\r\n."):
        session.feed(said.encode() + b"\r\n")
        event = session.next_event()
        while isinstance(event, smtp.Content):
            event = session.next_event()
        if isinstance(event, decision):
            session.reply(smtp.Reply(code=452, enhanced="4.3.1", text="full\ntwo lines"))
            session.next_event()
            assert session.output() == b"452-4.3.1 full\r\n452 4.3.1 two lines\r\n"
            return
        session.accept()
        session.next_event()
        session.output()
    raise AssertionError("it never came")


def test_the_greeting_can_be_refused_and_421_ends_the_session():
    session = smtp.ServerSession(OPEN)
    session.next_event()
    session.reply("554 5.7.1 no mail from you")
    closed = session.next_event()
    assert isinstance(closed, smtp.Closed) and not closed.orderly and closed.reason.code == 554
    session = greeted()
    session.feed(b"MAIL FROM:<ada@example.org>\r\n")
    session.next_event()
    session.reply("421 4.3.0 out of order")
    assert kinds(events(session)) == ["Closed"]


def test_logins_by_password():
    options = OPEN.replace(require_auth=True, require_tls=True, offer_starttls=True)
    session = greeted(options)
    found, replies = say(session, b"MAIL FROM:<ada@example.org>\r\nAUTH PLAIN AGFkYQBzZWNyZXQ=\r\n")
    assert found == [] and [line[:3] for line in replies.splitlines()] == ["530", "538"]
    session = smtp.ServerSession(options)
    session.set_tls()
    say(session, b"EHLO client.example\r\n")
    session.feed(b"AUTH PLAIN AGFkYQBzZWNyZXQ=\r\n")
    login = session.next_event()
    assert login == smtp.Login(user="ada", password="secret", mechanism=smtp.Mechanism.PLAIN)
    assert "secret" not in repr(login) and "secret" not in str(login.as_dict())
    session.reply("535 5.7.8 wrong")
    assert not session.authenticated
    session.feed(b"AUTH LOGIN YWRh\r\nc2VjcmV0\r\n")
    assert session.next_event().mechanism == "LOGIN"
    session.accept()
    assert session.authenticated


def test_scram_with_a_verifier_and_for_an_unknown_user():
    for user, ok in (("ada", True), ("nobody", False)):
        server = smtp.ServerSession(OPEN)
        options = smtp.ClientOptions(tls="off", user=user, password="secret", mechanisms=["SCRAM-SHA-256"])
        client = smtp.ClientSession(options)
        of_client, of_server = converse(client, server)
        assert smtp.ScramLogin(user=user) in of_server and smtp.LoginDone(user=user, ok=ok) in of_server
        assert server.authenticated == ok
        if ok:
            assert kinds(of_client) == ["Ready"]
        else:
            (failed, *_) = of_client
            assert isinstance(failed, smtp.Failed) and failed.login and failed.reason.code == 535


def test_a_verifier_has_a_text_and_hides_its_keys():
    again = smtp.ScramVerifier.parse(str(VERIFIER))
    assert str(again) == str(VERIFIER) and str(VERIFIER).startswith("SCRAM-SHA-256$4096:")
    assert again.check_password("secret") and not again.check_password("Secret")
    assert repr(VERIFIER) == "<ScramVerifier of 4096 iterations>"
    with pytest.raises(sendconn.MalformedError):
        smtp.ScramVerifier.parse("SCRAM-SHA-256$x")
    with pytest.raises(sendconn.InputError):
        smtp.ScramVerifier.from_password("", salt=b"x")
    with pytest.raises(ValueError):
        smtp.ScramVerifier.from_password("secret", iterations=2**40)


@pytest.mark.parametrize("pieces", [[b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n"], [b"STARTTLS\r\n", b"RSET\r\n"]])
def test_starttls_drops_what_stands_behind_it(pieces):
    session = greeted(OPEN.replace(offer_starttls=True))
    for piece in pieces:
        session.feed(piece)
    assert events(session) == [smtp.StartTls()]
    assert session.pending == 0 and session.output().count(b"\r\n") == 1
    session.feed(b"EHLO in-tls.example\r\n")  # decrypted; the program may tell of the handshake later
    assert session.next_event() == smtp.Paused()
    session.tls_started()
    assert session.tls and not session.extended
    assert events(session) == [smtp.Hello(name="in-tls.example", extended=True)]


def test_a_transaction_that_ends_otherwise_is_a_reset():
    session = greeted(OPEN.replace(max_message_octets=100))
    say(session, b"MAIL FROM:<ada@example.org>\r\n")
    found, _ = say(session, b"RSET\r\n")
    assert kinds(found) == ["Reset"] and found[0].reason.code == 250
    say(session, b"MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
    found, replies = say(session, b"x" * 150 + b"\r\n.\r\n")
    assert kinds(found)[-1] == "Reset" and found[-1].reason.code == 552 and replies.startswith("552 ")
    say(session, b"MAIL FROM:<ada@example.org>\r\n")
    session.input_closed()
    assert kinds(events(session)) == ["Reset", "Closed"]


def test_the_end_of_input_waits_for_what_came_before_it_and_for_decisions():
    session = greeted()
    session.feed(b"MAIL FROM:<ada@example.org>\r\nQUIT\r\n")
    session.input_closed()
    assert isinstance(session.next_event(), smtp.Mail)
    assert session.next_event() == smtp.Paused()
    session.accept()
    found = events(session)
    assert kinds(found)[-1] == "Closed" and found[-1].orderly
    session = greeted(OPEN.replace(offer_starttls=True))
    session.feed(b"STARTTLS\r\n")
    session.next_event()
    session.input_closed()
    assert kinds(events(session)) == ["Closed"]


def test_deadlines_are_by_the_clock_that_was_given():
    clock = Clock()
    session = greeted(OPEN.replace(command_timeout=7), clock=clock)
    assert session.next_deadline == pytest.approx(107.0)
    clock.now = 106.9
    session.on_time()
    assert session.next_event() is None
    clock.now = session.next_deadline
    session.on_time()
    assert kinds(events(session)) == ["Closed"] and session.output().startswith(b"421 4.4.2 ")


def test_shutting_down_waits_for_a_message():
    session = greeted()
    say(session, b"MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n")
    session.shut_down("421 4.3.2 later")
    assert session.next_event() is None
    found, replies = say(session, b"x\r\n.\r\n")
    assert kinds(found)[-2:] == ["MessageEnd", "Closed"]
    assert replies == "250 2.0.0 taken\r\n421 4.3.2 later\r\n"


def test_a_trusted_client_needs_no_login():
    session = smtp.ServerSession()
    session.trust_client()
    say(session, b"EHLO client.example\r\n")
    assert kinds(say(session, b"MAIL FROM:<ada@example.org>\r\n")[0]) == ["Mail"]


def test_limits_hold():
    session = greeted(OPEN.replace(max_errors=2, max_recipients=1, bare_newlines="normalize"))
    found, replies = say(session, b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<c@b.example>\r\nDATA\r\nx\ny\r\n.\r\n")
    assert b"".join(e.octets for e in found if isinstance(e, smtp.Content)) == b"x\r\ny\r\n"
    assert [line[:3] for line in replies.splitlines()] == ["250", "250", "452", "354", "250"]
    found, replies = say(session, b"XYZ\r\nXYZ\r\nXYZ\r\n")
    assert kinds(found) == ["Closed"] and "421" in replies


# ---------------------------------------------------------------- the client


def test_both_sides_back_to_back():
    server = smtp.ServerSession(OPEN.replace(offer_starttls=True))
    client = smtp.ClientSession(smtp.ClientOptions(hello_name="client.example", tls="required", user="ada", password="secret"))
    of_client, of_server = converse(client, server)
    assert kinds(of_client) == ["StartTls", "Ready"]
    assert client.tls and server.tls and server.authenticated
    found = client.capabilities
    assert found.pipelining and found.max_octets == 52_428_800 and "PLAIN" in found.mechanisms
    client.begin(ADA, [BOB, "eve@example.org"])
    of_client, of_server = converse(
        client, server, answer=lambda event: "550 5.1.1 nobody" if event == smtp.Rcpt(forward_path=EVE) else None
    )
    assert kinds(of_client) == ["RecipientReply", "RecipientReply", "SendContent", "MessageDone"]
    assert of_client[1] == smtp.RecipientReply(index=1, reply=smtp.Reply.parse("550 5.1.1 nobody"))
    assert of_client[3].reply.positive
    assert b"".join(e.octets for e in of_server if isinstance(e, smtp.Content)) == b"Subject: x\r\n\r\n.dots\r\n..\r\n"
    client.quit()
    of_client, of_server = converse(client, server)
    assert of_server[-1].orderly
    client.feed(b"221 bye\r\n")
    assert client.next_event().orderly


def test_what_comes_behind_the_reply_to_starttls_fails_the_session():
    for pieces in ([b"220 go\r\n250 evil\r\n"], [b"220 go\r\n", b"250 evil\r\n"]):
        client = smtp.ClientSession(smtp.ClientOptions(tls="required"))
        client.feed(b"220 mx\r\n250-mx\r\n250 STARTTLS\r\n")
        assert client.next_event() is None
        for piece in pieces:
            client.feed(piece)
        failed = client.next_event()
        assert isinstance(failed, smtp.Failed) and failed.local and "in the clear" in failed.reason.text
        assert isinstance(client.next_event(), smtp.Closed)


def test_a_client_says_what_failed():
    client = smtp.ClientSession(smtp.ClientOptions(tls="required"))
    client.feed(b"220 mx\r\n250 mx\r\n")
    failed = client.next_event()
    assert failed.local and failed.reason.enhanced == "4.7.10" and not failed.sent_final_dot
    client = smtp.ClientSession()
    client.feed(b"554 no\r\n")
    assert client.next_event().reason == smtp.Reply(code=554, text="no")
    client = smtp.ClientSession()
    client.feed(b"not a reply\r\n")
    assert "not a reply" in client.next_event().reason.text
    clock = Clock()
    client = smtp.ClientSession(smtp.ClientOptions(greeting_timeout=3), clock=clock)
    clock.now = client.next_deadline
    client.on_time()
    assert client.next_event().reason.enhanced == "4.4.2"


def test_a_message_that_the_server_cannot_take():
    client = smtp.ClientSession(smtp.ClientOptions(tls="off"))
    client.feed(b"220 mx\r\n250 mx\r\n")
    assert isinstance(client.next_event(), smtp.Ready)
    client.output()
    client.begin(None, [BOB], body="8BITMIME")
    done = client.next_event()
    assert isinstance(done, smtp.MessageDone) and done.reply.code == 0 and done.reply.enhanced == "5.6.3"
    assert client.output() == b""


def test_a_client_in_a_wrong_state():
    client = smtp.ClientSession()
    with pytest.raises(sendconn.StateError):
        client.begin(ADA, [BOB])
    client.feed(b"220 mx\r\n250 mx\r\n")
    client.next_event()
    with pytest.raises(sendconn.InputError):
        client.begin(ADA, [])
    with pytest.raises(sendconn.MalformedError):
        client.begin("no address", [BOB])
    with pytest.raises(TypeError):
        client.begin(ADA, ["bob@example.org"], smtputf8=1)
    client.content(b"ignored")
    client.end_content()
    client.output()
    client.begin(ADA, [BOB])
    client.input_closed()
    assert isinstance(client.next_event(), smtp.Failed)


def test_lmtp_settles_each_recipient_at_the_end():
    client = smtp.ClientSession(smtp.ClientOptions(lmtp=True, tls="off"))
    client.feed(b"220 mx\r\n250-mx\r\n250 PIPELINING\r\n")
    client.next_event()
    assert client.output().startswith(b"LHLO ")
    client.begin(ADA, [BOB, EVE])
    client.feed(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    assert kinds(itertools.islice(iter(client.next_event, None), 3)) == ["RecipientReply", "RecipientReply", "SendContent"]
    client.end_content()
    client.feed(b"250 ok\r\n552 5.2.2 full\r\n")
    assert [event.reply.code for event in iter(client.next_event, None)] == [250, 552, 250]


# ---------------------------------------------------------------- values


def test_replies():
    reply = smtp.Reply.parse("550 5.1.1 nobody here")
    assert reply == smtp.Reply(code=550, enhanced="5.1.1", text="nobody here")
    assert reply.permanent and not reply.temporary and not reply.positive and str(reply) == "550 5.1.1 nobody here"
    assert smtp.Reply.parse("250") == smtp.Reply(code=250)
    assert smtp.Reply.parse("250 2.0 x").text == "2.0 x"
    for wrong in ("", "25", "abc", "250-x", "199 x", "600 x", "2500 x"):
        with pytest.raises(sendconn.InputError):
            smtp.Reply.parse(wrong)
    session = greeted()
    session.feed(b"NOOP\r\nMAIL FROM:<>\r\n")
    session.next_event()
    for wrong in (smtp.Reply(code=7), smtp.Reply(code=10**9), smtp.Reply(code=250, enhanced="x"), 250, None, b"250 ok"):
        with pytest.raises((sendconn.Error, TypeError, ValueError)):
            session.reply(wrong)
    session.reply("250 forged\r\n250 line")
    session.next_event()
    assert session.output().count(b"\r\n250 line") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"hostname": 7}, {"max_recipients": -1}, {"max_recipients": "x"}, {"require_tls": 1}, {"mechanisms": ["XX"]},
        {"mechanisms": "PLAIN"}, {"bare_newlines": "x"}, {"postmaster_domain": ".."}, {"command_timeout": 0.5},
        {"command_timeout": 10**12},
    ],
)  # fmt: skip
def test_wrong_options_are_refused(wrong):
    with pytest.raises((ValueError, TypeError)):
        smtp.ServerSession(smtp.ServerOptions(**wrong))


def test_options_show_no_password():
    options = smtp.ClientOptions(user="ada", password="hush")
    assert "hush" not in repr(options) and options.replace(lmtp=True).password == "hush"


def test_a_certificate_of_ones_own(tmp_path):
    import ssl

    certificate, key = smtp.make_self_signed("localhost", days=1)
    (tmp_path / "both.pem").write_text(certificate + key)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "both.pem")
    with pytest.raises(sendconn.InputError):
        smtp.make_self_signed("localhost", days=0)

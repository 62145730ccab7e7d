"""What mime::compose makes, read back by Python's email package: everything that went in must come out, without defects."""

import base64
import email
import email.policy
import random
import re
import subprocess
from email.header import decode_header, make_header
from email.utils import getaddresses

import pytest

from harness.relay import BUILD

TOOL = BUILD / "tests" / "mime" / "mime-tool"
SECONDS = 60
# Without max_line_length's effects on reading; with headers as objects.
POLICY = email.policy.SMTPUTF8

ADA = ("Ada", "ada@example.org")
BOB = ("", "bob@example.net")

NAMES = [
    "", "Ada", "Ada Lovelace", "Lovelace, Ada", 'Ada "the Countess" Lovelace', "back\\slash", "ada@bank.example",
    "<ada@bank.example>", "=?utf-8?q?impostor?=", "(comment)", "a;b:c,d", "Müller", "Groß, Jürgen", "山田太郎",
    "Ευγενία Παπαδοπούλου", "\u202eevil\u202c", "محمد", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "x" * 300,
    "ä" * 300, " leading", "trailing ", "two  spaces", "a.b", "'single'", "e\u0301", "'; DROP TABLE", "\u2028line",
]
SUBJECTS = [
    "", "Hello", "Grüße aus Köln", "x" * 1000, "ä" * 1000, "wörd " * 200, "word " * 200, " ends ", "a  b   c", "a\tb",
    "=?utf-8?b?SGVsbG8=?=", "a =?utf-8?q?b?= c", "ä =?utf-8?q?b?= ö", "ä ö", "ä b ö", "\U0001F600" * 100,
    "עברית ואנגלית English", "a" * 74 + " " + "b" * 75 + " " + "c" * 76 + " " + "d" * 77, "ä " * 300, "?=", "=?", "_ =20",
    " " * 100, "a" + " " * 100 + "b", "Re: " * 250,
]
TEXTS = [
    "", "\n", "Hello", "Hello\n", "a\n\n\nb\n", ".\n..\n.x\n", "From me\n>From you\n", "ends in space \nand tab\t\n",
    "x" * 5000, "Grüße\n" * 100, "Привет\n" * 100, "\U0001F600 \n" * 50, "=3D =\n", "a\x0bb\x0cc\x1b[31m\x7f\n",
    "--=_a_30313233343536373839616263646566--\n", "tab\there\n", "\u2028\u2029\u0085\n",
    "שלום עולם\n", "a" * 76 + "\n" + "b" * 77 + "\n" + "c" * 78 + "\n" + "ü" * 38 + "\n",
]
FILES = [
    "a.txt", "with space.txt", 'quote".txt', "semi;colon.txt", "Übersicht für März.pdf", "報告書.docx", "\U0001F4C4.bin",
    "n" * 250 + ".txt", "ä" * 120 + ".txt", "no extension", ".hidden", "=?utf-8?q?x?=.txt", "%41.txt", "'quoted'.txt",
    "a'b'c.txt", "\u202egpj.exe", "comma,colon:.txt", "*star*.txt", "multiple.dots.tar.gz", "back`tick$(id).sh",
]


def record(key, value=b""):
    value = value.encode() if isinstance(value, str) else value
    return b"%s %d\n%s\n" % (key.encode(), len(value), value)


def mailbox(key, person):
    return record(key, "\0".join(person))


def attach(name, content, kind="", content_id=""):
    return record("attach", b"\0".join([name.encode(), kind.encode(), content_id.encode(), content]))


def compose(*records, people=True):
    words = [mailbox("from", ADA), mailbox("to", BOB)] if people else []
    run = subprocess.run([TOOL], input=b"".join([*words, *records]), capture_output=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def read(octets):
    """The parsed message; its form is checked on the way."""
    assert octets.endswith(b"\r\n")
    for line in octets.split(b"\r\n"):
        assert len(line) <= 998 and b"\r" not in line and b"\n" not in line and b"\0" not in line
    message = email.message_from_bytes(octets, policy=POLICY)
    for part in message.walk():
        assert not part.defects, part.defects
        for name, value in part.items():
            assert not value.defects, (name, value.defects)
    return message


def people_of(octets, field):
    """(name, address) of each. Not by the header as an object: Python 3.11 keeps the white space between the encoded
    words of a phrase, which RFC 2047 section 6.2 says to drop."""
    raw = email.message_from_bytes(octets, policy=email.policy.compat32)[field]
    return [(str(make_header(decode_header(name))), address) for name, address in getaddresses([re.sub("\r\n", "", raw)])]


def lines(text):
    """As a message holds them: each line ended."""
    text = re.sub("\r\n|\r|\n", "\n", text)
    return text if not text or text.endswith("\n") else text + "\n"


def text_of(part):
    return part.get_payload(decode=True).decode().replace("\r\n", "\n")


def short(value):
    return ascii(value)[:60]


@pytest.mark.parametrize("name", NAMES, ids=short)
def test_a_name_comes_back(name):
    octets = compose(mailbox("from", (name, "ada@example.org")), mailbox("to", (name, "bob@example.net")),
                     mailbox("to", BOB), mailbox("cc", (name, "carl@example.net")), people=False)
    message = read(octets)
    assert people_of(octets, "From") == [(name, "ada@example.org")]
    assert people_of(octets, "To") == [(name, "bob@example.net"), BOB] and people_of(octets, "Cc") == [(name, "carl@example.net")]
    assert [one.addr_spec for one in message["To"].addresses] == ["bob@example.net", BOB[1]]
    if len(name) < 40:
        assert message["Cc"].addresses[0].display_name == name
    assert max(map(len, octets.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("subject", SUBJECTS, ids=short)
def test_a_subject_comes_back(subject):
    octets = compose(record("subject", subject))
    message = read(octets)
    assert (message["Subject"] or "") == subject
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    for word in re.findall(rb"=\?utf-8\?[bq]\?.*?\?=", octets):
        assert len(word) <= 75
        decode_header(word.decode())[0][0].decode()  # whole characters in each


@pytest.mark.parametrize("text", TEXTS, ids=short)
@pytest.mark.parametrize("eight_bit", [False, True])
def test_text_comes_back(text, eight_bit):
    extra = [record("eight-bit")] if eight_bit else []
    octets = compose(record("text", text), *extra)
    message = read(octets)
    assert message.get_content_type() == "text/plain" and text_of(message) == lines(text)
    assert octets.isascii() or eight_bit
    octets = compose(record("text", text), record("html", "<p>" + text), attach("x", text.encode()), *extra)
    message = read(octets)
    assert message.get_content_type() == "multipart/mixed"
    html = message.get_body(("html",))
    assert text_of(html) == lines("<p>" + text)
    if text:
        assert text_of(message.get_body(("plain",))) == lines(text)
    (attachment,) = message.iter_attachments()
    assert attachment.get_payload(decode=True) == text.encode(), "an attachment is not changed by an octet"


@pytest.mark.parametrize("name", FILES, ids=short)
def test_a_file_name_comes_back(name):
    octets = compose(record("text", "see there\n"), attach(name, b"\0\xff", "application/x-test"))
    (attachment,) = read(octets).iter_attachments()
    assert attachment.get_filename() == name
    assert attachment.get_content_type() == "application/x-test" and attachment.get_content() == b"\0\xff"
    # What a reader without RFC 2231 sees: ASCII, the extension where there is one, nothing that ends the string.
    fallback = attachment["Content-Type"].params["name"]
    assert fallback.isascii() and '"' not in fallback
    assert "." not in name[-5:] or fallback.endswith(re.sub(r"[^ -~]", "_", name[name.rindex("."):]))
    assert max(map(len, octets.split(b"\r\n"))) <= 78


def test_the_parts_stand_where_readers_look_for_them():
    message = read(compose(
        record("subject", "all of it"), record("text", "plain\n"), record("html", '<img src="cid:a.b@example.org">\n'),
        attach("logo.png", b"PNG", "image/png", "a.b@example.org"), attach("t.csv", b"1,2\n", "text/csv; charset=us-ascii"),
        attach("", b"raw"), mailbox("reply-to", ("Jörg", "j@example.org")), mailbox("sender", ("Office", "o@example.org")),
        record("field", "X-Campaign\0Frühling"), record("field", "List-Unsubscribe\0<https://example.org/u?a=b>"),
        mailbox("bcc", ("Eve", "eve@example.com")), record("message-id", "given.id@example.org")))
    assert text_of(message.get_body(("plain",))) == "plain\n"
    assert message.get_body(("related", "html")).get_content_type() == "multipart/related"
    html, logo = message.get_body(("related",)).iter_parts()
    assert html.get_content_type() == "text/html" and logo["Content-ID"] == "<a.b@example.org>"
    assert logo.get_content_disposition() == "inline" and logo.get_content() == b"PNG"
    table, raw = message.iter_attachments()
    assert table.get_content() == "1,2\n" and table.get_content_charset() == "us-ascii"
    assert raw.get_filename() is None and raw.get_content_type() == "application/octet-stream"
    assert message["X-Campaign"] == "Frühling" and message["List-Unsubscribe"] == "<https://example.org/u?a=b>"
    assert message["Sender"].address.display_name == "Office" and message["Reply-To"].addresses[0].display_name == "Jörg"
    assert message["Message-ID"] == "<given.id@example.org>" and "Bcc" not in message and "eve" not in str(message)
    assert message["Date"].datetime.timestamp() == 1764000000


def test_an_address_beyond_ascii_makes_the_header_utf8():
    octets = compose(mailbox("from", ("Jürgen", "jürgen@example.org")), mailbox("to", ("Δοκιμή", "δοκιμή@παράδειγμα.example")),
                     record("subject", ("Grüße " * 20).strip()), record("text", "Grüße\n"), attach("ä.txt", b"x"), people=False)
    assert b"=?" not in octets and max(map(len, octets.split(b"\r\n"))) <= 78
    # From text: Python's reader of octets takes no UTF-8 in headers (RFC 6532).
    message = email.message_from_string(octets.decode(), policy=POLICY)
    assert message["From"].addresses[0].addr_spec == "jürgen@example.org"
    assert message["To"].addresses[0].username == "δοκιμή" and message["To"].addresses[0].domain.startswith("xn--")
    assert message["To"].addresses[0].display_name == "Δοκιμή" and message["Subject"] == ("Grüße " * 20).strip()
    body, attachment = message.iter_parts()
    assert body["Content-Transfer-Encoding"] == "8bit" and body.get_payload() == "Grüße\r\n"
    assert attachment.get_filename() == "ä.txt"


def test_a_message_inside_is_a_message():
    inner = compose(record("subject", "inner"), record("text", "inside\n"), attach("x", b"y"))
    message = read(compose(record("text", "forwarded\n"), attach("inner.eml", inner, "message/rfc822")))
    (attachment,) = message.iter_attachments()
    assert attachment.get_content_type() == "message/rfc822" and attachment.get_content()["Subject"] == "inner"


def test_anything_comes_back():
    """Random text of every script and every hostile character, many rounds from one seed."""
    rng = random.Random(5322)
    pieces = [" ", "  ", "a", "word", "=?", "?=", "=?utf-8?q?x?=", '"', "\\", ",", ";", ":", "<", ">", "@", "(", ")", "ä", "ß",
              "я", "中", "\U0001F600", "\u202e", "\u0301", ".", "_", "=", "%", "*", "'", "x" * 80]

    def text(most):
        return "".join(rng.choice(pieces) for _ in range(rng.randrange(most)))

    for _ in range(150):
        subject, name, body, file = text(60), text(20), text(200), text(30).replace("\\", "")[:60] or "x"
        octets = compose(mailbox("from", (name, "a@example.org")), mailbox("to", BOB), record("subject", subject),
                         record("text", body), record("field", "X-Text\0" + subject), attach(file, body.encode()),
                         people=False)
        message = read(octets)
        assert (message["Subject"] or "") == subject
        assert people_of(octets, "From") == [(name, "a@example.org")]
        assert text_of(message.get_body(("plain",))) == lines(body)
        (attachment,) = message.iter_attachments()
        assert attachment.get_filename() == file.strip() and attachment.get_payload(decode=True) == body.encode()
        assert message["X-Text"] == subject.strip(" ")


def test_a_large_attachment_arrives_whole():
    content = random.Random(25).randbytes(5_000_000)
    (attachment,) = read(compose(attach("large.bin", content))).iter_attachments()
    assert attachment.get_content() == content
    assert base64.b64encode(content)[:57] in compose(attach("large.bin", content))


@pytest.mark.parametrize("records", [
    [record("subject", "x\r\nBcc: eve@example.com")], [record("subject", b"a\0b")], [record("text", b"a\0b")],
    [record("field", "X-A\0b\nBcc: eve@example.com")], [record("field", "Bcc\0eve@example.com")], [attach("a/b", b"")],
    [mailbox("to", ("x\r\ny", "eve@example.com"))], [record("subject", b"\xff")]], ids=short)
def test_what_would_add_a_field_is_refused(records):
    words = [mailbox("from", ADA), *records]
    run = subprocess.run([TOOL], input=b"".join(words), capture_output=True, timeout=SECONDS, check=False)
    assert run.returncode == 1 and not run.stdout and run.stderr.count(b"\n") == 1

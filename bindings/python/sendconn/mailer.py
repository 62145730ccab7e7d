"""For an application that only sends: one server, a login, a signature, and what became of each recipient.

    mailer = sendconn.Mailer("mail.example.org", user="shop@example.org", password=password)
    report = mailer.send(message)                       # an email.message.EmailMessage
    if not report.all_accepted: print(report)

It blocks, with a deadline on every wait. It looks up no MX records, keeps no queue and never tries again by itself.
What servers and the network say stands in the report; exceptions are for arguments that cannot be used.
"""

import email.utils
import os

from sendconn import _core
from sendconn._errors import InputError
from sendconn._message import octets
from sendconn._value import Value
from sendconn._word import Word
from sendconn.smtp import Reply, Tls

__all__ = ["Fate", "Mailer", "RecipientReport", "Reply", "Report", "Stage", "Tls"]


class Fate(Word):
    """temporary: the same may succeed later. permanent: message, address or options must change first."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"


class Stage(Word):
    """Where a session failed."""

    NONE = "none"
    LOOKUP = "lookup"
    CONNECT = "connect"
    TLS = "tls"
    GREETING = "greeting"
    LOGIN = "login"
    MESSAGE = "message"
    CANCELLED = "cancelled"


class RecipientReport(Value):
    __slots__ = ("recipient", "fate", "reply")


class Report(Value):
    """What became of one message. may_have_arrived: the connection was lost before the last reply, so that sending again
    may deliver it twice. tls: "TLSv1.3", or empty."""

    __slots__ = ("recipients", "reply", "failed_at", "may_have_arrived", "tls")

    @property
    def all_accepted(self):
        return all(one.fate is Fate.ACCEPTED for one in self.recipients)


#: Where systems keep their authorities, for a copy of OpenSSL that came with the package and does not know.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def _authorities():
    """The file that Python's ssl would take, the environment's SSL_CERT_FILE included."""
    import ssl

    chosen = ssl.get_default_verify_paths().cafile
    for file in (chosen, *_BUNDLES):
        if file and os.path.exists(file):
            return file
    return ""


class Mailer:
    """One send() at a time; several Mailers work side by side.

    tls: a Tls. verify: the certificate must be good for `host`; opportunistic TLS takes any, unless there is a login.
    authorities_file: PEM; None: as Python's ssl finds them.
    user, password: none: the server knows this machine by its address. login_without_tls: the password may go to this
    machine itself, or by SCRAM, without TLS. signatures: what every message is signed with (dkim.Signature). keep_open:
    seconds that an unused connection stays open for the next message. The timeouts are whole seconds.
    """

    def __init__(
        self,
        host,
        port=0,
        *,
        tls=Tls.REQUIRED,
        user=None,
        password="",
        login_without_tls=False,
        verify=True,
        authorities_file=None,
        cleartext_beyond_loopback=False,
        hello_name="",
        signatures=(),
        fields=None,
        keep_open=0,
        max_messages=100,
        connect_timeout=30,
        command_timeout=300,
        data_timeout=180,
        message_timeout=600,
        send_timeout=3600,
        dns_servers=(),
        max_message_octets=52_428_800,
        max_recipients=1000,
    ):
        if password and user is None:
            raise InputError("a password needs its user")
        if authorities_file is None:
            authorities_file = _authorities() if str(tls) != "off" and verify is True else ""
        self._mailer = _core.Mailer(
            {
                "host": host,
                "port": port,
                "tls": tls,
                "user": user,
                "password": password,
                "login_without_tls": login_without_tls,
                "verify": verify,
                "authorities_file": os.fspath(authorities_file),
                "cleartext_beyond_loopback": cleartext_beyond_loopback,
                "hello_name": hello_name,
                "signatures": signatures,
                "fields": fields,
                "keep_open": keep_open,
                "max_messages": max_messages,
                "connect_timeout": connect_timeout,
                "command_timeout": command_timeout,
                "data_timeout": data_timeout,
                "message_timeout": message_timeout,
                "send_timeout": send_timeout,
                "dns_servers": dns_servers,
                "max_message_octets": max_message_octets,
                "max_recipients": max_recipients,
            }
        )
        self._host = host

    def send(self, message, *, sender=None, recipients=None, on_progress=None, is_cancelled=None, on_trace=None):
        """Sends a message and returns the Report.

        message: an EmailMessage, whose fields say who sends and who receives (those that begin with Resent-, if there
        are any), and whose Bcc nobody sees; or bytes or a binary file, which need `sender` and `recipients`. sender: an
        address, or "" for the null reverse-path.
        on_progress: called with the octets that left and all of them. is_cancelled: asked again and again; True ends
        it. on_trace: called with lines for a log. What they raise comes out of send().
        """
        message, sender, recipients = _envelope(message, sender, recipients)
        return self._mailer.send(message, sender, recipients, on_progress, is_cancelled, on_trace)

    async def send_async(self, message, *, sender=None, recipients=None, on_progress=None, on_trace=None):
        """send() in a thread; cancelling the task ends the session. The callbacks run in that thread."""
        import asyncio

        message, sender, recipients = _envelope(message, sender, recipients)
        cancelled = []
        work = asyncio.ensure_future(
            asyncio.to_thread(
                self._mailer.send, message, sender, recipients, on_progress, lambda: bool(cancelled), on_trace
            )
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.append(True)
            await asyncio.wait([work])
            raise

    def close(self):
        """Ends a connection that was kept open."""
        self._mailer.close()

    @property
    def is_open(self):
        """A connection is kept for the next message; it may be lost already."""
        return self._mailer.is_open

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __repr__(self):
        return f"Mailer({self._host!r})"


def _addresses(message, *names):
    values = [str(value) for name in names for value in message.get_all(name, ())]
    return list(dict.fromkeys(address for _, address in email.utils.getaddresses(values) if address))


_RESENT = ("Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc")


def _block(message):
    """What stands in front of the names of the fields that count: those of a message that is sent on are the newest
    (RFC 5322 section 3.6.6)."""
    if not any(name in message for name in _RESENT):
        return ""
    if any(len(message.get_all(name, ())) > 1 for name in _RESENT):
        raise InputError("the message was resent more than once: say sender and recipients")
    return "Resent-"


def _envelope(message, sender, recipients):
    """Octets, reverse-path or None, and recipients."""
    if hasattr(message, "get_all"):
        block = _block(message) if sender is None or recipients is None else ""
        if sender is None:
            found = _addresses(message, block + "Sender") or _addresses(message, block + "From")
            if not found:
                raise InputError(f"the message has neither {block}Sender nor {block}From: say the sender")
            sender = found[0]
        if recipients is None:
            recipients = _addresses(message, block + "To", block + "Cc", block + "Bcc")
        if "Bcc" in message or "Resent-Bcc" in message:
            import copy

            message = copy.copy(message)  # the fields alone: deleting one leaves the original whole
            del message["Bcc"]
            del message["Resent-Bcc"]
    if sender is None or recipients is None:
        raise TypeError("send() needs sender and recipients, or an EmailMessage that has them")
    if isinstance(recipients, str):
        recipients = [recipients]
    return octets(message), sender or None, recipients

"""What a message proves about its origin: SPF, every DKIM signature, and DMARC over both, as its receiver needs it."""

from sendconn import _core
from sendconn._drive import drive
from sendconn._message import octets, pieces
from sendconn._value import Value
from sendconn.authres import format as format_authres
from sendconn.dns import resolver_or_default

__all__ = ["Check", "Results", "authenticate", "authenticate_async"]


class Results(Value):
    """What was found. spf: of the reverse-path. helo: of the HELO name; None with a null reverse-path, where spf says
    it. dkim: a tuple of SignatureResult. authors: the domains of From. problem: why the message could not be read.
    dmarc: of the author that decides. authres: all of it as Authentication-Results."""

    __slots__ = ("spf", "helo", "null_sender", "dkim", "authors", "problem", "dmarc", "dmarc_checks", "authres")

    def field(self, authserv_id=None):
        """The whole field Authentication-Results as bytes, in the name of `authserv_id`, or of the one that the check
        was given."""
        return format_authres(self.authres if authserv_id is None else self.authres.replace(id=authserv_id))


class Check(_core.AuthenticationCheck):
    """The check without I/O: feed the message in pieces, call finish(), answer the questions."""

    def __init__(
        self,
        *,
        ip,
        helo="",
        mail_from="",
        now=None,
        spf=None,
        dkim=None,
        keys=None,
        several_authors="refuse",
        max_authors=5,
        authserv_id=None,
    ):
        super().__init__(ip, helo, mail_from, now, spf, dkim, keys, several_authors, max_authors)
        self._authserv_id = authserv_id

    @property
    def result(self):
        """The Results, once done."""
        return self.results(self._authserv_id)


def authenticate(
    message,
    *,
    ip,
    helo="",
    mail_from="",
    resolver=None,
    authserv_id=None,
    now=None,
    spf=None,
    dkim=None,
    keys=None,
    several_authors="refuse",
    max_authors=5,
):
    """SPF, DKIM and DMARC of a whole message; returns Results, and never refuses a message.

    ip, helo, mail_from: the client and its envelope. authserv_id: our own name for Authentication-Results. spf: an
    spf.Options. dkim: a dkim.VerifyPolicy. keys: a dkim.KeyCache. several_authors: a dmarc.SeveralAuthors.
    """
    options = (now, spf, dkim, keys, several_authors, max_authors)
    return _core.authenticate(
        message if type(message) is bytes else octets(message),
        ip,
        helo,
        mail_from,
        resolver_or_default(resolver),
        authserv_id,
        *options,
    )


async def authenticate_async(
    message,
    *,
    ip,
    helo="",
    mail_from="",
    resolver=None,
    authserv_id=None,
    now=None,
    spf=None,
    dkim=None,
    keys=None,
    several_authors="refuse",
    max_authors=5,
):
    """authenticate() in asyncio; the resolver may be a coroutine function."""
    machine = _core.AuthenticationCheck(ip, helo, mail_from, now, spf, dkim, keys, several_authors, max_authors)
    for piece in pieces(message):
        machine.update(piece)
    machine.finish()
    await drive(machine, resolver_or_default(resolver))
    return machine.results(authserv_id)

"""Real mail clients, each behind the same two verbs: send a message, and say what the server answered.

They connect to 127.0.0.1, take "relay.example" for the server's name in TLS, and check its certificate against the
test authority.
"""

import os
import re
import shutil
import smtplib
import ssl
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import exim, postfix
from .process import free_port, wait_until

SERVER_NAME = "relay.example"
SECONDS = 60


@dataclass
class Submission:
    """Where and how to send; the defaults are what an ordinary client does."""

    port: int
    authorities: Path
    folder: Path  # for the client's files
    user: str = ""  # empty: no AUTH
    password: str = ""
    mechanism: str = "PLAIN"
    tls: str = "starttls"  # or "implicit", "none"
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    server_name: str = SERVER_NAME


@dataclass(frozen=True)
class Outcome:
    """Whether the client took the message for sent, and all it printed: the server's replies among it."""

    sent: bool
    said: str

    def has_reply(self, code: int, enhanced: str) -> bool:
        """Whether the server's reply is in what was printed: "550 5.7.1", also as "550-5.7.1"."""
        return re.search(rf"\b{code}[ -]{re.escape(enhanced)}\b", self.said) is not None


class Client:
    name = ""
    mechanisms: tuple[str, ...] = ()
    modes: tuple[str, ...] = ("starttls", "implicit")

    def missing(self) -> str:
        return "" if shutil.which(self.name) else f"{self.name} is not installed"

    def send(self, job: Submission, message: bytes) -> Outcome:
        """`message` has CRLF line ends."""
        raise NotImplementedError

    def _run(self, words, *, stdin: bytes = b"", env: dict | None = None) -> Outcome:
        run = subprocess.run(
            [str(word) for word in words],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            env={**os.environ, **(env or {})},
        )
        return Outcome(run.returncode == 0, run.stdout.decode(errors="replace"))


class Swaks(Client):
    name = "swaks"
    mechanisms = ("PLAIN", "LOGIN")

    def send(self, job, message):
        file = job.folder / "message.eml"
        file.write_bytes(message.removesuffix(b"\r\n"))  # it ends the last line itself
        words = ["swaks", "--server", "127.0.0.1", "--port", job.port, "--helo", "client.example"]
        words += ["--from", job.sender or "<>", "--to", ",".join(job.recipients), "--data", f"@{file}"]
        if job.tls == "starttls":
            words += ["--tls"]
        elif job.tls == "implicit":
            words += ["--tls-on-connect"]
        if job.tls != "none":
            words += ["--tls-verify", "--tls-ca-path", job.authorities]
        if job.user:
            words += ["--auth", job.mechanism, "--auth-user", job.user, "--auth-password", job.password]
        return self._run(words)


class Curl(Client):
    name = "curl"
    mechanisms = ("PLAIN", "LOGIN")

    def send(self, job, message):
        scheme = "smtps" if job.tls == "implicit" else "smtp"
        words = ["curl", "-sSv", "--url", f"{scheme}://{SERVER_NAME}:{job.port}/client.example"]
        words += ["--resolve", f"{SERVER_NAME}:{job.port}:127.0.0.1", "--cacert", job.authorities]
        words += ["--mail-from", f"<{job.sender}>", "--upload-file", "-"]
        for recipient in job.recipients:
            words += ["--mail-rcpt", recipient]
        if job.tls == "starttls":
            words.append("--ssl-reqd")
        if job.user:
            words += ["--user", f"{job.user}:{job.password}", "--login-options", f"AUTH={job.mechanism}"]
        return self._run(words, stdin=message)


class Msmtp(Client):
    name = "msmtp"
    mechanisms = ("PLAIN", "LOGIN", "SCRAM-SHA-256")

    def send(self, job, message):
        config = job.folder / "msmtprc"
        secret = job.folder / "msmtp-password"
        secret.write_text(job.password + "\n")
        lines = ["account default", "host 127.0.0.1", f"port {job.port}", "domain client.example"]
        lines += [f"from {job.sender}" if job.sender else "from <>", "protocol smtp"]
        if job.tls == "none":
            lines.append("tls off")
        else:
            lines += ["tls on", f"tls_starttls {'on' if job.tls == 'starttls' else 'off'}"]
            lines += [f"tls_trust_file {job.authorities}", f"tls_host_override {SERVER_NAME}"]
        if job.user:
            lines += [f"auth {job.mechanism.lower()}", f"user {job.user}", f"passwordeval cat {secret}"]
        else:
            lines.append("auth off")
        config.write_text("\n".join(lines) + "\n")
        config.chmod(0o600)
        # It takes lines as Unix has them.
        return self._run(
            ["msmtp", "-C", config, "--debug", "-f", job.sender, "--", *job.recipients],
            stdin=message.replace(b"\r\n", b"\n"),
        )


class Smtplib(Client):
    """Python's own."""

    name = "smtplib"
    mechanisms = ("PLAIN", "LOGIN")

    def missing(self):
        return ""

    def send(self, job, message):
        context = ssl.create_default_context(cafile=str(job.authorities))
        try:
            with self._connect(job, context) as client:
                client.ehlo("client.example")
                if job.tls == "starttls":
                    client.starttls(context=context)
                    client.ehlo("client.example")
                if job.user:
                    client.user, client.password = job.user, job.password
                    client.auth(job.mechanism, getattr(client, f"auth_{job.mechanism.lower()}"))
                refused = client.sendmail(job.sender, job.recipients, message, mail_options=())
                return Outcome(not refused, "\n".join(_shown(reply) for reply in refused.values()))
        except smtplib.SMTPRecipientsRefused as error:
            return Outcome(False, "\n".join(_shown(reply) for reply in error.recipients.values()))
        except smtplib.SMTPResponseException as error:
            return Outcome(False, _shown((error.smtp_code, error.smtp_error)))
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(False, repr(error))

    @staticmethod
    def _connect(job, context):
        if job.tls == "implicit":
            client = _ImplicitTls(context=context, timeout=SECONDS)
        else:
            client = smtplib.SMTP(timeout=SECONDS)
        # What the certificate is checked against; it is otherwise the name that was connected to.
        client._host = SERVER_NAME
        client.connect("127.0.0.1", job.port)
        return client


class _ImplicitTls(smtplib.SMTP_SSL):
    def _get_socket(self, host, port, timeout):
        plain = smtplib.SMTP._get_socket(self, host, port, timeout)
        return self.context.wrap_socket(plain, server_hostname=SERVER_NAME)


def _shown(reply) -> str:
    code, text = reply
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"


def gsasl_login(job: Submission) -> Outcome:
    """Logs in with GNU SASL and leaves again: it sends no mail."""
    words = ["gsasl", "--smtp", "--connect", f"127.0.0.1:{job.port}", "--mechanism", job.mechanism]
    words += ["--authentication-id", job.user, "--password", job.password, "--verbose", "--no-cb"]
    words += ["--x509-ca-file", job.authorities] if job.tls == "starttls" else ["--no-starttls"]
    return Client()._run(words, stdin=b"\n")


class _Smarthost(Client):
    """A mail server that has the relay for its smarthost: what the relay answered stands in its log."""

    mechanisms = ("PLAIN", "LOGIN")
    module = None
    settled = ""  # a line of the log that says what became of a recipient
    good = ""

    def missing(self):
        return self.module.missing()

    def send(self, job, message):
        port = free_port()
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name.lower()}-", dir=job.folder))
        with self.module.smarthost_client(folder, port, job) as server:
            with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as client:
                client.ehlo("client.example")
                client.sendmail(job.sender, job.recipients, message, mail_options=self._options(client, message))
            wait_until(
                lambda: len(re.findall(self.settled, server.log_text())) >= len(job.recipients),
                f"what became of the message in {self.name}'s log",
                SECONDS,
            )
            log = server.log_text()
        return Outcome(len(re.findall(self.good, log)) >= len(job.recipients), log)

    @staticmethod
    def _options(client, message):
        return ["BODY=8BITMIME"] if any(octet > 127 for octet in message) and client.has_extn("8bitmime") else []


class Postfix(_Smarthost):
    name = "Postfix"
    mechanisms = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
    module = postfix
    settled = r"status=(sent|deferred|bounced)"
    good = r"status=sent"


class Exim(_Smarthost):
    name = "Exim"
    module = exim
    settled = r" (=>|->|==|\*\*) \S+@"
    good = r" (=>|->) \S+@"


CLIENTS: list[Client] = [Swaks(), Curl(), Smtplib(), Msmtp(), Postfix(), Exim()]

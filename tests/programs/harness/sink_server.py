"""The recipient's server, a program of its own: takes mail with aiosmtpd and keeps every message with its envelope.

Started by harness.sink.Sink. What it answers is read from behaviour.json in its folder at every command, so that a test
can change it while it runs: {"MAIL": "450 4.3.0 later", "RCPT": {"who@example.com": "550 5.1.1 nobody"},
"DATA": "451 4.3.0 later", "delay": seconds before the reply to the final dot}.
"""

import argparse
import asyncio
import itertools
import json
import os
import ssl
import sys
import warnings
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

warnings.simplefilter("ignore")  # aiosmtpd's own: AUTH without TLS is what some tests want


class Handler:
    def __init__(self, folder: Path, eight_bit: bool):
        self.folder = folder
        self.eight_bit = eight_bit
        self.numbers = itertools.count(1)

    def behaviour(self) -> dict:
        try:
            return json.loads((self.folder / "behaviour.json").read_text())
        except FileNotFoundError:
            return {}

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if not self.eight_bit:
            responses = [line for line in responses if "8BITMIME" not in line]
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        reply = self.behaviour().get("MAIL")
        if not reply:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply or "250 2.1.0 Sender is fine"

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = self.behaviour().get("RCPT", {}).get(address)
        if not reply:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply or "250 2.1.5 Recipient is fine"

    async def handle_DATA(self, server, session, envelope):
        behaviour = self.behaviour()
        if behaviour.get("delay"):
            await asyncio.sleep(behaviour["delay"])
        if behaviour.get("DATA"):
            return behaviour["DATA"]
        number = next(self.numbers)
        self.keep(number, session, envelope)
        return f"250 2.0.0 Kept as {number}"

    def keep(self, number: int, session, envelope):
        tls = session.ssl
        described = {
            "number": number,
            "reverse_path": "" if envelope.mail_from in (None, "<>") else envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "mail_options": envelope.mail_options,
            "hello": session.host_name,
            "user": session.auth_data.login.decode() if session.auth_data else "",
            "tls": tls.get("version", "yes") if isinstance(tls, dict) else ("yes" if tls else ""),
        }
        name = self.folder / f"{number:08d}"
        name.with_suffix(".eml").write_bytes(envelope.original_content)
        temporary = name.with_suffix(".tmp")
        temporary.write_text(json.dumps(described))
        os.rename(temporary, name.with_suffix(".json"))  # the message is there once this is


async def serve(options):
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
    handler = Handler(options.folder, not options.no_8bitmime)
    users = dict([options.login.split(":", 1)]) if options.login else {}

    def authenticate(server, session, envelope, mechanism, data):
        known = users.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=False, auth_data=data)

    def make():
        return SMTP(
            handler,
            hostname=options.name,
            enable_SMTPUTF8=not options.no_smtputf8,
            data_size_limit=options.size,
            tls_context=context if not options.implicit else None,
            require_starttls=options.require_tls and not options.implicit,
            authenticator=authenticate if users else None,
            auth_required=bool(users),
            auth_require_tls=context is not None and not options.implicit,
            timeout=600,
        )

    server = await asyncio.get_running_loop().create_server(
        make, options.address, options.port, ssl=context if options.implicit else None, backlog=512
    )
    async with server:
        await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="sink.example")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--implicit", action="store_true", help="TLS from the first octet")
    parser.add_argument("--require-tls", action="store_true")
    parser.add_argument("--login", help="user:password that every client must give")
    parser.add_argument("--no-8bitmime", action="store_true")
    parser.add_argument("--no-smtputf8", action="store_true")
    parser.add_argument("--size", type=int, default=104857600)
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()

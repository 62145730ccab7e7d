"""SMTP in asyncio: a server in a few lines, and a client.

    class Handler(aio.Handler):
        async def on_rcpt(self, peer, recipient):
            return None if recipient.domain == "example.org" else "550 5.7.1 not for us"

        async def on_message(self, peer, message):
            await store(message.octets)

    options = smtp.ServerOptions(hostname="mx.example.org", require_tls=False, require_auth=False)
    async with aio.Server(Handler(), port=2525, options=options) as server:
        await server.serve_forever()

    async with aio.Client("mail.example.org", user="shop@example.org", password=password) as client:
        report = await client.send(message)

Both are thin drivers of the sessions in sendconn.smtp, without threads.
"""

from sendconn._client import Client, send
from sendconn._server import Handler, Message, Peer, Server

__all__ = ["Client", "Handler", "Message", "Peer", "Server", "send"]

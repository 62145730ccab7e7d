"""Sends messages through server and client at once, in one process, and prints what memory they left behind.

    PYTHONPATH=build-test/bindings/python python3 bindings/python/tests/many_messages.py 5000

Prints "<messages> <octets that Python holds more> <octets of RSS more>": after the first half against after all.
"""

import asyncio
import gc
import os
import ssl
import sys
import tempfile
import tracemalloc
from pathlib import Path

from sendconn import aio, smtp

MESSAGE = b"From: ada@example.org\r\nSubject: x\r\n\r\n" + b"Line of a body of two kilobytes or so.\r\n" * 50
CLIENTS = 5  # at once
PER_CONNECTION = 25  # so that connections and handshakes come and go


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Counter(aio.Handler):
    def __init__(self):
        self.count = 0

    async def on_login(self, peer, user, password):
        await asyncio.sleep(0)
        return password == "secret"

    async def on_rcpt(self, peer, recipient):
        return "550 5.1.1 nobody" if recipient.local == "no" else None

    async def on_message(self, peer, message):
        assert message.octets == MESSAGE and message.user == "ada"
        self.count += 1


def contexts():
    chain, key = smtp.make_self_signed("localhost")
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder, "both.pem")
        both.touch(mode=0o600)
        both.write_text(chain + key)
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(both)
    return server, ssl.create_default_context(cadata=chain)


async def send_many(port, context, count):
    async with aio.Client(
        "localhost", port, ssl_context=context, user="ada", password="secret", max_messages=PER_CONNECTION
    ) as client:
        for number in range(count):
            report = await client.send(
                MESSAGE, sender="ada@example.org", recipients=["bob@example.net", "no@example.net"]
            )
            assert [one.fate for one in report.recipients] == ["accepted", "permanent"], report
            if number % 50 == 7:  # a task that is cancelled in the middle
                task = asyncio.ensure_future(client.send(MESSAGE, sender="", recipients=["no@example.net"]))
                await asyncio.sleep(0.001)
                task.cancel()
                await asyncio.wait([task])


def held():
    gc.collect()
    return tracemalloc.get_traced_memory()[0], resident()


async def main(total):
    server_context, client_context = contexts()
    counter = Counter()
    options = smtp.ServerOptions(hostname="mx.example.org")
    tracemalloc.start()
    async with aio.Server(counter, options=options, ssl_context=server_context) as server:

        async def run(count):
            share = count // CLIENTS
            await asyncio.gather(*(send_many(server.port, client_context, share) for _ in range(CLIENTS)))
            while server.connections:
                await asyncio.sleep(0.01)
            return held()

        before = await run(total // 2)
        after = await run(total - total // 2)
    print(counter.count, after[0] - before[0], after[1] - before[1])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

"""Clients for benchmarks, run as a program (-m relay_bench.clients), so that they share nothing with the relay but the
machine.

    hold PORT COUNT [--tls]        COUNT connections that have said EHLO and say nothing more
    pace PORT RATE SECONDS [--login USER PASSWORD] [--fresh]
                                   RATE messages a second; prints the latencies in seconds as JSON
    logins PORT MECHANISM COUNT USER PASSWORD
                                   COUNT logins by PLAIN, LOGIN or SCRAM-SHA-256, one after the other, each over a
                                   connection of its own; prints how long each took in seconds as JSON
    flood PORT COUNT [--mechanism NAME]
                                   COUNT connections that try wrong passwords as fast as they are answered

`hold` prints "ready" once all are connected, `flood` once all have tried; both end on SIGTERM, and `flood` prints the
number of its attempts.
Latency counts from the moment a message was due, not from when a busy client got round to it.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import ssl
import sys

from .load import RECIPIENT, SENDER

# The relay's accept queue is finite; more at once would measure the kernel's retries.
_CONNECTING_AT_ONCE = 64
_PACING_CONNECTIONS = 20
_BODY = ("x" * 78 + "\r\n") * 51  # 4 KB


def _unchecked_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Session:
    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None):
        session = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))
        await session.reply()
        await session.ask("EHLO client.example")
        return session

    async def reply(self) -> tuple[int, str]:
        while True:
            line = await self._reader.readline()
            if not line:
                raise ConnectionError("the relay closed the connection")
            if line[3:4] != b"-":
                return int(line[:3]), line[4:].decode().strip()

    async def ask(self, line: str, expected: int = 250) -> str:
        self._writer.write(line.encode() + b"\r\n")
        code, text = await self.reply()
        if code != expected:
            raise ConnectionError(f"{line}: {code} instead of {expected}")
        return text

    async def login(self, user: str, password: str, expected: int = 235, mechanism: str = "PLAIN"):
        if mechanism == "PLAIN":
            await self.ask("AUTH PLAIN " + _base64(f"\0{user}\0{password}"), expected)
        elif mechanism == "LOGIN":
            await self.ask("AUTH LOGIN", 334)
            await self.ask(_base64(user), 334)
            await self.ask(_base64(password), expected)
        else:
            await self._scram(user, password, expected)

    async def _scram(self, user: str, password: str, expected: int):
        """RFC 5802 and 7677. Whoever does not know the password saves himself the work and sends any proof."""
        first = f"n={user},r={secrets.token_hex(12)}"
        server_first = base64.b64decode(await self.ask("AUTH SCRAM-SHA-256 " + _base64("n,," + first), 334)).decode()
        given = dict(part.split("=", 1) for part in server_first.split(","))
        final = f"c={_base64('n,,')},r={given['r']}"
        proof = secrets.token_bytes(32)
        if expected == 235:
            salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"]))
            key = hmac.digest(salted, b"Client Key", "sha256")
            said = f"{first},{server_first},{final}".encode()
            mask = hmac.digest(hashlib.sha256(key).digest(), said, "sha256")
            proof = bytes(a ^ b for a, b in zip(key, mask, strict=True))
        final = _base64(f"{final},p={base64.b64encode(proof).decode()}")
        if expected == 235:
            await self.ask(final, 334)
            final = ""
        await self.ask(final, expected)

    async def send(self):
        await self.ask(f"MAIL FROM:<{SENDER}>")
        await self.ask(f"RCPT TO:<{RECIPIENT}>")
        await self.ask("DATA", 354)
        await self.ask(f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: paced\r\n\r\n{_BODY}.")

    def close(self):
        self._writer.close()


def _until_told() -> asyncio.Event:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    return told


async def hold(options):
    told = _until_told()
    tls = _unchecked_tls() if options.tls else None
    gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)

    async def connect():
        async with gate:
            return await Session.open(options.port, tls)

    sessions = await asyncio.gather(*(connect() for _ in range(options.count)))
    print("ready", flush=True)
    await told.wait()
    # All of them must still be there: a relay that dropped some would have had an easier time.
    gone = sum(1 for session in sessions if session._reader.at_eof())
    print(f"gone {gone}", flush=True)


async def pace(options):
    clock = asyncio.get_running_loop().time
    idle: asyncio.Queue = asyncio.Queue()
    latencies = []
    tls = _unchecked_tls() if options.tls else None

    async def fresh():
        session = await Session.open(options.port, tls)
        if options.login:
            await session.login(*options.login)
        return session

    async def one(due: float):
        session = await fresh() if options.fresh else await idle.get()
        await session.send()
        latencies.append(clock() - due)
        if options.fresh:
            session.close()
        else:
            idle.put_nowait(session)

    if not options.fresh:
        for _ in range(_PACING_CONNECTIONS):
            idle.put_nowait(await fresh())
    start, tasks = clock(), []
    for number in range(int(options.rate * options.seconds)):
        due = start + number / options.rate
        if due > clock():
            await asyncio.sleep(due - clock())
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    json.dump(sorted(latencies), sys.stdout)


async def logins(options):
    clock = asyncio.get_running_loop().time
    took = []
    for _ in range(options.count):
        session = await Session.open(options.port)
        start = clock()
        await session.login(options.user, options.password, 235, options.mechanism)
        took.append(clock() - start)
        session.close()
    json.dump(sorted(took), sys.stdout)


async def flood(options):
    # Real attackers compute on machines of their own: here they take what the relay and its senders leave.
    os.nice(10)
    told = _until_told()
    all_tried = asyncio.Event()
    attempts = 0

    async def attack(number: int):
        nonlocal attempts
        # Attackers are not in step: the relay's delay after a wrong password would keep them so for ever.
        await asyncio.sleep(number / options.count)
        while not told.is_set():
            try:
                session = await Session.open(options.port)
                while not told.is_set():
                    attempts += 1
                    # Another name and password every time, so that nothing is remembered.
                    await session.login(f"user{number}-{attempts}", f"wrong{attempts}", 535, options.mechanism)
                    if attempts > options.count:
                        all_tried.set()
            except (ConnectionError, OSError):
                pass  # thrown out after a few failures: come again

    tasks = [asyncio.create_task(attack(number)) for number in range(options.count)]
    await all_tried.wait()
    print("ready", flush=True)
    await told.wait()
    await asyncio.gather(*tasks)
    print(f"attempts {attempts}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    modes = parser.add_subparsers(required=True)
    for function in (hold, pace, logins, flood):
        mode = modes.add_parser(function.__name__)
        mode.set_defaults(run=function)
        mode.add_argument("port", type=int)
        if function is pace:
            mode.add_argument("rate", type=float)
            mode.add_argument("seconds", type=float)
            mode.add_argument("--login", nargs=2)
            mode.add_argument("--fresh", action="store_true", help="connect and log in anew for every message")
        elif function is logins:
            for name, kind in (("mechanism", str), ("count", int), ("user", str), ("password", str)):
                mode.add_argument(name, type=kind)
        else:
            mode.add_argument("count", type=int)
        if function is flood:
            mode.add_argument("--mechanism", default="PLAIN")
        mode.add_argument("--tls", action="store_true", help="from the first octet")
    options = parser.parse_args()
    asyncio.run(options.run(options))


if __name__ == "__main__":
    main()

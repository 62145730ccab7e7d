"""A recipient's server for many messages: notes when each came, keeps none. A program of its own.

    counting_sink.py PORT FILE

At each final dot it appends "TIME OPENED MESSAGE-ID" to FILE, before it replies 250; OPENED is when the connection was
made. Times are the system's monotonic clock in seconds, which other programs on the machine read alike.
"""

import asyncio
import re
import sys
import time

_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>]*)>", re.IGNORECASE | re.MULTILINE)
# The field stands in the header section, and relays put theirs in front: more than any of ours needs.
_HEAD_OCTETS = 65536


class Session(asyncio.Protocol):
    def __init__(self, notes):
        self.notes = notes
        self.buffer = b""
        self.head = None  # of the message that is coming in; None between messages

    def connection_made(self, transport):
        self.transport = transport
        self.opened = time.monotonic()
        transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data):
        self.buffer += data
        while self.take():
            pass

    def take(self) -> bool:
        """Consumes a line, or a piece of a message; whether there may be more."""
        if self.head is not None:
            return self.take_content()
        line, found, rest = self.buffer.partition(b"\r\n")
        if not found:
            return False
        self.buffer = rest
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.transport.write(b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
        elif verb == b"DATA":
            self.head = b""
            self.transport.write(b"354 Go ahead\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 Bye\r\n")
            self.transport.close()
            return False
        else:
            self.transport.write(b"250 OK\r\n")
        return True

    def take_content(self) -> bool:
        end = self.buffer.find(b"\r\n.\r\n")
        taken = self.buffer if end < 0 else self.buffer[:end]
        if len(self.head) < _HEAD_OCTETS:
            self.head += taken[: _HEAD_OCTETS - len(self.head)]
        if end < 0:
            # What may be the beginning of the end stays; all of a short head does, so that nothing is noted twice.
            keep = self.buffer[-4:]
            if len(self.head) >= len(keep) and len(self.head) < _HEAD_OCTETS:
                self.head = self.head[: len(self.head) - len(keep)]
            self.buffer = keep
            return False
        self.buffer = self.buffer[end + 5 :]
        found = _MESSAGE_ID.search(self.head)
        self.notes.write(f"{time.monotonic():.6f} {self.opened:.6f} {found[1].decode() if found else '?'}\n")
        self.notes.flush()
        self.head = None
        self.transport.write(b"250 OK\r\n")
        return True


async def serve(port: int, file: str):
    with open(file, "a") as notes:
        server = await asyncio.get_running_loop().create_server(
            lambda: Session(notes), "127.0.0.1", port, backlog=1000
        )
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))

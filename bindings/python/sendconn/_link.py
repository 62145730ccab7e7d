"""An SMTP session on an asyncio transport: octets to and fro, TLS, and the session's deadlines."""

import asyncio

# What may wait for a session that is not reading: a pipelining client's commands, or the next piece of its message.
_MAX_PENDING = 262_144
# For the other side to take the last reply and to say good-bye in TLS.
_CLOSE_SECONDS = 10.0


class Link(asyncio.Protocol):
    """Used by one task. `session` has loop.time for its clock."""

    def __init__(self, session, loop, connected=None):
        self.session = session
        self.transport = None
        self.lost = False
        self._loop = loop
        self._connected = connected
        self._input = None  # a future: somebody waits for what comes
        self._room = None  # a future: somebody waits until the peer takes what was sent
        self._gone = None  # a future: somebody waits for the end of the connection
        self._timer = None
        self._may_write = True
        self._is_reading = True

    # ------------------------------------------------------------ what asyncio calls

    def connection_made(self, transport):
        self.transport = transport
        if self._connected is not None:
            self._connected(self)

    def data_received(self, data):
        self.session.feed(data)
        if self._is_reading and self.session.pending >= _MAX_PENDING:
            self._is_reading = False
            self.transport.pause_reading()
        self.wake()

    def eof_received(self):
        self.session.input_closed()
        self.wake()
        # Whoever has closed one direction may still read what is said (not in TLS, where asyncio closes).
        return self.transport.get_extra_info("ssl_object") is None

    def connection_lost(self, exc):
        self.lost = True
        self.session.input_closed()
        self._may_write = True
        self.wake()
        for waiter in (self._room, self._gone):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self):
        self._may_write = False

    def resume_writing(self):
        self._may_write = True
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # ------------------------------------------------------------ deadlines

    def _arm(self):
        """One timer, which is never later than the deadline; that it may be earlier costs a look."""
        deadline = self.session.next_deadline
        if deadline is None or self.lost:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._on_time)

    def _on_time(self):
        self._timer = None
        self.session.on_time()
        self.wake()
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # ------------------------------------------------------------ what the task calls

    def wake(self):
        if self._input is not None and not self._input.done():
            self._input.set_result(None)

    def flush(self):
        out = self.session.output()
        if out and not self.lost:
            self.transport.write(out)

    async def drain(self):
        """Until the peer has taken enough of what was sent to be sent more. False: the session's deadline came first."""
        while not self._may_write:
            deadline = self.session.next_deadline
            if deadline is None or self._loop.time() >= deadline:
                return False
            self._room = self._loop.create_future()
            self._arm()
            try:
                await self._room
            finally:
                self._room = None
        return True

    async def next_event(self):
        """The session's next event; what it has to say is sent on the way."""
        while True:
            event = self.session.next_event()
            self.flush()
            if event is not None:
                return event
            if not self._may_write:
                # Who does not read the replies gets no more of them.
                if not await self.drain():
                    self.session.on_time()
                    await asyncio.sleep(0)  # others have their turn, and the transport has
                continue
            if not self._is_reading and not self.lost:
                self._is_reading = True
                self.transport.resume_reading()
            self._input = self._loop.create_future()
            self._arm()
            try:
                await self._input
            finally:
                self._input = None

    async def start_tls(self, context, *, server_side, server_hostname=None):
        """After StartTls, in the same step: asyncio takes the transport before it reads any more of it. What fails is an
        OSError (ssl.SSLError, ConnectionError, a timeout)."""
        self.flush()
        deadline = self.session.next_deadline
        left = 60.0 if deadline is None else max(deadline - self._loop.time(), 0.001)
        if self.lost:
            raise ConnectionResetError("the connection was lost before TLS began")
        self._is_reading = True
        try:
            transport = await self._loop.start_tls(
                self.transport,
                self,
                context,
                server_side=server_side,
                server_hostname=server_hostname,
                ssl_handshake_timeout=left,
            )
        except asyncio.TimeoutError:
            raise ConnectionAbortedError("no answer in time during the TLS handshake") from None
        if transport is None or self.lost:
            raise ConnectionResetError("the connection was lost during the TLS handshake")
        self.transport = transport
        self.session.tls_started()

    def is_idle(self):
        """The connection stands, on this loop, and nothing has come."""
        return not self.lost and self._loop is asyncio.get_running_loop() and self.session.next_event() is None

    def abort(self):
        """At once, whatever is under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.transport is not None and not self.lost:
            self.transport.abort()

    async def close(self):
        """Once what was sent has left."""
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.lost:
            return
        self._gone = self._loop.create_future()
        self.transport.close()
        try:
            await asyncio.wait([self._gone], timeout=_CLOSE_SECONDS)
        finally:
            if not self.lost:
                self.transport.abort()

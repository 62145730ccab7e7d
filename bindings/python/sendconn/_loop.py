"""c-ares on an asyncio loop: one for each resolver and loop, kept as long as both live."""

from weakref import WeakKeyDictionary

from sendconn._errors import _BY_STATUS

# resolver -> loop -> _Driver
_drivers = WeakKeyDictionary()


class _Driver:
    def __init__(self, cares, loop):
        self._cares = cares
        self._loop = loop
        self._open = {}
        self._timer = None

    def ask(self, name, type):
        number = self._cares.ask(name, type)
        future = self._loop.create_future()
        self._open[number] = future
        self._settle()
        return future

    def _process(self, readable, writable):
        self._cares.process(readable, writable)
        self._settle()

    def _on_time(self):
        self._timer = None
        self._process(-1, -1)

    def _settle(self):
        """Passes on what c-ares said since: answers, sockets to watch, the time of the next look."""
        for socket, read, write in self._cares.take_watches():
            if read:
                self._loop.add_reader(socket, self._process, socket, -1)
            else:
                self._loop.remove_reader(socket)
            if write:
                self._loop.add_writer(socket, self._process, -1, socket)
            else:
                self._loop.remove_writer(socket)
        for number, answer in self._cares.take_answers():
            future = self._open.pop(number)
            if not future.done():  # its task may be gone
                future.set_result(answer)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait = self._cares.next_timeout() if self._open else None
        if wait is not None:
            self._timer = self._loop.call_later(wait, self._on_time)


async def ask(resolver, loop, name, type):
    cache = resolver.cache
    answer = cache._find(name, type) if cache is not None else None
    if answer is None:
        drivers = _drivers.setdefault(resolver, WeakKeyDictionary())
        if loop not in drivers:
            drivers[loop] = _Driver(resolver._on_loop(), loop)
        answer = await drivers[loop].ask(name, type)
        if cache is not None:
            cache._put(name, type, answer)
    if answer.status != "no-error":
        text = f"{name} {type}: {answer.status.replace('-', ' ')}"
        raise _BY_STATUS[str(answer.status)](text, ttl=answer.ttl, authenticated=answer.authenticated)
    return answer

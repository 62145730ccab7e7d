"""Rate limits: token buckets in integers, which over any span of time give at most burst + rate * time.

    bucket = limit.TokenBucket("100/min, burst 20")
    if not bucket.take(): print(f"again in {bucket.wait():.1f} s")
"""

import time

from sendconn import _core
from sendconn._errors import InputError

__all__ = ["Rate", "Table", "TokenBucket"]

Rate = _core.Rate


class TokenBucket:
    """Starts full. rate: a Rate or its text: "10/s", "100/min, burst 20". clock: gives seconds that do not go back."""

    __slots__ = ("_bucket", "_clock")

    def __init__(self, rate, *, clock=time.monotonic):
        self._clock = clock
        self._bucket = _core.TokenBucket(rate, clock())

    @property
    def rate(self):
        return self._bucket.rate

    @property
    def available(self):
        """Whole tokens that are there now."""
        return self._bucket.available(self._clock())

    def take(self, tokens=1):
        """Takes them if all are there. More than the burst are never there."""
        return self._bucket.take(tokens, self._clock())

    def give_back(self, tokens=1):
        """Undoes a take()."""
        self._bucket.give_back(tokens)

    def wait(self, tokens=1):
        """Seconds until take() succeeds if nothing else is taken; 0.0: now, None: never."""
        return self._bucket.wait(tokens, self._clock())

    def set_rate(self, rate):
        """What is used up stays used up, as far as the new burst reaches."""
        self._bucket.set_rate(rate, self._clock())

    def acquire(self, tokens=1, *, timeout=None):
        """Waits until the tokens are there and takes them. False: they would not be there within `timeout` seconds."""
        deadline = None if timeout is None else self._clock() + timeout
        while not self.take(tokens):
            pause = self._pause(tokens, deadline)
            if pause is None:
                return False
            time.sleep(pause)
        return True

    async def acquire_async(self, tokens=1, *, timeout=None):
        """acquire() in asyncio."""
        import asyncio

        deadline = None if timeout is None else self._clock() + timeout
        while not self.take(tokens):
            pause = self._pause(tokens, deadline)
            if pause is None:
                return False
            await asyncio.sleep(pause)
        return True

    def _pause(self, tokens, deadline):
        pause = self.wait(tokens)
        if pause is None:
            raise InputError(f"{tokens} tokens are never there at once: the burst is {self.rate.burst}")
        if deadline is not None and self._clock() + pause > deadline:
            return None
        return pause

    def __repr__(self):
        return f"TokenBucket({str(self.rate)!r})"


class Table:
    """Buckets by key, bounded: a full bucket is forgotten first. For any number of threads."""

    __slots__ = ("_clock", "_table")

    def __init__(self, max_keys=100_000, *, clock=time.monotonic):
        self._clock = clock
        self._table = _core.RateTable(max_keys)

    def take(self, key, rate, tokens=1):
        """Takes from the bucket of `key`, which starts full. Returns None if granted, else the seconds to wait:
        math.inf for never."""
        return self.take_all([(key, rate, tokens)])

    def take_all(self, demands):
        """All or nothing over several (key, rate, tokens)."""
        granted, _, wait = self._table.take(demands, self._clock())
        if granted:
            return None
        return float("inf") if wait is None else wait

    def give_back(self, demands):
        """Undoes a granted take_all()."""
        self._table.give_back(demands)

    def __len__(self):
        return len(self._table)

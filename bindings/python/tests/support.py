"""What several tests share: where foreign test data lies, keys, zones, and a message."""

import functools
import os
import signal
from pathlib import Path

import pytest

import sendconn
from sendconn import dkim, dns

ROOT = Path(__file__).resolve().parents[3]
NOW = 1_790_000_000

MESSAGE = (
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    b"\r\n"
    b"Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"
)
ENVELOPE = {"sender": "joe@football.example.com", "recipients": ["suzie@shopping.example.net"]}


def conformance(*parts):
    """A folder of the conformance data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("SENDCONN_CONFORMANCE_DIR", ROOT.parent / "shared" / "conformance"))
    if not folder.is_dir():
        pytest.skip(f"no conformance data at {folder} (SENDCONN_CONFORMANCE_DIR names it)")
    return folder.joinpath(*parts)


@functools.lru_cache(maxsize=None)
def _key(type):
    return dkim.PrivateKey.generate(type, bits=1024)


def key(type="ed25519"):
    """The one key of this type; RSA has 1024 bits."""
    return _key(type)


def key_zone(domain="football.example.com", **keys):
    """A zone with the records of keys by selector."""
    lines = [one.zone_line(domain=domain, selector=selector) for selector, one in keys.items()]
    return dns.Zone.parse("\n".join(lines) + "\n")


@pytest.fixture
def interruptible():
    """Ctrl-C raises KeyboardInterrupt, also where the tests were started in the background, with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def table(entries):
    """A resolver over a dict of (name, type) to a list or an exception; what is not there is no such name."""

    def resolve(name, type):
        found = entries.get((name, str(type)))
        if found is None:
            raise sendconn.NoSuchName()
        if isinstance(found, Exception):
            raise found
        return found

    return resolve

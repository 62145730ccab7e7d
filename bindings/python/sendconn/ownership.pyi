from typing import Final

from sendconn import _core
from sendconn._value import Value
from sendconn._word import Word
from sendconn.dns import _AnyResolver, _BlockingResolver

__all__ = ["Check", "Record", "Records", "Result", "Verdict", "check", "check_async", "make_token", "records"]

class Verdict(Word):
    VERIFIED = "verified"
    MISSING = "missing"
    MISMATCH = "mismatch"
    TEMPORARY_FAILURE = "temporary-failure"

class Record(Value):
    name: Final[str]
    text: Final[str]

class Records(Value):
    publish: Final[Record]
    at_label: Final[Record]
    at_apex: Final[Record]

class Result(Value):
    result: Final[Verdict]
    where: Final[str]
    text: Final[str]
    @property
    def verified(self) -> bool: ...

def make_token() -> str: ...
def records(domain: str, *, token: str, provider: str) -> Records: ...

class Check(_core.OwnershipCheck):
    def __init__(self, domain: str, *, token: str, provider: str) -> None: ...

def check(domain: str, *, token: str, provider: str, resolver: _BlockingResolver | None = None) -> Result: ...
async def check_async(
    domain: str, *, token: str, provider: str, resolver: _AnyResolver | None = None
) -> Result: ...

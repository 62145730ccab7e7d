from collections.abc import Iterable
from typing import Final

from sendconn._core import ForgeryFilter as ForgeryFilter
from sendconn._value import Value

__all__ = ["ForgeryFilter", "Property", "Results", "Statement", "format", "parse", "remove_forged"]

class Property(Value):
    type: Final[str]
    name: Final[str]
    value: Final[str]
    def __init__(self, *, type: str, name: str, value: str) -> None: ...

class Statement(Value):
    method: Final[str]
    result: Final[str]
    properties: Final[tuple[Property, ...]]
    comment: Final[str]
    reason: Final[str]
    version: Final[int]
    def __init__(
        self,
        *,
        method: str,
        result: str,
        properties: Iterable[Property] = (),
        comment: str = "",
        reason: str = "",
        version: int = 1,
    ) -> None: ...
    def find(self, type: str, name: str) -> str | None: ...

class Results(Value):
    id: Final[str]
    statements: Final[tuple[Statement, ...]]
    version: Final[int]
    def __init__(self, *, id: str, statements: Iterable[Statement] = (), version: int = 1) -> None: ...

def parse(value: str) -> Results: ...
def format(results: Results, *, utf8: bool = False, columns: int = 78) -> bytes: ...
def remove_forged(header: bytes, own_ids: Iterable[str]) -> bytes: ...

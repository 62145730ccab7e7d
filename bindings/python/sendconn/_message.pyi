from collections.abc import Iterator
from email.message import Message
from typing import Any, Protocol, Union

from typing_extensions import TypeAlias

class _BinaryFile(Protocol):
    def read(self, size: int, /) -> bytes: ...

# What sendconn takes for a message.
_AnyMessage: TypeAlias = Union[bytes, bytearray, memoryview, Message, _BinaryFile]

def octets(message: _AnyMessage) -> bytes: ...
def is_stream(message: Any) -> bool: ...
def pieces(message: _AnyMessage) -> Iterator[bytes]: ...

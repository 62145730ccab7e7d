from enum import Enum
from typing import TypeVar

_W = TypeVar("_W", bound=Word)

class Word(str, Enum):
    def __new__(cls: type[_W], value: object) -> _W: ...

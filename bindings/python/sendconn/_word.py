"""Enums whose members are words: each is a str, so that `result == "pass"` and a look at a log both work."""

from enum import Enum


class Word(str, Enum):
    __slots__ = ()
    # Since Python 3.11 a mixed-in enum would print its class.
    __str__ = str.__str__
    __format__ = str.__format__

"""The code blocks of a page of the documentation, which the tests run."""

import re


def blocks_of(text: str):
    """A function that gives the text's code blocks of a language, in their order."""
    return lambda language: re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

"""Comments and docstrings, which are plain text, as reStructuredText: indented lines are code, all else is prose."""

import re


def to_rst(lines: list[str]) -> list[str]:
    text: list[str] = []
    code = False
    for line in lines:
        if line.startswith("    ") and not code:
            text.extend(["::", ""] if not text or text[-1] == "" else ["", "::", ""])
        elif code and line.strip() and not line.startswith("    ") and text[-1] != "":
            text.append("")
        code = line.startswith("    ") or (code and not line.strip())
        text.append(line if code else prose(line))
    return text


def prose(line: str) -> str:
    """Pieces between backticks become code; what else could be markup is escaped. Stars of a list stay."""
    pieces = re.split(r"`([^`]+)`", line)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"([*`|_\\])", r"\\\1", pieces[i])
    for i in range(1, len(pieces), 2):
        pieces[i] = f"``{pieces[i]}``"
    return "".join(pieces)

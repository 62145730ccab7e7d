"""The page of the configuration, made from packaging/sendconn.toml.example: each comment stands above the keys that it
explains."""

import re

SECTION = re.compile(r"#?\[\[?([a-z]+)\]\]?$")
KEY = re.compile(r"#?([a-z_.0-9]+) = (.+)$")


def page_of(example: str) -> str:
    # On the page the defaults stand without the "#".
    example = re.sub(r"; a line that begins with.*?\n# the \"#\" goes\.", ".", example, count=1, flags=re.DOTALL)
    page = ["# Configuration", ""]
    paragraph: list[str] = []
    keys: list[str] = []

    def flush():
        nonlocal paragraph, keys
        text = " ".join(paragraph)
        if keys:
            page.extend(["```toml", *keys, "```", ""])
        if text:
            page.extend([text, ""])
        paragraph, keys = [], []

    for line in example.splitlines():
        section, key = SECTION.match(line), KEY.match(line)
        if not line.strip():
            flush()
        elif section:
            heading = line.lstrip("#")
            text, paragraph = paragraph, []
            flush()
            if f"## {heading}" not in page:
                page.extend([f"## {heading}", ""])
            if text:
                page.extend([" ".join(text), ""])
        elif key:
            keys.append(line.removeprefix("#"))
        elif line.startswith("#"):
            if keys or line == "#":
                flush()
            paragraph.append(escape(line.lstrip("# ")))
        else:
            raise ValueError(f"sendconn.toml.example: {line!r} is neither comment nor key nor section")
    flush()
    return "\n".join(page)


def escape(text: str) -> str:
    """What Markdown would read as markup: stars, angle brackets, brackets. Names with underscores become code."""
    text = re.sub(r"([*<>\[\]|\\])", r"\\\1", text)
    return re.sub(r"(?<![\w`])([a-z]+(?:_[a-z0-9]+)+)(?![\w`])", r"`\1`", text)

"""Writes docs/refusals.md from the code; with --print to standard output.

What a client meets most comes from the tables of tests/programs/test_refusals.py, which every kind of client is tested
against. All other replies are found where the code makes them: the session's table in lib/smtp/replies.hpp, and the
Reply literals of the parts that decide.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "programs"))

from test_refusals import OTHERS, REFUSALS  # noqa: E402

# Who decides, and the files that say how.
DECIDERS = [
    ("The session, by itself", ["lib/smtp/replies.hpp"]),
    ("The submission: logins, limits, room", ["relay/submission"]),
    ("Mail from the Internet: its recipients and where it comes from",
     ["relay/submission/recipients.cpp", "relay/submission/findings.cpp"]),
    ("The message's form and its author", ["lib/policy", "relay/submission/intake.cpp"]),
    ("The delivery, as a bounce or a later attempt shows it", ["lib/route", "relay/delivery", "lib/smtp/client_session.cpp"]),
]

# What stands in front of a reply's text: {550, {5, 7, 1}, or 550, not_allowed, with a named code.
_HEAD = re.compile(r"\b([245]\d\d),\s*(?:\{([245]), (\d+), (\d+)\}|([a-z_]+)),\s*")
_CODE_NAME = re.compile(r"constexpr EnhancedCode (\w+)\{(\d), (\d+), (\d+)\}")
# A function that makes a reply of a text alone; its calls count as replies.
_MAKER = re.compile(r"Reply (\w+)\(std::string text\) \{ return \{(\d+), (\w+), std::move\(text\)\}; \}")
_STRING = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")


def text_at(source: str, at: int) -> str:
    """The expression that begins there, up to the comma, semicolon or bracket that ends it: string literals as they
    are, all else as an ellipsis."""
    text, depth = "", 0
    while at < len(source):
        literal = _STRING.match(source, at) if depth == 0 else None
        if literal:
            text += literal[1]
            at = literal.end()
            continue
        char = source[at]
        if depth == 0 and char in ",;)}":
            break
        if depth == 0 and char == "?":  # either of two texts, whatever the condition was
            text, at = "", at + 1
            continue
        if depth == 0 and char == ":" and ":" not in (source[at - 1], source[at + 1]):
            text, at = text + " / ", at + 1
            continue
        depth += char in "([{"
        depth -= char in ")]}"
        if depth == 0 and not char.isspace() and char != "+" and not text.endswith("…"):
            text += "…"
        at += 1
    return " ".join(text.replace("{}", "…").replace("|", "\\|").replace('\\"', '"').split())


def replies(path: Path):
    """(code, enhanced, text) for each refusal in a file, in the file's order, each once."""
    source = path.read_text()
    names = {name: ".".join(code) for name, *code in _CODE_NAME.findall(source)}
    found = []
    for match in _HEAD.finditer(source):
        code, klass, subject, detail, name = match.groups()
        enhanced = f"{klass}.{subject}.{detail}" if klass else names.get(name, "")
        if enhanced:
            found.append((match.start(), code, enhanced, text_at(source, match.end())))
    for maker, code, name in _MAKER.findall(source):
        for match in re.finditer(rf"return {maker}\(", source):
            found.append((match.start(), code, names[name], text_at(source, match.end())))
    # 2xx is no refusal; a bare ellipsis passes on what somebody else said.
    return dict.fromkeys(row[1:] for row in sorted(found) if row[1][0] != "2" and row[3].strip("…") not in ("", "std::move"))


def sources(names: list[str]) -> list[Path]:
    files: list[Path] = []
    for name in names:
        path = ROOT / name
        files += [path] if path.is_file() else sorted(path.glob("*.cpp"))
    return files


def page() -> str:
    lines = [
        "<!-- Made by scripts/make_refusals.py from the code; a test fails when it is out of date. -->",
        "# What the relay answers when it refuses",
        "",
        "A reply that begins with 4 is temporary: the client tries again by itself. One that begins with 5 is final. The",
        "second number is the enhanced status code (RFC 3463). Every refusal stands in the relay's log, with the reply.",
        "",
        "## What clients meet most",
        "",
        "Each of these is tested with swaks, curl, Python's smtplib, msmtp, Postfix and Exim, as far as that client can",
        "come by it.",
        "",
        "| when | reply | what to do |",
        "| --- | --- | --- |",
    ]
    for row in (*REFUSALS[:3], OTHERS[0], *REFUSALS[3:], *OTHERS[1:]):
        lines.append(f"| {row.name} | `{row.code} {row.enhanced}` | {row.advice} |")
    lines += ["", "## All of them", "", "\"…\" stands for what the reply fills in: a number, a name, a reason.", ""]
    seen: set[Path] = set()
    # A file that is named belongs to its own heading rather than to that of its folder.
    named = {path for _, names in DECIDERS for name in names if (path := ROOT / name).is_file()}
    for heading, names in DECIDERS:
        explicit = {ROOT / name for name in names}
        rows = []
        for file in sources(names):
            if file in seen or (file in named and file not in explicit):
                continue
            seen.add(file)
            rows += [(file, *reply) for reply in replies(file)]
        lines += [f"### {heading}", "", "| reply | text | made in |", "| --- | --- | --- |"]
        for file, code, enhanced, text in rows:
            lines.append(f"| `{code} {enhanced}` | {text} | `{file.relative_to(ROOT)}` |")
        lines.append("")
    return "\n".join(lines)


def main():
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(page())
    else:
        (ROOT / "docs" / "refusals.md").write_text(page())


if __name__ == "__main__":
    main()

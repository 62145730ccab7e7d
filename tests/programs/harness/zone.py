"""The DNS of a test: records that are written as a zone file for the relay, and for NSD alike."""

import os
from pathlib import Path

# What one character-string of a TXT record may hold (RFC 1035 section 3.3).
MAX_STRING_OCTETS = 255


def txt_data(text: str) -> str:
    """A TXT record's data as a zone file has it, cut into strings."""
    pieces = [text[at : at + MAX_STRING_OCTETS] for at in range(0, len(text), MAX_STRING_OCTETS)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


class ZoneFile:
    """Kept in memory and written anew at every change, by a rename: a reader never sees half a file."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._lines: list[tuple[str, str, str]] = []
        self._write()

    def add(self, name: str, kind: str, data: str):
        self._lines.append((name.rstrip("."), kind, data))
        self._write()

    def add_txt(self, name: str, text: str):
        self.add(name, "TXT", txt_data(text))

    def fail(self, name: str, kind: str, how: str):
        """From now on questions for it fail: "timeout", "servfail" or "malformed"."""
        self._lines.append((f"$FAIL {name.rstrip('.')}", kind, how))
        self._write()

    def remove(self, name: str, kind: str = ""):
        name = name.rstrip(".")
        self._lines = [
            line for line in self._lines
            if line[0].removeprefix("$FAIL ") != name or (kind and line[1] != kind)
        ]  # fmt: skip
        self._write()

    def txt(self, name: str) -> list[bytes]:
        """The texts at a name, strings joined: what a verifier asks for."""
        name = name.rstrip(".").lower()
        found = []
        for owner, kind, data in self._lines:
            if kind == "TXT" and owner.lower() == name:
                found.append("".join(data[1:-1].split('" "')).replace('\\"', '"').replace("\\\\", "\\").encode())
        return found

    def _write(self):
        text = "$TTL 60\n"
        for owner, kind, data in self._lines:
            text += f"{owner}. {kind} {data}\n"
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(text)
        os.rename(temporary, self.path)

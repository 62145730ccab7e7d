"""A message in whatever form Python has it, as the octets that go over the wire."""

from sendconn import _core

_PIECE = 65536


def octets(message):
    """bytes, an email.message.EmailMessage (or the older Message), or a binary file, as bytes with CRLF."""
    if isinstance(message, bytes):
        return _core.to_wire(bytes(message))
    if isinstance(message, (bytearray, memoryview)):
        return _core.to_wire(bytes(message))
    if hasattr(message, "as_bytes") and hasattr(message, "policy"):
        # What a message was parsed from must not change: signatures cover it.
        return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))
    if hasattr(message, "read"):
        return b"".join(pieces(message))
    raise TypeError(f"message must be bytes, an EmailMessage or a binary file, not {type(message).__name__}")


def is_stream(message):
    return not isinstance(message, (bytes, bytearray, memoryview)) and hasattr(message, "read")


def pieces(message):
    """The same in pieces; a file is read as it goes."""
    if not is_stream(message):
        yield octets(message)
        return
    piece = _read(message)
    end = piece.find(b"\n")
    if end == -1 or piece[end - 1 : end] == b"\r":
        while piece:
            yield piece
            piece = _read(message)
        return
    # In the form of local files: every line end becomes CRLF. A CR at the end of a piece waits for its LF.
    held = b""
    while piece:
        piece = held + piece
        held = b"\r" if piece.endswith(b"\r") else b""
        if held:
            piece = piece[:-1]
        yield piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        piece = _read(message)
    if held:
        yield held


def _read(file):
    piece = file.read(_PIECE)
    if not isinstance(piece, bytes):
        raise TypeError("the file must be open in binary mode")
    return piece

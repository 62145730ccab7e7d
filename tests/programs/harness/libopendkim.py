"""OpenDKIM's library by ctypes: it takes a message as it stands, where "opendkim -t" rewrites it first."""

import ctypes
import re

_NAME = "libopendkim.so.11"
_SETOPT = 1
_OPTS_FLAGS, _OPTS_QUERYMETHOD, _OPTS_QUERYINFO = 0, 6, 7
_QUERY_FILE = 1
_FLAG_PASSED = 0x04
_BODY_MATCHES = 0
_FORMS = {"simple": 0, "relaxed": 1}
_ALGORITHMS = {"rsa": 1, "ed25519": 2}


def missing() -> str:
    """Why the library cannot be used here; empty if it can."""
    try:
        ctypes.CDLL(_NAME)
    except OSError as error:
        return f"no libopendkim: {error}"
    return ""


class LibOpenDkim:
    """`records`: a file of lines "name text"."""

    def __init__(self, records):
        self._c = ctypes.CDLL(_NAME)
        pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
        declare = [
            ("dkim_init", pointer, [pointer, pointer]),
            ("dkim_options", ctypes.c_int, [pointer, ctypes.c_int, ctypes.c_int, pointer, size]),
            ("dkim_sign", pointer, [pointer, text, pointer, text, text, text, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                                    ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_int)]),
            ("dkim_verify", pointer, [pointer, text, pointer, ctypes.POINTER(ctypes.c_int)]),
            ("dkim_header", ctypes.c_int, [pointer, text, size]),
            ("dkim_eoh", ctypes.c_int, [pointer]),
            ("dkim_body", ctypes.c_int, [pointer, text, size]),
            ("dkim_eom", ctypes.c_int, [pointer, pointer]),
            ("dkim_getsighdr_d", ctypes.c_int, [pointer, size, ctypes.POINTER(pointer), ctypes.POINTER(size)]),
            ("dkim_getsiglist", ctypes.c_int, [pointer, ctypes.POINTER(ctypes.POINTER(pointer)),
                                               ctypes.POINTER(ctypes.c_int)]),
            ("dkim_sig_process", ctypes.c_int, [pointer, pointer]),
            ("dkim_sig_getflags", ctypes.c_uint, [pointer]),
            ("dkim_sig_getbh", ctypes.c_int, [pointer]),
            ("dkim_free", ctypes.c_int, [pointer]),
            ("dkim_close", None, [pointer]),
        ]
        for name, result, arguments in declare:
            function = getattr(self._c, name)
            function.restype, function.argtypes = result, arguments
        self._library = self._c.dkim_init(None, None)
        method = ctypes.c_int(_QUERY_FILE)
        path = ctypes.create_string_buffer(str(records).encode())
        assert self._c.dkim_options(self._library, _SETOPT, _OPTS_QUERYMETHOD, ctypes.byref(method),
                                    ctypes.sizeof(method)) == 0
        assert self._c.dkim_options(self._library, _SETOPT, _OPTS_QUERYINFO, path, len(path.value)) == 0

    def close(self):
        self._c.dkim_close(self._library)

    def _feed(self, handle, message):
        """The status of the first call that fails, or 0."""
        header, _, body = message.partition(b"\r\n\r\n")
        for field in re.split(rb"\r\n(?![ \t])", header.removesuffix(b"\r\n")):
            status = self._c.dkim_header(handle, field, len(field))
            if status:
                return status
        status = self._c.dkim_eoh(handle)
        if not status and body:
            status = self._c.dkim_body(handle, body, len(body))
        return status

    def sign(self, message, algorithm, key_pem, domain, selector, forms):
        """The DKIM-Signature field, or None if the library refuses the message."""
        header, body = forms.split("/")
        status = ctypes.c_int()
        handle = self._c.dkim_sign(self._library, b"test", None, key_pem, selector.encode(), domain.encode(),
                                   _FORMS[header], _FORMS[body], _ALGORITHMS[algorithm], -1, ctypes.byref(status))
        assert handle, status.value
        try:
            if self._feed(handle, message) or self._c.dkim_eom(handle, None):
                return None
            text, size = ctypes.c_void_p(), ctypes.c_size_t()
            if self._c.dkim_getsighdr_d(handle, len("DKIM-Signature: "), ctypes.byref(text), ctypes.byref(size)):
                return None
            value = ctypes.string_at(text, size.value)
            return b"DKIM-Signature: " + re.sub(rb"\r?\n", b"\r\n", value) + b"\r\n"
        finally:
            self._c.dkim_free(handle)

    def verify(self, message):
        """Whether each signature passes, in the header's order; None if the library refuses the message."""
        status = ctypes.c_int()
        handle = self._c.dkim_verify(self._library, b"test", None, ctypes.byref(status))
        assert handle, status.value
        try:
            if self._feed(handle, message):
                return None
            self._c.dkim_eom(handle, None)
            signatures = ctypes.POINTER(ctypes.c_void_p)()
            count = ctypes.c_int()
            if self._c.dkim_getsiglist(handle, ctypes.byref(signatures), ctypes.byref(count)):
                return None
            results = []
            for signature in signatures[:count.value]:
                self._c.dkim_sig_process(handle, signature)
                results.append(bool(self._c.dkim_sig_getflags(signature) & _FLAG_PASSED)
                               and self._c.dkim_sig_getbh(signature) == _BODY_MATCHES)
            return results
        finally:
            self._c.dkim_free(handle)

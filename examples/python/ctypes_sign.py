#!/usr/bin/env python3
"""Signs a message through the C interface with nothing but ctypes; the package `sendconn` is the comfortable way.

    ctypes_sign.py LIBRARY KEY.pem DOMAIN SELECTOR < message.eml > signed.eml
"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p


class Signature(ctypes.Structure):
    """sendconn_dkim_signature; what is not set is zero, and zero is the default."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("domain", c_char_p), ("domain_len", c_size_t),
        ("selector", c_char_p), ("selector_len", c_size_t),
        ("key", c_void_p),
        ("identity", c_char_p), ("identity_len", c_size_t),
        ("expires_in", c_int64), ("body_length", c_uint64),
        ("limit_body", c_int32), ("header", c_int32), ("body", c_int32),
        ("no_timestamp", c_int32), ("copy_fields", c_int32), ("reserved", c_uint32),
    ]  # fmt: skip


def load(path):
    """The library with the types of the functions that are used here."""
    library = ctypes.CDLL(path)
    out, error = POINTER(c_void_p), POINTER(c_void_p)
    types = {
        "sendconn_error_text": (c_char_p, [c_void_p]),
        "sendconn_error_free": (None, [c_void_p]),
        "sendconn_bytes_data": (c_void_p, [c_void_p]),
        "sendconn_bytes_size": (c_size_t, [c_void_p]),
        "sendconn_bytes_free": (None, [c_void_p]),
        "sendconn_key_from_file": (c_int32, [out, c_char_p, c_char_p, c_size_t, error]),
        "sendconn_key_free": (None, [c_void_p]),
        "sendconn_to_crlf": (c_int32, [out, c_char_p, c_size_t, error]),
        "sendconn_dkim_sign": (c_int32, [out, c_char_p, c_size_t, POINTER(Signature), c_void_p, error]),
    }
    for name, (result, arguments) in types.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Sendconn:
    def __init__(self, path):
        self.library = load(path)

    def call(self, name, *arguments):
        """What a function puts into its output, or its error as an exception."""
        out, error = c_void_p(), c_void_p()
        if getattr(self.library, name)(byref(out), *arguments, byref(error)) != 0:
            text = self.library.sendconn_error_text(error).decode()
            self.library.sendconn_error_free(error)
            raise ValueError(text)
        return out

    def call_for_bytes(self, name, *arguments):
        handle = self.call(name, *arguments)
        size = self.library.sendconn_bytes_size(handle)
        octets = ctypes.string_at(self.library.sendconn_bytes_data(handle), size)
        self.library.sendconn_bytes_free(handle)
        return octets

    def sign(self, message, key_file, domain, selector):
        """The message with its signature in front."""
        message = self.call_for_bytes("sendconn_to_crlf", message, len(message))
        key = self.call("sendconn_key_from_file", key_file, None, 0)
        signature = Signature(struct_size=ctypes.sizeof(Signature), domain=domain, domain_len=len(domain),
                              selector=selector, selector_len=len(selector), key=key)
        try:
            return self.call_for_bytes("sendconn_dkim_sign", message, len(message), byref(signature), None) + message
        finally:
            self.library.sendconn_key_free(key)


def main(arguments):
    library, key_file, domain, selector = arguments
    message = sys.stdin.buffer.read()
    signed = Sendconn(library).sign(message, key_file.encode(), domain.encode(), selector.encode())
    sys.stdout.buffer.write(signed)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"ctypes_sign: {error}")

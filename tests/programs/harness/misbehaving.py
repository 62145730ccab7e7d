"""A DNS server of our own that does what a test tells it, and what such servers say."""

import os
import socket
import socketserver
import struct
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class Misbehaving:
    """A server of UDP and TCP that answers as `behave(query_octets, over_tcp)` says: a list of messages."""

    def __init__(self, behave, family=socket.AF_INET):
        self.received = []
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                octets, sock = self.request
                outer.received.append(("udp", octets))
                for message in behave(octets, False):
                    sock.sendto(message, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self):
                head = self.request.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                octets = self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                outer.received.append(("tcp", octets))
                for message in behave(octets, True):
                    self.request.sendall(message if isinstance(message, bytearray)
                                         else struct.pack("!H", len(message)) + message)

        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        udp_class = type("Udp", (socketserver.ThreadingUDPServer,), {"address_family": family, "daemon_threads": True})
        tcp_class = type("Tcp", (socketserver.ThreadingTCPServer,),
                         {"address_family": family, "allow_reuse_address": True, "daemon_threads": True})
        for _ in range(50):
            self.udp = udp_class((host, 0), Udp)
            self.port = self.udp.server_address[1]
            try:
                self.tcp = tcp_class((host, self.port), Tcp)
                break
            except OSError:
                self.udp.server_close()
        for server in (self.udp, self.tcp):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()


def reply(octets, *records, rcode=dns.rcode.NOERROR, flags=0, authority=()):
    query = dns.message.from_wire(octets)
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(rcode)
    response.flags |= flags
    for section, texts in ((response.answer, records), (response.authority, authority)):
        for text in texts:
            section.append(dns.rrset.from_text(*text))
    return response.to_wire(max_size=65535)


def txt(name, text, ttl=60):
    return (name, ttl, "IN", "TXT", text)


def garbage(octets, record=None):
    """Answers to a query that are none; `record` is what an honest server would have said."""
    good = reply(octets, record or txt("example.com.", "x"))
    return {
        "nothing but noise": [os.urandom(200)],
        "empty datagram": [b""],
        "two octets": [octets[:2]],
        "header that lies about its counts": [good[:4] + b"\0\1\xff\xff\0\0\0\0" + good[12:]],
        "cut in the middle": [good[:-3]],
        "a name that points at itself": [good[:12] + good[12:29] + b"\xc0\x1d" + good[31:]],
        "the query sent back": [octets],
    }

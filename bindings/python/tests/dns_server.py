"""A name server on loopback for the tests of the resolvers: UDP and TCP, from a zone's text. Needs dnspython."""

import socketserver
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone


class Server:
    """with Server(zone) as server: server.address is "127.0.0.1:PORT". Names below "silent." are never answered."""

    def __init__(self, text):
        self._zone = dns.zone.from_text("$TTL 300\n@ SOA . . 1 1 1 1 7\n@ NS .\n" + text, origin=".", relativize=False)
        self.asked = []
        owner = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                octets, socket = self.request
                reply = owner.reply(octets, udp=True)
                if reply is not None:
                    socket.sendto(reply, self.client_address)

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                header = self.request.recv(2)
                if len(header) == 2:
                    reply = owner.reply(self.request.recv(struct.unpack("!H", header)[0]), udp=False)
                    self.request.sendall(struct.pack("!H", len(reply)) + reply)

        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Datagram)
        self._udp.daemon_threads = True
        self.port = self._udp.server_address[1]
        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Stream)
        self._tcp.daemon_threads = True
        self.address = f"127.0.0.1:{self.port}"

    def reply(self, octets, udp):
        query = dns.message.from_wire(octets)
        question = query.question[0]
        self.asked.append((question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)))
        if question.name.is_subdomain(dns.name.from_text("silent.")):
            return None
        answer = dns.message.make_response(query)
        if question.name.is_subdomain(dns.name.from_text("broken.")):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif (node := self._zone.nodes.get(question.name)) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif (found := node.get_rdataset(question.rdclass, question.rdtype)) is not None:
            rrset = answer.find_rrset(answer.answer, question.name, question.rdclass, question.rdtype, create=True)
            rrset.update(found)
        if not answer.answer:
            soa = self._zone.find_rrset(dns.name.root, dns.rdatatype.SOA)
            answer.authority.append(soa)
        octets = answer.to_wire(max_size=65535)
        if udp and len(octets) > 512:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
            octets = answer.to_wire(max_size=65535)
        return octets

    def __enter__(self):
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *error):
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

// Messages of the DNS as octets (RFC 1035 section 4, RFC 6891): a question is written, an answer is read. Whatever
// arrives from a network goes through here; nothing in it is trusted, every length and every pointer is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/dns.hpp>

namespace sendconn::dns {

/// What we can take over UDP. 1232 octets pass every network unfragmented (the value of DNS flag day 2020).
constexpr std::uint16_t udp_payload_octets = 1232;

/// A query with recursion desired, the AD bit set to learn whether the answer was validated (RFC 6840 section 5.7), and
/// an OPT record. Errc::syntax if `question.name` is no name (is_name()).
Result<std::string> encode_query(const Question& question, std::uint16_t id);

/// What a message says to a question.
struct Reading {
  Answer answer;
  /// Not empty: the chain of aliases ends here without the message saying what is there, so ask for this name. A server
  /// that does not recurse answers so when an alias leaves its zones.
  std::string continues_at;
};

/// Never fails: what cannot be read, or does not answer `question`, has Status::malformed. Text is the server's
/// octets as they came, any octet included; so are names, but for lower case. TTLs: the smallest of the chain and its
/// records; for a negative answer RFC 2308 section 5 (0 if the server sent no SOA: not to be kept).
Reading decode_answer(std::string_view octets, const Question& question);

}  // namespace sendconn::dns

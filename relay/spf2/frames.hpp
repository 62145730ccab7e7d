// What a loop and its helper for libspf2 say to each other, as octets: one frame for each step of a check, and one
// back.
//
// A frame is its length (four octets, little-endian) and a record as the spool's are written (relay/spool/record.hpp).
// A helper may have lost its mind, so the reader takes nothing on trust: what does not fit is an error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/spf.hpp>

namespace sendconn::relay::spf2 {

/// Of one frame: the largest answer of the DNS, 64 KB, several times over. Our own bound.
constexpr std::size_t max_frame_octets = 1'048'576;
constexpr std::size_t length_octets = 4;

/// With its length in front; empty if it would be too long.
std::string make_frame(std::string_view record);
/// The length that the first octets of a frame tell; nothing if it is out of bounds.
std::optional<std::size_t> frame_octets(std::string_view length) noexcept;

enum class Kind : std::uint8_t { options, start, answer, drop };

/// To the helper. Which members count depends on the kind.
struct Request {
  Kind kind = Kind::start;
  std::uint64_t id = 0;  ///< of the check
  spf::Options options;  ///< what libspf2 has a notion of
  IpAddress client;
  std::string helo;
  std::string mail_from;
  spf::Identity identity = spf::Identity::mail_from;
  UnixTime now{};
  dns::Question question;
  dns::Answer answer;
};
std::string format(const Request& request);
std::optional<Request> parse_request(std::string_view record);

/// Back: after options whether there is an engine, after a step where the check stands. Nothing comes after a drop.
struct Response {
  std::uint64_t id = 0;
  std::string problem;  ///< the helper cannot; the other members are empty
  bool done = false;
  spf::Outcome outcome;                  ///< once done; without path and trace, which libspf2 has not
  std::vector<dns::Question> questions;  ///< new ones
};
std::string format(const Response& response);
std::optional<Response> parse_response(std::string_view record);

}  // namespace sendconn::relay::spf2

// The body hash of DKIM: canonicalization and digest in one pass over pieces of any size (RFC 6376 sections 3.4.3,
// 3.4.4 and 3.7).
//
// Octets pass through up to three stages: white space (relaxed only), empty lines at the end, the digest. The first
// looks at many octets at once and hands on what needs no change in whole runs; the second looks only at the two
// ends of what it gets. So the cost is that of the digest, and memory is one small buffer.
//
// Where the RFC speaks of a body without a final CRLF, one is added before anything else is done: that is what every
// SMTP sender does with such a body, so it is what a verifier will see. A CR or LF that is not part of a CRLF is an
// ordinary octet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>

namespace sendconn::dkim {

struct BodyHash {
  crypto::Digest digest;
  std::uint64_t octets = 0;     ///< of the canonical body, as many as were hashed
  std::uint64_t canonical = 0;  ///< as many as there were
};

/// Thread-compatible.
class BodyHasher {
 public:
  /// `limit`: at most so many octets of the canonical body count (l=).
  BodyHasher(Canonicalization canonicalization, std::optional<std::uint64_t> limit,
             crypto::HashAlgorithm algorithm = crypto::HashAlgorithm::sha256)
      : canonicalization_(canonicalization), limit_(limit), digest_(algorithm) {}

  void update(std::string_view piece);
  /// Ends the body. The hasher is of no use afterwards.
  BodyHash finish();

 private:
  /// White space: runs become one space, and none stays before CRLF.
  void reduce(std::string_view piece);
  std::string_view settle_held_space(std::string_view piece);
  void reduce_octets(std::string_view piece, std::size_t from, std::size_t to);
  void emit(std::string_view run);
  void emit(char octet);
  void flush();

  /// Empty lines at the end: held back until something else follows.
  void put(std::string_view piece);
  void release_lines();

  void hash(std::string_view octets);

  static constexpr std::size_t buffer_octets = 4'096;

  Canonicalization canonicalization_;
  std::optional<std::uint64_t> limit_;
  crypto::HashStream digest_;
  std::uint64_t octets_ = 0;
  std::uint64_t canonical_ = 0;
  std::uint64_t held_lines_ = 0;   // CRLFs that end the body unless something follows
  bool held_cr_ = false;           // … and a CR behind them that may begin another
  bool held_space_ = false;        // white space that ends its line unless something follows
  bool held_cr_of_space_ = false;  // … and the CR behind it
  bool has_content_ = false;
  std::size_t buffered_ = 0;
  std::array<char, buffer_octets> buffer_;
};

}  // namespace sendconn::dkim

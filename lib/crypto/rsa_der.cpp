#include "lib/crypto/rsa_der.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/cursor.hpp"

namespace sendconn::crypto {
namespace {

// Identifier octets of DER (X.690 section 8.1.2).
constexpr char tag_integer = 0x02;
constexpr char tag_bit_string = 0x03;
constexpr char tag_object_identifier = 0x06;
constexpr char tag_sequence = 0x30;

constexpr std::string_view rsa_encryption{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9};  // 1.2.840.113549.1.1.1
constexpr std::string_view null_parameters{"\x05\x00", 2};

Error fault(std::string_view what, std::size_t position) {
  return {Errc::syntax, "RSA public key: " + std::string(what) + " (RFC 8017 appendix A.1.1)", position};
}

/// A definite length in the fewest octets (X.690 section 10.1); up to four of them say more than fits any key.
std::optional<std::size_t> take_length(Cursor& cursor) {
  if (cursor.at_end()) return std::nullopt;
  const auto first = static_cast<unsigned char>(cursor.peek());
  cursor.skip();
  if (first < 0x80) return first;
  const unsigned octets = first & 0x7fU;
  if (octets == 0 || octets > 4 || cursor.rest().size() < octets || cursor.peek() == '\0') return std::nullopt;
  std::size_t length = 0;
  for (unsigned i = 0; i < octets; ++i) {
    length = length << 8U | static_cast<unsigned char>(cursor.peek());
    cursor.skip();
  }
  if (length < 0x80) return std::nullopt;
  return length;
}

/// The content of the value that stands here, if it has this tag; else nothing is certain about the position.
std::optional<std::string_view> take_value(Cursor& cursor, char tag) {
  if (!cursor.take(tag)) return std::nullopt;
  const std::optional<std::size_t> length = take_length(cursor);
  if (!length || *length > cursor.rest().size()) return std::nullopt;
  const std::string_view content = cursor.rest().substr(0, *length);
  cursor.skip(*length);
  return content;
}

/// A positive INTEGER in the fewest octets (X.690 section 8.3.2), without the zero that keeps it positive.
std::optional<std::string_view> take_positive(Cursor& cursor) {
  std::optional<std::string_view> content = take_value(cursor, tag_integer);
  if (!content || content->empty() || (content->front() & '\x80') != 0) return std::nullopt;
  if (content->front() != '\0') return content;
  content->remove_prefix(1);
  if (content->empty() || (content->front() & '\x80') == 0) return std::nullopt;
  return content;
}

}  // namespace

Result<RsaNumbers> parse_rsa_public_key(std::string_view der) {
  Cursor outer(der);
  const std::optional<std::string_view> sequence = take_value(outer, tag_sequence);
  if (!sequence) return fault("a DER sequence is required", 0);
  if (!outer.at_end()) return fault("nothing may stand behind the key", outer.position());
  const auto offset = [der](std::string_view part) { return static_cast<std::size_t>(part.data() - der.data()); };

  std::string_view numbers = *sequence;
  if (Cursor info(*sequence); info.peek() == tag_sequence) {
    const std::optional<std::string_view> algorithm = take_value(info, tag_sequence);
    if (!algorithm) return fault("the algorithm cannot be read", offset(*sequence));
    Cursor parts(*algorithm);
    const std::optional<std::string_view> identifier = take_value(parts, tag_object_identifier);
    if (!identifier) return fault("the algorithm has no identifier", offset(*algorithm));
    if (*identifier != rsa_encryption)
      return Error{Errc::unsupported, "RSA public key: the key is of another algorithm", offset(*identifier)};
    if (!parts.at_end() && parts.rest() != null_parameters)
      return fault("the algorithm has parameters; NULL is required", offset(*algorithm) + parts.position());
    const std::optional<std::string_view> bits = take_value(info, tag_bit_string);
    if (!bits || bits->empty() || bits->front() != '\0' || !info.at_end())
      return fault("one bit string of whole octets is required behind the algorithm", offset(*sequence));
    Cursor inner(bits->substr(1));
    const std::optional<std::string_view> key = take_value(inner, tag_sequence);
    if (!key || !inner.at_end()) return fault("the bit string must hold one RSAPublicKey", offset(*bits));
    numbers = *key;
  }

  Cursor cursor(numbers);
  const std::optional<std::string_view> modulus = take_positive(cursor);
  if (!modulus) return fault("the modulus must be a positive integer", offset(numbers));
  const std::optional<std::string_view> exponent = take_positive(cursor);
  if (!exponent || !cursor.at_end())
    return fault("the exponent must be a positive integer, and the last one", offset(numbers) + cursor.position());
  return RsaNumbers{*modulus, *exponent};
}

}  // namespace sendconn::crypto

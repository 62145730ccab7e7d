// Which header fields a signature covers, and which occurrence of each (RFC 6376 sections 5.4 and 5.4.2): as a signer
// chooses them, and as a verifier finds them again.
//
// A name that is listed k times in h= covers the k lowest fields of that name, the lowest first. Fields that are added
// above later are therefore not covered and break nothing, unless the name was signed once more than it occurred.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <sendconn/dkim.hpp>
#include <sendconn/message.hpp>

namespace sendconn::dkim {

/// Views into the header's text and the lists; valid as long as both are.
struct FieldSelection {
  std::vector<std::string_view> names;     ///< h= in order, in any case; oversigned names stand there once more
  std::vector<const mail::Field*> fields;  ///< those that exist, in the order they are hashed
};

FieldSelection select_fields(const mail::Header& header, const SignedFields& wanted);

/// Finds the fields that h= names. Made once for a message; a search costs the logarithm of the number of fields,
/// whatever a stranger wrote. Valid as long as the header is. Thread-compatible.
class FieldIndex {
 public:
  explicit FieldIndex(const mail::Header& header);

  /// The fields that these names cover, in order, into `found` (cleared first). `own` is never among them: a signature
  /// does not cover itself by h= (RFC 6376 section 3.5).
  void select(const std::vector<std::string_view>& names, const mail::Field* own,
              std::vector<const mail::Field*>& found);
  /// How many fields of this name the last selection left out, counting `own` out.
  [[nodiscard]] std::size_t uncovered(std::string_view name) const noexcept;

 private:
  [[nodiscard]] std::size_t first_of(std::string_view name) const noexcept;

  std::vector<const mail::Field*> fields_;  // by name, and within a name from the bottom of the header to its top
  std::vector<std::uint32_t> taken_;        // at the first of each name: how many of them are selected
};

}  // namespace sendconn::dkim

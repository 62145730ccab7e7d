// Which header fields a signature covers, and which occurrence of each (RFC 6376 sections 5.4 and 5.4.2).
//
// A name that is listed k times in h= covers the k lowest fields of that name, the lowest first. Fields that are added
// above later are therefore not covered and break nothing, unless the name was signed once more than it occurred.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim.hpp>
#include <sendconn/message.hpp>

namespace sendconn::dkim {

struct FieldSelection {
  std::vector<std::string> names;          ///< h= in order, in lower case; oversigned names stand there once more
  std::vector<const mail::Field*> fields;  ///< those that exist, in the order they are hashed; views into the header
};

/// Brings the lists into the form that select_fields() expects (lower case, none twice) or says what is wrong with
/// them: Errc::invalid_argument for a name that cannot stand in h=, for one that must never be signed, and for a
/// missing From.
Result<void> normalize_field_lists(SignerOptions& options);

FieldSelection select_fields(const mail::Header& header, const SignerOptions& options);

}  // namespace sendconn::dkim

// Which header fields a signature covers, and which occurrence of each (RFC 6376 sections 5.4 and 5.4.2).
//
// A name that is listed k times in h= covers the k lowest fields of that name, the lowest first. Fields that are added
// above later are therefore not covered and break nothing, unless the name was signed once more than it occurred.
#pragma once

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

}  // namespace sendconn::dkim

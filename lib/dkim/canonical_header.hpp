// Header fields in canonical form (RFC 6376 sections 3.4.1 and 3.4.2).
#pragma once

#include <string>
#include <string_view>

#include <sendconn/dkim.hpp>
#include <sendconn/message.hpp>

namespace sendconn::dkim {

/// Appends "name:value" as "relaxed" has it, without a final CRLF. `value` is everything behind the colon; a CR or LF
/// in it is taken for part of a fold, so the caller has checked that there are no others (mail::Header does).
void append_relaxed(std::string& out, std::string_view name, std::string_view value);

/// Appends a whole field with its CRLF.
void append_canonical(std::string& out, const mail::Field& field, Canonicalization canonicalization);

}  // namespace sendconn::dkim

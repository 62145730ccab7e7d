// A media type as a person writes it: "text/csv; charset=utf-8" (RFC 2045 section 5.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::mime {

struct ContentType {
  std::string type;                     ///< "text/csv", lower case
  std::vector<std::string> parameters;  ///< "charset=utf-8", values in quotes stay in quotes

  [[nodiscard]] bool is_message() const { return type.starts_with("message/") && type != "message/global"; }
};

/// Errc::invalid_argument with the position: not of this form, longer than max_content_type_octets, multipart/* (an
/// attachment has one part), or with a parameter "name" (the file name makes it).
Result<ContentType> parse_content_type(std::string_view text);

}  // namespace sendconn::mime

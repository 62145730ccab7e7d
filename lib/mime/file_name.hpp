// A file's name as parameters of Content-Disposition (RFC 2183) and Content-Type: in any language by RFC 2231, and in a
// form of ASCII for readers that do not know RFC 2231.
//
// The two stand in different fields, since readers that know RFC 2231 take the plain parameter where one field has
// both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::mime {

/// UTF-8 without control characters, '/' and '\', at most max_file_name_octets. Errc::syntax, Errc::invalid_argument
/// and Errc::limit_exceeded.
Result<void> check_file_name(std::string_view name);

/// filename="a.txt"; or filename*=utf-8''%C3%A4.txt; or that in sections filename*0*=..., each short enough for a line.
std::vector<std::string> file_name_parameters(std::string_view name);

/// name="_.txt": what is not plain ASCII became '_'; a long name is shortened in front of its extension.
std::string fallback_name_parameter(std::string_view name);

}  // namespace sendconn::mime

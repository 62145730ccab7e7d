// Internationalized labels: between U-labels (UTF-8) and A-labels (xn--…), by libidn2 (RFC 5891, UTS 46).
//
// The only place that knows libidn2. A build without it (idn_available() says so) refuses U-labels and shows A-labels.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::mail {

bool idn_available() noexcept;

/// One U-label in UTF-8, lower-cased and normalized (UTS 46 without transitional mappings), as an A-label. Errc::syntax
/// if RFC 5891 forbids it, or if it holds characters that the mapping would drop silently; Errc::unsupported without
/// libidn2.
Result<std::string> to_a_label(std::string_view u_label);

/// The U-label that an A-label stands for, if it is one that maps back to it; else the label as it is.
std::string to_u_label(std::string_view a_label);

}  // namespace sendconn::mail

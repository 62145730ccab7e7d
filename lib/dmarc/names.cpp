// The enumerations as words.
#include <sendconn/dmarc.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::dmarc {

std::string_view format(Policy policy) noexcept {
  switch (policy) {
    case Policy::none:
      return "none";
    case Policy::quarantine:
      return "quarantine";
    case Policy::reject:
      return "reject";
  }
  return "none";
}

Result<Policy> parse_policy(std::string_view text) {
  for (const Policy policy : {Policy::none, Policy::quarantine, Policy::reject}) {
    if (ascii::equal(text, format(policy))) return policy;
  }
  return Error{Errc::syntax,
               ascii::quote(text) + " is no policy; none, quarantine or reject is required (RFC 9989 section 4.7)", 0};
}

std::string_view format(Mode mode) noexcept { return mode == Mode::strict ? "s" : "r"; }

std::string format(FailureOptions options) {
  std::string out = options.any ? "1" : "0";
  if (options.dkim) out += ":d";
  if (options.spf) out += ":s";
  return out;
}

std::string_view format(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::none:
      return "none";
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::temporary_error:
      return "temperror";
    case Verdict::permanent_error:
      return "permerror";
  }
  return "none";
}

std::string_view format(Alignment alignment) noexcept {
  switch (alignment) {
    case Alignment::none:
      return "none";
    case Alignment::relaxed:
      return "relaxed";
    case Alignment::strict:
      return "strict";
    case Alignment::unknown:
      return "unknown";
    case Alignment::unchecked:
      return "unchecked";
  }
  return "none";
}

std::string_view format(PolicyTag tag) noexcept {
  switch (tag) {
    case PolicyTag::none:
      return "";
    case PolicyTag::p:
      return "p";
    case PolicyTag::sp:
      return "sp";
    case PolicyTag::np:
      return "np";
  }
  return "";
}

std::string_view format(PolicySource source) noexcept {
  switch (source) {
    case PolicySource::none:
      return "nobody";
    case PolicySource::author:
      return "the author domain";
    case PolicySource::organization:
      return "the organizational domain";
    case PolicySource::public_suffix:
      return "the public suffix";
  }
  return "nobody";
}

std::string_view format(Destination::Standing standing) noexcept {
  switch (standing) {
    case Destination::Standing::internal:
      return "internal";
    case Destination::Standing::authorized:
      return "authorized";
    case Destination::Standing::refused:
      return "refused";
    case Destination::Standing::temporary_failure:
      return "temporary failure";
  }
  return "refused";
}

}  // namespace sendconn::dmarc

// The names of verdicts, reasons and identities, as logs, header fields and programs have them.
#include <sendconn/spf.hpp>

namespace sendconn::spf {

std::string_view format(Verdict verdict) {
  switch (verdict) {
    case Verdict::none:
      return "none";
    case Verdict::neutral:
      return "neutral";
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::softfail:
      return "softfail";
    case Verdict::temperror:
      return "temperror";
    case Verdict::permerror:
      return "permerror";
  }
  return "unknown";
}

std::string_view format(Identity identity) { return identity == Identity::helo ? "helo" : "mailfrom"; }

std::string_view format(Reason reason) {
  switch (reason) {
    case Reason::matched:
      return "matched";
    case Reason::no_match:
      return "no-match";
    case Reason::unusable_identity:
      return "unusable-identity";
    case Reason::no_record:
      return "no-record";
    case Reason::several_records:
      return "several-records";
    case Reason::syntax:
      return "syntax";
    case Reason::lookup_limit:
      return "lookup-limit";
    case Reason::void_lookup_limit:
      return "void-lookup-limit";
    case Reason::mx_limit:
      return "mx-limit";
    case Reason::include_without_record:
      return "include-without-record";
    case Reason::redirect_without_record:
      return "redirect-without-record";
    case Reason::dns_failure:
      return "dns-failure";
    case Reason::engine_failure:
      return "engine-failure";
  }
  return "unknown";
}

}  // namespace sendconn::spf

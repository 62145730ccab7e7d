// The parser of DKIM-Signature fields: the parts that it leaves for the header hash make up the field, and what it
// reports is what it promises.
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "lib/base/ascii.hpp"
#include "lib/base/utf8.hpp"
#include "lib/dkim/signature_field.hpp"

using namespace sendconn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const mail::Field field{"DKIM-Signature", value, value};
  dkim::SignatureField out;
  dkim::SignatureResult report;
  const auto fault = dkim::parse_signature_field(field, (data[0] & 1U) != 0, (data[0] & 2U) != 0, out, report);
  fuzz::check(report.domain.empty() || Domain::parse(report.domain).ok(),
              "d= is a domain name, whatever else is wrong");
  fuzz::check(!utf8::find_fault(report.identity), "i= is UTF-8");
  if (fault) {
    for (const char c : fault->text) fuzz::check(ascii::is_vchar(c) || c == ' ', "a fault is one printable line");
    fuzz::check(!fault->text.empty() && dkim::verdict_of(fault->reason) == dkim::Verdict::neutral,
                "a fault has a reason");
    return 0;
  }
  fuzz::check(!out.signature.empty() && !out.body_hash.empty() && !out.names.empty(), "what is required is there");
  fuzz::check(out.key_name == report.selector + "._domainkey." + report.domain, "the key has its name");
  fuzz::check(out.key_name.size() <= Domain::max_octets, "the name fits the DNS");
  fuzz::check(report.identity.find('@') != std::string::npos, "an identity has an @");
  fuzz::check(out.before_signature.ends_with('='), "b= is cut behind its sign");
  fuzz::check(out.behind_signature.empty() || out.behind_signature.front() == ';', "and up to its end");
  // Without the value, the field is one that misses it.
  const std::string emptied = std::string(out.before_signature) + std::string(out.behind_signature);
  const mail::Field without{"DKIM-Signature", emptied, emptied};
  dkim::SignatureField again;
  dkim::SignatureResult other;
  const auto missing = dkim::parse_signature_field(without, (data[0] & 1U) != 0, (data[0] & 2U) != 0, again, other);
  fuzz::check(missing && missing->reason == dkim::Reason::syntax, "an empty b= is a fault");
  return 0;
}

// A DKIM verifier as the RFC's text has it, one step after the other over whole strings: slow, without limits, and
// sharing nothing with lib/dkim. What the signer makes is judged by it, and it is itself judged by the signatures that
// the RFCs print.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sendconn::dkim::reference {

std::string simple_body(std::string_view body);
std::string relaxed_body(std::string_view body);
/// A whole field with its CRLF.
std::string relaxed_field(std::string_view raw);

using Tags = std::map<std::string, std::string>;
/// White space inside the values is removed.
Tags parse_tags(std::string_view text);

struct Verdict {
  Tags tags;
  bool body = false;       ///< bh= is right
  bool signature = false;  ///< b= is right
  [[nodiscard]] bool pass() const { return body && signature; }
};

/// One verdict for each DKIM-Signature field, from the top. `records`: texts by name, "s._domainkey.d".
std::vector<Verdict> verify(std::string_view message, const std::map<std::string, std::string>& records);

}  // namespace sendconn::dkim::reference

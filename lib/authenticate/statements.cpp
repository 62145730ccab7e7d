// What was found, as statements of Authentication-Results (RFC 8601 section 2.7).
#include <sendconn/authenticate.hpp>

#include <algorithm>
#include <utility>

namespace sendconn::authenticate {
namespace {

// RFC 6008 section 4 wants at least so many octets of b=, and more where two signatures share them.
constexpr std::size_t min_signature_octets = 8;

authres::Statement spf_statement(const spf::Outcome& outcome, bool of_helo, std::string value) {
  authres::Statement statement;
  statement.method = "spf";
  statement.result = std::string(format(outcome.verdict));
  if (outcome.verdict != spf::Verdict::pass) statement.reason = outcome.text;
  if (!value.empty()) statement.properties.push_back({"smtp", of_helo ? "helo" : "mailfrom", std::move(value)});
  return statement;
}

/// How many octets of each signature tell it from all the others.
std::size_t telling_octets(const std::vector<dkim::SignatureResult>& signatures) {
  std::vector<std::string_view> values;
  values.reserve(signatures.size());
  for (const dkim::SignatureResult& signature : signatures) values.push_back(signature.signature);
  std::sort(values.begin(), values.end());
  std::size_t octets = min_signature_octets;
  for (std::size_t i = 1; i < values.size(); ++i) {
    const std::string_view a = values[i - 1];
    const std::string_view b = values[i];
    if (a == b) continue;  // a copy of the field: nothing tells the two apart
    const auto differs = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    octets = std::max(octets, static_cast<std::size_t>(differs - a.begin()) + 1);
  }
  return octets;
}

authres::Statement dkim_statement(const dkim::SignatureResult& signature, std::size_t telling) {
  authres::Statement statement;
  statement.method = "dkim";
  statement.result = std::string(format(signature.verdict));
  if (signature.key_bits != 0) statement.comment = std::to_string(signature.key_bits) + "-bit key";
  if (signature.testing) statement.comment += statement.comment.empty() ? "t=y" : ", t=y";
  if (signature.unsigned_octets != 0) {
    statement.comment += statement.comment.empty() ? "" : ", ";
    statement.comment += std::to_string(signature.unsigned_octets) + " octets are not signed";
  }
  if (signature.verdict != dkim::Verdict::pass) statement.reason = signature.explanation;
  const auto add = [&statement](const char* name, const std::string& value) {
    if (!value.empty()) statement.properties.push_back({"header", name, value});
  };
  add("d", signature.domain);
  if (signature.identity != "@" + signature.domain) add("i", signature.identity);
  add("s", signature.selector);
  add("a", signature.algorithm);
  add("b", signature.signature.substr(0, telling));
  return statement;
}

}  // namespace

authres::Results to_authres(const Results& results, std::string id) {
  authres::Results field;
  field.id = std::move(id);
  // With a null reverse-path RFC 7208 section 2.4 makes up a mailbox from the HELO name; the name is what was given.
  field.statements.push_back(
      spf_statement(results.spf, results.null_sender, results.null_sender ? results.spf.domain : results.spf.sender));
  if (results.helo) field.statements.push_back(spf_statement(*results.helo, true, results.helo->domain));
  if (results.dkim.empty()) {
    authres::Statement none;
    none.method = "dkim";
    none.result = "none";
    field.statements.push_back(std::move(none));
  }
  const std::size_t telling = telling_octets(results.dkim);
  for (const dkim::SignatureResult& signature : results.dkim) {
    if (field.statements.size() + 1 == authres::max_statements) break;
    field.statements.push_back(dkim_statement(signature, telling));
  }
  field.statements.push_back(dmarc::statement(results.dmarc));
  return field;
}

}  // namespace sendconn::authenticate

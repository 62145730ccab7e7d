#include "tools/dkim_signatures.hpp"

#include <nlohmann/json.hpp>

#include <sendconn/dkim_key.hpp>

#include "tools/clock.hpp"
#include "tools/dkim_policy.hpp"
#include "tools/place.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

std::string_view name_of(dkim::Canonicalization form) {
  return form == dkim::Canonicalization::simple ? "simple" : "relaxed";
}

std::string forms_of(const dkim::SignatureResult& result) {
  return std::string(name_of(result.header)) + "/" + std::string(name_of(result.body));
}

std::string key_name(const dkim::SignatureResult& result) {
  if (result.domain.empty() || result.selector.empty()) return {};
  return result.selector + "._domainkey." + result.domain;
}

const dns::Answer* key_answer(const dkim::SignatureResult& result, const KeyAnswers& answers) {
  const auto found = answers.find(key_name(result));
  return found == answers.end() ? nullptr : &found->second;
}

json time_json(const std::optional<UnixTime>& time) { return time ? json(format_time(*time)) : json(); }

/// The record itself is why: then it is worth a look.
bool blames_record(dkim::Reason reason) {
  switch (reason) {
    case dkim::Reason::key_syntax:
    case dkim::Reason::key_revoked:
    case dkim::Reason::key_type_differs:
    case dkim::Reason::key_forbids_hash:
    case dkim::Reason::key_not_for_mail:
    case dkim::Reason::key_forbids_subname:
    case dkim::Reason::key_unusable:
      return true;
    default:
      return false;
  }
}

void show_record(const Output& out, const dns::Answer& answer) {
  for (const dns::Record& record : answer.records) {
    bool shown = false;
    for (const dkim::Finding& finding : dkim::lint_key_record(record.text)) {
      if (finding.severity == dkim::Severity::note) continue;
      show_finding(out, record.text, dkim::format(finding.severity), dkim::format(finding.mistake), finding.text,
                   finding.position, finding.length);
      shown = true;
    }
    if (!shown) out.line("    " + harmless(record.text));
  }
}

/// What l= leaves to whoever has the message between his fingers.
std::string length_text(const dkim::SignatureResult& result) {
  if (!result.body_length) return {};
  std::string text = "l=" + std::to_string(*result.body_length) + ": ";
  if (result.reason == dkim::Reason::length_beyond_body) return text + "more than the body has";
  if (result.unsigned_octets == 0) return text + "covers this body, but anybody may append to it";
  return text + std::to_string(result.unsigned_octets) + " octets of the body behind it are not covered";
}

std::string flags_text(const dkim::SignatureResult& result) {
  std::string text;
  const auto add = [&text](std::string_view flag) { text.append(text.empty() ? "" : "; ").append(flag); };
  if (result.testing) add("t=y: the domain only tests, treat the message as unsigned");
  if (result.strict) add("t=s: only the domain itself may sign");
  if (result.key_authenticated) add("the record came with DNSSEC");
  return text;
}

}  // namespace

Style style_of(dkim::Verdict verdict) {
  if (verdict == dkim::Verdict::pass) return Style::good;
  return verdict == dkim::Verdict::temperror || verdict == dkim::Verdict::neutral ? Style::warning : Style::bad;
}

json signature_json(const dkim::SignatureResult& result, const KeyAnswers& answers) {
  json records = json::array();
  if (const dns::Answer* answer = key_answer(result, answers); answer != nullptr)
    for (const dns::Record& record : answer->records) records.push_back(one_line(record.text));
  return {{"verdict", dkim::format(result.verdict)},
          {"reason", dkim::format(result.reason)},
          {"explanation", result.explanation},
          {"option", command_option_of(dkim::option_of(result.reason))},
          {"domain", result.domain},
          {"selector", result.selector},
          {"identity", result.identity},
          {"algorithm", result.algorithm},
          {"canonicalization", forms_of(result)},
          {"signature", result.signature},
          {"signed_at", time_json(result.signed_at)},
          {"expires_at", time_json(result.expires_at)},
          {"body_length", result.body_length ? json(*result.body_length) : json()},
          {"unsigned_octets", result.unsigned_octets},
          {"unsigned_from", result.unsigned_from},
          {"key_bits", result.key_bits},
          {"testing", result.testing},
          {"strict", result.strict},
          {"key_authenticated", result.key_authenticated},
          {"key_name", key_name(result)},
          {"key_records", records}};
}

void show_signature(const Output& out, const dkim::SignatureResult& result, const KeyAnswers& answers) {
  const std::string domain = result.domain.empty() ? "a signature without a readable domain" : harmless(result.domain);
  out.line(out.styled(style_of(result.verdict), dkim::format(result.verdict)) + ": " + domain + ", " +
           std::string(dkim::format(result.reason)));
  if (!result.explanation.empty()) out.line("  " + harmless(result.explanation));
  const std::string_view option = command_option_of(dkim::option_of(result.reason));
  const std::string bits = result.key_bits == 0 ? "" : ", " + std::to_string(result.key_bits) + " bits";
  out.values(
      {{"decided by", std::string(option)},
       {"key", harmless(key_name(result))},
       {"algorithm", result.algorithm.empty() ? "" : harmless(result.algorithm) + bits + ", " + forms_of(result)},
       {"identity", harmless(result.identity)},
       {"signed", result.signed_at ? format_time(*result.signed_at) : ""},
       {"expires", result.expires_at ? format_time(*result.expires_at) : ""},
       {"length", length_text(result)},
       {"From", result.unsigned_from ? "there is a From field that the signature does not cover" : ""},
       {"flags", flags_text(result)}});
  const dns::Answer* answer = key_answer(result, answers);
  if (answer != nullptr && blames_record(result.reason)) show_record(out, *answer);
}

}  // namespace sendconn::tools

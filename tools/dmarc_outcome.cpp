#include "tools/dmarc_outcome.hpp"

#include <nlohmann/json.hpp>

namespace sendconn::tools {
namespace {

using nlohmann::json;

std::string text_of(const std::optional<Domain>& domain) { return domain ? domain->text() : std::string(); }

const json& list(const json& object, const char* name) {
  static const json none = json::array();
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

}  // namespace

json dmarc_json(const dmarc::Outcome& outcome) {
  return {{"result", dmarc::format(outcome.verdict)},
          {"reason", outcome.reason},
          {"author", text_of(outcome.author)},
          {"organizational_domain", text_of(outcome.organizational_domain)},
          {"policy_domain", text_of(outcome.policy_domain)},
          {"record", outcome.record ? dmarc::format(*outcome.record) : ""},
          {"tag", dmarc::format(outcome.tag)},
          {"published", dmarc::format(outcome.published)},
          {"policy", outcome.record ? dmarc::format(outcome.policy) : ""},
          {"spf", dmarc::format(outcome.spf)},
          {"notes", outcome.notes}};
}

void show_dmarc(const Output& out, const json& result) {
  const std::string verdict = result.at("result");
  const Style style = verdict == "pass" ? Style::good : verdict == "fail" ? Style::bad : Style::warning;
  out.line(out.styled(style, verdict) + ": " + harmless(result.value("reason", "")));
  const std::string tag = result.value("tag", "");
  out.values({{"author domain", result.value("author", "")},
              {"policy", result.value("policy", "") + (tag.empty() ? "" : " (from " + tag + "=)")},
              {"published at", result.value("policy_domain", "")},
              {"record", harmless(result.value("record", ""))},
              {"organization", result.value("organizational_domain", "")},
              {"SPF alignment", result.value("spf", "")},
              {"questions", result.contains("questions") ? result.at("questions").dump() : ""}});
  for (const json& one : list(result, "dkim"))
    out.line("  DKIM of " + harmless(one.value("domain", "")) + ": " + one.value("alignment", ""));
  for (const json& one : list(result, "reports"))
    out.line("  " + one.value("tag", "") + " " + harmless(one.value("published", "")) + ": " +
             one.value("standing", "") + ", " + harmless(one.value("reason", "")));
  for (const json& note : list(result, "notes")) out.line("  " + harmless(note.get<std::string>()));
}

ExitCode exit_code_of(dmarc::Verdict verdict) {
  switch (verdict) {
    case dmarc::Verdict::pass:
      return exit_ok;
    case dmarc::Verdict::none:
      return exit_not_found;
    case dmarc::Verdict::temporary_error:
      return exit_temporary;
    case dmarc::Verdict::fail:
    case dmarc::Verdict::permanent_error:
      break;
  }
  return exit_failed;
}

}  // namespace sendconn::tools

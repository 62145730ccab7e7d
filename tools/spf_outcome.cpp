#include "tools/spf_outcome.hpp"

#include <nlohmann/json.hpp>

namespace sendconn::tools {

using nlohmann::json;

json spf_json(const spf::Outcome& outcome) {
  json path = json::array();
  for (const spf::Step& step : outcome.path)
    path.push_back({{"domain", step.domain}, {"term", step.term}, {"position", step.position}});
  json trace = json::array();
  for (const spf::TraceLine& line : outcome.trace) trace.push_back(std::string(2 * line.depth, ' ') + line.text);
  return {{"verdict", spf::format(outcome.verdict)},
          {"reason", spf::format(outcome.reason)},
          {"identity", spf::format(outcome.identity)},
          {"domain", outcome.domain},
          {"sender", outcome.sender},
          {"text", outcome.text},
          {"path", path},
          {"explanation", outcome.explanation},
          {"lookups", outcome.lookups},
          {"void_lookups", outcome.void_lookups},
          {"ttl", outcome.ttl.count()},
          {"trace", trace}};
}

void show_spf(const Output& out, const spf::Outcome& outcome) {
  const Style style = outcome.verdict == spf::Verdict::pass   ? Style::good
                      : outcome.verdict == spf::Verdict::fail ? Style::bad
                                                              : Style::warning;
  out.line(out.styled(style, spf::format(outcome.verdict)) + ": " + harmless(outcome.text));
  if (!outcome.explanation.empty()) out.line(harmless(outcome.domain) + " explains: " + harmless(outcome.explanation));
  for (const spf::TraceLine& line : outcome.trace) out.line(std::string(2 * line.depth + 2, ' ') + harmless(line.text));
  out.values({{"identity", std::string(spf::format(outcome.identity)) + " " + harmless(outcome.sender)},
              {"lookups", std::to_string(outcome.lookups) + " of at most 10"},
              {"void lookups", std::to_string(outcome.void_lookups) + " of at most 2"}});
}

}  // namespace sendconn::tools

#include "relay/admin/lookup.hpp"

#include <sendconn/resolver.hpp>

namespace sendconn::relay::admin {

Result<std::vector<dns::Answer>> look_up(const Config& config, const std::vector<dns::Question>& questions) {
  if (config.zone_file.empty()) {
    io::CaresOptions options;
    options.servers = config.dns_servers;
    options.timeout = config.dns_timeout;
    options.tries = config.dns_tries;
    return io::resolve_blocking(options, questions);
  }
  auto zone = io::open_zone_resolver(config.zone_file);
  if (!zone) return std::move(zone).error();
  std::vector<dns::Answer> answers(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {  // a zone file answers from inside the call
    (*zone)->resolve(questions[i], [&answers, i](const dns::Answer& answer) { answers[i] = answer; });
  }
  return answers;
}

}  // namespace sendconn::relay::admin

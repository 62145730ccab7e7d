#include "tools/dns_source.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace sendconn::tools {

void DnsSource::add_options(CLI::App& command) {
  auto* file = command.add_option("--zone", zone, "Ask this zone file instead of the DNS")->type_name("FILE");
  command.add_option("--dns-server", servers, "Ask this resolver: ADDRESS or ADDRESS:PORT (repeatable)")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->excludes(file);
}

Result<std::vector<dns::Answer>> DnsSource::ask(const std::vector<dns::Question>& questions,
                                                Clock::time_point until) const {
  if (zone.empty()) {
    io::CaresOptions options;
    options.servers = servers;
    if (until != Clock::time_point::max()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
      if (left.count() < 1) {
        dns::Answer nobody;
        nobody.status = dns::Status::timeout;
        return std::vector<dns::Answer>(questions.size(), nobody);
      }
      options.deadline = std::min(options.deadline, left);
    }
    return io::resolve_blocking(options, questions);
  }
  if (!resolver_) {
    auto opened = io::open_zone_resolver(zone);
    if (!opened) return std::move(opened).error();
    resolver_ = std::move(*opened);
  }
  std::vector<dns::Answer> answers;
  for (const dns::Question& question : questions) {
    resolver_->resolve(question, [&answers](const dns::Answer& answer) { answers.push_back(answer); });
  }
  return answers;
}

}  // namespace sendconn::tools

// dig and completion: commands that need no relay.
#include <CLI/CLI.hpp>
#include <memory>

#include <sendconn/resolver.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/completion.hpp"
#include "tools/show.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

// ── dig ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

struct DigInputs {
  std::string name;
  std::string type = "TXT";
  std::string zone;
  std::vector<std::string> servers;
  bool system = false;
};

Result<dns::Answer> look_up(const DigInputs& in, const dns::Question& question) {
  if (in.zone.empty()) {
    io::CaresOptions options;
    options.servers = in.servers;
    auto answers = io::resolve_blocking(options, {question});
    if (!answers) return std::move(answers).error();
    return answers->front();
  }
  auto zone = io::open_zone_resolver(in.zone);
  if (!zone) return std::move(zone).error();
  dns::Answer answer;
  (*zone)->resolve(question, [&answer](const dns::Answer& found) { answer = found; });
  return answer;
}

/// The same form as the relay's answer to "dig".
json show_answer(const dns::Question& question, const dns::Answer& answer) {
  json records = json::array();
  for (const dns::Record& record : answer.records) {
    if (question.type == dns::RecordType::a || question.type == dns::RecordType::aaaa) {
      records.push_back(record.address.format());
    } else if (question.type == dns::RecordType::mx) {
      records.push_back(std::to_string(record.preference) + " " + record.text + ".");
    } else {
      records.push_back(record.text);
    }
  }
  return {{"name", question.name},
          {"type", dns::format(question.type)},
          {"status", dns::format(answer.status)},
          {"temporary", dns::is_temporary(answer.status)},
          {"records", records},
          {"ttl", answer.ttl.count()},
          {"authenticated", answer.authenticated},
          {"aliases", answer.aliases}};
}

void run_dig(const DigInputs& in, Session& session) {
  std::optional<json> result;
  if (in.zone.empty() && in.servers.empty() && !in.system) {
    result = session.ask("dig", {{"name", in.name}, {"type", in.type}}, show::dns_answer);
    if (!result) return;
  } else {
    auto type = dns::parse_record_type(in.type);
    if (!type) return session.fail(type.error());
    const dns::Question question{in.name, *type};
    auto answer = look_up(in, question);
    if (!answer) return session.fail(answer.error());
    result = show_answer(question, *answer);
    session.print(*result, show::dns_answer);
  }
  if (result->value("temporary", false)) {
    session.exit_code = exit_temporary;
  } else if (result->value("records", json::array()).empty()) {
    session.exit_code = exit_not_found;
  }
}

}  // namespace

void add_dig_command(CLI::App& program, Session& session) {
  auto in = std::make_shared<DigInputs>();
  CLI::App* command = add_command(program, "dig", "Look a name up in the DNS as the relay sees it",
                                  "  sendconn dig _sendconn-challenge.example.org\n"
                                  "  sendconn dig example.org MX --dns-server 192.0.2.53\n"
                                  "  sendconn dig s1._domainkey.example.org --zone test.zone\n"
                                  "The exit code is 3 if there is no such record, 4 if the DNS did not answer.\n");
  command->add_option("name", in->name, "The name")->type_name("")->required();
  command->add_option("type", in->type, "A, AAAA, MX, TXT, CNAME, PTR, NS or TLSA")
      ->type_name("")
      ->capture_default_str();
  auto* zone = command->add_option("--zone", in->zone, "Ask this zone file")->type_name("FILE");
  auto* servers =
      command->add_option("--dns-server", in->servers, "Ask this resolver: ADDRESS or ADDRESS:PORT (repeatable)");
  servers->type_name("ADDRESS")->allow_extra_args(false)->excludes(zone);
  command->add_flag("--system", in->system, "Ask the system's resolvers")->excludes(zone)->excludes(servers);
  command->callback([in, &session] { run_dig(*in, session); });
}

void add_completion_command(CLI::App& program, Session& session) {
  CLI::App* command = add_command(program, "completion", "Print the completion script for bash",
                                  "  source <(sendconn completion)\n"
                                  "  sendconn completion > /etc/bash_completion.d/sendconn\n");
  command->callback([&program, &session] { session.out.line(bash_completion(program)); });
}

}  // namespace sendconn::tools

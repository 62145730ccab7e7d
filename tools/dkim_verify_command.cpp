// dkim verify: the signatures of a message, each with its verdict and why.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include <sendconn/dkim_verify.hpp>

#include "tools/clock.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dkim_policy.hpp"
#include "tools/dkim_signatures.hpp"
#include "tools/dns_source.hpp"
#include "tools/message_file.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

struct Inputs {
  std::string message_file = "-";
  std::string now;
  DkimPolicyOptions policy;
  DnsSource dns;
};

bool has(const std::vector<dkim::SignatureResult>& results, dkim::Verdict verdict) {
  return std::any_of(results.begin(), results.end(),
                     [verdict](const dkim::SignatureResult& one) { return one.verdict == verdict; });
}

int exit_code_of(const std::vector<dkim::SignatureResult>& results) {
  if (results.empty()) return exit_not_found;
  if (has(results, dkim::Verdict::pass)) return exit_ok;
  return has(results, dkim::Verdict::temperror) ? exit_temporary : exit_failed;
}

void run(const Inputs& in, Session& session) {
  const auto now = parse_time(in.now);
  if (!now) return session.fail(now.error());
  const auto message = read_received_message(in.message_file);
  if (!message) return session.fail(message.error());
  dkim::VerifyOptions options;
  options.now = *now;
  options.policy = in.policy.policy();
  dkim::Verifier verifier(options);
  KeyAnswers answers;
  auto step = verifier.update(*message);
  if (step) step = verifier.finish();
  if (step) step = drive(verifier, in.dns, &answers);
  if (!step) return session.fail(step.error());
  const std::vector<dkim::SignatureResult> results = verifier.take_results();
  session.exit_code = exit_code_of(results);
  if (session.json) {
    json list = json::array();
    for (const dkim::SignatureResult& result : results) list.push_back(signature_json(result, answers));
    return session.print({{"passed", has(results, dkim::Verdict::pass)}, {"signatures", list}}, nullptr);
  }
  if (results.empty())
    session.out.line(session.out.styled(Style::warning, "none") + ": the message has no DKIM signature");
  for (const dkim::SignatureResult& result : results) show_signature(session.out, result, answers);
}

}  // namespace

void add_dkim_verify_command(CLI::App& group, Session& session) {
  auto in = std::make_shared<Inputs>();
  CLI::App* command = add_command(
      group, "verify", "Check the signatures of a message that was received",
      "  sendconn dkim verify message.eml\n"
      "  sendconn dkim verify --zone keys.zone < message.eml\n"
      "  sendconn dkim verify old.eml --policy legacy --allow-expired\n"
      "  sendconn dkim verify message.eml --body-length refuse-unsigned --now 2026-11-22T15:02:50Z\n"
      "A file whose first line ends in CRLF is taken as it is; else line ends become CRLF, as mail has them.\n"
      "The exit code is 0 if a signature passes, 3 if there is none, 4 if none passes but one may, once the DNS "
      "answers,\nand 1 if all fail.\n");
  command->add_option("file", in->message_file, "The message; -: standard input")->type_name("")->capture_default_str();
  command->add_option("--now", in->now, "When it was received: 2026-11-22T15:02:50Z or seconds; default: now")
      ->type_name("TIME");
  in->policy.add_options(*command);
  in->dns.add_options(*command);
  command->callback([in, &session] { run(*in, session); });
}

}  // namespace sendconn::tools

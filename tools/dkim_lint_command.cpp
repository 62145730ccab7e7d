// dkim lint: what is wrong with a key record, and whether it belongs to a key.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dns_source.hpp"
#include "tools/key_file.hpp"
#include "tools/place.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

struct Inputs {
  std::string record;
  std::string domain;
  std::string selector;
  std::string key_file;
  std::string passphrase_file;
  DnsSource dns;
};

/// What is looked at: a text, or what stands at a name.
struct Subject {
  std::string name;  ///< empty for a text
  std::vector<std::string> records;
  std::vector<std::string> aliases;
};

void look_up(const Inputs& in, Session& session, std::optional<Subject>& subject) {
  const auto domain = Domain::parse(in.domain);
  if (!domain) return session.fail(Error{Errc::invalid_argument, domain.error().text});
  const auto selector = dkim::Selector::parse(in.selector);
  if (!selector) return session.fail(Error{Errc::invalid_argument, selector.error().text});
  Subject found;
  found.name = selector->text() + "._domainkey." + domain->text();
  const auto answers = in.dns.ask({{found.name, dns::RecordType::txt}});
  if (!answers) return session.fail(answers.error());
  const dns::Answer& answer = answers->front();
  if (dns::is_temporary(answer.status))
    return session.fail(
        exit_temporary, "temporary",
        "the DNS did not answer for TXT at " + found.name + " (" + std::string(dns::format(answer.status)) + ")");
  for (const dns::Record& record : answer.records) found.records.push_back(record.text);
  found.aliases = answer.aliases;
  if (found.records.empty())
    return session.fail({Errc::not_found, "there is no TXT record at " + found.name + " (" +
                                              std::string(dns::format(answer.status)) + ")"});
  subject = std::move(found);
}

/// The findings of one record; true if one of them is an error.
bool lint(const std::string& record, Session& session, json& findings) {
  bool faulty = false;
  for (const dkim::Finding& finding : dkim::lint_key_record(record)) {
    faulty = faulty || finding.severity == dkim::Severity::error;
    findings.push_back({{"severity", dkim::format(finding.severity)},
                        {"code", dkim::format(finding.mistake)},
                        {"position", finding.position},
                        {"octets", finding.length},
                        {"text", harmless(finding.text)}});
    if (!session.json)
      show_finding(session.out, record, dkim::format(finding.severity), dkim::format(finding.mistake), finding.text,
                   finding.position, finding.length);
  }
  if (!session.json && findings.empty())
    session.out.line(session.out.styled(Style::good, "good") + ": " + harmless(record));
  return faulty;
}

void run(const Inputs& in, Session& session) {
  if (in.record.empty() == in.domain.empty() || in.domain.empty() != in.selector.empty())
    return session.fail({Errc::invalid_argument, "the text of a record is required, or --domain and --selector"});
  std::optional<crypto::PrivateKey> key;
  if (!in.key_file.empty()) {
    auto read = read_key_file(in.key_file, in.passphrase_file);
    if (!read) return session.fail(read.error());
    key = std::move(*read);
  }
  std::optional<Subject> subject;
  if (in.domain.empty()) {
    subject = Subject{{}, {in.record}, {}};
  } else {
    look_up(in, session, subject);
  }
  if (!subject) return;
  const bool several = subject->records.size() > 1;
  bool faulty = several;
  if (!session.json) {
    if (!subject->aliases.empty())
      session.out.line(subject->name + " is an alias of " + harmless(subject->aliases.back()));
    if (several)
      session.out.line(session.out.styled(Style::bad, "error") + " [several]: there are " +
                       std::to_string(subject->records.size()) + " records at " + subject->name +
                       "; which of them a verifier takes is undefined, one is allowed (RFC 6376 section 3.6.2.2)");
  }
  json records = json::array();
  for (const std::string& record : subject->records) {
    json findings = json::array();
    faulty = lint(record, session, findings) || faulty;
    json shown{{"record", one_line(record)}, {"findings", findings}, {"key", nullptr}};
    if (key) {
      const dkim::KeyComparison comparison = dkim::compare_key(*key, record);
      const bool matches = comparison.match == dkim::KeyMatch::matches;
      faulty = faulty || !matches;
      shown["key"] = {{"match", dkim::format(comparison.match)}, {"text", harmless(comparison.explanation)}};
      if (!session.json)
        session.out.line("key " + in.key_file + ": " +
                         session.out.styled(matches ? Style::good : Style::bad, dkim::format(comparison.match)) + ", " +
                         harmless(comparison.explanation));
    }
    records.push_back(std::move(shown));
  }
  if (session.json)
    session.print({{"name", subject->name}, {"aliases", subject->aliases}, {"several", several}, {"records", records}},
                  nullptr);
  if (faulty) session.exit_code = exit_failed;
}

}  // namespace

void add_dkim_lint_command(CLI::App& group, Session& session) {
  auto in = std::make_shared<Inputs>();
  CLI::App* command =
      add_command(group, "lint", "Find mistakes in a key record; say whether it belongs to a key",
                  "  sendconn dkim lint 'v=DKIM1; k=rsa; p=MIIBIjANBg...'\n"
                  "  sendconn dkim lint --domain example.org --selector s2026\n"
                  "  sendconn dkim lint --domain example.org --selector s2026 --key s2026.pem --zone test.zone\n"
                  "The exit code is 1 if there is an error or the record does not belong to the key, 3 if there is no "
                  "record.\n");
  auto* record = command->add_option("record", in->record, "The text of a record")->type_name("");
  auto* domain = command->add_option("--domain", in->domain, "Look the record of this domain up")->type_name("DOMAIN");
  domain->excludes(record);
  command->add_option("--selector", in->selector, "The selector (s=)")->type_name("NAME")->needs(domain);
  auto* key = command->add_option("--key", in->key_file, "The private key that is to sign, a PEM file");
  key->type_name("FILE");
  command->add_option("--passphrase-file", in->passphrase_file, "Decrypts the PEM file")->type_name("FILE")->needs(key);
  in->dns.add_options(*command);
  command->callback([in, &session] { run(*in, session); });
}

}  // namespace sendconn::tools

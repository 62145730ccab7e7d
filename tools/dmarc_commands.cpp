// dmarc: what a domain's policy says and where it comes from, faults of a record, and reports that others sent.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include <sendconn/dmarc.hpp>
#include <sendconn/dmarc_report.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dmarc_outcome.hpp"
#include "tools/dns_source.hpp"
#include "tools/file.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

struct Inputs {
  DnsSource dns;
  std::string domain;
  std::string record;
  std::string spf;
  std::vector<std::string> dkim;
  std::vector<std::string> files;
};

// ── check ────────────────────────────────────────────────────────────────────────────────────────────────────────────

Result<dmarc::Facts> facts_of(const Inputs& in) {
  dmarc::Facts facts;
  auto author = Domain::parse(in.domain);
  if (!author) return author.error();
  facts.authors.push_back(*std::move(author));
  if (!in.spf.empty()) {
    auto domain = Domain::parse(in.spf);
    if (!domain) return domain.error();
    facts.spf = dmarc::SpfFact{dmarc::Evidence::pass, *std::move(domain)};
  }
  for (const std::string& signer : in.dkim) {
    auto domain = Domain::parse(signer);
    if (!domain) return domain.error();
    facts.dkim.push_back({dmarc::Evidence::pass, *std::move(domain)});
  }
  return facts;
}

json show_destination(const dmarc::Destination& destination, std::string_view tag) {
  json uris = json::array();
  for (const dmarc::ReportUri& uri : destination.uris) uris.push_back(uri.text);
  return {{"tag", tag},
          {"published", destination.published.text},
          {"standing", dmarc::format(destination.standing)},
          {"send_to", uris},
          {"reason", destination.reason}};
}

Result<json> destinations_of(const dmarc::Outcome& outcome, const DnsSource& dns) {
  json list = json::array();
  if (!outcome.record || !outcome.policy_domain) return list;
  for (const auto kind : {dmarc::ReportKind::aggregate, dmarc::ReportKind::failure}) {
    dmarc::DestinationCheck check(*outcome.policy_domain, *outcome.record, kind);
    if (auto driven = drive(check, dns); !driven) return driven.error();
    for (const dmarc::Destination& destination : check.destinations())
      list.push_back(show_destination(destination, kind == dmarc::ReportKind::aggregate ? "rua" : "ruf"));
  }
  return list;
}

void run_check(const Inputs& in, Session& session) {
  auto facts = facts_of(in);
  if (!facts) return session.fail(Error{Errc::invalid_argument, facts.error().text});
  dmarc::Check check(*facts);
  if (auto driven = drive(check, in.dns); !driven) return session.fail(driven.error());
  const dmarc::Outcome& outcome = check.outcome();
  auto reports = destinations_of(outcome, in.dns);
  if (!reports) return session.fail(reports.error());
  json dkim = json::array();
  for (std::size_t i = 0; i < outcome.dkim.size(); ++i)
    dkim.push_back({{"domain", facts->dkim[i].domain.text()}, {"alignment", dmarc::format(outcome.dkim[i])}});
  json result = dmarc_json(outcome);
  if (!facts->spf) result["spf"] = "";
  result["dkim"] = dkim;
  result["reports"] = *reports;
  result["walks"] = check.walks();
  result["questions"] = check.questions_asked();
  session.print(result, show_dmarc);
  session.exit_code = exit_code_of(outcome.verdict);
}

// ── lint ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

std::string_view name_of(dmarc::Severity severity) {
  return severity == dmarc::Severity::error ? "error" : severity == dmarc::Severity::warning ? "warning" : "note";
}

void show_findings(const Output& out, const json& result) {
  const std::string record = harmless(result.value("record", ""));
  if (!record.empty()) out.line("  " + record);
  for (const json& finding : result.at("findings")) {
    const std::string severity = finding.at("severity");
    const Style style = severity == "error" ? Style::bad : severity == "warning" ? Style::warning : Style::plain;
    const std::size_t position = finding.at("position");
    const std::size_t length = finding.at("length");
    // Marks stand under octets; only where each octet is a column can they be right.
    const bool ascii = std::all_of(record.begin(), record.end(), [](char c) { return c >= ' '; });
    if (!record.empty() && ascii)
      out.line("  " + std::string(position, ' ') +
               out.styled(style, std::string(std::max<std::size_t>(length, 1), '^')));
    out.line(out.styled(style, severity) + ": " + harmless(finding.value("text", "")));
  }
  if (result.at("findings").empty()) out.line(out.styled(Style::good, "nothing to say"));
}

void run_lint(const Inputs& in, Session& session) {
  std::vector<dmarc::Finding> findings;
  std::string record = in.record;
  if (!in.record.empty()) {
    findings = dmarc::lint(in.record);
  } else {
    const auto domain = Domain::parse(in.domain);
    if (!domain) return session.fail(Error{Errc::invalid_argument, domain.error().text});
    const auto name = dmarc::record_name(*domain);
    if (!name) return session.fail(Error{Errc::invalid_argument, "the domain is too long for a DMARC record"});
    const auto answers = in.dns.ask({{*name, dns::RecordType::txt}});
    if (!answers) return session.fail(answers.error());
    const dns::Answer& answer = answers->front();
    findings = dmarc::lint(*domain, answer);
    if (dns::is_temporary(answer.status)) session.exit_code = exit_temporary;
    for (const dns::Record& one : answer.records) {
      if (dmarc::is_record(one.text) || answer.records.size() == 1) record = one.text;
    }
  }
  json list = json::array();
  bool faulty = false;
  for (const dmarc::Finding& finding : findings) {
    faulty = faulty || finding.severity == dmarc::Severity::error;
    list.push_back({{"severity", name_of(finding.severity)},
                    {"text", finding.text},
                    {"position", finding.position},
                    {"length", finding.length}});
  }
  // What a stranger published need not be UTF-8; JSON must be.
  session.print({{"record", harmless(record)}, {"findings", list}}, show_findings);
  if (faulty && session.exit_code == exit_ok) session.exit_code = exit_failed;
}

// ── report ───────────────────────────────────────────────────────────────────────────────────────────────────────────

json show_source(const dmarc::ReportSummary::Source& source) {
  return {{"messages", source.messages},
          {"passed", source.passed},
          {"dkim_aligned", source.dkim_aligned},
          {"spf_aligned", source.spf_aligned}};
}

void show_sources(const Output& out, const std::string& what, const json& sources) {
  using Entry = std::pair<std::uint64_t, std::string>;  // messages, name
  std::vector<Entry> sorted;
  for (const auto& entry : sources.items())
    sorted.emplace_back(entry.value().at("messages").get<std::uint64_t>(), entry.key());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) { return a.first > b.first; });
  std::vector<std::vector<Output::Cell>> rows;
  for (const Entry& entry : sorted) {
    const json& source = sources.at(entry.second);
    const auto number = [&source](const char* key) { return std::to_string(source.at(key).get<std::uint64_t>()); };
    const bool good = number("passed") == number("messages");
    rows.push_back({harmless(entry.second),
                    number("messages"),
                    {number("passed"), good ? Style::good : Style::bad},
                    number("dkim_aligned"),
                    number("spf_aligned")});
  }
  out.table({what, "MESSAGES", "PASSED", "DKIM", "SPF"}, rows);
}

void show_reports(const Output& out, const json& result) {
  for (const json& report : result.at("reports")) {
    out.line(out.styled(Style::bold, harmless(report.value("org_name", ""))) + " about " +
             harmless(report.value("domain", "")) + ", " + harmless(report.value("report_id", "")) +
             ": p=" + harmless(report.value("p", "")));
    for (const json& fault : report.at("faults"))
      out.line("  " + out.styled(Style::warning, "not as the schema wants it") + ": " +
               harmless(fault.get<std::string>()));
  }
  const json& total = result.at("total");
  out.values({{"messages", std::to_string(total.at("messages").get<std::uint64_t>())},
              {"passed", std::to_string(total.at("passed").get<std::uint64_t>())},
              {"quarantined", std::to_string(result.at("quarantined").get<std::uint64_t>())},
              {"rejected", std::to_string(result.at("rejected").get<std::uint64_t>())},
              {"overridden", std::to_string(result.at("overridden").get<std::uint64_t>())}});
  out.line();
  show_sources(out, "SOURCE", result.at("by_source"));
  out.line();
  show_sources(out, "FROM", result.at("by_author"));
}

void run_report(const Inputs& in, Session& session) {
  dmarc::ReportSummary summary;
  json reports = json::array();
  for (const std::string& path : in.files) {
    const auto file = read_file(path, "");
    if (!file) return session.fail(file.error());
    const auto xml = dmarc::unpack_report(*file);
    if (!xml) return session.fail(Error{xml.error().code, path + ": " + xml.error().text});
    const auto report = dmarc::parse_report(*xml);
    if (!report) return session.fail(Error{report.error().code, path + ": " + report.error().text});
    summary.add(*report);
    reports.push_back({{"file", harmless(path)},
                       {"form", report->form == dmarc::ReportForm::rfc9990 ? "RFC 9990" : "RFC 7489"},
                       {"org_name", report->org_name},
                       {"report_id", report->report_id},
                       {"domain", report->policy.domain},
                       {"p", report->policy.p},
                       {"begin", report->begin},
                       {"end", report->end},
                       {"records", report->rows.size()},
                       {"faults", dmarc::check_report(*report)}});
  }
  json by_source = json::object();
  for (const auto& [ip, source] : summary.by_source) by_source[ip] = show_source(source);
  json by_author = json::object();
  for (const auto& [author, source] : summary.by_author) by_author[author] = show_source(source);
  session.print({{"reports", reports},
                 {"total", show_source(summary.total)},
                 {"quarantined", summary.quarantined},
                 {"rejected", summary.rejected},
                 {"overridden", summary.overridden},
                 {"begin", summary.begin},
                 {"end", summary.end},
                 {"by_source", by_source},
                 {"by_author", by_author}},
                show_reports);
}

}  // namespace

void add_dmarc_commands(CLI::App& program, Session& session) {
  CLI::App& group = *add_group(program, "dmarc", "DMARC policies, records and reports");
  {
    auto in = std::make_shared<Inputs>();
    CLI::App* command = add_command(group, "check", "Find the policy for mail from a domain, and what would pass",
                                    "  sendconn dmarc check news.example.org\n"
                                    "  sendconn dmarc check example.org --spf bounce.example.org --dkim example.org\n"
                                    "  sendconn dmarc check example.org --zone test.zone\n"
                                    "The exit code is 0 if such a message passes, 1 if it fails, 3 without a policy, 4 "
                                    "if the DNS did not answer.\n");
    command->add_option("domain", in->domain, "The domain in From")->type_name("")->required();
    command->add_option("--spf", in->spf, "SPF passed for this MAIL FROM domain")->type_name("DOMAIN");
    command->add_option("--dkim", in->dkim, "A signature of this domain passed (repeatable)")
        ->type_name("DOMAIN")
        ->allow_extra_args(false);
    in->dns.add_options(*command);
    command->callback([in, &session] { run_check(*in, session); });
  }
  {
    auto in = std::make_shared<Inputs>();
    CLI::App* command = add_command(group, "lint", "Look for faults in a DMARC record, and mark them",
                                    "  sendconn dmarc lint example.org\n"
                                    "  sendconn dmarc lint --record \"v=DMARC1; p=none; rua=mailto:d@example.org\"\n"
                                    "The exit code is 1 if there is an error, 0 if there are only warnings.\n");
    auto* domain = command->add_option("domain", in->domain, "The domain whose record is looked up")->type_name("");
    auto* record = command->add_option("--record", in->record, "The text of a record")->type_name("TEXT");
    record->excludes(domain);
    in->dns.add_options(*command);
    command->callback([in, &session] {
      if (in->domain.empty() && in->record.empty())
        return session.fail(Error{Errc::invalid_argument, "a domain or --record is required"});
      run_lint(*in, session);
    });
  }
  {
    auto in = std::make_shared<Inputs>();
    CLI::App* command = add_command(group, "report", "Sum up aggregate reports that receivers sent",
                                    "  sendconn dmarc report 'receiver.example!example.org!1!2.xml.gz'\n"
                                    "  sendconn --json dmarc report *.zip *.xml\n");
    command->add_option("files", in->files, "XML, gzip or zip files; -: standard input")->type_name("FILE")->required();
    command->callback([in, &session] { run_report(*in, session); });
  }
}

}  // namespace sendconn::tools

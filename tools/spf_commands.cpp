// spf: check a sender, draw a domain's record with all it includes, find mistakes in records and change them. None of
// them needs the relay.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <set>

#include <sendconn/address.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/spf.hpp>
#include <sendconn/spf_edit.hpp>
#include <sendconn/spf_received.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dns_source.hpp"
#include "tools/place.hpp"
#include "tools/spf_engine_option.hpp"
#include "tools/spf_outcome.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

constexpr unsigned max_drawn_records = 100;  // of one tree: far more than any check would read
constexpr unsigned max_drawn_depth = 12;

// ── showing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

json finding_of(const spf::Finding& finding) {
  return {{"severity", spf::format(finding.severity)},
          {"code", finding.code},
          {"position", finding.position},
          {"octets", finding.octets},
          {"text", harmless(finding.text)}};
}

bool is_text(const std::string& what) { return what.find_first_of(" =\"") != std::string::npos; }

/// The records that a command works on: the text itself, or what a domain publishes.
Result<std::vector<std::string>> records_of(const std::string& what, const DnsSource& source) {
  if (is_text(what) || what.empty()) return std::vector<std::string>{what};
  auto domain = Domain::parse(what);
  if (!domain) return std::move(domain).error();
  auto answers = source.ask({{domain->text(), dns::RecordType::txt}});
  if (!answers) return std::move(answers).error();
  if (dns::is_temporary(answers->front().status))
    return Error{Errc::io, "the DNS did not answer for TXT at " + domain->text() + " (" +
                               std::string(dns::format(answers->front().status)) + ")"};
  std::vector<std::string> records;
  for (const dns::Record& record : answers->front().records)
    if (spf::Record::is_spf(record.text)) records.push_back(record.text);
  if (records.empty()) return Error{Errc::not_found, domain->text() + " publishes no SPF record"};
  return records;
}

void fail(Session& session, const Error& error) {
  if (error.code == Errc::io) return session.fail(exit_temporary, "temporary", error.text);
  session.fail(error);
}

// ── check ────────────────────────────────────────────────────────────────────────────────────────────────────────────

struct CheckInputs {
  std::string address;
  std::string from;
  std::string helo;
  std::string identity = "mailfrom";
  std::string receiver = "localhost";
  bool trace = false;
  SpfEngineOption engine;
  DnsSource source;
};

int exit_code_of(spf::Verdict verdict) {
  switch (verdict) {
    case spf::Verdict::pass:
      return exit_ok;
    case spf::Verdict::none:
      return exit_not_found;
    case spf::Verdict::temperror:
      return exit_temporary;
    default:
      return exit_failed;
  }
}

void run_check(const CheckInputs& in, Session& session) {
  const auto client = IpAddress::parse(in.address);
  if (!client) return session.fail(client.error());
  spf::Options options;
  options.receiver = in.receiver;
  options.trace = in.trace;
  const auto made = in.engine.make(options);
  if (!made) return session.fail(made.error());
  const auto& check = *made;
  check->start({*client, in.helo, in.from == "<>" ? "" : in.from,
                in.identity == "helo" ? spf::Identity::helo : spf::Identity::mail_from,
                std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())});
  if (const auto driven = drive(*check, in.source); !driven) return session.fail(driven.error());
  const spf::Outcome outcome = check->outcome();
  const std::string field = spf::format(spf::to_received(outcome, *client, in.helo, in.receiver));
  session.exit_code = exit_code_of(outcome.verdict);
  if (!session.json) return show_spf(session.out, outcome);
  json result = spf_json(outcome);
  result["received_spf"] = field;
  session.print(result, nullptr);
}

// ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────────

struct ExplainInputs {
  std::string domain;
  DnsSource source;
};

/// Draws a record, and below it the records that it leads to.
class Tree {
 public:
  explicit Tree(DnsSource source) : source_(std::move(source)) {}

  Result<json> draw(const std::string& domain, unsigned depth);
  [[nodiscard]] unsigned lookups() const noexcept { return lookups_; }

 private:
  Result<json> draw_term(const spf::Record& record, const spf::Term& term, const std::string& domain, unsigned depth);
  Result<std::vector<std::string>> addresses(const std::vector<std::string>& names);

  DnsSource source_;
  std::set<std::string> open_;  ///< on the way to the present record: one of them again is a loop
  unsigned records_ = 0;
  unsigned lookups_ = 0;
};

Result<std::vector<std::string>> Tree::addresses(const std::vector<std::string>& names) {
  std::vector<dns::Question> questions;
  for (const std::string& name : names) {
    questions.push_back({name, dns::RecordType::a});
    questions.push_back({name, dns::RecordType::aaaa});
  }
  std::vector<std::string> found;
  if (questions.empty()) return found;
  auto answers = source_.ask(questions);
  if (!answers) return std::move(answers).error();
  for (const dns::Answer& answer : *answers)
    for (const dns::Record& record : answer.records) found.push_back(record.address.format());
  return found;
}

Result<json> Tree::draw_term(const spf::Record& record, const spf::Term& term, const std::string& domain,
                             unsigned depth) {
  json drawn{{"term", record.text(term)}};
  if (spf::needs_lookup(term.kind)) drawn["lookup"] = ++lookups_;
  if (term.has_macros) {
    drawn["note"] = "depends on the client or the sender";
    return drawn;
  }
  std::string target = term.domain_size == 0 ? domain : std::string(record.domain(term));
  if (target.back() == '.') target.pop_back();
  if (term.kind == spf::TermKind::include || term.kind == spf::TermKind::redirect) {
    auto child = draw(target, depth + 1);
    if (!child) return std::move(child).error();
    drawn["record"] = std::move(*child);
    return drawn;
  }
  std::vector<std::string> names{target};
  if (term.kind == spf::TermKind::mx) {
    auto answers = source_.ask({{target, dns::RecordType::mx}});
    if (!answers) return std::move(answers).error();
    names.clear();
    for (const dns::Record& host : answers->front().records)
      if (names.size() < spf::Limits().mx_names && !host.text.empty()) names.push_back(host.text);
  }
  if (term.kind == spf::TermKind::a || term.kind == spf::TermKind::mx) {
    auto found = addresses(names);
    if (!found) return std::move(found).error();
    drawn["addresses"] = *found;
  }
  return drawn;
}

Result<json> Tree::draw(const std::string& domain, unsigned depth) {
  json drawn{{"domain", one_line(domain)}};
  if (open_.count(domain) != 0) {
    drawn["error"] = "this record is already being read: a loop";
    return drawn;
  }
  if (++records_ > max_drawn_records || depth > max_drawn_depth) {
    drawn["error"] = "not read: the tree is too large";
    return drawn;
  }
  auto answers = source_.ask({{domain, dns::RecordType::txt}});
  if (!answers) return std::move(answers).error();
  std::vector<std::string> found;
  for (const dns::Record& record : answers->front().records)
    if (spf::Record::is_spf(record.text)) found.push_back(record.text);
  if (found.size() != 1) {
    drawn["error"] = dns::is_temporary(answers->front().status)
                         ? "the DNS did not answer (" + std::string(dns::format(answers->front().status)) + ")"
                     : found.empty() ? std::string("no SPF record")
                                     : std::to_string(found.size()) + " SPF records, one is allowed";
    return drawn;
  }
  const spf::Record record = spf::Record::parse(found.front());
  drawn["text"] = one_line(record.text());
  if (!record.valid()) drawn["error"] = harmless(record.faults().front().text);
  drawn["terms"] = json::array();
  open_.insert(domain);
  const unsigned before = lookups_;
  for (const spf::Term& term : record.terms()) {
    auto one = draw_term(record, term, domain, depth);
    if (!one) return std::move(one).error();
    drawn["terms"].push_back(std::move(*one));
  }
  drawn["lookups"] = lookups_ - before;
  open_.erase(domain);
  return drawn;
}

void show_record(const Output& out, const json& drawn, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string head = margin + out.styled(Style::bold, drawn["domain"].get<std::string>());
  if (drawn.contains("lookups")) head += "  (" + std::to_string(drawn["lookups"].get<unsigned>()) + " lookups)";
  out.line(head);
  if (drawn.contains("error")) out.line(margin + "  " + out.styled(Style::bad, drawn["error"].get<std::string>()));
  if (!drawn.contains("terms")) return;
  for (const json& term : drawn["terms"]) {
    std::string line = margin + "  " + term["term"].get<std::string>();
    if (term.contains("lookup")) line += "  [" + std::to_string(term["lookup"].get<unsigned>()) + "]";
    if (term.contains("note")) line += "  " + term["note"].get<std::string>();
    if (term.contains("addresses")) {
      line += term["addresses"].empty() ? "  " + out.styled(Style::warning, "no address") : "  =";
      for (const json& address : term["addresses"]) line += " " + address.get<std::string>();
    }
    out.line(line);
    if (term.contains("record")) show_record(out, term["record"], indent + 4);
  }
}

void run_explain(const ExplainInputs& in, Session& session) {
  const auto domain = Domain::parse(in.domain);
  if (!domain) return session.fail(domain.error());
  Tree tree(in.source);
  const auto drawn = tree.draw(domain->text(), 0);
  if (!drawn) return session.fail(drawn.error());
  const bool past = tree.lookups() > spf::Limits().lookups;
  if (session.json) {
    session.print(*drawn, nullptr);
  } else {
    show_record(session.out, *drawn, 0);
    session.out.line("A check that reaches the end takes " +
                     session.out.styled(past ? Style::bad : Style::good, std::to_string(tree.lookups())) +
                     " of at most 10 DNS lookups" + (past ? ": whoever gets so far sees a permerror" : ""));
  }
  if (drawn->contains("error") || past) session.exit_code = exit_failed;
}

// ── lint, edit ───────────────────────────────────────────────────────────────────────────────────────────────────────

struct RecordInputs {
  std::vector<std::string> what;
  std::vector<std::string> add;
  std::vector<std::string> remove;
  DnsSource source;
};

Result<std::vector<std::string>> all_records(const RecordInputs& in) {
  std::vector<std::string> all;
  for (const std::string& what : in.what) {
    auto records = records_of(what, in.source);
    if (!records) return std::move(records).error();
    all.insert(all.end(), records->begin(), records->end());
  }
  return all;
}

void run_lint(const RecordInputs& in, Session& session) {
  const auto records = all_records(in);
  if (!records) return fail(session, records.error());
  json results = json::array();
  bool faulty = records->size() > in.what.size();
  if (faulty && !session.json)
    session.out.line(session.out.styled(Style::bad, "error") +
                     ": there are several SPF records, one is allowed (RFC 7208 section 4.5); see spf edit");
  for (const std::string& record : *records) {
    json findings = json::array();
    for (const spf::Finding& finding : spf::lint(record)) {
      findings.push_back(finding_of(finding));
      faulty = faulty || finding.severity == spf::Severity::error;
      if (!session.json)
        show_finding(session.out, record, spf::format(finding.severity), finding.code, finding.text, finding.position,
                     finding.octets);
    }
    if (!session.json && findings.empty()) session.out.line(session.out.styled(Style::good, "good") + ": " + record);
    results.push_back({{"record", one_line(record)}, {"findings", findings}});
  }
  if (session.json) session.print({{"records", results}, {"several", records->size() > in.what.size()}}, nullptr);
  if (faulty) session.exit_code = exit_failed;
}

void run_edit(const RecordInputs& in, Session& session) {
  const auto records = all_records(in);
  if (!records) return fail(session, records.error());
  auto record = spf::merge(*records);
  for (const std::string& term : in.remove)
    if (record) record = spf::remove_term(*record, term);
  for (const std::string& term : in.add)
    if (record) record = spf::add_term(*record, term);
  if (!record) return session.fail(record.error());
  if (session.json)
    return session.print(
        {{"record", *record}, {"strings", spf::split_strings(*record)}, {"txt", spf::format_txt(*record)}}, nullptr);
  session.out.line(*record);
  if (record->size() > 255) session.out.line("In a zone file: TXT " + spf::format_txt(*record));
}

}  // namespace

void add_spf_commands(CLI::App& program, Session& session) {
  CLI::App* group = add_group(program, "spf", "Check senders; explain, check and change SPF records");
  auto check_in = std::make_shared<CheckInputs>();
  CLI::App* check = add_command(
      *group, "check", "May this client send for this address?",
      "  sendconn spf check --ip 192.0.2.1 --from joe@example.org --helo mail.example.org\n"
      "  sendconn spf check --ip 2001:db8::1 --from '<>' --helo mail.example.org --identity helo --zone test.zone\n"
      "The exit code is 0 for pass, 3 for none, 4 for temperror and 1 for everything else.\n");
  check->add_option("--ip", check_in->address, "The client's address")->type_name("ADDRESS")->required();
  check->add_option("--from", check_in->from, "The reverse-path; <> for none")->type_name("ADDRESS")->required();
  check->add_option("--helo", check_in->helo, "The name in HELO or EHLO")->type_name("NAME");
  check->add_option("--identity", check_in->identity, "mailfrom or helo")
      ->type_name("WHICH")
      ->check(CLI::IsMember({"mailfrom", "helo"}).description(""))
      ->capture_default_str();
  check->add_option("--receiver", check_in->receiver, "The host that checks, for explanations and the header field")
      ->type_name("NAME")
      ->capture_default_str();
  check->add_flag("--trace", check_in->trace, "Show each step");
  check_in->engine.add_options(*check);
  check_in->source.add_options(*check);
  check->callback([check_in, &session] { run_check(*check_in, session); });

  auto explain_in = std::make_shared<ExplainInputs>();
  CLI::App* explain = add_command(*group, "explain", "Draw a domain's record with everything it includes",
                                  "  sendconn spf explain example.org\n"
                                  "Numbers in brackets count the DNS lookups, of which a check may take 10.\n");
  explain->add_option("domain", explain_in->domain, "The domain")->type_name("")->required();
  explain_in->source.add_options(*explain);
  explain->callback([explain_in, &session] { run_explain(*explain_in, session); });

  auto lint_in = std::make_shared<RecordInputs>();
  CLI::App* lint = add_command(*group, "lint", "Find mistakes in records",
                               "  sendconn spf lint 'v=spf1 ipv4:192.0.2.1 -all'\n  sendconn spf lint example.org\n"
                               "The exit code is 1 if there is an error.\n");
  lint->add_option("record", lint_in->what, "A record, or the domain that publishes it")->type_name("")->required();
  lint_in->source.add_options(*lint);
  lint->callback([lint_in, &session] { run_lint(*lint_in, session); });

  auto edit_in = std::make_shared<RecordInputs>();
  CLI::App* edit = add_command(*group, "edit", "Change a record, or make one out of several, and print it",
                               "  sendconn spf edit example.org --add include:_spf.example.net --remove ptr\n"
                               "  sendconn spf edit 'v=spf1 mx -all' 'v=spf1 include:_spf.example.net ~all'\n"
                               "Nothing is published: put the record that is printed into the DNS.\n");
  edit->add_option("record", edit_in->what, "Records, or the domain that publishes them")->type_name("")->required();
  edit->add_option("--add", edit_in->add, "A term to add (repeatable)")->type_name("TERM")->allow_extra_args(false);
  edit->add_option("--remove", edit_in->remove, "A term to remove (repeatable)")
      ->type_name("TERM")
      ->allow_extra_args(false);
  edit_in->source.add_options(*edit);
  edit->callback([edit_in, &session] { run_edit(*edit_in, session); });
}

}  // namespace sendconn::tools

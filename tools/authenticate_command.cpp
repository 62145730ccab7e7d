// authenticate: everything that a receiver finds out about a message's origin (SPF, DKIM and DMARC), why, and the
// header fields that say so.
#include <CLI/CLI.hpp>
#include <memory>

#include <sendconn/authenticate.hpp>
#include <sendconn/spf_received.hpp>

#include "tools/clock.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dkim_policy.hpp"
#include "tools/dkim_signatures.hpp"
#include "tools/dmarc_outcome.hpp"
#include "tools/dns_source.hpp"
#include "tools/message_file.hpp"
#include "tools/spf_engine_option.hpp"
#include "tools/spf_outcome.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

struct Inputs {
  std::string message_file = "-";
  std::string address;
  std::string helo;
  std::string mail_from;
  std::string id = "localhost";
  std::string now;
  bool trace = false;
  bool each_author = false;
  SpfEngineOption engine;
  DkimPolicyOptions policy;
  DnsSource dns;
};

/// A reverse-path may stand in its angle brackets.
std::string path_of(const std::string& text) {
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') return text.substr(1, text.size() - 2);
  return text;
}

struct Found {
  authenticate::Results results;
  KeyAnswers answers;
  std::string field;                      ///< Authentication-Results
  std::vector<std::string> received_spf;  ///< one for each identity
};

Result<authenticate::Options> options_of(const Inputs& in) {
  authenticate::Options options;
  options.spf.receiver = in.id;
  options.spf.trace = in.trace;
  options.dkim = in.policy.policy();
  if (in.each_author) options.dmarc.several_authors = dmarc::SeveralAuthors::check_each;
  // Whether there is such an engine is found out here, where it can be told.
  if (auto made = in.engine.make(options.spf); !made) return std::move(made).error();
  options.engine = [engine = in.engine](const spf::Options& wanted) {
    auto made = engine.make(wanted);
    return made ? std::move(*made) : spf::make_check(wanted);
  };
  return options;
}

Result<Found> find_out(const Inputs& in) {
  const auto client = IpAddress::parse(in.address);
  if (!client) return Error{Errc::invalid_argument, client.error().text};
  const auto now = parse_time(in.now);
  if (!now) return now.error();
  const auto options = options_of(in);
  if (!options) return options.error();
  const auto message = read_received_message(in.message_file);
  if (!message) return message.error();
  authenticate::Envelope envelope;
  envelope.client = *client;
  envelope.helo = in.helo;
  envelope.mail_from = path_of(in.mail_from);
  envelope.now = *now;
  authenticate::Check check(std::move(envelope), *options);
  check.update(*message);
  check.finish();
  Found found;
  if (auto driven = drive(check, in.dns, &found.answers); !driven) return std::move(driven).error();
  found.results = check.take_results();
  auto field = authres::format(authenticate::to_authres(found.results, in.id));
  if (!field) return std::move(field).error();
  found.field = std::move(*field);
  const auto add = [&](const spf::Outcome& outcome) {
    found.received_spf.push_back(spf::format(spf::to_received(outcome, *client, in.helo, in.id)));
  };
  add(found.results.spf);
  if (found.results.helo) add(*found.results.helo);
  return found;
}

/// How each signature aligns with the author: dmarc::Outcome has it for those whose domain is one.
std::vector<std::string_view> alignments_of(const authenticate::Results& results) {
  std::vector<std::string_view> list;
  std::size_t next = 0;
  for (const dkim::SignatureResult& signature : results.dkim) {
    const bool counts = Domain::parse(signature.domain).ok();
    const bool known = counts && next < results.dmarc.dkim.size();
    list.push_back(dmarc::format(known ? results.dmarc.dkim[next] : dmarc::Alignment::none));
    if (counts) ++next;
  }
  return list;
}

json to_json(const Found& found) {
  const authenticate::Results& results = found.results;
  const std::vector<std::string_view> alignments = alignments_of(results);
  json signatures = json::array();
  for (std::size_t i = 0; i < results.dkim.size(); ++i) {
    json one = signature_json(results.dkim[i], found.answers);
    one["alignment"] = alignments[i];
    signatures.push_back(std::move(one));
  }
  json authors = json::array();
  for (const Domain& author : results.authors) authors.push_back(author.text());
  json checks = json::array();
  for (const dmarc::Outcome& outcome : results.dmarc_checks) checks.push_back(dmarc_json(outcome));
  return {{"result", dmarc::format(results.dmarc.verdict)},
          {"null_sender", results.null_sender},
          {"spf", spf_json(results.spf)},
          {"helo", results.helo ? spf_json(*results.helo) : json()},
          {"dkim", signatures},
          {"authors", authors},
          {"problem", results.problem},
          {"dmarc", dmarc_json(results.dmarc)},
          {"dmarc_checks", checks},
          {"authentication_results", found.field},
          {"received_spf", found.received_spf}};
}

/// A field without the CR of its lines.
std::string lines_of(const std::string& field) {
  std::string text;
  for (const char c : field)
    if (c != '\r') text += c;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void show(const Output& out, const Found& found) {
  const authenticate::Results& results = found.results;
  const auto heading = [&out](const char* text) { out.line(out.styled(Style::bold, text)); };
  heading("SPF");
  show_spf(out, results.spf);
  if (results.helo) show_spf(out, *results.helo);
  out.line();
  heading("DKIM");
  if (results.dkim.empty())
    out.line(out.styled(Style::warning, "none") + ": the message has no DKIM signature that could be read");
  for (const dkim::SignatureResult& signature : results.dkim) show_signature(out, signature, found.answers);
  out.line();
  heading("DMARC");
  if (!results.problem.empty()) out.line(out.styled(Style::bad, "no author") + ": " + harmless(results.problem));
  json shown = dmarc_json(results.dmarc);
  const std::vector<std::string_view> alignments = alignments_of(results);
  shown["dkim"] = json::array();
  for (std::size_t i = 0; i < alignments.size(); ++i)
    if (results.dkim[i].verdict == dkim::Verdict::pass)
      shown["dkim"].push_back({{"domain", results.dkim[i].domain}, {"alignment", alignments[i]}});
  show_dmarc(out, shown);
  out.line();
  heading("What the header would say");
  out.line(lines_of(found.field));
  for (const std::string& field : found.received_spf) out.line(lines_of(field));
}

void run(const Inputs& in, Session& session) {
  const auto found = find_out(in);
  if (!found) return session.fail(found.error());
  session.exit_code = exit_code_of(found->results.dmarc.verdict);
  if (session.json) return session.print(to_json(*found), nullptr);
  show(session.out, *found);
}

}  // namespace

void add_authenticate_command(CLI::App& program, Session& session) {
  auto in = std::make_shared<Inputs>();
  CLI::App* command = add_command(
      program, "authenticate", "Check a whole message: SPF, DKIM and DMARC, and the fields that say what was found",
      "  sendconn authenticate message.eml --ip 192.0.2.1 --helo mail.example.org --mail-from joe@example.org\n"
      "  sendconn authenticate --ip 2001:db8::1 --helo mail.example.org --mail-from '<>' --zone test.zone < "
      "bounce.eml\n"
      "  sendconn authenticate message.eml --ip 192.0.2.1 --mail-from a@example.org --authserv-id mx.example.net "
      "--trace\n"
      "The exit code is DMARC's: 0 for pass, 1 for fail, 3 if no policy applies, 4 if the DNS did not answer.\n");
  command->add_option("file", in->message_file, "The message; -: standard input")->type_name("")->capture_default_str();
  command->add_option("--ip", in->address, "The client's address")->type_name("ADDRESS")->required();
  command->add_option("--helo", in->helo, "The name in HELO or EHLO")->type_name("NAME");
  command->add_option("--mail-from", in->mail_from, "The reverse-path; <> for none")->type_name("ADDRESS")->required();
  command->add_option("--authserv-id", in->id, "In whose name the fields speak: the receiver")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--now", in->now, "When it was received: 2026-11-22T15:02:50Z or seconds; default: now")
      ->type_name("TIME");
  command->add_flag("--trace", in->trace, "Show each step of SPF");
  command->add_flag("--each-author", in->each_author, "Check each domain of several in From; else that is an error");
  in->engine.add_options(*command);
  in->policy.add_options(*command);
  in->dns.add_options(*command);
  command->callback([in, &session] { run(*in, session); });
}

}  // namespace sendconn::tools

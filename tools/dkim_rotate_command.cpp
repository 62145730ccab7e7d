// dkim rotate: replaces the key of a domain without a gap. Each run looks at what resolvers see, moves the rotation on
// if it is time, keeps its state in a file, and says what a person has to do and which key signs.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include <sendconn/dkim.hpp>
#include <sendconn/dkim_rotation.hpp>

#include "tools/clock.hpp"
#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/dns_source.hpp"
#include "tools/key_file.hpp"
#include "tools/rotation_file.hpp"
#include "tools/secret.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

constexpr unsigned max_wait_hours = 24 * 365;  // a year: whoever waits longer has forgotten it

struct Inputs {
  std::string state_file;
  std::string domain;
  std::string current;   ///< the selector that signs today
  std::string key_file;  ///< and its key
  std::string next;
  std::string type = "rsa";
  unsigned bits = crypto::PrivateKey::default_rsa_bits;
  std::string passphrase_file;
  std::string now;
  bool cancel = false;
  std::optional<unsigned> settle_hours;
  std::optional<unsigned> keep_hours;
  std::optional<unsigned> stale_hours;
  DnsSource dns;
};

/// One run over an open file.
class Run {
 public:
  Run(const Inputs& in, RotationFile& file, UnixTime now) : in_(in), file_(file), now_(now) {}

  /// What the command line asks for besides looking; the state is on the disk when it returns.
  Result<void> prepare();
  /// Asks the DNS, and moves on. The state is on the disk when it returns.
  Result<void> look();
  [[nodiscard]] Result<json> report() const;
  [[nodiscard]] bool dns_failed() const noexcept { return dns_failed_; }

 private:
  Result<void> start();
  Result<std::string> new_key(const dkim::Selector& selector);
  Result<crypto::PrivateKey> key_of(const std::string& selector) const;
  Result<dkim::Rotation> restored() const { return dkim::Rotation::restore(stored_.state, stored_.times); }
  Result<void> save(const dkim::Rotation& rotation);
  [[nodiscard]] Result<std::string> line_of(const std::string& selector) const;
  [[nodiscard]] std::string complaint() const;
  [[nodiscard]] json sight(const std::string& selector, dkim::RecordSeen seen, UnixTime at) const;

  const Inputs& in_;
  RotationFile& file_;
  UnixTime now_;
  StoredRotation stored_;
  bool begun_ = false;  ///< the key of --begin is in use
  bool dns_failed_ = false;
};

Result<dkim::Selector> selector_of(const std::string& text) {
  auto selector = dkim::Selector::parse(text);
  if (!selector) return Error{Errc::invalid_argument, selector.error().text};
  return selector;
}

Result<crypto::PrivateKey> Run::key_of(const std::string& selector) const {
  return read_key_file(file_.path_of(stored_.keys.at(selector)), in_.passphrase_file);
}

/// A new key, or the one that an earlier run had kept when it was broken off.
Result<std::string> Run::new_key(const dkim::Selector& selector) {
  std::string name = RotationFile::key_name(stored_.domain, selector.text());
  if (file_.has_key(name)) {
    auto kept = read_key_file(file_.path_of(name), in_.passphrase_file);
    if (!kept) return std::move(kept).error();
    return name;
  }
  auto key =
      crypto::PrivateKey::generate(in_.type == "rsa" ? crypto::KeyType::rsa : crypto::KeyType::ed25519, in_.bits);
  if (!key) return std::move(key).error();
  std::string passphrase;
  if (!in_.passphrase_file.empty()) {
    auto secret = read_secret(in_.passphrase_file);
    if (!secret) return std::move(secret).error();
    passphrase = std::move(*secret);
  }
  auto pem = key->to_pem(passphrase);
  crypto::wipe(passphrase);
  if (!pem) return std::move(pem).error();
  auto kept = file_.keep_key(name, *pem);
  crypto::wipe(*pem);
  if (!kept) return std::move(kept).error();
  return name;
}

/// No state yet: the domain's key of today, or, if it has none, its first one.
Result<void> Run::start() {
  if (in_.domain.empty())
    return Error{Errc::invalid_argument, in_.state_file +
                                             " does not exist; a new rotation needs --domain, and --current "
                                             "with --key for the key that signs today"};
  const auto domain = Domain::parse(in_.domain);
  if (!domain) return Error{Errc::invalid_argument, domain.error().text};
  stored_.domain = domain->text();
  if (in_.current.empty()) {
    if (in_.next.empty())
      return Error{Errc::invalid_argument,
                   "--current with --key is required for the key that signs today, or --begin for a first key"};
    const auto first = selector_of(in_.next);
    if (!first) return first.error();
    auto name = new_key(*first);
    if (!name) return std::move(name).error();
    stored_.keys[first->text()] = *name;
    stored_.state.signing = first->text();
    begun_ = true;
    return {};
  }
  const auto selector = selector_of(in_.current);
  if (!selector) return selector.error();
  if (auto key = read_key_file(in_.key_file, in_.passphrase_file); !key) return std::move(key).error();
  std::error_code failure;
  const std::filesystem::path path = std::filesystem::absolute(in_.key_file, failure);
  if (failure) return Error{Errc::io, "cannot name the folder of " + in_.key_file};
  stored_.keys[selector->text()] = path.string();
  stored_.state.signing = selector->text();
  return {};
}

Result<void> Run::prepare() {
  if (file_.stored()) {
    stored_ = *file_.stored();
    if (!in_.current.empty())
      return Error{Errc::conflict,
                   in_.state_file + " has a rotation of " + stored_.domain + " already; --current begins a new one"};
    if (const auto domain = Domain::parse(in_.domain);
        !in_.domain.empty() && (!domain || domain->text() != stored_.domain))
      return Error{Errc::conflict, in_.state_file + " belongs to " + stored_.domain + ", not to " + in_.domain};
  } else if (auto started = start(); !started) {
    return started;
  }
  const dkim::RotationState& state = stored_.state;
  if (const UnixTime last = std::max({state.since, state.signing_seen_at, state.other_seen_at}); now_ < last)
    return Error{Errc::wrong_state, "the time " + format_time(now_) + " is before that of the last look, " +
                                        format_time(last) + "; is the clock right?"};
  if (in_.settle_hours) stored_.times.settle = std::chrono::hours(*in_.settle_hours);
  if (in_.keep_hours) stored_.times.keep = std::chrono::hours(*in_.keep_hours);
  if (in_.stale_hours) stored_.times.stale = std::chrono::hours(*in_.stale_hours);
  auto rotation = restored();
  if (!rotation) return std::move(rotation).error();
  if (in_.cancel) {
    if (auto done = rotation->cancel(now_); !done) return done;
  } else if (!in_.next.empty() && !begun_) {
    const auto next = selector_of(in_.next);
    if (!next) return next.error();
    if (auto begun = rotation->begin(*next, now_); !begun) return begun;
    auto name = new_key(*next);
    if (!name) return std::move(name).error();
    stored_.keys[next->text()] = *name;
  }
  return save(*rotation);
}

Result<void> Run::save(const dkim::Rotation& rotation) {
  stored_.state = rotation.state();
  return file_.save(stored_);
}

Result<void> Run::look() {
  auto rotation = restored();
  if (!rotation) return std::move(rotation).error();
  rotation->on_time(now_);
  std::vector<std::string> selectors{rotation->state().signing};
  if (!rotation->state().other.empty()) selectors.push_back(rotation->state().other);
  std::vector<dns::Question> questions;
  questions.reserve(selectors.size());
  for (const std::string& selector : selectors)
    questions.push_back({selector + "._domainkey." + stored_.domain, dns::RecordType::txt});
  const auto answers = in_.dns.ask(questions);
  if (!answers) return answers.error();
  for (std::size_t i = 0; i < selectors.size(); ++i) {
    const auto key = key_of(selectors[i]);
    if (!key) return key.error();
    const auto selector = selector_of(selectors[i]);
    if (!selector) return selector.error();
    dns_failed_ = dns_failed_ || dns::is_temporary((*answers)[i].status);
    rotation->observe(*selector, dkim::look_at_record(*key, (*answers)[i]), now_);
  }
  return save(*rotation);
}

json Run::sight(const std::string& selector, dkim::RecordSeen seen, UnixTime at) const {
  if (selector.empty()) return nullptr;
  return {{"selector", selector},
          {"name", selector + "._domainkey." + stored_.domain},
          {"key", file_.path_of(stored_.keys.at(selector))},
          {"seen", dkim::format(seen)},
          {"seen_at", seen == dkim::RecordSeen::unknown ? json() : json(format_time(at))}};
}

/// The line of a zone file for the record of a key.
Result<std::string> Run::line_of(const std::string& selector) const {
  const auto key = key_of(selector);
  if (!key) return key.error();
  const auto domain = Domain::parse(stored_.domain);
  const auto parsed = selector_of(selector);
  if (!domain) return domain.error();
  if (!parsed) return parsed.error();
  return dkim::format_key_zone_line(*domain, *parsed, *key);
}

/// What is wrong with the record of the key that signs; empty if nothing is.
std::string Run::complaint() const {
  const std::string record = "the record of " + stored_.state.signing + ", which signs, ";
  switch (stored_.state.signing_seen) {
    case dkim::RecordSeen::matches:
      return {};
    case dkim::RecordSeen::unknown:
      return record + "was not seen yet: look again";
    case dkim::RecordSeen::absent:
      return record + "is not there: publish it";
    case dkim::RecordSeen::revoked:
      return record + "is revoked: publish it again, or begin with another key";
    case dkim::RecordSeen::other:
      break;
  }
  return record + "is not this key's, or forbids what it does: publish the right one";
}

Result<json> Run::report() const {
  const auto rotation = restored();
  if (!rotation) return rotation.error();
  const dkim::RotationState& state = stored_.state;
  json publish = json::array();
  const auto add = [&](const std::string& selector) -> Result<void> {
    auto line = line_of(selector);
    if (!line) return std::move(line).error();
    publish.push_back(std::move(*line));
    return {};
  };
  std::string advice = complaint();
  if (!advice.empty())
    if (auto added = add(state.signing); !added) return std::move(added).error();
  if (state.phase == dkim::RotationPhase::prepared)
    if (auto added = add(state.other); !added) return std::move(added).error();
  if (advice.empty() || state.phase != dkim::RotationPhase::steady)
    advice += (advice.empty() ? "" : "; ") + rotation->advice(now_);
  const auto next = rotation->next_time();
  return json{{"domain", stored_.domain},
              {"phase", dkim::format(state.phase)},
              {"since", format_time(state.since)},
              {"signing", sight(state.signing, state.signing_seen, state.signing_seen_at)},
              {"other", sight(state.other, state.other_seen, state.other_seen_at)},
              {"next_time", next ? json(format_time(*next)) : json()},
              {"publish", publish},
              {"advice", advice}};
}

void show(const Output& out, const json& result) {
  const std::string phase = result.at("phase");
  out.line(out.styled(Style::bold, result.at("domain").get<std::string>()) + ": " +
           out.styled(phase == "steady" ? Style::good : Style::warning, phase));
  const auto show_key = [&out](const char* name, const json& one) {
    if (one.is_null()) return;
    const std::string seen = one.at("seen");
    out.line(std::string("  ") + name + "  " + one.at("selector").get<std::string>() + ", record " +
             out.styled(seen == "matches" ? Style::good : Style::warning, seen) + ", key " +
             harmless(one.at("key").get<std::string>()));
  };
  show_key("signs", result.at("signing"));
  show_key("other", result.at("other"));
  if (result.at("next_time").is_string()) out.line("  next   " + result.at("next_time").get<std::string>());
  out.line(result.at("advice").get<std::string>());
  for (const json& line : result.at("publish")) out.line(line.get<std::string>());
}

void run(const Inputs& in, Session& session) {
  const auto now = parse_time(in.now);
  if (!now) return session.fail(now.error());
  if (in.current.empty() != in.key_file.empty())
    return session.fail({Errc::invalid_argument, "--current and --key belong together"});
  auto file = RotationFile::open(in.state_file);
  if (!file && file.error().code == Errc::conflict) return session.fail(exit_temporary, "temporary", file.error().text);
  if (!file) return session.fail(file.error());
  Run one(in, *file, *now);
  auto step = one.prepare();
  if (step) step = one.look();
  if (!step) return session.fail(step.error());
  const auto report = one.report();
  if (!report) return session.fail(report.error());
  session.print(*report, show);
  if (one.dns_failed()) session.exit_code = exit_temporary;
}

}  // namespace

void add_dkim_rotate_command(CLI::App& group, Session& session) {
  auto in = std::make_shared<Inputs>();
  CLI::App* command = add_command(
      group, "rotate", "Replace a key without a gap: look at the DNS, say what to do next and which key signs",
      "  sendconn dkim rotate --state example.org.json --domain example.org --current s2025 --key s2025.pem\n"
      "  sendconn dkim rotate --state example.org.json --begin s2026\n"
      "  sendconn dkim rotate --state example.org.json\n"
      "The first line begins with the key of today, the second makes the next key, the third is for every hour, from "
      "cron.\nKeys are files beside the state; none is ever removed or written over.\n"
      "The exit code is 4 if the DNS did not answer; the state stays as it was.\n");
  command->add_option("--state", in->state_file, "Where the state is kept between runs")->type_name("FILE")->required();
  command->add_option("--domain", in->domain, "The signing domain, for a new state")->type_name("DOMAIN");
  auto* current = command->add_option("--current", in->current, "The selector that signs today, for a new state");
  current->type_name("NAME");
  command->add_option("--key", in->key_file, "Its private key, a PEM file that stays where it is")
      ->type_name("FILE")
      ->needs(current);
  auto* begin = command->add_option("--begin", in->next, "Make the next key, with this selector");
  begin->type_name("NAME");
  command->add_option("--type", in->type, "Of the next key: rsa or ed25519")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"rsa", "ed25519"}).description(""))
      ->needs(begin)
      ->capture_default_str();
  command->add_option("--bits", in->bits, "Of an RSA key, 1024 to 4096")
      ->type_name("N")
      ->needs(begin)
      ->capture_default_str();
  command->add_flag("--cancel", in->cancel, "Give up before the next key signs; its file stays")->excludes(begin);
  command->add_option("--passphrase-file", in->passphrase_file, "Encrypts and decrypts the PEM files")
      ->type_name("FILE");
  const auto wait = [&](const char* name, std::optional<unsigned>& hours, const char* description) {
    command->add_option(name, hours, description)
        ->type_name("HOURS")
        ->check(CLI::Range(1U, max_wait_hours).description(""));
  };
  wait("--settle", in->settle_hours, "How long the new record must be seen before it signs; 24 unless given");
  wait("--keep", in->keep_hours, "How long the old record stays after the switch; 168 unless given");
  wait("--stale", in->stale_hours, "For how long a look counts; 6 unless given");
  command->add_option("--now", in->now, "The time: 2026-11-22T15:02:50Z or seconds; default: the clock's")
      ->type_name("TIME");
  in->dns.add_options(*command);
  command->callback([in, &session] { run(*in, session); });
}

}  // namespace sendconn::tools

// check-tool: drives one check with the c-ares resolver, for tests that put a server before it which fails or lies.
// Prints one JSON object.
//
//   check-tool [--server ADDRESS] [--timeout MS] [--tries N] [--deadline MS] spf CLIENT MAIL-FROM
//   check-tool ... dmarc AUTHOR [SIGNER]      of a message that the domain SIGNER has signed, if there is one
//   check-tool ... dkim FILE                  each signature of the message in FILE
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <sendconn/dkim_verify.hpp>
#include <sendconn/dmarc.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/spf.hpp>

#include "lib/base/ascii.hpp"

namespace {

using namespace sendconn;

int fail(std::string_view text) {
  std::cerr << text << "\n";
  return 2;
}

std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += ascii::is_vchar(c) || c == ' ' ? c : '?';
  }
  return out + "\"";
}

void print(std::string_view verdict, std::string_view text, std::size_t questions) {
  std::cout << "{\"verdict\": " << json(verdict) << ", \"text\": " << json(text) << ", \"questions\": " << questions
            << "}\n";
}

class Driver {
 public:
  explicit Driver(io::CaresOptions options) : options_(std::move(options)) {}

  template <class Check>
  bool drive(Check& check) {
    while (!check.done()) {
      const std::vector<dns::Question> questions = check.questions();
      const auto answers = io::resolve_blocking(options_, questions);
      if (!answers || questions.empty()) return false;
      for (std::size_t i = 0; i < questions.size(); ++i) check.answer(questions[i], (*answers)[i]);
      asked_ += questions.size();
    }
    return true;
  }
  [[nodiscard]] std::size_t asked() const noexcept { return asked_; }

 private:
  io::CaresOptions options_;
  std::size_t asked_ = 0;
};

int check_spf(Driver& driver, std::string_view client, std::string_view mail_from) {
  const auto address = IpAddress::parse(client);
  if (!address) return fail(address.error().text);
  const auto check = spf::make_check();
  check->start({*address, "mail.example", mail_from, spf::Identity::mail_from, UnixTime{}});
  if (!driver.drive(*check)) return fail("no answers");
  const spf::Outcome outcome = check->outcome();
  print(spf::format(outcome.verdict), outcome.text, driver.asked());
  return 0;
}

int check_dmarc(Driver& driver, std::string_view author, std::string_view signer) {
  dmarc::Facts facts;
  const auto domain = Domain::parse(author);
  if (!domain) return fail(domain.error().text);
  facts.authors = {*domain};
  if (const auto signed_by = Domain::parse(signer)) facts.dkim = {{dmarc::Evidence::pass, *signed_by}};
  dmarc::Check check(std::move(facts));
  if (!driver.drive(check)) return fail("no answers");
  print(dmarc::format(check.outcome().verdict), check.outcome().reason, driver.asked());
  return 0;
}

int check_dkim(Driver& driver, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string message(std::istreambuf_iterator<char>(file), {});
  dkim::VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(1'790'000'000));
  dkim::Verifier verifier(options);
  if (!verifier.update(message) || !verifier.finish()) return fail("no message");
  if (!driver.drive(verifier)) return fail("no answers");
  for (const dkim::SignatureResult& result : verifier.results())
    print(dkim::format(result.verdict), dkim::format(result.reason), driver.asked());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  io::CaresOptions options;
  int at = 1;
  for (; at + 1 < argc && std::string_view(argv[at]).starts_with("--"); at += 2) {
    const std::string_view word = argv[at];
    const int number = ascii::to_number<int>(argv[at + 1]).value_or(0);
    if (word == "--server") options.servers.emplace_back(argv[at + 1]);
    if (word == "--timeout") options.timeout = std::chrono::milliseconds(number);
    if (word == "--deadline") options.deadline = std::chrono::milliseconds(number);
    if (word == "--tries") options.tries = number;
  }
  const std::string_view what = at < argc ? argv[at] : "";
  const auto word = [&](int i) { return std::string(at + i < argc ? argv[at + i] : ""); };
  Driver driver(std::move(options));
  if (what == "spf") return check_spf(driver, word(1), word(2));
  if (what == "dmarc") return check_dmarc(driver, word(1), word(2));
  if (what == "dkim") return check_dkim(driver, word(1));
  return fail("spf, dmarc or dkim is required");
}

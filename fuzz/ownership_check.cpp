// Proof of ownership: whatever stands at the two names, and in whatever order the answers come, only the record that
// was asked for proves anything, a failure of the DNS never shows its absence, and what a person is told is printable.
//
// The input: an octet that says how the two questions end and in which order, then the TXT records, one on a line; a
// line that begins with "@" stands at the domain itself, every other at the label.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/ownership.hpp>

#include "fuzz/check.hpp"
#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

using namespace sendconn;

namespace {

constexpr std::string_view token = "86e1828056287e279c93eb37ee8b7a8a6c71c097";

ownership::Challenge challenge() {
  return *ownership::Challenge::of("acme", *Domain::parse("example.org"), *ownership::Token::parse(token));
}

/// The manual's rule, word by word.
bool proves(std::string_view text, bool at_label) {
  const std::string lower = ascii::to_lower(text);
  const std::string wanted = (at_label ? "token=" : "acme-verification=") + std::string(token);
  if (lower == wanted) return true;
  if (!at_label || !lower.starts_with(wanted)) return false;
  const char behind = lower[wanted.size()];
  const char last = lower.back();
  return std::string_view(" \t,;").find(behind) != std::string_view::npos && last != ' ' && last != '\t' &&
         last != '\r' && last != '\n';
}

struct Place {
  dns::Answer answer;
  bool proven = false;
};

ownership::Outcome check(const std::vector<Place>& places, bool backward) {
  ownership::Check machine(challenge());
  const std::vector<dns::Question> questions = machine.questions();
  fuzz::check(questions.size() == 2 && machine.questions().empty(), "two questions, each once");
  dns::Answer lie;
  lie.records.push_back({{}, 0, "token=" + std::string(token)});
  machine.answer({"example.com", dns::RecordType::txt}, lie);
  machine.answer({questions[0].name, dns::RecordType::a}, lie);
  fuzz::check(!machine.done(), "what was not asked for proves nothing");
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t which = backward ? 1 - i : i;
    const bool was_done = machine.done();
    machine.answer(questions[which], places[which].answer);
    machine.answer(questions[which], lie);  // a second answer is nobody's
    fuzz::check(i == 0 || machine.done(), "two answers are enough");
    fuzz::check(was_done || !machine.done() || i == 1 || places[which].proven, "one answer is enough if it proves");
  }
  return machine.outcome();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = ownership::Token::parse(text)) {
    fuzz::check(parsed->text().size() == 40 && ascii::to_lower(text) == parsed->text(), "a token is 40 digits");
    fuzz::check(ownership::Token::parse(parsed->text()).ok(), "a token can be read again");
  }
  if (const auto named =
          ownership::Challenge::of(std::string(text), *Domain::parse("example.org"), *ownership::Token::parse(token)))
    fuzz::check(Domain::parse(std::string(text) + ".example").ok(), "a provider's name is a label");
  if (size == 0) return 0;

  Cursor cursor(text.substr(1));
  std::vector<Place> places(2);
  while (!cursor.at_end()) {
    std::string_view line = cursor.take_until('\n');
    cursor.skip();
    const bool at_label = !line.starts_with('@');
    if (!at_label) line.remove_prefix(1);
    Place& place = places[at_label ? 0 : 1];
    place.answer.records.push_back({{}, 0, std::string(line)});
    place.proven = place.proven || proves(line, at_label);
  }
  bool failed = false;
  for (std::size_t i = 0; i < 2; ++i) {
    dns::Answer& answer = places[i].answer;
    const unsigned how = data[0] >> (i * 4) & 7U;
    answer.status = static_cast<dns::Status>(how < 6 ? how : 0);
    if (answer.ok()) continue;
    answer.records.clear();
    places[i].proven = false;
    failed = failed || dns::is_temporary(answer.status);
  }

  const ownership::Outcome outcome = check(places, (data[0] & 8U) != 0);
  using ownership::Verdict;
  const bool proven = places[0].proven || places[1].proven;
  fuzz::check((outcome.verdict == Verdict::verified) == proven, "the record and nothing else proves it");
  fuzz::check((outcome.verdict == Verdict::temporary_failure) == (!proven && failed),
              "a failure never shows that the record is not there");
  fuzz::check(outcome.where.empty() != proven, "where it was proven is told");
  for (const char c : outcome.explanation) fuzz::check(ascii::is_vchar(c) || c == ' ', "an explanation is one line");
  fuzz::check(check(places, (data[0] & 8U) == 0).verdict == outcome.verdict,
              "the order of the answers does not matter");
  return 0;
}

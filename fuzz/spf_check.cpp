// SPF checks: whatever the DNS answers, in whatever order, a check ends, with the same verdict for every order.
//
// The input: an octet of options, the HELO name, the reverse-path, then one line for each answer there is. A question
// gets the line that its name and type fall upon: "!" and a digit is a failure, everything else is TXT, a host's name
// or an address, whatever was asked for. So includes lead anywhere, loops included, and answers lie about their type.
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/check.hpp"
#include "lib/base/cursor.hpp"
#include "tests/spf/answers.hpp"

using namespace sendconn;

namespace {

struct World {
  std::vector<std::string> lines;

  [[nodiscard]] dns::Answer lookup(const dns::Question& question) const {
    dns::Answer answer;
    if (lines.empty()) {
      answer.status = dns::Status::no_such_name;
      return answer;
    }
    // FNV-1a, so that a corpus means the same everywhere.
    std::uint32_t hash = 2166136261U;
    for (const char c : question.name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    hash = (hash ^ static_cast<unsigned>(question.type)) * 16777619U;
    const std::string& line = lines[hash % lines.size()];
    if (line.size() >= 2 && line[0] == '!') {
      answer.status = static_cast<dns::Status>(1 + static_cast<unsigned char>(line[1]) % 5);
      return answer;
    }
    const std::size_t count = question.type == dns::RecordType::txt ? 1 : hash % 13;
    for (std::size_t i = 0; i < count; ++i) {
      dns::Record record;
      record.text = lines[(hash + i) % lines.size()];
      record.preference = static_cast<std::uint16_t>(i % 3);
      const auto octet = static_cast<std::uint8_t>(hash >> (i % 4 * 8));
      record.address = i % 5 == 4 ? IpAddress::v6({octet}) : IpAddress::v4({192, 0, 2, octet});
      answer.records.push_back(record);
    }
    answer.ttl = std::chrono::seconds(hash % 100);
    return answer;  // no_error without records too: a lie of its own
  }
};

void check_outcome(const spf::Outcome& outcome, const spf::Limits& limits) {
  fuzz::check(outcome.lookups <= limits.lookups + 1, "lookups are bounded");
  fuzz::check(outcome.void_lookups <= limits.void_lookups + 1, "void lookups are bounded");
  fuzz::check(outcome.explanation.size() <= limits.explanation_octets, "an explanation is bounded");
  for (const std::string* text : {&outcome.explanation, &outcome.text, &outcome.domain, &outcome.sender})
    for (const char c : *text) fuzz::check(c >= ' ' && c < 0x7f, "texts are printable");
  fuzz::check(!outcome.text.empty(), "a verdict has a reason");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Cursor cursor(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto choice = static_cast<unsigned char>(cursor.peek());
  cursor.skip();
  const std::string helo(cursor.take_until('\n'));
  cursor.skip();
  const std::string sender(cursor.take_until('\n'));
  cursor.skip();
  World world;
  while (!cursor.at_end()) {
    world.lines.emplace_back(cursor.take_until('\n'));
    cursor.skip();
  }
  spf::Options options;
  options.trace = (choice & 1U) != 0;
  if ((choice & 2U) != 0) options.records = std::make_shared<spf::RecordCache>(4);
  if ((choice & 4U) != 0) options.limits.lookups = 40;
  if ((choice & 8U) != 0) options.limits.void_lookups = 20;
  if ((choice & 16U) != 0) options.limits.void_counting = spf::VoidCounting::by_question;
  const IpAddress client =
      (choice & 32U) != 0 ? IpAddress::v6({0x20, 0x01, 0x0d, 0xb8}) : IpAddress::v4({192, 0, 2, 1});
  const spf::Request request{client, helo, sender, (choice & 64U) != 0 ? spf::Identity::helo : spf::Identity::mail_from,
                             UnixTime{}};
  const auto check = spf::make_check(options);
  std::size_t questions = 0;
  const auto lookup = [&](const dns::Question& question) {
    // Each term asks once, an mx and the client's name ten addresses more, and exp= once.
    fuzz::check(++questions <= 11 * (options.limits.lookups + 3), "questions are bounded");
    return world.lookup(question);
  };
  check->start(request);
  spf::test::drive(*check, lookup);
  fuzz::check(check->done(), "a check that has no question is done");
  const spf::Outcome blocking = check->outcome();
  check_outcome(blocking, options.limits);
  std::mt19937 random(choice);
  for (int i = 0; i < 2; ++i) {
    questions = 0;
    check->start(request);
    spf::test::drive_shuffled(*check, lookup, random);
    fuzz::check(check->done(), "a check that has no question is done");
    const spf::Outcome shuffled = check->outcome();
    fuzz::check(shuffled.verdict == blocking.verdict && shuffled.text == blocking.text &&
                    shuffled.lookups == blocking.lookups && shuffled.void_lookups == blocking.void_lookups &&
                    shuffled.explanation == blocking.explanation,
                "the order of the answers decides nothing");
  }
  // Left in the middle and begun again, as a pooled check may be.
  check->start(request);
  check->questions();
  check->start(request);
  questions = 0;
  spf::test::drive(*check, lookup);
  fuzz::check(check->verdict() == blocking.verdict, "a check begun again finds the same");
  return 0;
}

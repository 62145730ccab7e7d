// A whole message: what is found does not depend on how it was cut, on the order of the answers or on lies amid them;
// whoever gives up is done; and every finding can be written as one field that reads back.
//
// The input: an octet that says where to cut, one of options; the HELO name, the reverse-path, and the answers of the
// DNS, one on a line, up to an empty one; then the message. A name of the DNS gets the line that its hash falls upon:
// "!" and a digit is a failure, "?" no such name, everything else a TXT record, and a host or an address for the rest.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/authenticate.hpp>

#include "fuzz/check.hpp"
#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

using namespace sendconn;

namespace {

struct Input {
  std::size_t step = 0;
  unsigned choice = 0;
  authenticate::Envelope envelope;
  std::vector<std::string> lines;
  std::string_view message;
};

std::string_view take_line(Cursor& cursor) {
  const std::string_view line = cursor.take_until('\n');
  cursor.skip();
  return line;
}

dns::Answer lookup(const Input& input, const dns::Question& question) {
  dns::Answer answer;
  answer.status = dns::Status::no_such_name;
  if (input.lines.empty()) return answer;
  std::uint32_t hash = 2166136261U;  // FNV-1a, so that a corpus means the same everywhere
  for (const char c : question.name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  hash = (hash ^ static_cast<unsigned>(question.type)) * 16777619U;
  const std::string& line = input.lines[hash % input.lines.size()];
  if (line.starts_with('?')) return answer;
  answer.status = dns::Status::no_error;
  if (line.size() >= 2 && line[0] == '!') {
    answer.status = static_cast<dns::Status>(1 + static_cast<unsigned char>(line[1]) % 5);
    return answer;
  }
  dns::Record record;
  record.text = line;
  record.address = IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(hash % 3)});
  answer.records.push_back(record);
  return answer;
}

authenticate::Options options_of(unsigned choice) {
  authenticate::Options options;
  if ((choice & 1U) != 0) options.dmarc.several_authors = dmarc::SeveralAuthors::check_each;
  if ((choice & 2U) != 0) options.dkim = dkim::VerifyPolicy::legacy();
  if ((choice & 4U) != 0) options.dmarc.max_walks = 2;
  options.header.max_octets = 8'192;
  return options;
}

/// Everything that is said in the field, and what could not be read.
std::string describe(const authenticate::Results& results) {
  const auto field = authres::format(authenticate::to_authres(results, "mx.example"), {true, 78});
  fuzz::check(field.ok(), "every finding can be written");
  const auto again = authres::parse(std::string_view(*field).substr(field->find(':') + 1));
  fuzz::check(again.ok() && again->id == "mx.example", "what is written can be read");
  fuzz::check(!again->statements.empty() && again->statements.back().method == "dmarc", "DMARC has the last word");
  return *field + results.problem + "|" + results.spf.text + "|" + results.dmarc.reason;
}

void check_results(const authenticate::Results& results) {
  const bool passed = results.dmarc.verdict == dmarc::Verdict::pass;
  fuzz::check(!passed || results.dmarc.spf_aligned() || results.dmarc.dkim_aligned(), "who passes is aligned");
  fuzz::check(!passed || results.problem.empty(), "what is no message passes for nobody");
  fuzz::check(!passed || results.spf.verdict == spf::Verdict::pass || results.passed_signature() != nullptr,
              "who passes has something that passed");
  for (const char c : results.problem) fuzz::check(ascii::is_vchar(c) || c == ' ', "a problem is one printable line");
}

enum class Manner { as_asked, at_the_end_shuffled, amid_lies };

std::string run(const Input& input, std::size_t step, Manner manner) {
  authenticate::Check check(input.envelope, options_of(input.choice));
  std::vector<dns::Question> open;
  std::mt19937 random(input.choice);
  dns::Answer lie;
  lie.records.push_back({{}, 0, "v=spf1 +all"});
  const auto collect = [&] {
    for (dns::Question& question : check.questions()) open.push_back(std::move(question));
  };
  const auto answer_one = [&] {
    const std::size_t which = manner == Manner::as_asked ? 0 : random() % open.size();
    const dns::Question question = open[which];
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    if (manner == Manner::amid_lies) {
      check.answer({std::string(64, 'x') + ".example", dns::RecordType::txt}, lie);  // no name: RFC 1035 section 2.3.4
      check.answer({question.name, dns::RecordType::ns}, lie);
    }
    check.answer(question, lookup(input, question));
  };
  std::string_view message = input.message;
  while (!message.empty()) {
    const std::string_view piece = message.substr(0, step == 0 ? message.size() : step);
    message.remove_prefix(piece.size());
    check.update(piece);
    collect();
    if (manner != Manner::at_the_end_shuffled && !open.empty()) answer_one();
  }
  check.finish();
  std::size_t answers = 0;
  while (!check.done()) {
    collect();
    fuzz::check(!open.empty(), "a check that is not done waits for an answer");
    fuzz::check(++answers < 2'000, "questions are bounded");
    answer_one();
  }
  check_results(check.results());
  return describe(check.results());
}

void give_up(const Input& input) {
  authenticate::Check check(input.envelope, options_of(input.choice));
  check.update(input.message);
  const auto questions = check.questions();
  for (std::size_t i = 0; i < questions.size() / 2; ++i) check.answer(questions[i], lookup(input, questions[i]));
  if ((input.choice & 8U) != 0) check.finish();
  check.give_up();
  if ((input.choice & 8U) == 0) check.finish();
  fuzz::check(check.done() && check.questions().empty(), "whoever gives up is done");
  check_results(check.results());
  describe(check.results());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Input input;
  input.step = data[0];
  input.choice = data[1];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  Cursor cursor(text);
  input.envelope.client = IpAddress::v4({192, 0, 2, 1});
  input.envelope.helo = take_line(cursor);
  input.envelope.mail_from = take_line(cursor);
  input.envelope.now = UnixTime(std::chrono::seconds(1'790'000'000));
  for (std::string_view line = take_line(cursor); !line.empty() && input.lines.size() < 64; line = take_line(cursor))
    input.lines.emplace_back(line);
  input.message = text.substr(std::min(cursor.position(), text.size()));

  const std::string whole = run(input, 0, Manner::as_asked);
  fuzz::check(run(input, 1, Manner::at_the_end_shuffled) == whole, "octet by octet, and shuffled, gives the same");
  fuzz::check(run(input, input.step, Manner::amid_lies) == whole, "any pieces and lies give the same");
  give_up(input);
  return 0;
}

// spf-conformance: checks the cases that tests/spf/conformance.py writes, each by the blocking and the stepwise drive,
// the latter with answers in shuffled order, with and without a cache of parsed records. Prints what disagrees and the
// count; exits with 1 if anything disagrees.
//
//   spf-conformance            as above
//   spf-conformance --print    prints what it finds instead, a line for each case with fields separated by tabs: the
//                              name, the verdict, the reason, lookups, void lookups, explanation, text, and the
//                              questions that found nothing, between bars; void lookups are counted by question, as
//                              tests/spf/differential.py wants them
//   spf-conformance --engine MODULE KNOWN
//                              with libspf2: to each case it says what stands in the file KNOWN: case and verdict, and
//                              what the suite requires instead where that is something else
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <sendconn/spf_engine.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "tests/spf/answers.hpp"

namespace {

using namespace sendconn;

constexpr int shuffles = 8;

struct Case {
  std::string name;
  std::string helo;
  IpAddress host;
  std::string mail_from;
  std::string results;
  std::string explanation;
  bool explained = false;
};

std::string unhex(std::string_view field) {
  std::string out;
  for (std::size_t i = 1; i + 1 < field.size(); i += 2)
    out.push_back(static_cast<char>(ascii::hex_value(field[i]) * 16 + ascii::hex_value(field[i + 1])));
  return out;
}

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields;
  Cursor cursor(line);
  do fields.emplace_back(cursor.take_until('\t'));
  while (cursor.take('\t'));
  return fields;
}

/// Octets that are no name on paper, such as "foo.\0", are names here all the same.
void add_record(spf::test::Answers& answers, const std::vector<std::string>& fields) {
  spf::test::Node& node = answers.at(unhex(fields[1]));
  dns::Record record;
  if (fields[0] == "A" || fields[0] == "AAAA") {
    record.address = IpAddress::parse(unhex(fields[2])).value();
  } else if (fields[0] == "MX") {
    record.preference = static_cast<std::uint16_t>(std::stoi(fields[2]));
    record.text = ascii::to_lower(unhex(fields[3]));
  } else {
    record.text = unhex(fields[2]);
  }
  node.sets[dns::parse_record_type(fields[0]).value()].push_back(record);
}

bool allows(const std::string& results, std::string_view verdict) {
  Cursor cursor(results);
  do {
    if (cursor.take_until(',') == verdict) return true;
  } while (cursor.take(','));
  return false;
}

class Suite {
 public:
  explicit Suite(bool prints) : prints_(prints) {}
  bool use_engine(const std::string& module, const char* known);
  void read(std::istream& in);
  [[nodiscard]] int report() const;

 private:
  void check_all(const Case& test);
  void print(const Case& test) const;
  void check_engine(const Case& test);
  bool judge(const Case& test, const spf::Check& check, const char* drive);

  bool prints_;
  std::unique_ptr<spf::Check> engine_;
  std::map<std::string, std::string> known_;  ///< what the engine says to each case, behind it what is required
  std::size_t wrong_ = 0;
  std::string scenario_;
  std::vector<Case> cases_;
  spf::test::Answers answers_;
  std::mt19937 random_{7208};
  std::size_t total_ = 0;
  std::size_t agreed_ = 0;
  std::size_t runs_ = 0;
  std::size_t explanations_ = 0;

  void finish_scenario() {
    for (const Case& test : cases_) {
      if (engine_) {
        check_engine(test);
      } else {
        prints_ ? print(test) : check_all(test);
      }
    }
    cases_.clear();
    answers_ = {};
  }
};

void Suite::read(std::istream& in) {
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields[0] == "scenario") {
      finish_scenario();
      scenario_ = fields[1];
    } else if (fields[0] == "timeout") {
      answers_.at(unhex(fields[1])).times_out = true;
    } else if (fields[0] == "empty") {
      answers_.at(unhex(fields[1])).sets[dns::RecordType::txt];
    } else if (fields[0] == "case") {
      cases_.push_back({fields[1], unhex(fields[2]), IpAddress::parse(unhex(fields[3])).value(), unhex(fields[4]),
                        fields[5], fields[6] == "-" ? "" : unhex(fields[6]), fields[6] != "-"});
    } else {
      add_record(answers_, fields);
    }
  }
  finish_scenario();
}

bool Suite::judge(const Case& test, const spf::Check& check, const char* drive) {
  ++runs_;
  if (!check.done()) {
    std::printf("%s / %s (%s): not done, and no question\n", scenario_.c_str(), test.name.c_str(), drive);
    return false;
  }
  const spf::Outcome outcome = check.outcome();
  if (!allows(test.results, spf::format(outcome.verdict))) {
    std::printf("%s / %s (%s): %s, required %s: %s\n", scenario_.c_str(), test.name.c_str(), drive,
                std::string(spf::format(outcome.verdict)).c_str(), test.results.c_str(), outcome.text.c_str());
    return false;
  }
  if (test.explained && outcome.explanation != test.explanation) {
    std::printf("%s / %s (%s): explanation '%s', required '%s'\n", scenario_.c_str(), test.name.c_str(), drive,
                outcome.explanation.c_str(), test.explanation.c_str());
    return false;
  }
  return true;
}

void Suite::check_all(const Case& test) {
  const spf::Request request{test.host, test.helo, test.mail_from, spf::Identity::mail_from, UnixTime{}};
  const auto lookup = [this](const dns::Question& question) { return answers_.lookup(question); };
  bool agrees = true;
  for (const bool cached : {false, true}) {
    spf::Options options;
    options.default_explanation = "DEFAULT";
    options.trace = cached;
    if (cached) options.records = std::make_shared<spf::RecordCache>();
    const auto check = spf::make_check(options);
    check->start(request);
    spf::test::drive(*check, lookup);
    agrees = judge(test, *check, "blocking") && agrees;
    for (int i = 0; i < shuffles; ++i) {
      check->start(request);
      spf::test::drive_shuffled(*check, lookup, random_);
      agrees = judge(test, *check, "stepwise") && agrees;
    }
  }
  ++total_;
  if (agrees) ++agreed_;
  if (test.explained) ++explanations_;
}

void Suite::print(const Case& test) const {
  spf::Options options;
  options.limits.void_counting = spf::VoidCounting::by_question;
  options.default_explanation = "DEFAULT";
  const auto check = spf::make_check(options);
  check->start({test.host, test.helo, test.mail_from, spf::Identity::mail_from, UnixTime{}});
  std::string nothing;
  spf::test::drive(*check, [&](const dns::Question& question) {
    dns::Answer answer = answers_.lookup(question);
    if (!answer.ok() && !dns::is_temporary(answer.status))
      nothing += (nothing.empty() ? "" : "|") + question.name + "/" + std::string(dns::format(question.type));
    return answer;
  });
  const spf::Outcome outcome = check->outcome();
  std::printf("%s\t%s\t%s\t%u\t%u\t%s\t%s\t%s\n", test.name.c_str(), std::string(spf::format(outcome.verdict)).c_str(),
              std::string(spf::format(outcome.reason)).c_str(), outcome.lookups, outcome.void_lookups,
              outcome.explanation.c_str(), outcome.text.c_str(), nothing.c_str());
}

bool Suite::use_engine(const std::string& module, const char* known) {
  auto engine = spf::load_libspf2(module);
  if (!engine) {
    std::printf("%s\n", engine.error().text.c_str());
    return false;
  }
  engine_ = std::move(*engine);
  std::ifstream file(known);
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> fields = fields_of(line);
    if (line.empty() || line.front() == '#' || fields.size() < 2) continue;
    known_[fields[0]] = fields[1] + (fields.size() > 2 ? "\t" + fields[2] : "");
  }
  return true;
}

void Suite::check_engine(const Case& test) {
  const spf::Request request{test.host, test.helo, test.mail_from, spf::Identity::mail_from, UnixTime{}};
  const auto lookup = [this](const dns::Question& question) { return answers_.lookup(question); };
  ++total_;
  engine_->start(request);
  spf::test::drive(*engine_, lookup);
  const std::string blocking(spf::format(engine_->verdict()));
  bool done = engine_->done();
  engine_->start(request);
  spf::test::drive_shuffled(*engine_, lookup, random_);
  done = done && engine_->done() && spf::format(engine_->verdict()) == blocking;
  const bool right = allows(test.results, blocking);
  if (!right) ++wrong_;
  const std::string found = blocking + (right ? "" : "\t" + test.results);
  const auto known = known_.find(test.name);
  if (done && known != known_.end() && known->second == found) {
    ++agreed_;
    return;
  }
  std::printf("%s\t%s%s\n", test.name.c_str(), found.c_str(),
              done ? "" : "\t(not done, or another verdict by the stepwise drive)");
}

int Suite::report() const {
  if (engine_) {
    std::printf("%zu of %zu cases as known; %zu of them as the suite allows\n", agreed_, total_, total_ - wrong_);
    return agreed_ == total_ && known_.size() == total_ && total_ > 0 ? 0 : 1;
  }
  if (prints_) return 0;
  std::printf("%zu of %zu cases agree, %zu explanations among them, in %zu runs\n", agreed_, total_, explanations_,
              runs_);
  return agreed_ == total_ && total_ > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  Suite suite(mode == "--print");
  if (mode == "--engine" && (argc != 4 || !suite.use_engine(argv[2], argv[3]))) return 2;
  suite.read(std::cin);
  return suite.report();
}

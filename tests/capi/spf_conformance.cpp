// capi-spf-conformance: the cases that tests/spf/conformance.py writes, through the C interface, each blocking, by a
// resolver that is a callback, and stepwise, with the questions answered in reverse. Prints what disagrees and the
// count; exits with 1 if anything disagrees.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "capi/sendconn.h"
#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "tests/spf/answers.hpp"

namespace {

using namespace sendconn;

struct Case {
  std::string name, helo, host, mail_from, results, explanation;
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

bool allows(const std::string& results, std::string_view verdict) {
  Cursor cursor(results);
  do {
    if (cursor.take_until(',') == verdict) return true;
  } while (cursor.take(','));
  return false;
}

void must(sendconn_status status, sendconn_error* error) {
  if (status == SENDCONN_OK) return;
  std::printf("%s: %s\n", sendconn_status_name(status), sendconn_error_text(error));
  std::exit(2);
}

#define MUST(call)                       \
  do {                                   \
    sendconn_error* error = nullptr;     \
    const sendconn_status made = (call); \
    must(made, error);                   \
  } while (false)

/// The pretended DNS as the C interface has answers.
void fill(sendconn_dns_answer* answer, const spf::test::Answers& dns, const std::string& name, std::uint16_t type) {
  const dns::Answer found = dns.lookup({name, static_cast<dns::RecordType>(type)});
  MUST(sendconn_dns_answer_set_status(answer, static_cast<std::int32_t>(found.status), &error));
  for (const dns::Record& record : found.records) {
    if (type == SENDCONN_DNS_A || type == SENDCONN_DNS_AAAA) {
      const std::string_view octets = record.address.octets();
      MUST(sendconn_dns_answer_add_address_octets(answer, octets.data(), octets.size(), &error));
    } else if (type == SENDCONN_DNS_MX) {
      MUST(sendconn_dns_answer_add_mx(answer, record.preference, record.text.data(), record.text.size(), &error));
    } else if (type == SENDCONN_DNS_TXT) {
      MUST(sendconn_dns_answer_add_text(answer, record.text.data(), record.text.size(), &error));
    } else {
      MUST(sendconn_dns_answer_add_name(answer, record.text.data(), record.text.size(), &error));
    }
  }
}

sendconn_status resolve(sendconn_dns_answer* answer, const char* name, std::size_t name_len, std::uint16_t type,
                        void* dns) {
  fill(answer, *static_cast<const spf::test::Answers*>(dns), std::string(name, name_len), type);
  return SENDCONN_OK;
}

class Suite {
 public:
  Suite() {
    sendconn_spf_options options = SENDCONN_SPF_OPTIONS_INIT;
    options.default_explanation = "DEFAULT";
    options.default_explanation_len = SENDCONN_NUL;
    options.trace = 1;
    MUST(sendconn_spf_check_new(&check_, &options, &error));
    MUST(sendconn_resolver_new_callback(&resolver_, &resolve, &answers_, &error));
  }
  Suite(const Suite&) = delete;
  Suite& operator=(const Suite&) = delete;
  ~Suite() {
    sendconn_spf_check_free(check_);
    sendconn_resolver_free(resolver_);
  }

  void read(std::istream& in);
  [[nodiscard]] int report() const {
    std::printf("%zu of %zu cases agree, %zu explanations, each blocking and stepwise through the C interface\n",
                agreed_, total_, explanations_);
    return total_ != 0 && agreed_ == total_ ? 0 : 1;
  }

 private:
  void finish_scenario();
  void start(const Case& test);
  void step();
  bool judge(const Case& test, const char* drive);

  sendconn_spf_check* check_ = nullptr;
  sendconn_resolver* resolver_ = nullptr;
  spf::test::Answers answers_;
  std::vector<Case> cases_;
  std::size_t total_ = 0;
  std::size_t agreed_ = 0;
  std::size_t explanations_ = 0;
};

void Suite::read(std::istream& in) {
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields[0] == "scenario") {
      finish_scenario();
    } else if (fields[0] == "timeout") {
      answers_.at(unhex(fields[1])).times_out = true;
    } else if (fields[0] == "empty") {
      answers_.at(unhex(fields[1])).sets[dns::RecordType::txt];
    } else if (fields[0] == "case") {
      cases_.push_back({fields[1], unhex(fields[2]), unhex(fields[3]), unhex(fields[4]), fields[5],
                        fields[6] == "-" ? "" : unhex(fields[6]), fields[6] != "-"});
    } else {
      dns::Record record;
      if (fields[0] == "A" || fields[0] == "AAAA") {
        record.address = IpAddress::parse(unhex(fields[2])).value();
      } else if (fields[0] == "MX") {
        record.preference = static_cast<std::uint16_t>(std::stoi(fields[2]));
        record.text = ascii::to_lower(unhex(fields[3]));
      } else {
        record.text = unhex(fields[2]);
      }
      answers_.at(unhex(fields[1])).sets[dns::parse_record_type(fields[0]).value()].push_back(record);
    }
  }
  finish_scenario();
}

void Suite::start(const Case& test) {
  sendconn_spf_request request = SENDCONN_SPF_REQUEST_INIT;
  request.client = test.host.data();
  request.client_len = test.host.size();
  request.helo = test.helo.data();
  request.helo_len = test.helo.size();
  request.mail_from = test.mail_from.data();
  request.mail_from_len = test.mail_from.size();
  MUST(sendconn_spf_check_start(check_, &request, &error));
}

void Suite::step() {
  while (sendconn_spf_check_done(check_) == 0) {
    std::vector<std::pair<std::string, std::uint16_t>> questions;
    while (true) {
      sendconn_dns_question question = SENDCONN_DNS_QUESTION_INIT;
      MUST(sendconn_spf_check_next_question(&question, check_, &error));
      if (question.type == 0) break;
      questions.emplace_back(std::string(question.name, question.name_len), question.type);
    }
    if (questions.empty()) return;
    for (; !questions.empty(); questions.pop_back()) {
      const auto& [name, type] = questions.back();
      sendconn_dns_answer* answer = nullptr;
      MUST(sendconn_dns_answer_new(&answer, SENDCONN_DNS_NO_DATA, &error));
      fill(answer, answers_, name, type);
      MUST(sendconn_spf_check_answer(check_, name.data(), name.size(), type, answer, &error));
      sendconn_dns_answer_free(answer);
    }
  }
}

bool Suite::judge(const Case& test, const char* drive) {
  sendconn_spf_outcome outcome = SENDCONN_SPF_OUTCOME_INIT;
  MUST(sendconn_spf_check_outcome(&outcome, check_, &error));
  if (!allows(test.results, sendconn_spf_verdict_text(outcome.verdict)) ||
      outcome.verdict != sendconn_spf_check_verdict(check_)) {
    std::printf("%s (%s): %s, required %s: %s\n", test.name.c_str(), drive, sendconn_spf_verdict_text(outcome.verdict),
                test.results.c_str(), outcome.text);
    return false;
  }
  if (test.explained && test.explanation != std::string(outcome.explanation, outcome.explanation_len)) {
    std::printf("%s (%s): explanation '%s', required '%s'\n", test.name.c_str(), drive, outcome.explanation,
                test.explanation.c_str());
    return false;
  }
  return true;
}

void Suite::finish_scenario() {
  for (const Case& test : cases_) {
    start(test);
    MUST(sendconn_spf_check_run(check_, resolver_, &error));
    bool agrees = judge(test, "blocking");
    start(test);
    step();
    agrees = judge(test, "stepwise") && agrees;
    ++total_;
    agreed_ += agrees ? 1 : 0;
    explanations_ += test.explained ? 1 : 0;
  }
  cases_.clear();
  answers_ = {};
}

}  // namespace

int main() {
  Suite suite;
  suite.read(std::cin);
  return suite.report();
}

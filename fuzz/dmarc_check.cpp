// The walks of DMARC: whatever the DNS answers, in whatever order, the check ends within its bounds with an outcome
// that holds together, and the same one in another order. The input is a script: domains first, then answers.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dmarc.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

namespace {

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  unsigned next() { return at_ < size_ ? data_[at_++] : 0; }
  std::string_view text(std::size_t octets) {
    const std::size_t start = std::min(at_, size_);
    at_ = std::min(size_, start + octets);
    return {reinterpret_cast<const char*>(data_) + start, at_ - start};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

/// One of a few related names of 1 to 16 labels.
Domain make_domain(Script& script) {
  const unsigned how = script.next();
  std::string name = how & 0x80U ? "test" : "com";
  for (unsigned i = 0; i < (how & 0x0fU); ++i)
    name = std::string(1, static_cast<char>('a' + (script.next() % 3))) + "." + name;
  return *Domain::parse(name);
}

constexpr std::string_view texts[] = {"v=DMARC1; p=reject",
                                      "v=DMARC1; p=reject; psd=n",
                                      "v=DMARC1; p=none; psd=y",
                                      "v=DMARC1; p=none; sp=reject; np=quarantine",
                                      "v=DMARC1",
                                      "v=DMARC1; p=x; rua=mailto:a@a.com",
                                      "v=DMARC1; p=reject; adkim=s; aspf=s; t=y",
                                      "v=spf1 -all"};

dns::Answer make_answer(const std::string& script, const dns::Question& question) {
  // The same name has the same answer in every order.
  std::size_t hash = 0;
  for (const char c : question.name) hash = hash * 31 + static_cast<unsigned char>(c);
  const std::size_t at = script.empty() ? 0 : hash % script.size();
  const unsigned choice = script.empty() ? 0 : static_cast<unsigned char>(script[at]);
  dns::Answer answer;
  answer.status = static_cast<dns::Status>(choice % 6);
  if (choice & 0x40U) answer.status = dns::Status::no_error;
  if (!answer.ok()) return answer;
  for (unsigned i = 0; i <= ((choice >> 4U) & 1U); ++i) {
    if (choice & 0x80U) {
      answer.records.push_back({{}, 0, script.substr(at)});
    } else {
      answer.records.push_back({{}, 0, std::string(texts[(choice + i) % std::size(texts)])});
    }
  }
  return answer;
}

/// Amid answers that nobody asked for, and second ones.
template <class Machine>
std::size_t drive(Machine& machine, const std::string& answers, bool backward) {
  std::vector<dns::Question> open;
  std::size_t asked = 0;
  dns::Answer lie;
  lie.records.push_back({{}, 0, "v=DMARC1; p=reject; psd=n; rua=mailto:a@lie.test"});
  while (!machine.done()) {
    for (dns::Question& question : machine.questions()) {
      ++asked;
      open.push_back(std::move(question));
    }
    fuzz::check(!open.empty(), "a check that is not done waits for an answer");
    const dns::Question question = backward ? open.back() : open.front();
    open.erase(backward ? open.end() - 1 : open.begin());
    machine.answer({"no.name.of.a.walk", dns::RecordType::txt}, lie);
    machine.answer({question.name, dns::RecordType::ns}, lie);
    machine.answer(question, make_answer(answers, question));
    machine.answer(question, lie);
  }
  return asked;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script(data, size);
  dmarc::Facts facts;
  dmarc::Options options;
  const unsigned how = script.next();
  options.several_authors = how & 1U ? dmarc::SeveralAuthors::check_each : dmarc::SeveralAuthors::refuse;
  options.max_walks = (how >> 1U) % 8;
  for (unsigned i = 0; i < 1 + ((how >> 4U) & 1U); ++i) facts.authors.push_back(make_domain(script));
  const auto evidence = [&] { return static_cast<dmarc::Evidence>(script.next() % 3); };
  if (how & 0x40U) facts.spf = dmarc::SpfFact{evidence(), make_domain(script)};
  for (unsigned i = script.next() % 8; i > 0; --i) facts.dkim.push_back({evidence(), make_domain(script)});
  const std::string answers(script.text(size));

  dmarc::Check forward(facts, options);
  dmarc::Check backward(facts, options);
  const std::size_t asked = drive(forward, answers, false);
  drive(backward, answers, true);
  fuzz::check(forward.walks() <= options.max_walks, "walks are bounded");
  // One more for each author: whether it exists.
  fuzz::check(asked <= forward.walks() * dmarc::Options::max_queries_of_walk + facts.authors.size(),
              "questions are bounded");
  const dmarc::Outcome& outcome = forward.outcome();
  fuzz::check(outcome.verdict == backward.outcome().verdict && outcome.reason == backward.outcome().reason &&
                  outcome.policy == backward.outcome().policy && outcome.dkim == backward.outcome().dkim &&
                  outcome.organizational_domain == backward.outcome().organizational_domain &&
                  outcome.notes == backward.outcome().notes,
              "the order of the answers does not matter");
  const bool aligned = outcome.spf_aligned() || outcome.dkim_aligned();
  fuzz::check((outcome.verdict == dmarc::Verdict::pass) <= aligned, "who passes is aligned");
  fuzz::check(outcome.verdict != dmarc::Verdict::fail || !aligned, "who fails is not");
  fuzz::check(outcome.policy <= outcome.published, "a test mode only weakens");
  fuzz::check(outcome.dkim.size() == facts.dkim.size(), "each signature has its alignment");
  fuzz::check(authres::format({"mx", 1, {dmarc::statement(outcome)}}).ok(), "every outcome can be written");

  if (!outcome.record) return 0;
  for (const auto kind : {dmarc::ReportKind::aggregate, dmarc::ReportKind::failure}) {
    dmarc::DestinationCheck check(*outcome.policy_domain, *outcome.record, kind);
    drive(check, answers, false);
    for (const dmarc::Destination& destination : check.destinations()) {
      const bool usable = destination.standing == dmarc::Destination::Standing::internal ||
                          destination.standing == dmarc::Destination::Standing::authorized;
      fuzz::check(usable == !destination.uris.empty(), "only what is allowed has an address");
      for (const dmarc::ReportUri& uri : destination.uris)
        fuzz::check(uri.host == destination.published.host, "nobody is sent to another host");
    }
  }
  return 0;
}

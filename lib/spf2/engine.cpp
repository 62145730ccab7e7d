// Engine: libspf2 as a spf::Check. It cannot wait, so it runs until it misses an answer, and again when that has come.
#include <algorithm>
#include <map>
#include <vector>

#include <sendconn/address.hpp>

#include "lib/base/ascii.hpp"
#include "lib/dns/name.hpp"
#include "lib/spf2/library.hpp"
#include "lib/spf2/module.hpp"

namespace sendconn::spf {
namespace {

/// How often a check is run again for further answers. One within its limits has some 250 questions at most, and each
/// run asks for one. Our own bound.
constexpr unsigned max_runs = 300;

bool holds_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' && c >= 0; });
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c != ' ' && !ascii::is_vchar(c); }, '?');
  return out;
}

class Engine final : public Check {
 public:
  explicit Engine(const Options& options) : options_(options), library_(options) {}

  void start(const Request& request) override;
  const dns::Question* next_question() override { return handed_ < missing_.size() ? &missing_[handed_++] : nullptr; }
  void answer(const dns::Question& question, const dns::Answer& answer) override;
  [[nodiscard]] bool done() const noexcept override { return done_; }
  [[nodiscard]] Verdict verdict() const noexcept override { return result_.verdict; }
  [[nodiscard]] Outcome outcome() const override;

 private:
  bool read_identity(const Request& request);
  void run();
  void finish(Verdict verdict, Reason reason, std::string text);

  Options options_;
  Spf2Library library_;
  Spf2Request request_;
  Identity identity_ = Identity::mail_from;
  std::string domain_;
  std::map<dns::Question, dns::Answer> known_;
  std::vector<dns::Question> missing_;
  std::size_t handed_ = 0;
  unsigned runs_ = 0;
  bool done_ = false;
  Spf2Result result_;
  Reason reason_ = Reason::no_record;
  std::chrono::seconds ttl_{0};
};

/// The same identity as our own engine takes; what libspf2 cannot hold in a C string is none.
bool Engine::read_identity(const Request& request) {
  const bool by_helo = request.identity == Identity::helo || request.mail_from.empty();
  const std::string_view given = by_helo ? request.helo : request.mail_from;
  const std::size_t at = by_helo ? std::string_view::npos : given.rfind('@');
  const std::string_view local =
      at == 0 || at == std::string_view::npos ? std::string_view("postmaster") : given.substr(0, at);
  domain_ = dns::without_root_dot(at == std::string_view::npos ? given : given.substr(at + 1));
  if (ascii::has_8bit(domain_)) {
    const auto a_labels = Domain::parse(domain_);
    if (!a_labels) return false;
    domain_ = a_labels->text();
  }
  request_.client = request.client.unmapped();
  request_.helo = request.helo;
  request_.sender = std::string(local) + "@" + domain_;
  return request_.sender.size() + request_.helo.size() <= 2 * max_identity_octets && !holds_control(request_.sender) &&
         !holds_control(request_.helo) && dns::is_name(domain_) && domain_.find('.') != std::string::npos &&
         domain_.front() != '[';
}

void Engine::start(const Request& request) {
  known_.clear();
  missing_.clear();
  handed_ = runs_ = 0;
  done_ = false;
  result_ = {};
  ttl_ = std::chrono::seconds(0);
  identity_ = request.identity;
  if (!read_identity(request))
    return finish(Verdict::none, Reason::unusable_identity,
                  "the sender " + ascii::quote(request_.sender) + " has no domain that libspf2 could check");
  run();
}

void Engine::run() {
  missing_.clear();
  handed_ = 0;
  if (++runs_ > max_runs)
    return finish(Verdict::temperror, Reason::engine_failure,
                  "libspf2 asks for ever: still without a result after " + std::to_string(max_runs) + " runs");
  result_ = library_.run(request_, [this](const dns::Question& asked) -> const dns::Answer* {
    const dns::Question question{dns::canonical(asked.name), asked.type};
    static const dns::Answer nowhere = [] {
      dns::Answer answer;
      answer.status = dns::Status::no_such_name;
      return answer;
    }();
    if (question.name.empty() || !dns::is_name(question.name)) return &nowhere;
    if (const auto found = known_.find(question); found != known_.end()) return &found->second;
    // What it asks behind the first gap it may never need: it goes on as if the answer were a failure.
    if (missing_.empty()) missing_.push_back(question);
    return nullptr;
  });
  if (!missing_.empty()) return;
  if (!result_.valid) return finish(Verdict::temperror, Reason::engine_failure, "libspf2 came to no result");
  switch (result_.verdict) {
    case Verdict::none:
      reason_ = Reason::no_record;
      break;
    case Verdict::temperror:
      reason_ = Reason::dns_failure;
      break;
    case Verdict::permerror:
      reason_ = Reason::syntax;
      break;
    default:
      reason_ = result_.matched ? Reason::matched : Reason::no_match;
  }
  done_ = true;
}

void Engine::finish(Verdict verdict, Reason reason, std::string text) {
  missing_.clear();
  handed_ = 0;
  result_ = {};
  result_.verdict = verdict;
  result_.comment = std::move(text);
  reason_ = reason;
  done_ = true;
}

void Engine::answer(const dns::Question& question, const dns::Answer& answer) {
  if (done_ || handed_ == 0 || missing_.empty() || missing_.front() != question) return;
  ttl_ = known_.empty() ? answer.ttl : std::min(ttl_, answer.ttl);
  known_.emplace(question, answer);
  run();
}

Outcome Engine::outcome() const {
  Outcome outcome;
  outcome.verdict = result_.verdict;
  outcome.reason = reason_;
  outcome.identity = identity_;
  if (reason_ != Reason::unusable_identity) outcome.domain = printable(domain_);
  outcome.sender = printable(request_.sender);
  outcome.text = printable(result_.comment.empty() ? std::string(format(reason_)) : result_.comment);
  if (result_.verdict == Verdict::fail) {
    outcome.explained = options_.explanation && !result_.explanation.empty();
    outcome.explanation = printable(outcome.explained ? result_.explanation : options_.default_explanation)
                              .substr(0, options_.limits.explanation_octets);
  }
  outcome.ttl = ttl_;
  return outcome;
}

}  // namespace
}  // namespace sendconn::spf

extern "C" [[gnu::visibility("default")]] sendconn::spf::Check* sendconn_spf2_engine(
    int interface, const sendconn::spf::Options* options);

sendconn::spf::Check* sendconn_spf2_engine(int interface, const sendconn::spf::Options* options) {
  if (interface != sendconn::spf::engine_interface) return nullptr;
  return new sendconn::spf::Engine(*options);
}

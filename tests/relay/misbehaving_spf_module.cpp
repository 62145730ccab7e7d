// An SPF engine as a module, in libsendconn-spf2.so's place, that does what libspf2 is feared for. The local part of
// the sender says what: "abort", "hang", "garbage", "late" (aborts at the first answer); anything else passes.
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "lib/spf2/module.hpp"

namespace {

using sendconn::spf::Outcome;
using sendconn::spf::Verdict;

class Misbehaving final : public sendconn::spf::Check {
 public:
  void start(const sendconn::spf::Request& request) override {
    const std::string sender(request.mail_from);
    const bool is_sender = request.identity == sendconn::spf::Identity::mail_from;
    const auto is = [&](const char* what) { return is_sender && sender.rfind(what, 0) == 0; };
    if (is("abort")) std::abort();
    while (is("hang")) ::pause();
    if (is("garbage")) {
      const std::string garbage(100, '\xff');
      if (::write(STDIN_FILENO, garbage.data(), garbage.size()) < 0) std::abort();
    }
    late_ = is("late");
    asked_ = false;
    question_ = {"late.example", sendconn::dns::RecordType::txt};
    outcome_.domain = sender.substr(sender.find('@') + 1);
  }
  const sendconn::dns::Question* next_question() override {
    if (!late_ || asked_) return nullptr;
    asked_ = true;
    return &question_;
  }
  void answer(const sendconn::dns::Question&, const sendconn::dns::Answer&) override { std::abort(); }
  [[nodiscard]] bool done() const noexcept override { return !late_; }
  [[nodiscard]] Verdict verdict() const noexcept override { return Verdict::pass; }
  [[nodiscard]] Outcome outcome() const override {
    Outcome outcome = outcome_;
    outcome.verdict = Verdict::pass;
    return outcome;
  }

 private:
  bool late_ = false;
  bool asked_ = false;
  sendconn::dns::Question question_;
  Outcome outcome_;
};

}  // namespace

extern "C" __attribute__((visibility("default"))) sendconn::spf::Check* sendconn_spf2_engine(
    int interface, const sendconn::spf::Options* /*options*/) {
  return interface == sendconn::spf::engine_interface ? new Misbehaving : nullptr;
}

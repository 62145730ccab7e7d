// Evaluator: check_host() of RFC 7208 section 4 as a machine that can be left at every question.
//
// The stack of frames is the way through includes and redirects: one record each, and the term that it stands at. The
// stage says whose answer is awaited:
//
//   stage          awaits                                  goes on with
//   record         the TXT records of the top frame        term, or the end of the frame
//   term           nothing: evaluates the next term        any other
//   address        A or AAAA of one name                   term
//   exists         A of one name                           term
//   mx             the MX records of one name              mx_addresses
//   mx_addresses   A or AAAA of its hosts, all at once     term
//   ptr            the PTR records of the client           ptr_addresses
//   ptr_addresses  A or AAAA of its names, all at once     the term or the explanation that wants to know them
//   explanation    the TXT record that exp= names          done
//   done           nothing
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/spf.hpp>

#include "lib/spf/exchange.hpp"
#include "lib/spf/macro.hpp"
#include "lib/spf/questions.hpp"

namespace sendconn::spf {

class Evaluator final : public Check {
 public:
  explicit Evaluator(Options options);

  void start(const Request& request) override;
  const dns::Question* next_question() override { return questions_.next(); }
  void answer(const dns::Question& question, const dns::Answer& answer) override;
  [[nodiscard]] bool done() const noexcept override { return stage_ == Stage::done; }
  [[nodiscard]] Verdict verdict() const noexcept override { return verdict_; }
  [[nodiscard]] Outcome outcome() const override;

 private:
  enum class Stage : std::uint8_t {
    record,
    term,
    address,
    exists,
    mx,
    mx_addresses,
    ptr,
    ptr_addresses,
    explanation,
    done,
  };
  enum class Entry : std::uint8_t { root, include, redirect };

  /// One record under evaluation.
  struct Frame {
    Entry entry = Entry::root;
    bool included = false;                 ///< an include lies between the root and here
    std::string domain;                    ///< <domain> of section 4.1, without a trailing dot
    std::shared_ptr<const Record> shared;  ///< from the cache, if there is one
    Record own;                            ///< else
    std::size_t next = 0;                  ///< the term to evaluate
    bool at_term = false;                  ///< terms()[next - 1] is under evaluation
    bool at_redirect = false;
    [[nodiscard]] const Record& record() const noexcept { return shared ? *shared : own; }
    [[nodiscard]] const Term& term() const noexcept { return record().terms()[next - 1]; }
  };

  /// A name of the client that points back to it.
  struct PtrName {
    std::string text;
    std::size_t question = 0;
    bool valid = false;
  };
  enum class PtrState : std::uint8_t { unknown, asking, known };

  Frame& top() noexcept { return frames_[depth_ - 1]; }

  bool read_identity(const Request& request);
  void judge(std::size_t number, const dns::Answer& answer);
  void resume();
  void enter(std::string_view domain, Entry entry);
  void take_record(const dns::Answer& answer);
  void begin_term();
  void begin_redirect(const Term& term);
  void begin_mechanism();
  void take_address(const dns::Answer& answer);
  void take_mx(const dns::Answer& answer);
  void judge_mx();
  void ask_ptr();
  void take_ptr(const dns::Answer& answer);
  void judge_ptr();
  void match_ptr(std::string_view target);
  void begin_explanation();
  void take_explanation(const dns::Answer& answer);
  void explain();

  /// False: the limit is passed and the check is over.
  bool count_lookup();
  bool count_void();
  /// What the term's domain-spec says in target_; false if no DNS name can be made of it (section 4.8).
  bool expand_target(const Term& term);
  /// check_host() can start with target_ (section 4.3), which the term's domain became.
  [[nodiscard]] bool is_checkable(const Term& term) const noexcept;
  [[nodiscard]] MacroValues values() const;
  [[nodiscard]] std::string_view ptr_name() const;
  [[nodiscard]] bool matches(const IpAddress& address, unsigned prefix4, unsigned prefix6) const noexcept;
  [[nodiscard]] Reply judge_addresses(const dns::Answer& answer, unsigned prefix4, unsigned prefix6) const noexcept;
  [[nodiscard]] dns::RecordType address_type() const noexcept {
    return client_.is_v4() ? dns::RecordType::a : dns::RecordType::aaaa;
  }

  void match(bool matched);
  /// The top frame has this result: the frames below go on with it (sections 5.2 and 6.1), the root ends the check.
  void leave(Verdict verdict, Reason reason);
  /// An error ends every check_host() on the stack at once (sections 5.2 and 6.1).
  void fail_check(Verdict verdict, Reason reason);
  void fail_dns(dns::Status status, const dns::Question& question);
  void leave_without_record();
  void finish();
  void note_ttl(const dns::Answer& answer);

  /// Keeps a line. Ask options_.trace first: most checks want none, and should not cut texts for it.
  void note(std::initializer_list<std::string_view> parts);

  [[nodiscard]] std::string explain_verdict() const;

  Options options_;
  IpAddress client_;
  std::array<std::uint32_t, 4> client_words_{};
  Identity identity_ = Identity::mail_from;
  UnixTime now_{};
  std::string helo_;
  std::string sender_;
  std::size_t local_octets_ = 0;  ///< of sender_, which goes on with "@" and the domain

  Stage stage_ = Stage::done;
  Questions questions_;
  std::vector<Frame> frames_;  ///< the first depth_ are in use; the others keep their memory
  std::size_t depth_ = 0;
  std::size_t path_depth_ = 0;  ///< how many frames lead to the term that decided
  std::string target_;
  std::vector<Exchange> exchanges_;  ///< while an MX answer is read; a member for its memory
  std::vector<std::size_t> hosts_;   ///< the question of each MX name, in the order of preference
  std::size_t next_host_ = 0;        ///< the first one not yet judged
  std::vector<PtrName> ptr_names_;
  std::size_t ptr_count_ = 0;
  PtrState ptr_state_ = PtrState::unknown;
  bool term_counted_ = false;   ///< as a lookup
  bool term_was_void_ = false;  ///< counted as a void one
  unsigned lookups_ = 0;
  unsigned voids_ = 0;

  Verdict verdict_ = Verdict::none;
  Reason reason_ = Reason::no_record;
  dns::Status failure_ = dns::Status::no_error;  ///< of the question that failed
  dns::Question failed_;
  std::size_t found_ = 0;       ///< records, MX names: more than there may be
  std::size_t explaining_ = 0;  ///< the depth of the frame whose exp= is under way, 0: none
  std::string explain_string_;  ///< the TXT record that exp= names, once it is there
  std::string explanation_;
  bool explained_ = false;
  std::chrono::seconds ttl_{0};
  bool has_ttl_ = false;
  std::vector<TraceLine> trace_;
};

}  // namespace sendconn::spf

// Authentication of a whole message as its receiver needs it: SPF for both identities of the envelope, every DKIM
// signature, and DMARC over what they found, as one machine without I/O. What it found becomes the statements of
// Authentication-Results (RFC 8601).
//
//     authenticate::Check check({.client = ip, .helo = "mail.example.org", .mail_from = "joe@example.org", .now =
//     now}); for (std::string_view piece : pieces) check.update(piece); check.finish(); while (!check.done())
//       for (const dns::Question& question : check.questions()) check.answer(question, ask_somebody(question));
//     if (check.results().dmarc.verdict == dmarc::Verdict::fail) ...
//
// A driver may begin to ask as soon as the machine stands, while the message is still coming: SPF needs the envelope
// alone, DKIM the header. Each finding is a value; nothing here refuses a message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/authres.hpp>
#include <sendconn/dkim_verify.hpp>
#include <sendconn/dmarc.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/spf.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::authenticate {

/// Who sends, by the connection and its envelope. Copied.
struct Envelope {
  IpAddress client;       ///< who connected; an IPv4-mapped address is the IPv4 address
  std::string helo;       ///< as given; an address literal has no domain that SPF could check
  std::string mail_from;  ///< without angle brackets; empty: the null reverse-path
  UnixTime now{};         ///< when the message was received
};

struct Options {
  spf::Options spf;
  dkim::VerifyPolicy dkim;
  std::shared_ptr<dkim::KeyCache> keys;  ///< decoded keys, shared by any number of checks; null: none
  mail::HeaderLimits header;
  dmarc::Options dmarc;
  /// Makes the checks of SPF; null: our own engine. Called up to twice in the constructor.
  std::function<std::unique_ptr<spf::Check>(const spf::Options&)> engine;
};

/// What was found. Texts come from strangers where records and fields do; those of the parts say so.
struct Results {
  /// Of the reverse-path; of "postmaster@" and the HELO name if that is null (RFC 7208 section 2.4).
  spf::Outcome spf;
  /// Of the HELO name alone (RFC 7208 section 2.3); nothing with a null reverse-path, where `spf` says it.
  std::optional<spf::Outcome> helo;
  bool null_sender = false;                 ///< the reverse-path is null
  std::vector<dkim::SignatureResult> dkim;  ///< one for each signature, from the top; empty: the message has none
  std::vector<Domain> authors;              ///< the distinct domains of the From field
  /// Why there are no authors, or why the message could not be read as one at all (then `dkim` is empty, too).
  std::string problem;
  dmarc::Outcome dmarc;                      ///< of the author that decides
  std::vector<dmarc::Outcome> dmarc_checks;  ///< of each author, in their order

  /// The first signature that passed, or null.
  [[nodiscard]] const dkim::SignatureResult* passed_signature() const noexcept;
};

/// The machine. Memory: that of its parts, and the header section once more until it is complete. The results do not
/// depend on how the message was cut, nor on the order of the answers. Thread-compatible; may move between threads
/// between calls.
class Check {
 public:
  explicit Check(const Envelope& envelope, const Options& options = {});
  Check(Check&&) noexcept;
  Check& operator=(Check&&) noexcept;
  ~Check();

  /// The next piece of the message (CRLF line ends, no dot-stuffing). A message that cannot be read as one, or whose
  /// header exceeds the limits, is a finding (Results::problem), since it must not pass for anybody.
  void update(std::string_view piece);
  /// The message ends here. A second call, and pieces after it, do nothing.
  void finish();

  /// The questions not yet handed out. The same question is not handed out again while its answer is awaited.
  std::vector<dns::Question> questions();
  /// In any order; what was not asked is ignored.
  void answer(const dns::Question& question, const dns::Answer& answer);
  /// The deadline has passed: every question that is open or still comes counts as answered with a timeout. Once
  /// finish() was called, done() is true after it.
  void give_up();

  /// The message has ended, and every question that the results need is answered.
  [[nodiscard]] bool done() const noexcept;
  /// Once done().
  [[nodiscard]] const Results& results() const noexcept;
  Results take_results() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Authentication-Results in the name of `id` (the authserv-id): "spf" for each identity that was checked, "dkim" for
/// each signature or "none", and "dmarc". Signatures are told apart by header.b (RFC 6008), at least 8 octets of it.
/// A statement that would be one too many (authres::max_statements) is left out; the last, DMARC's, never is.
authres::Results to_authres(const Results& results, std::string id);

}  // namespace sendconn::authenticate

#pragma GCC visibility pop

// Proof that an account controls a domain: a token published as a TXT record
// (draft-ietf-dnsop-domain-verification-techniques).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::ownership {

/// 160 random bits as 40 hexadecimal digits; belongs to one account and one domain. Always valid, lower case.
class Token {
 public:
  static constexpr std::size_t octets = 20;
  /// From exactly 20 octets of a cryptographic random source (crypto::random_octets). Errc::invalid_argument otherwise.
  static Result<Token> from_random(std::string_view random);
  static Result<Token> parse(std::string_view hex);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  friend bool operator==(const Token&, const Token&) = default;

 private:
  explicit Token(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A TXT record to publish.
struct Record {
  std::string name;  ///< owner name without trailing dot
  std::string text;
};

/// The records that prove `domain` under the provider name `provider`: either one is enough. The first belongs to
/// nobody else, so that it is asked for without reading other people's records; the second stands beside any other TXT.
struct Challenge {
  /// So that "_<provider>-challenge" is one label of at most 63 octets (RFC 1035 section 3.1).
  static constexpr std::size_t max_provider_octets = 52;

  std::string provider;
  Domain domain;
  Token token;

  /// Errc::invalid_argument unless `provider` is 1 to max_provider_octets lower-case letters, digits and hyphens, with
  /// no hyphen at an end.
  static Result<Challenge> of(std::string provider, Domain domain, Token token);

  [[nodiscard]] Record at_label() const;  ///< "_<provider>-challenge.<domain>"  "token=<token>"
  [[nodiscard]] Record at_apex() const;   ///< "<domain>"  "<provider>-verification=<token>"
  /// The one to recommend: at_label(), or at_apex() where the name of the former would be too long.
  [[nodiscard]] Record to_publish() const;
};

enum class Verdict {
  verified,
  missing,            ///< no record of ours: the name, the type or the token's record is not there
  mismatch,           ///< a record that was meant, and is not what is required
  temporary_failure,  ///< the DNS did not say
};
std::string_view format(Verdict verdict);

/// The outcome with what a person needs to mend it.
struct Outcome {
  Verdict verdict = Verdict::missing;
  std::string where;        ///< the name whose record proved it
  std::string explanation;  ///< one sentence: what was found, what is required
};

/// The check as a machine without I/O: it emits questions and takes answers in any order. A resolver's failure is never
/// taken for the record's absence.
///
/// What proves: at the label "token=<token>", alone or followed by further pairs behind a space, comma or semicolon
/// (" expiry=..."); at the apex "<provider>-verification=<token>" and nothing else. Upper and lower case are the same.
/// White space or quotation marks around either are a mismatch, and the explanation says so. Thread-compatible.
class Check {
 public:
  explicit Check(Challenge challenge);
  /// The questions not yet handed out; all of them at the first call.
  std::vector<dns::Question> questions();
  /// Unknown questions and second answers are ignored.
  void answer(const dns::Question& question, const dns::Answer& answer);
  /// One record proved it, or both questions are answered.
  [[nodiscard]] bool done() const noexcept { return outcome_.has_value(); }
  [[nodiscard]] const Outcome& outcome() const noexcept { return *outcome_; }  ///< once done()

 private:
  /// One of the two places where the record may stand.
  struct Place {
    Record wanted;
    dns::Question question;
    std::optional<Verdict> verdict;
    std::string finding;
    bool only_ours;  ///< nothing but our record belongs at this name
  };

  void judge(Place& place, const dns::Answer& answer) const;
  void conclude();

  Challenge challenge_;
  std::array<Place, 2> places_;
  bool asked_ = false;
  std::optional<Outcome> outcome_;
};

}  // namespace sendconn::ownership

#pragma GCC visibility pop

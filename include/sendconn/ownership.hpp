// Proof that an account controls a domain: a token published as a TXT record
// (draft-ietf-dnsop-domain-verification-techniques).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/result.hpp>

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

/// The records that prove `domain` under the provider name `provider` (letters, digits, hyphens): either one is enough.
struct Challenge {
  std::string provider;
  Domain domain;
  Token token;
  [[nodiscard]] Record at_label() const;  ///< "_<provider>-challenge.<domain>"  "token=<token>"
  [[nodiscard]] Record at_apex() const;   ///< "<domain>"  "<provider>-verification=<token>"
};

enum class Verdict { verified, missing, mismatch, temporary_failure };
std::string_view format(Verdict verdict);

/// The outcome with what a person needs to mend it.
struct Outcome {
  Verdict verdict = Verdict::missing;
  std::string where;        ///< the name whose record proved it
  std::string explanation;  ///< one sentence: what was found, what is required
};

/// The check as a machine without I/O: it emits questions and takes answers in any order. A resolver's failure is never
/// taken for the record's absence. Thread-compatible.
class Check {
 public:
  explicit Check(Challenge challenge);
  /// The questions not yet handed out; all of them at the first call.
  std::vector<dns::Question> questions();
  /// Unknown questions and second answers are ignored.
  void answer(const dns::Question& question, const dns::Answer& answer);
  [[nodiscard]] bool done() const noexcept;
  [[nodiscard]] const Outcome& outcome() const noexcept;  ///< once done()

 private:
  Challenge challenge_;
  // Owner adds state here.
};

}  // namespace sendconn::ownership

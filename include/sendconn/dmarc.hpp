// DMARC (RFC 9989): the policy that a From domain publishes, and whether a message's authenticated names align with it.
// Reports are in <sendconn/dmarc_report.hpp>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/authres.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/message.hpp>
#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dmarc {

/// What a domain's owner asks for mail that does not pass; weakest first.
enum class Policy : std::uint8_t { none, quarantine, reject };
enum class Mode : std::uint8_t { relaxed, strict };
/// psd=: whether the record's domain is a public suffix (yes), an organizational domain (no), or the tree walk decides.
enum class Psd : std::uint8_t { unknown, yes, no };
enum class Severity : std::uint8_t { error, warning, note };

std::string_view format(Policy policy) noexcept;  ///< "quarantine"
std::string_view format(Mode mode) noexcept;      ///< "r", "s"
Result<Policy> parse_policy(std::string_view text);

/// fo=: which failures are to be reported, of messages whose record has a ruf=.
struct FailureOptions {
  bool any = false;   ///< 1: one mechanism without an aligned pass is enough; else (0) all of them have to be
  bool dkim = false;  ///< d: a signature that failed, aligned or not
  bool spf = false;   ///< s: SPF that failed, aligned or not
  friend bool operator==(const FailureOptions&, const FailureOptions&) = default;
};
std::string format(FailureOptions options);  ///< "0:d:s"

/// Where reports are to go: one URI of rua= or ruf=.
struct ReportUri {
  std::string text;                ///< as published, an obsolete size limit ("!10m") removed
  std::string scheme;              ///< lower case
  std::optional<Address> mailbox;  ///< of a mailto: URI, percent-decoded (RFC 6068)
  std::optional<Domain> host;      ///< the mailbox's domain, or the host behind "//"
  friend bool operator==(const ReportUri&, const ReportUri&) = default;
};
/// Errc::syntax with the position; also for a mailto: without exactly one address.
Result<ReportUri> parse_report_uri(std::string_view text);

/// A DMARC policy record (RFC 9989 section 4.7). Tags that are absent or faulty have their defaults.
struct Record {
  static constexpr std::size_t max_octets = 65'535;  ///< RFC 1035 section 3.3.14: what a TXT record can hold
  static constexpr std::size_t max_uris = 50;        ///< our own, of each tag; what comes behind is ignored

  std::optional<Policy> p;
  std::optional<Policy> sp;  ///< for subdomains
  std::optional<Policy> np;  ///< for subdomains that do not exist
  Psd psd = Psd::unknown;
  bool testing = false;  ///< t=y
  Mode adkim = Mode::relaxed;
  Mode aspf = Mode::relaxed;
  FailureOptions fo;
  std::vector<ReportUri> rua;
  std::vector<ReportUri> ruf;
  /// There is no valid p=, or an sp= or np= that is not valid. Then the record counts as "p=none" if rua has an
  /// address, else there is no policy (RFC 9989 section 4.10.1).
  bool policy_faulty = false;

  friend bool operator==(const Record&, const Record&) = default;
};

/// The text begins with "v=DMARC1", so that it is a record, whatever follows.
bool is_record(std::string_view text) noexcept;
/// Errc::syntax with the position if the text is no DMARC record: v=DMARC1 must stand first, with no space before it
/// (section 4.7); Errc::limit_exceeded. Whatever else is wrong is passed over, as section 4.8 wants it: unknown tags,
/// faulty values, and a tag's second occurrence. lint() tells it.
Result<Record> parse(std::string_view text);
/// The text to publish; tags that have their default are left out. A record that was parsed and is faulty stays so.
std::string format(const Record& record);

/// One thing to say about a record.
struct Finding {
  Severity severity = Severity::error;
  std::string text;          ///< the fact, the token, what is required, the section
  std::size_t position = 0;  ///< in the record's text
  std::size_t length = 0;    ///< of the place; 0: something is missing there
  friend bool operator==(const Finding&, const Finding&) = default;
};
/// What is wrong, dangerous or useless in one record's text, by position. Empty: nothing.
std::vector<Finding> lint(std::string_view text);
/// The same for what the DNS says at "_dmarc.<domain>": absent, several, foreign, or lint() of the one that counts.
/// Positions are in that record's text.
std::vector<Finding> lint(const Domain& domain, const dns::Answer& answer);

/// "_dmarc.<domain>": where its record stands. Nothing if that is no name in the DNS (over 253 octets).
std::optional<std::string> record_name(const Domain& domain);

/// How an authentication ended, as far as DMARC cares.
enum class Evidence : std::uint8_t {
  pass,
  fail,               ///< everything else that is final: fail, softfail, neutral, permerror, policy
  temporary_failure,  ///< temperror: it might have passed
};

/// SPF of the MAIL FROM identity; with a null reverse-path that is postmaster at the HELO name (section 3.2.4). HELO
/// results of their own do not count.
struct SpfFact {
  Evidence evidence = Evidence::fail;
  Domain domain;
};
/// One signature's result and its d=.
struct DkimFact {
  Evidence evidence = Evidence::fail;
  Domain domain;
};

struct Facts {
  /// The distinct domains of the one From field (author_domains()). Empty: DMARC cannot apply, a permanent error.
  std::vector<Domain> authors;
  std::optional<SpfFact> spf;
  std::vector<DkimFact> dkim;  ///< any number; see Options::max_walks
};

/// The domains of the From field, each once, in their order. Errc::syntax if there is no From, more than one, one that
/// cannot be read, or one without an address: such a message must not pass for anybody (section 11.5).
Result<std::vector<Domain>> author_domains(const mail::Header& header);

enum class SeveralAuthors : std::uint8_t {
  refuse,     ///< a permanent error (section 5.3.1: validation is not possible)
  check_each  ///< each on its own; the strictest policy of those that fail counts (section 11.5)
};

struct Options {
  static constexpr std::size_t max_queries_of_walk = 8;  ///< section 4.10

  SeveralAuthors several_authors = SeveralAuthors::refuse;
  std::size_t max_authors = 5;  ///< our own; a message with more is a permanent error (section 11.5)
  /// Of tree walks for a message: one for each author, the others, an equal share for each, for authenticated domains
  /// that might align, those that passed first. Our own bound, so that a thousand signatures cost no more than twenty.
  /// What comes behind is left unchecked, which only costs it its alignment.
  std::size_t max_walks = 20;
};

enum class Verdict : std::uint8_t {
  none,             ///< no policy applies
  pass,             ///< an authenticated domain aligns with the author's
  fail,             ///< none does: `policy` is what the owner asks for
  temporary_error,  ///< the DNS, or SPF or DKIM for its sake, did not say what decides (section 5.3.6)
  permanent_error,  ///< there is no author domain to check, or too many
};
std::string_view format(Verdict verdict) noexcept;  ///< as RFC 8601 has it: "temperror"

enum class Alignment : std::uint8_t {
  none,
  relaxed,    ///< the same organizational domain
  strict,     ///< the same domain
  unknown,    ///< the DNS did not say
  unchecked,  ///< not needed, or beyond Options::max_walks
};
std::string_view format(Alignment alignment) noexcept;

/// Which tag gave the policy, and so why.
enum class PolicyTag : std::uint8_t { none, p, sp, np };
enum class PolicySource : std::uint8_t { none, author, organization, public_suffix };
std::string_view format(PolicyTag tag) noexcept;
std::string_view format(PolicySource source) noexcept;  ///< "the organizational domain"

/// What was found out about one author domain.
struct Outcome {
  Verdict verdict = Verdict::none;
  std::string reason;                           ///< one sentence for people
  std::optional<Domain> author;                 ///< nothing only if there is none
  std::optional<Domain> organizational_domain;  ///< of the author; nothing if the DNS did not say
  std::optional<Domain> policy_domain;          ///< whose record counts
  std::optional<Record> record;                 ///< that record
  PolicySource source = PolicySource::none;
  PolicyTag tag = PolicyTag::none;  ///< `none` where a faulty record counts as "p=none"
  Policy published = Policy::none;  ///< what the tag says
  Policy policy = Policy::none;     ///< the same, one level weaker if the record is in test mode (t=y)
  Alignment spf = Alignment::none;  ///< of the SPF domain, if it passed
  std::vector<Alignment> dkim;      ///< of each of Facts::dkim that passed; `none` for the others
  [[nodiscard]] bool spf_aligned() const noexcept { return spf == Alignment::relaxed || spf == Alignment::strict; }
  [[nodiscard]] bool dkim_aligned() const noexcept;
  /// A second record, an unreadable one and the like, for the error element of an aggregate report; may be empty.
  std::vector<std::string> notes;
};

/// The check as a machine without I/O. The names of a walk are asked for at once; answers may come in any order, and
/// the machine is done as soon as those that decide are there. Thread-compatible.
class Check {
 public:
  explicit Check(Facts facts, const Options& options = {});
  Check(Check&&) noexcept;
  Check& operator=(Check&&) noexcept;
  ~Check();

  /// The questions not yet handed out. After an answer there may be more.
  std::vector<dns::Question> questions();
  /// Unknown questions and second answers are ignored.
  void answer(const dns::Question& question, const dns::Answer& answer);
  [[nodiscard]] bool done() const noexcept;
  /// Once done(): of the author that decides. With several: the failed one with the strictest policy, else the first
  /// whose verdict is not pass, else the first.
  [[nodiscard]] const Outcome& outcome() const noexcept;
  /// Once done(): of each author, in their order.
  [[nodiscard]] const std::vector<Outcome>& outcomes() const noexcept;
  [[nodiscard]] std::size_t walks() const noexcept;            ///< tree walks begun
  [[nodiscard]] std::size_t questions_asked() const noexcept;  ///< handed out so far; each name once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "dmarc=fail (p=reject ...) header.from=example.com" for Authentication-Results (RFC 9989 section 9).
authres::Statement statement(const Outcome& outcome);

enum class ReportKind : std::uint8_t { aggregate, failure };  ///< rua=, ruf=

/// One address that a record asks reports for, and whether they may go there.
struct Destination {
  enum class Standing : std::uint8_t {
    internal,           ///< of the policy domain's own organization
    authorized,         ///< external, and the host's domain agrees
    refused,            ///< external and not agreed, no host to ask, too many, or not allowed at all
    temporary_failure,  ///< the DNS did not say; try again later
  };
  Standing standing = Standing::refused;
  ReportUri published;
  std::vector<ReportUri> uris;  ///< where to send: `published`, or what the host's domain put in its place
  std::string reason;           ///< one sentence
};
std::string_view format(Destination::Standing standing) noexcept;

/// Finds out which of a record's report addresses may be used: those outside the policy domain's organization only if
/// their domain says so at "<policy domain>._report._dmarc.<host>" (RFC 9990 section 4; for ruf= RFC 9991 section 4).
/// Failure reports never go where a record with psd=y wants them (RFC 9991 section 2). Thread-compatible.
class DestinationCheck {
 public:
  static constexpr std::size_t max_destinations = 10;  ///< our own; those behind are refused

  DestinationCheck(Domain policy_domain, const Record& record, ReportKind kind);
  DestinationCheck(DestinationCheck&&) noexcept;
  DestinationCheck& operator=(DestinationCheck&&) noexcept;
  ~DestinationCheck();

  std::vector<dns::Question> questions();  ///< as Check
  void answer(const dns::Question& question, const dns::Answer& answer);
  [[nodiscard]] bool done() const noexcept;
  /// Once done(): in the record's order.
  [[nodiscard]] const std::vector<Destination>& destinations() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::dmarc

#pragma GCC visibility pop

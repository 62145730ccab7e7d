// SPF (RFC 7208): may this client send mail for this domain? A check as a machine without I/O: it emits DNS questions
// and takes answers, in any order, until it has a verdict.
//
//     auto check = spf::make_check();
//     check->start({.client = ip, .helo = "mail.example.org", .mail_from = "joe@example.org"});
//     while (!check->done())
//       for (const dns::Question& question : check->questions()) check->answer(question, ask_somebody(question));
//     if (check->verdict() == spf::Verdict::fail) refuse(check->outcome().text);
//
// The identities are two, and a pass of one says nothing about the other (CVE-2019-20790): check HELO and MAIL FROM
// with a start() each, and keep the verdicts apart.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dns.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>
#include <sendconn/spf_record.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::spf {

/// RFC 7208 section 2.6. The names are those of RFC 8601 section 2.7.2.
enum class Verdict : std::uint8_t { none, neutral, pass, fail, softfail, temperror, permerror };
std::string_view format(Verdict verdict);  ///< "softfail"

/// Whose right to send is checked (RFC 7208 sections 2.3 and 2.4).
enum class Identity : std::uint8_t { mail_from, helo };
std::string_view format(Identity identity);  ///< "mailfrom" "helo", as in Received-SPF

/// Why the verdict is what it is.
enum class Reason : std::uint8_t {
  matched,                  ///< a mechanism matched: Outcome::path ends with it
  no_match,                 ///< the end of the record was reached: neutral (section 4.7)
  unusable_identity,        ///< none: no domain name with two labels or more in the identity (section 4.3)
  no_record,                ///< none: the domain publishes no SPF record (section 4.5)
  several_records,          ///< permerror (section 4.5)
  syntax,                   ///< permerror: a record has a fault (section 4.6)
  lookup_limit,             ///< permerror (section 4.6.4)
  void_lookup_limit,        ///< permerror (section 4.6.4)
  mx_limit,                 ///< permerror (section 4.6.4)
  include_without_record,   ///< permerror (section 5.2)
  redirect_without_record,  ///< permerror (section 6.1)
  dns_failure,              ///< temperror (sections 4.4 and 5)
  engine_failure,           ///< temperror: another engine than ours broke off
};
std::string_view format(Reason reason);  ///< "void-lookup-limit"

/// How lookups that find nothing are counted.
enum class VoidCounting : std::uint8_t {
  /// A term counts once however many of its questions find nothing. This is the wording of RFC 7208 section 4.6.4, and
  /// it spares domains whose four MX hosts have no IPv6 address from a permerror whenever a client has one.
  by_term,
  by_question,  ///< each question counts, as pyspf and Mail::SPF do
};

/// Every limit counts for a whole check; neither include nor redirect begins anew.
struct Limits {
  unsigned lookups = 10;      ///< terms that ask the DNS, %{p} included (RFC 7208 section 4.6.4)
  unsigned void_lookups = 2;  ///< of terms that find nothing (RFC 7208 section 4.6.4)
  unsigned mx_names = 10;     ///< for each mx; one more is a permerror (RFC 7208 section 4.6.4); at most 100
  unsigned ptr_names = 10;    ///< of a client; more are ignored (RFC 7208 section 4.6.4); at most 100
  VoidCounting void_counting = VoidCounting::by_term;
  std::size_t explanation_octets = 1000;  ///< the rest is cut off (RFC 7208 section 6.2 allows it); our own choice
};

/// An identity longer than this has no domain that could be checked: RFC 5321 section 4.5.3.1.3 has 256 for a path.
constexpr std::size_t max_identity_octets = 1000;

struct Options {
  Limits limits;
  std::string receiver = "unknown";  ///< %{r}: the name of the host that checks (RFC 7208 section 7.2)
  /// Ask for the domain's explanation of a fail (exp=). Without it the verdict costs one question less.
  bool explanation = true;
  std::string default_explanation;       ///< where the domain gives none; literally
  bool trace = false;                    ///< keep what happened, for a person to read: Outcome::trace
  std::shared_ptr<RecordCache> records;  ///< parsed records, shared by any number of checks; null: none
};

/// What is checked. Views; start() copies what it needs.
struct Request {
  IpAddress client;  ///< an IPv4-mapped address is the IPv4 address (RFC 7208 section 5)
  std::string_view helo;
  std::string_view mail_from;  ///< without angle brackets; empty: the null reverse-path, and postmaster@helo is checked
  Identity identity = Identity::mail_from;
  UnixTime now{};  ///< %{t} in explanations
};

/// One record on the way to the deciding term.
struct Step {
  std::string domain;        ///< whose record
  std::string term;          ///< as written; empty if the record's end was reached, or it was not evaluated
  std::size_t position = 0;  ///< of the term in the record's text
};

struct TraceLine {
  unsigned depth = 0;  ///< how many includes and redirects deep
  std::string text;
};

/// A verdict with everything that a log, a header field or a person wants to know. Texts come from strangers where the
/// record does; they are printable ASCII on one line.
struct Outcome {
  Verdict verdict = Verdict::none;
  Reason reason = Reason::no_record;
  Identity identity = Identity::mail_from;
  std::string domain;  ///< whose policy was asked for; empty if the identity has none
  std::string sender;  ///< "local@domain" as the macros see it
  /// From the domain's own record through include and redirect to the term that decided, or to the record at fault.
  std::vector<Step> path;
  std::string text;         ///< one sentence: the verdict's reason
  std::string explanation;  ///< of a fail: what the domain says (a third party's text!), else the default
  bool explained = false;   ///< `explanation` is the domain's
  unsigned lookups = 0;
  unsigned void_lookups = 0;
  std::chrono::seconds ttl{0};  ///< the smallest of the answers used: for so long the verdict would be the same
  std::vector<TraceLine> trace;
};

/// A check by one engine or another. Made once and started for each check: it keeps its memory, and our own engine
/// takes nothing from the heap once warm unless outcome(), a trace or a fault asks for texts. Thread-compatible.
class Check {
 public:
  virtual ~Check() = default;
  Check() = default;
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;

  /// Begins anew; what was under way is forgotten.
  virtual void start(const Request& request) = 0;

  /// The next question not yet handed out, null if there is none: either done(), or answers are awaited. Valid until
  /// the next call of answer() or start(). Questions that may run at once come one behind the other: the addresses of
  /// one MX set, of one client's names. A question asked before may be asked again by a later term: a cache answers it.
  virtual const dns::Question* next_question() = 0;

  /// In any order. What was not asked, and second answers, are ignored. `question` may be what next_question() gave.
  virtual void answer(const dns::Question& question, const dns::Answer& answer) = 0;

  [[nodiscard]] virtual bool done() const noexcept = 0;
  [[nodiscard]] virtual Verdict verdict() const noexcept = 0;  ///< once done()
  [[nodiscard]] virtual Outcome outcome() const = 0;           ///< once done(); made anew at each call

  /// All questions not yet handed out, as copies.
  std::vector<dns::Question> questions();
};

/// Our own engine.
std::unique_ptr<Check> make_check(Options options = {});

}  // namespace sendconn::spf

#pragma GCC visibility pop

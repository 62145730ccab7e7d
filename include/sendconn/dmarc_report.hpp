// DMARC reports: aggregate reports (RFC 9990, and RFC 7489's older form) read, written and summarized; failure reports
// (RFC 9991) written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/dmarc.hpp>
#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dmarc {

/// Bounds for what strangers send. All are our own; large providers' reports stay below a tenth of them.
struct ReportLimits {
  std::size_t max_xml_octets = 32 * 1024 * 1024;  ///< unpacked; a bomb is not unpacked any further
  std::size_t max_records = 100'000;
  std::size_t max_elements = 2'000'000;  ///< of the whole document
  std::size_t max_depth = 16;            ///< of elements within each other
  std::size_t max_text_octets = 65'536;  ///< of one element or attribute
  std::size_t max_archive_entries = 16;  ///< of a zip file
};

/// Text for people, with its language.
struct ReportNote {
  std::string text;
  std::string lang;  ///< empty: not said, which means English
  friend bool operator==(const ReportNote&, const ReportNote&) = default;
};

/// An element of an extension (RFC 9990 section 5), kept as it came.
struct ExtensionElement {
  struct Attribute {
    std::string space;  ///< namespace URI, or empty
    std::string name;
    std::string value;
    friend bool operator==(const Attribute&, const Attribute&) = default;
  };
  std::string space;  ///< namespace URI, or empty
  std::string name;
  std::vector<Attribute> attributes;
  std::string text;  ///< all of it, without that of the children
  std::vector<ExtensionElement> children;
  friend bool operator==(const ExtensionElement&, const ExtensionElement&) = default;
};

/// A reason why the disposition is not what the policy asks for.
struct OverrideReason {
  std::string type;  ///< "local_policy", "mailing_list", "other", "policy_test_mode", "trusted_forwarder"
  std::optional<ReportNote> comment;
  friend bool operator==(const OverrideReason&, const OverrideReason&) = default;
};

struct DkimReportResult {
  std::string domain;
  std::optional<std::string> selector;  ///< required by RFC 9990
  std::string result;                   ///< as RFC 8601 section 2.7.1 has it
  std::optional<ReportNote> human_result;
  friend bool operator==(const DkimReportResult&, const DkimReportResult&) = default;
};

struct SpfReportResult {
  std::string domain;
  std::optional<std::string> scope;  ///< "mfrom"; in RFC 7489's form also "helo"
  std::string result;                ///< as RFC 8601 section 2.7.2 has it
  std::optional<ReportNote> human_result;
  friend bool operator==(const SpfReportResult&, const SpfReportResult&) = default;
};

/// One record: messages from one address with the same results.
struct ReportRow {
  std::string source_ip;
  std::uint64_t count = 0;
  std::string disposition;  ///< "none", "pass", "quarantine", "reject"
  std::string dkim;         ///< "pass" or "fail": whether DKIM passed for an aligned domain
  std::string spf;          ///< the same of SPF
  std::vector<OverrideReason> reasons;
  std::string header_from;
  std::optional<std::string> envelope_from;  ///< may be empty: a null reverse-path
  std::optional<std::string> envelope_to;
  std::vector<DkimReportResult> dkim_results;
  std::vector<SpfReportResult> spf_results;  ///< at most one in RFC 9990
  std::vector<ExtensionElement> extensions;
  friend bool operator==(const ReportRow&, const ReportRow&) = default;
};

/// The policy that was found.
struct ReportedPolicy {
  std::string domain;
  std::string p;
  std::optional<std::string> sp;
  std::optional<std::string> np;
  std::optional<std::string> adkim;
  std::optional<std::string> aspf;
  std::optional<std::string> discovery_method;  ///< "treewalk" or "psl"
  std::optional<std::string> fo;
  std::optional<std::string> testing;
  std::optional<std::string> pct;  ///< RFC 7489 alone
  friend bool operator==(const ReportedPolicy&, const ReportedPolicy&) = default;
};

enum class ReportForm : std::uint8_t { rfc9990, rfc7489 };

/// An aggregate report. Words are strings, so that nothing of what others write is lost; check_report() says which of
/// them the schema does not know.
struct AggregateReport {
  ReportForm form = ReportForm::rfc9990;
  std::optional<std::string> version;  ///< "1.0"
  std::string org_name;
  std::string email;
  std::optional<ReportNote> extra_contact_info;
  std::string report_id;
  std::int64_t begin = 0;  ///< of the period, Unix time
  std::int64_t end = 0;
  std::vector<ReportNote> errors;  ///< at most one in RFC 9990
  std::optional<std::string> generator;
  ReportedPolicy policy;
  std::vector<ExtensionElement> extensions;
  std::vector<ReportRow> rows;
  friend bool operator==(const AggregateReport&, const AggregateReport&) = default;
};

/// The XML in what was attached to a report's message: a gzip file, a zip file with one XML file in it, or XML as it
/// is. Errc::syntax for anything else and for damage, Errc::limit_exceeded, Errc::unsupported (a zip file that is
/// encrypted or larger than 4 GB, or a build without zlib).
Result<std::string> unpack_report(std::string_view file, const ReportLimits& limits = {});
/// As a gzip file, the form to send (RFC 9990 section 3.5). The same text gives the same octets. Errc::unsupported in a
/// build without zlib.
Result<std::string> pack_report(std::string_view xml);

/// Reads a report. Both forms are understood, whatever their namespace; of elements that occur twice the first counts,
/// and unknown ones are passed over except where extensions may stand. White space around a text is dropped. A document
/// type declaration is refused, and with it every entity. Errc::syntax (with the line in the text, and the octet as
/// position), Errc::limit_exceeded, Errc::unsupported in a build without expat.
Result<AggregateReport> parse_report(std::string_view xml, const ReportLimits& limits = {});

/// What in a report its schema does not allow: one sentence each; empty if it is valid. RFC 9990's schema, or for
/// RFC 7489's form that of its appendix C.
std::vector<std::string> check_report(const AggregateReport& report);
/// Writes a report as XML. What XML cannot hold (control characters, broken UTF-8) becomes "?".
/// Errc::invalid_argument with check_report()'s first sentence if the schema would refuse it.
Result<std::string> format_report(const AggregateReport& report);

/// "receiver!policy-domain!begin!end.xml.gz" (RFC 9990 section 3.5.2), without ".gz" unless `packed`.
std::string report_file_name(const Domain& receiver, const AggregateReport& report, bool packed);
/// "Report Domain: ... Submitter: ... Report-ID: <...>" (RFC 9990 section 3.5.2), on one line.
std::string report_subject(const Domain& submitter, const AggregateReport& report);

/// The policy part of a report, from the record that a check found; defaults are written out.
ReportedPolicy reported_policy(const Outcome& outcome);
/// A row for one message: source, disposition and alignment as `outcome` has them, the policy's test mode as a reason.
/// The results of SPF and DKIM, envelope and further reasons are for the caller to add.
ReportRow report_row(const Outcome& outcome, const IpAddress& source);
/// Adds a row; one with the same values has its count raised instead.
void add_row(AggregateReport& report, ReportRow row);

/// What a report says, or several reports together.
struct ReportSummary {
  struct Source {
    std::uint64_t messages = 0;
    std::uint64_t passed = 0;  ///< DKIM or SPF aligned
    std::uint64_t dkim_aligned = 0;
    std::uint64_t spf_aligned = 0;
    friend bool operator==(const Source&, const Source&) = default;
  };
  Source total;
  std::uint64_t quarantined = 0;
  std::uint64_t rejected = 0;
  std::uint64_t overridden = 0;  ///< messages with a reason for another disposition
  std::int64_t begin = 0;        ///< of the earliest period
  std::int64_t end = 0;          ///< of the latest
  std::size_t reports = 0;
  std::map<std::string, Source> by_source;  ///< by IP address
  std::map<std::string, Source> by_author;  ///< by From domain, lower case

  /// Counts saturate instead of overflowing: they come from strangers.
  void add(const AggregateReport& report);
  friend bool operator==(const ReportSummary&, const ReportSummary&) = default;
};

/// A message that failed, for a report about it alone (RFC 9991, RFC 6591).
struct FailureReport {
  // The report's own message.
  Address from;  ///< must itself pass DMARC (RFC 9991 section 4.1)
  Address to;
  UnixTime date{};
  std::string message_id;  ///< without angle brackets
  std::string boundary;    ///< 1 to 70 letters, digits or "-_": random, from the caller
  std::string reporter;    ///< name and version of the program that writes it
  Domain reporting_mta;
  // The failure.
  Domain author;
  IpAddress source_ip;
  bool dkim_failed = false;  ///< no aligned DKIM pass
  bool spf_failed = false;
  std::optional<std::string> mail_from;  ///< the reverse-path without brackets; may be empty
  std::vector<std::string> recipients;   ///< only if the receiver's rules allow telling them
  std::optional<UnixTime> arrival;
  std::string delivery_result;              ///< "delivered", "spam", "policy", "reject", "other"; empty: not told
  std::optional<authres::Results> results;  ///< becomes Authentication-Results
  // Required if a signature of an aligned domain failed (RFC 9991 section 3).
  std::string dkim_domain;
  std::string dkim_identity;
  std::string dkim_selector;
  std::string spf_dns;  ///< "txt : domain : record"; required if SPF of an aligned domain failed
  /// The failed message, or its header section alone: CRLF line ends. What is private is for the caller to cut out
  /// (RFC 6590); a header section alone is what most receivers send.
  std::string original;
  bool header_only = true;
};

/// The report as a message: multipart/report with text, message/feedback-report and the original.
/// Errc::invalid_argument for a boundary that is none or that occurs in the original, neither mechanism failed, an
/// original with a bare CR or LF; values that hold control characters have them replaced by "?".
Result<std::string> format_failure_report(const FailureReport& report);

}  // namespace sendconn::dmarc

#pragma GCC visibility pop

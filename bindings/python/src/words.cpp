#include "bindings/python/src/words.hpp"

#include <array>

namespace sendconn::python {

// Lists are made once and never destroyed: their members belong to an interpreter that may be gone by then.
WordList& words_of(dns::Status) {
  static auto& list = *new WordList("sendconn.dns", "Status",
                                    {"no-error", "no-such-name", "no-data", "timeout", "server-failure", "malformed"});
  return list;
}

// ---------------------------------------------------------------- SPF

WordList& words_of(spf::Verdict) {
  static auto& list = *new WordList("sendconn.spf", "Verdict",
                                    {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"});
  return list;
}
WordList& words_of(spf::Reason) {
  static auto& list =
      *new WordList("sendconn.spf", "Reason",
                    {"matched", "no-match", "unusable-identity", "no-record", "several-records", "syntax",
                     "lookup-limit", "void-lookup-limit", "mx-limit", "include-without-record",
                     "redirect-without-record", "dns-failure", "engine-failure"});
  return list;
}
WordList& words_of(spf::Identity) {
  static auto& list = *new WordList("sendconn.spf", "Identity", {"mailfrom", "helo"});
  return list;
}
WordList& words_of(spf::VoidCounting) {
  static auto& list = *new WordList("sendconn.spf", "VoidCounting", {"by-term", "by-question"});
  return list;
}
WordList& words_of(spf::Severity) {
  static auto& list = *new WordList("sendconn.spf", "Severity", {"error", "warning", "advice"});
  return list;
}
WordList& words_of(spf::Qualifier) {
  static auto& list = *new WordList("sendconn.spf", "Qualifier", {"+", "-", "~", "?"});
  return list;
}
WordList& words_of(spf::TermKind) {
  static auto& list = *new WordList(
      "sendconn.spf", "TermKind",
      {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists", "redirect", "exp", "unknown-modifier"});
  return list;
}

// ---------------------------------------------------------------- DKIM

WordList& words_of(crypto::KeyType) {
  static auto& list = *new WordList("sendconn.dkim", "KeyType", {"rsa", "ed25519"});
  return list;
}
WordList& words_of(dkim::Canonicalization) {
  static auto& list = *new WordList("sendconn.dkim", "Canonicalization", {"simple", "relaxed"});
  return list;
}
WordList& words_of(dkim::Verdict) {
  static auto& list =
      *new WordList("sendconn.dkim", "Verdict", {"pass", "fail", "policy", "neutral", "temperror", "permerror"});
  return list;
}
WordList& words_of(dkim::Reason) {
  static auto& list = *new WordList("sendconn.dkim", "Reason",
                                    {"verified",
                                     "syntax",
                                     "version",
                                     "missing-tag",
                                     "unknown-algorithm",
                                     "unknown-canonicalization",
                                     "unknown-query",
                                     "identity-outside-domain",
                                     "from-not-signed",
                                     "expires-before-it-was-signed",
                                     "too-many-signatures",
                                     "sha1-refused",
                                     "expired",
                                     "from-future",
                                     "length-refused",
                                     "unsigned-content",
                                     "unsigned-from",
                                     "key-too-short",
                                     "key-too-long",
                                     "key-unavailable",
                                     "no-key",
                                     "key-syntax",
                                     "key-revoked",
                                     "key-type-differs",
                                     "key-forbids-hash",
                                     "key-not-for-mail",
                                     "key-forbids-subname",
                                     "key-unusable",
                                     "length-beyond-body",
                                     "body-differs",
                                     "signature-differs"});
  return list;
}
WordList& words_of(dkim::BodyLength) {
  static auto& list = *new WordList("sendconn.dkim", "BodyLength", {"accept", "refuse-unsigned-content", "refuse"});
  return list;
}
WordList& words_of(dkim::Severity) {
  static auto& list = *new WordList("sendconn.dkim", "Severity", {"note", "warning", "error"});
  return list;
}
WordList& words_of(dkim::Mistake) {
  static auto& list = *new WordList("sendconn.dkim", "Mistake",
                                    {"not-a-key-record",
                                     "syntax",
                                     "version",
                                     "no-version",
                                     "duplicate-tag",
                                     "unknown-tag",
                                     "obsolete-tag",
                                     "no-key",
                                     "revoked",
                                     "bad-base64",
                                     "bad-key",
                                     "cut-off",
                                     "quotes",
                                     "unknown-type",
                                     "key-below-1024-bits",
                                     "key-below-2048-bits",
                                     "key-above-4096-bits",
                                     "no-sha256",
                                     "sha1",
                                     "unknown-hash",
                                     "not-for-mail",
                                     "testing",
                                     "unknown-flag",
                                     "too-long"});
  return list;
}
WordList& words_of(dkim::KeyMatch) {
  static auto& list = *new WordList("sendconn.dkim", "KeyMatch",
                                    {"matches", "malformed", "revoked", "other-type", "other-key", "unusable"});
  return list;
}

// ---------------------------------------------------------------- DMARC

WordList& words_of(dmarc::Policy) {
  static auto& list = *new WordList("sendconn.dmarc", "Policy", {"none", "quarantine", "reject"});
  return list;
}
WordList& words_of(dmarc::Mode) {
  static auto& list = *new WordList("sendconn.dmarc", "Mode", {"relaxed", "strict"});
  return list;
}
WordList& words_of(dmarc::Psd) {
  static auto& list = *new WordList("sendconn.dmarc", "Psd", {"unknown", "yes", "no"});
  return list;
}
WordList& words_of(dmarc::Severity) {
  static auto& list = *new WordList("sendconn.dmarc", "Severity", {"error", "warning", "note"});
  return list;
}
WordList& words_of(dmarc::Verdict) {
  static auto& list = *new WordList("sendconn.dmarc", "Verdict", {"none", "pass", "fail", "temperror", "permerror"});
  return list;
}
WordList& words_of(dmarc::Evidence) {
  static auto& list = *new WordList("sendconn.dmarc", "Evidence", {"pass", "fail", "temperror"});
  return list;
}
WordList& words_of(dmarc::Alignment) {
  static auto& list =
      *new WordList("sendconn.dmarc", "Alignment", {"none", "relaxed", "strict", "unknown", "unchecked"});
  return list;
}
WordList& words_of(dmarc::PolicyTag) {
  static auto& list = *new WordList("sendconn.dmarc", "PolicyTag", {"none", "p", "sp", "np"});
  return list;
}
WordList& words_of(dmarc::PolicySource) {
  static auto& list =
      *new WordList("sendconn.dmarc", "PolicySource", {"none", "author", "organization", "public-suffix"});
  return list;
}
WordList& words_of(dmarc::SeveralAuthors) {
  static auto& list = *new WordList("sendconn.dmarc", "SeveralAuthors", {"refuse", "check-each"});
  return list;
}
WordList& words_of(dmarc::ReportKind) {
  static auto& list = *new WordList("sendconn.dmarc", "ReportKind", {"aggregate", "failure"});
  return list;
}
WordList& words_of(dmarc::ReportForm) {
  static auto& list = *new WordList("sendconn.dmarc", "ReportForm", {"rfc9990", "rfc7489"});
  return list;
}
WordList& words_of(dmarc::Destination::Standing) {
  static auto& list =
      *new WordList("sendconn.dmarc", "Standing", {"internal", "authorized", "refused", "temporary-failure"});
  return list;
}

// ---------------------------------------------------------------- the others

WordList& words_of(ownership::Verdict) {
  static auto& list =
      *new WordList("sendconn.ownership", "Verdict", {"verified", "missing", "mismatch", "temporary-failure"});
  return list;
}

WordList& words_of(smtp::TlsMode) {
  static auto& list = *new WordList("sendconn.smtp", "Tls", {"off", "opportunistic", "required", "implicit"});
  return list;
}
WordList& words_of(MailFate) {
  static auto& list = *new WordList("sendconn.mailer", "Fate", {"accepted", "temporary", "permanent"});
  return list;
}
WordList& words_of(MailStage) {
  static auto& list = *new WordList("sendconn.mailer", "Stage",
                                    {"none", "lookup", "connect", "tls", "greeting", "login", "message", "cancelled"});
  return list;
}
WordList& words_of(smtp::BodyType) {
  static auto& list = *new WordList("sendconn.smtp", "Body", {"7BIT", "8BITMIME"});
  return list;
}
WordList& words_of(smtp::BareNewlines) {
  static auto& list = *new WordList("sendconn.smtp", "BareNewlines", {"refuse", "normalize"});
  return list;
}

namespace {

constexpr std::array record_types = {dns::RecordType::a,   dns::RecordType::aaaa, dns::RecordType::cname,
                                     dns::RecordType::mx,  dns::RecordType::ns,   dns::RecordType::ptr,
                                     dns::RecordType::txt, dns::RecordType::tlsa};

WordList& record_type_words() {
  static auto& list =
      *new WordList("sendconn.dns", "RecordType", {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "TXT", "TLSA"});
  return list;
}

}  // namespace

py::object word(dns::RecordType type) {
  for (std::size_t i = 0; i != record_types.size(); ++i)
    if (record_types[i] == type) return record_type_words().member(i);
  throw py::value_error("a type of record that sendconn does not ask for");
}

dns::RecordType take_record_type(py::handle value) { return record_types[record_type_words().number(value, "type")]; }

}  // namespace sendconn::python

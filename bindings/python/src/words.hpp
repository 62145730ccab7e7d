// The library's enums as words. Each list stands in the order of the enum's members.
#pragma once

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/dkim_key.hpp>
#include <sendconn/dkim_verify.hpp>
#include <sendconn/dmarc.hpp>
#include <sendconn/dmarc_report.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/mailer.hpp>
#include <sendconn/ownership.hpp>
#include <sendconn/smtp.hpp>
#include <sendconn/spf.hpp>
#include <sendconn/spf_edit.hpp>

#include "bindings/python/src/values.hpp"

namespace sendconn::python {

WordList& words_of(dns::Status status);
WordList& words_of(spf::Verdict verdict);
WordList& words_of(spf::Reason reason);
WordList& words_of(spf::Identity identity);
WordList& words_of(spf::VoidCounting counting);
WordList& words_of(spf::Severity severity);
WordList& words_of(spf::Qualifier qualifier);
WordList& words_of(spf::TermKind kind);
WordList& words_of(crypto::KeyType type);
WordList& words_of(dkim::Canonicalization canonicalization);
WordList& words_of(dkim::Verdict verdict);
WordList& words_of(dkim::Reason reason);
WordList& words_of(dkim::BodyLength length);
WordList& words_of(dkim::Severity severity);
WordList& words_of(dkim::Mistake mistake);
WordList& words_of(dkim::KeyMatch match);
WordList& words_of(dmarc::Policy policy);
WordList& words_of(dmarc::Mode mode);
WordList& words_of(dmarc::Psd psd);
WordList& words_of(dmarc::Severity severity);
WordList& words_of(dmarc::Verdict verdict);
WordList& words_of(dmarc::Evidence evidence);
WordList& words_of(dmarc::Alignment alignment);
WordList& words_of(dmarc::PolicyTag tag);
WordList& words_of(dmarc::PolicySource source);
WordList& words_of(dmarc::SeveralAuthors several);
WordList& words_of(dmarc::ReportKind kind);
WordList& words_of(dmarc::ReportForm form);
WordList& words_of(dmarc::Destination::Standing standing);
WordList& words_of(ownership::Verdict verdict);
WordList& words_of(smtp::TlsMode mode);
WordList& words_of(MailFate fate);
WordList& words_of(MailStage stage);
WordList& words_of(smtp::BodyType body);
WordList& words_of(smtp::BareNewlines newlines);

template <class Enum>
py::object word(Enum value) {
  return words_of(value).member(static_cast<std::size_t>(value));
}
template <class Enum>
py::object maybe_word(const std::optional<Enum>& value) {
  if (value) return word(*value);
  return py::none();
}
template <class Enum>
Enum take_word(py::handle value, const char* what) {
  return static_cast<Enum>(words_of(Enum{}).number(value, what));
}
template <class Enum>
std::optional<Enum> take_maybe_word(py::handle value, const char* what) {
  if (value.is_none()) return std::nullopt;
  return take_word<Enum>(value, what);
}

/// Types of records have numbers of their own.
py::object word(dns::RecordType type);
dns::RecordType take_record_type(py::handle value);

}  // namespace sendconn::python

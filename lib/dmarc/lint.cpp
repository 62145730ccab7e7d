// What a person should know about a record before publishing it: faults of form come from the reader, faults of sense
// from here.
#include <sendconn/dmarc.hpp>

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/dmarc/tags.hpp"

namespace sendconn::dmarc {
namespace {

struct Place {
  std::size_t position = 0;
  std::size_t length = 0;
};

/// The first tag of this name, from its name to the end of its value; the record's end if it is not there.
Place find_tag(std::string_view text, std::string_view name) {
  Cursor cursor(text);
  do {
    cursor.take_while(ascii::is_wsp);
    const std::size_t start = cursor.position();
    const std::string_view tag = cursor.take_until(';');
    const std::string_view found = ascii::trim(tag.substr(0, tag.find('=')));
    if (tag.find('=') != std::string_view::npos && ascii::equal(found, name)) return {start, ascii::trim(tag).size()};
  } while (cursor.take(';'));
  return {text.size(), 0};
}

class Sense {
 public:
  Sense(std::string_view text, const Record& record, std::vector<Finding>& findings)
      : text_(text), record_(record), findings_(findings) {}

  void look() {
    policies();
    test_mode();
    reports();
    if (record_.psd == Psd::yes)
      say(Severity::warning, "psd",
          "\"psd=y\" says that others register names below this one; only registries publish it (RFC 9989 section "
          "5.2)");
  }

 private:
  void say(Severity severity, std::string_view tag, std::string what) {
    const Place place = find_tag(text_, tag);
    findings_.push_back({severity, std::move(what), place.position, place.length});
  }

  void policies() {
    if (!record_.p && find_tag(text_, "p").length == 0)
      say(Severity::error, "p", "no \"p=\": none, quarantine or reject is required (RFC 9989 section 4.7)");
    if (record_.policy_faulty)
      say(Severity::error, "p",
          record_.rua.empty()
              ? "without a valid policy and without a report address the record has no effect (RFC 9989 section 4.10.1)"
              : "without a valid policy the whole record counts as \"p=none\" (RFC 9989 section 4.10.1)");
    if (record_.policy_faulty) return;
    if (record_.p == Policy::none)
      say(Severity::note, "p",
          "\"p=none\" only watches: forged mail is not to be treated differently (section 3.2.12)");
    const Policy for_subdomains = record_.sp.value_or(*record_.p);
    if (for_subdomains < *record_.p)
      say(Severity::warning, "sp",
          "\"sp=" + std::string(format(for_subdomains)) + "\" is weaker than \"p=" + std::string(format(*record_.p)) +
              "\": who forges, takes a subdomain");
    if (record_.np && *record_.np < for_subdomains)
      say(Severity::warning, "np",
          "\"np=" + std::string(format(*record_.np)) + "\" is weaker for subdomains that do not exist than the " +
              std::string(format(for_subdomains)) + " for those that do: who forges, invents one");
  }

  void test_mode() {
    if (!record_.testing || record_.policy_faulty) return;
    const bool asks =
        std::max({*record_.p, record_.sp.value_or(Policy::none), record_.np.value_or(Policy::none)}) > Policy::none;
    say(Severity::note, "t",
        asks ? "\"t=y\" weakens the policy by one level (RFC 9989 section 4.7)"
             : "\"t=y\" has no effect beside a policy of none (RFC 9989 section 4.7)");
  }

  void reports() {
    if (record_.rua.empty() && find_tag(text_, "rua").length == 0)
      say(Severity::warning, "rua",
          "no \"rua=\": nobody will report what is sent in this domain's name (RFC 9989 section 4.7)");
    if (record_.ruf.empty() && find_tag(text_, "fo").length != 0)
      say(Severity::warning, "fo", "\"fo=\" is ignored without \"ruf=\" (RFC 9989 section 4.7)");
    if (!record_.ruf.empty() && record_.psd == Psd::yes)
      say(Severity::warning, "ruf",
          "failure reports never go where a record with \"psd=y\" asks for them "
          "(RFC 9991 section 2)");
  }

  std::string_view text_;
  const Record& record_;
  std::vector<Finding>& findings_;
};

/// Why a text that is no record is none, as far as that can be guessed.
Finding explain(std::string_view text, const Error& error) {
  const std::string_view inner = ascii::trim(text);
  const std::size_t spaces = static_cast<std::size_t>(inner.data() - text.data());
  if (spaces != 0 && is_record(inner))
    return {Severity::error,
            "white space in front of \"v=DMARC1\", so that the record is ignored (RFC 9989 section 4.10)", 0, spaces};
  if (ascii::starts_with(inner, "v=spf1"))
    return {Severity::error, "an SPF record; it belongs to the domain itself, not below _dmarc (RFC 7208 section 3)", 0,
            text.size()};
  if (ascii::starts_with(inner, "v=DMARC1") && inner.substr(2, 6) != "DMARC1")
    return {Severity::error, "\"DMARC1\" must be written in capitals (RFC 9989 section 4.7)", spaces + 2, 6};
  return {Severity::error, error.text, std::min(error.position, text.size()), 0};
}

}  // namespace

std::vector<Finding> lint(std::string_view text) {
  std::vector<Finding> findings;
  const auto record = read_record(text, &findings);
  if (!record) return {explain(text, record.error())};
  Sense(text, *record, findings).look();
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.position < b.position; });
  return findings;
}

std::vector<Finding> lint(const Domain& domain, const dns::Answer& answer) {
  const auto name = record_name(domain);
  if (!name)
    return {{Severity::error, "_dmarc." + domain.text() + " is too long for the DNS (RFC 1035 section 3.1)", 0, 0}};
  if (dns::is_temporary(answer.status))
    return {{Severity::error,
             "the DNS did not answer for TXT at " + *name + " (" + std::string(dns::format(answer.status)) + ")", 0,
             0}};
  std::vector<std::string_view> records;
  std::vector<Finding> findings;
  for (const dns::Record& record : answer.records) {
    if (is_record(record.text)) {
      records.push_back(record.text);
    } else {
      Finding finding = lint(record.text).front();
      finding.text = "a TXT record at " + *name + " does not count: " + finding.text;
      findings.push_back(std::move(finding));
    }
  }
  if (records.empty())
    findings.push_back(
        {Severity::error, "there is no DMARC record at " + *name + "; publish a TXT record there", 0, 0});
  if (records.size() > 1)
    findings.push_back({Severity::error,
                        std::to_string(records.size()) + " DMARC records at " + *name +
                            ", so that none of them counts; leave one (RFC 9989 section 4.10)",
                        0, 0});
  if (records.size() == 1) {
    for (Finding& finding : lint(records.front())) findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace sendconn::dmarc

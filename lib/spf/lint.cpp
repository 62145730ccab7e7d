// lint: what a record's text alone tells. Faults come from Record, each with a hint for the mistake that led to it;
// what is valid and yet wrong is found here.
#include <algorithm>
#include <array>
#include <set>

#include <sendconn/spf_edit.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::spf {
namespace {

constexpr std::size_t max_lookups = 10;             // RFC 7208 section 4.6.4
constexpr std::size_t comfortable_octets = 450;     // RFC 7208 section 3.4
constexpr std::size_t max_compared_networks = 500;  // each with each; our own bound
constexpr unsigned broad_prefix4 = 8;               // as large as any network ever assigned (RFC 4632 section 3.1)
constexpr unsigned broad_prefix6 = 16;              // larger than any allocation to one holder; our own choice

struct Lookalike {
  std::string_view octets;
  std::string_view code;
  std::string_view name;
};
constexpr std::array<Lookalike, 13> lookalikes = {
    {{"\xe2\x80\x9c", "typographic-quote", "a typographic quotation mark"},
     {"\xe2\x80\x9d", "typographic-quote", "a typographic quotation mark"},
     {"\xe2\x80\x9e", "typographic-quote", "a typographic quotation mark"},
     {"\xe2\x80\x98", "typographic-quote", "a typographic quotation mark"},
     {"\xe2\x80\x99", "typographic-quote", "a typographic quotation mark"},
     {"\xc2\xab", "typographic-quote", "a typographic quotation mark"},
     {"\xc2\xbb", "typographic-quote", "a typographic quotation mark"},
     {"\xe2\x80\x93", "typographic-dash", "a typographic dash"},
     {"\xe2\x80\x94", "typographic-dash", "a typographic dash"},
     {"\xe2\x88\x92", "typographic-dash", "a minus sign"},
     {"\xe2\x80\x91", "typographic-dash", "a non-breaking hyphen"},
     {"\xc2\xa0", "non-breaking-space", "a non-breaking space"},
     {"\xe2\x80\x8b", "zero-width-space", "a zero-width space"}}};

/// The word of `text` that holds the octet at `position`.
std::string_view word_at(std::string_view text, std::size_t position) {
  position = std::min(position, text.size());
  const std::size_t start = position == 0 ? std::string_view::npos : text.rfind(' ', position - 1);
  const std::size_t begin = start == std::string_view::npos ? 0 : start + 1;
  return text.substr(begin, text.find(' ', position) - begin);
}

std::string_view without_qualifier(std::string_view word) {
  if (!word.empty() && std::string_view("+-~?").find(word.front()) != std::string_view::npos) word.remove_prefix(1);
  return word;
}

bool is_address(std::string_view word) { return IpAddress::parse(word.substr(0, word.find('/'))).ok(); }

struct Hint {
  std::string_view code;
  std::string text;
};

/// Why somebody may have written a word that is no term.
Hint hint_for(std::string_view text, const Fault& fault) {
  const std::string_view word = word_at(text, fault.position);
  const std::string_view bare = without_qualifier(word);
  for (const Lookalike& lookalike : lookalikes)
    if (word.find(lookalike.octets) != std::string_view::npos)
      return {lookalike.code, "it holds " + std::string(lookalike.name) +
                                  ", as word processors and web pages make them; "
                                  "write plain ASCII"};
  if (ascii::has_8bit(word)) return {"not-ascii", "write domains in A-labels (xn--...) and everything else in ASCII"};
  if (std::any_of(word.begin(), word.end(), [](char c) { return !ascii::is_vchar(c); }))
    return {"control-character", "separate terms with spaces alone"};
  if (fault.text.find("once is allowed") != std::string::npos) return {"duplicate-modifier", "keep one of them"};
  if (word.find('"') != std::string_view::npos)
    return {"quote", "quotation marks belong around a TXT string in a zone file, not into it"};
  if (ascii::starts_with(bare, "ipv4:") || ascii::starts_with(bare, "ipv6:"))
    return {"misspelled-mechanism", "write ip" + std::string(bare.substr(3))};
  if (ascii::starts_with(bare, "ip:"))
    return {"misspelled-mechanism", "write ip" + std::string(bare.find(':', 3) == std::string_view::npos ? "4" : "6") +
                                        std::string(bare.substr(2))};
  if (ascii::starts_with(bare, "redirect:") || ascii::starts_with(bare, "exp:"))
    return {"modifier-with-colon", "write an equals sign: " + std::string(bare.substr(0, bare.find(':'))) + "="};
  if (is_address(bare))
    return {"bare-address",
            "write ip" + std::string(bare.find(':') == std::string_view::npos ? "4" : "6") + ":" + std::string(bare)};
  if (word.find(',') != std::string_view::npos || word.find(';') != std::string_view::npos)
    return {"comma", "separate terms with spaces alone"};
  const std::size_t colon = bare.find(':');
  const std::string_view name = bare.substr(0, colon);
  const std::string_view value = colon == std::string_view::npos ? std::string_view() : bare.substr(colon + 1);
  if (colon != std::string_view::npos && value.empty())
    return {"space-after-colon", "write what is meant behind the colon, without a space"};
  if ((ascii::equal(name, "ip4") || ascii::equal(name, "ip6")) && is_address(value) &&
      (value.find(':') == std::string_view::npos) != ascii::equal(name, "ip4"))
    return {"wrong-family",
            std::string("write ip") + (ascii::equal(name, "ip4") ? "6" : "4") + ":" + std::string(value)};
  if (fault.text.find("prefix length") != std::string::npos)
    return {"bad-prefix", "two slashes stand in front of an IPv6 prefix length of a and mx, one elsewhere"};
  if (word.find('%') != std::string_view::npos) return {"bad-macro", {}};
  return {"syntax", {}};
}

class Linter {
 public:
  explicit Linter(std::string_view text) : text_(text), record_(Record::parse(text)) {}
  std::vector<Finding> run();

 private:
  void faults();
  void terms();
  void duplicates();
  void networks();
  void ending();
  void size();
  void find(Severity severity, std::string_view code, const Term& term, const std::string& text) {
    findings_.push_back({severity, code, term.position, term.octets, ascii::quote(record_.text(term)) + " " + text});
  }

  std::string_view text_;
  Record record_;
  std::vector<Finding> findings_;
};

void Linter::faults() {
  for (const Fault& fault : record_.faults()) {
    if (!Record::is_spf(text_)) {
      if (ascii::starts_with(text_, "spf2.0") || ascii::starts_with(text_, "v=spf2")) {
        findings_.push_back({Severity::error, "sender-id", 0, std::min<std::size_t>(text_.size(), 6),
                             "this is a record of Sender ID (RFC 4406), which is historic; publish v=spf1"});
      } else {
        findings_.push_back({Severity::error, "not-spf", fault.position, fault.octets, fault.text});
      }
      continue;
    }
    Hint hint = hint_for(text_, fault);
    findings_.push_back({Severity::error, hint.code, fault.position, fault.octets,
                         hint.text.empty() ? fault.text : fault.text + "; " + hint.text});
  }
}

void Linter::terms() {
  const Term* all = record_.find(TermKind::all);
  std::size_t lookups = 0;
  bool behind_all = false;
  for (const Term& term : record_.terms()) {
    if (behind_all && !is_modifier(term.kind))
      find(Severity::warning, "after-all", term, "is never reached: all stands before it (RFC 7208 section 5.1)");
    behind_all = behind_all || term.kind == TermKind::all;
    if (term.kind == TermKind::redirect && all != nullptr)
      find(Severity::warning, "redirect-ignored", term,
           "is ignored, because all stands in the record (RFC 7208 section 6.1)");
    if (term.kind == TermKind::ptr || term.asks_ptr)
      find(Severity::warning, "ptr-used", term,
           "asks for the client's name, which is slow and unreliable and should not be published (RFC 7208 section "
           "5.5)");
    if (term.kind == TermKind::unknown_modifier) {
      const std::string_view word = record_.text(term);
      const std::string_view name = word.substr(0, word.find('='));
      constexpr std::array<std::string_view, 8> mechanisms = {"all", "include", "a",   "mx",
                                                              "ptr", "ip4",     "ip6", "exists"};
      if (std::any_of(mechanisms.begin(), mechanisms.end(), [&](auto known) { return ascii::equal(known, name); })) {
        find(Severity::warning, "mechanism-with-equals", term,
             "is silently ignored: a mechanism takes a colon, not an equals sign");
      } else {
        find(Severity::advice, "unknown-modifier", term, "is a modifier that no standard knows, and is ignored");
      }
    }
    if (needs_lookup(term.kind) && ++lookups == max_lookups + 1)
      find(Severity::error, "too-many-lookups", term,
           "is the eleventh term that asks the DNS, at most 10 are allowed, those of included records counted too "
           "(RFC 7208 section 4.6.4)");
  }
}

void Linter::duplicates() {
  std::set<std::string> seen;
  for (const Term& term : record_.terms()) {
    if (is_modifier(term.kind)) continue;
    if (!seen.insert(ascii::to_lower(without_qualifier(record_.text(term)))).second)
      find(Severity::warning, "duplicate-term", term, "stands in the record already; only the first counts");
  }
}

void Linter::networks() {
  std::vector<const Term*> before;
  for (const Term& term : record_.terms()) {
    if (term.kind != TermKind::ip4 && term.kind != TermKind::ip6) continue;
    const bool v4 = term.kind == TermKind::ip4;
    const unsigned prefix = v4 ? term.prefix4 : term.prefix6;
    const auto network = IpNetwork::of(term.address, prefix);
    if (network->address() != term.address)
      find(Severity::advice, "host-bits", term, "has bits behind the prefix; " + network->format() + " is what counts");
    if (term.qualifier == Qualifier::pass && prefix < (v4 ? broad_prefix4 : broad_prefix6))
      find(Severity::warning, "broad-network", term, "lets very many strangers send for the domain");
    const auto covering = std::find_if(before.begin(), before.end(), [&](const Term* other) {
      const unsigned wider = v4 ? other->prefix4 : other->prefix6;
      return other->kind == term.kind && wider <= prefix &&
             IpNetwork::of(other->address, wider)->contains(term.address);
    });
    if (covering != before.end() && record_.text(**covering) != record_.text(term))
      find(Severity::warning, "overlapping-network", term,
           "is never reached: " + std::string(record_.text(**covering)) + " covers it");
    if (before.size() < max_compared_networks) before.push_back(&term);
  }
}

void Linter::ending() {
  const Term* all = record_.find(TermKind::all);
  if (all == nullptr) {
    if (record_.find(TermKind::redirect) == nullptr)
      findings_.push_back(
          {Severity::warning, "no-all", text_.size(), 0,
           "the record says nothing about all other clients; end it with ~all or -all (RFC 7208 section "
           "4.7)"});
    return;
  }
  if (all->qualifier == Qualifier::pass)
    find(Severity::warning, "pass-all", *all, "allows everybody to send for the domain; write ~all or -all");
  if (all->qualifier == Qualifier::neutral)
    find(Severity::warning, "neutral-all", *all, "says nothing about all other clients; write ~all or -all");
}

void Linter::size() {
  if (text_.size() > comfortable_octets)
    findings_.push_back({Severity::advice, "long-record", comfortable_octets, text_.size() - comfortable_octets,
                         "the record has " + std::to_string(text_.size()) +
                             " octets; past 450 an answer may not fit into a UDP packet (RFC 7208 section 3.4)"});
}

std::vector<Finding> Linter::run() {
  faults();
  if (Record::is_spf(text_)) {
    terms();
    duplicates();
    networks();
    ending();
    size();
  }
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& a, const Finding& b) { return a.position < b.position; });
  return std::move(findings_);
}

}  // namespace

std::string_view format(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::advice:
      return "advice";
  }
  return "unknown";
}

std::vector<Finding> lint(std::string_view text) { return Linter(text).run(); }

}  // namespace sendconn::spf

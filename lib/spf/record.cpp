// Record: the grammar of RFC 7208 section 12, term by term. A malformed term leaves a fault and the next one is read,
// so that a person sees all of them at once.
#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <utility>

#include <sendconn/spf_record.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/ipv4.hpp"
#include "lib/base/words.hpp"
#include "lib/dns/name.hpp"
#include "lib/spf/macro.hpp"

namespace sendconn::spf {
namespace {

constexpr std::string_view version = "v=spf1";
constexpr std::size_t mechanism_count = 8;

/// A name as a number, so that one comparison knows it: its letters in lower case, 0 if there are more than eight.
class PackedName {
 public:
  constexpr PackedName() = default;
  explicit constexpr PackedName(std::string_view text) {
    for (const char c : text) add(c);
  }
  constexpr void add(char c) noexcept {
    value_ = ++octets_ <= sizeof value_ ? value_ << 8U | static_cast<unsigned char>(ascii::lower(c)) : 0;
  }
  friend constexpr bool operator==(const PackedName& a, const PackedName& b) noexcept { return a.value_ == b.value_; }

 private:
  std::uint64_t value_ = 0;
  std::size_t octets_ = 0;
};

struct MechanismName {
  constexpr MechanismName(std::string_view name, TermKind means) : text(name), packed(name), kind(means) {}
  std::string_view text;
  PackedName packed;
  TermKind kind;
};
constexpr std::array<MechanismName, mechanism_count> mechanism_names = {{{"ip4", TermKind::ip4},
                                                                         {"include", TermKind::include},
                                                                         {"all", TermKind::all},
                                                                         {"ip6", TermKind::ip6},
                                                                         {"a", TermKind::a},
                                                                         {"mx", TermKind::mx},
                                                                         {"exists", TermKind::exists},
                                                                         {"ptr", TermKind::ptr}}};
constexpr PackedName redirect_name("redirect");
constexpr PackedName exp_name("exp");

constexpr bool is_name_octet(char c) noexcept { return ascii::is_alnum(c) || c == '-' || c == '_' || c == '.'; }

void keep_network4(std::uint32_t number, unsigned prefix, Term& term) noexcept {
  term.prefix4 = static_cast<std::uint8_t>(prefix);
  term.mask4 = prefix == 0 ? 0 : ~std::uint32_t{0} << (32U - prefix);
  term.network4 = number & term.mask4;
}

/// The term that most records consist of, a well-formed ip4 without a qualifier, read at once: how many octets it takes
/// at the beginning of `text`. 0: it is something else, and a TermReader says what.
std::size_t read_plain_ip4(std::string_view text, Term& term) noexcept {
  constexpr std::string_view start = "ip4:";
  if (text.substr(0, start.size()) != start) return 0;
  std::uint32_t number = 0;
  const std::size_t size = read_ipv4(text.substr(start.size()), number);
  if (size == 0) return 0;
  std::size_t at = start.size() + size;
  const auto digit = [&] { return at < text.size() && ascii::is_digit(text[at]); };
  unsigned prefix = 32;
  if (at < text.size() && text[at] == '/') {
    ++at;
    if (!digit()) return 0;
    prefix = static_cast<unsigned>(text[at++] - '0');
    if (prefix != 0 && digit()) prefix = prefix * 10 + static_cast<unsigned>(text[at++] - '0');
    if (prefix > 32) return 0;
  }
  if (at != text.size() && text[at] != ' ') return 0;
  term.kind = TermKind::ip4;
  // Made in its place: copied, it would be read in one piece when just written in several, for which processors wait.
  ::new (&term.address) IpAddress(IpAddress::v4(octets_of(number)));
  keep_network4(number, prefix, term);
  return at;
}

std::optional<Qualifier> qualifier_of(char c) noexcept {
  switch (c) {
    case '+':
      return Qualifier::pass;
    case '-':
      return Qualifier::fail;
    case '~':
      return Qualifier::softfail;
    case '?':
      return Qualifier::neutral;
    default:
      return std::nullopt;
  }
}

/// all, a and mx without a target, with a qualifier or without, are the other terms that most records have: read at
/// once as well, with the same answer.
std::size_t read_plain_name(std::string_view text, Term& term) noexcept {
  const auto octet = [text](std::size_t at) { return at < text.size() ? ascii::lower(text[at]) : ' '; };
  const std::optional<Qualifier> qualifier = qualifier_of(octet(0));
  std::size_t at = qualifier ? 1 : 0;
  TermKind kind = TermKind::all;
  if (octet(at) == 'a' && octet(at + 1) == 'l' && octet(at + 2) == 'l') {
    at += 3;
  } else if (octet(at) == 'a') {
    kind = TermKind::a;
    at += 1;
  } else if (octet(at) == 'm' && octet(at + 1) == 'x') {
    kind = TermKind::mx;
    at += 2;
  } else {
    return 0;
  }
  if (octet(at) != ' ') return 0;
  term.kind = kind;
  term.qualifier = qualifier.value_or(Qualifier::pass);
  return at;
}

/// Reads one term of visible characters into `term`. All positions are those of the record.
class TermReader {
 public:
  TermReader(std::string_view text, std::size_t position, Term& term)
      : text_(text), cursor_(text), base_(position), term_(term) {
    term_.position = static_cast<std::uint32_t>(position);
    term_.octets = static_cast<std::uint32_t>(text.size());
  }

  /// Nothing, or the fault.
  std::optional<Fault> read();
  /// The fault of a term in which other octets stand than visible characters.
  [[nodiscard]] Fault find_bad_octets() const;

 private:
  bool take_qualifier() noexcept;
  std::optional<Fault> read_modifier(const PackedName& name);
  std::optional<Fault> read_mechanism(TermKind kind);
  std::optional<Fault> read_network(bool v4);
  std::optional<Fault> read_domain(std::size_t size);
  /// Cuts a dual-cidr-length off the end of what is left; nothing or a fault.
  std::optional<Fault> read_prefixes(std::size_t& end);
  std::optional<Fault> read_prefix(std::size_t slash, std::size_t end, unsigned max, std::uint8_t& prefix);
  [[nodiscard]] Fault fault(std::size_t position, std::size_t size, std::string text) const {
    return {base_ + position, std::max<std::size_t>(size, 1), std::move(text)};
  }
  [[nodiscard]] std::string quoted() const { return ascii::quote(text_); }

  std::string_view text_;
  Cursor cursor_;
  std::size_t base_;
  Term& term_;
};

Fault TermReader::find_bad_octets() const {
  const auto bad = std::find_if_not(text_.begin(), text_.end(), ascii::is_vchar);
  const auto end = std::find_if(bad, text_.end(), ascii::is_vchar);
  const auto at = static_cast<std::size_t>(bad - text_.begin());
  const auto size = static_cast<std::size_t>(end - bad);
  return fault(at, size,
               ascii::quote(text_.substr(at, size)) + " in " + quoted() +
                   ": a record is visible ASCII characters, with spaces between the terms (RFC 7208 section 3.1)");
}

bool TermReader::take_qualifier() noexcept {
  const std::optional<Qualifier> qualifier = qualifier_of(cursor_.peek());
  if (!qualifier) return false;
  term_.qualifier = *qualifier;
  cursor_.skip();
  return true;
}

std::optional<Fault> TermReader::read() {
  const bool qualified = take_qualifier();
  const std::size_t name_at = cursor_.position();
  PackedName packed;
  while (is_name_octet(cursor_.peek())) {
    packed.add(cursor_.peek());
    cursor_.skip();
  }
  const std::string_view name = cursor_.since(name_at);
  if (cursor_.peek() == '=') {
    if (qualified) return fault(0, text_.size(), quoted() + ": a modifier takes no qualifier (RFC 7208 section 4.6.1)");
    if (name.empty() || !ascii::is_alpha(name.front()))
      return fault(0, text_.size(),
                   quoted() + ": the name of a modifier begins with a letter (RFC 7208 section 4.6.1)");
    cursor_.skip();
    return read_modifier(packed);
  }
  const auto known = std::find_if(mechanism_names.begin(), mechanism_names.end(),
                                  [&](const MechanismName& mechanism) { return mechanism.packed == packed; });
  if (known == mechanism_names.end())
    return fault(name_at, text_.size() - name_at,
                 quoted() + " is no mechanism: all, include, a, mx, ptr, ip4, ip6 and exists are (RFC 7208 section 5)");
  return read_mechanism(known->kind);
}

std::optional<Fault> TermReader::read_modifier(const PackedName& name) {
  if (name == redirect_name || name == exp_name) {
    term_.kind = name == exp_name ? TermKind::exp : TermKind::redirect;
    return read_domain(cursor_.rest().size());
  }
  term_.kind = TermKind::unknown_modifier;
  term_.domain_at = static_cast<std::uint32_t>(base_ + cursor_.position());
  term_.domain_size = static_cast<std::uint32_t>(cursor_.rest().size());
  MacroUse use;
  auto found = check_macros(cursor_.rest(), MacroPlace::modifier, use);
  if (found) found->position += base_ + cursor_.position();
  return found;
}

std::optional<Fault> TermReader::read_mechanism(TermKind kind) {
  term_.kind = kind;
  switch (kind) {
    case TermKind::all:
      if (!cursor_.at_end())
        return fault(cursor_.position(), cursor_.rest().size(),
                     quoted() + ": nothing may follow all (RFC 7208 section 5.1)");
      return std::nullopt;
    case TermKind::ip4:
    case TermKind::ip6:
      return read_network(kind == TermKind::ip4);
    case TermKind::include:
    case TermKind::exists:
      if (!cursor_.take(':'))
        return fault(cursor_.position(), cursor_.rest().size(),
                     quoted() + ": a colon and a domain must follow (RFC 7208 section 5)");
      return read_domain(cursor_.rest().size());
    case TermKind::ptr:
      if (cursor_.at_end()) return std::nullopt;
      if (!cursor_.take(':'))
        return fault(cursor_.position(), cursor_.rest().size(),
                     quoted() + ": only a colon and a domain may follow (RFC 7208 section 5.5)");
      return read_domain(cursor_.rest().size());
    default:
      break;
  }
  std::size_t end = text_.size();
  if (auto found = read_prefixes(end)) return found;
  if (cursor_.position() == end) return std::nullopt;
  if (!cursor_.take(':'))
    return fault(cursor_.position(), end - cursor_.position(),
                 quoted() + ": only a colon and a domain, and then prefix lengths, may follow (RFC 7208 section 5)");
  return read_domain(end - cursor_.position());
}

std::optional<Fault> TermReader::read_network(bool v4) {
  if (!cursor_.take(':'))
    return fault(cursor_.position(), cursor_.rest().size(),
                 quoted() + ": a colon and an address must follow (RFC 7208 section 5.6)");
  const std::size_t at = cursor_.position();
  const std::string_view address = cursor_.take_until('/');
  auto parsed = IpAddress::parse(address);
  if (!parsed || parsed->is_v4() != v4)
    return fault(at, address.size(),
                 ascii::quote(address) + " is no " +
                     (v4 ? "IPv4 address: four numbers of 0 to 255 between dots, without "
                           "leading zeros"
                         : "IPv6 address as RFC 4291 section 2.2 has it") +
                     " (RFC 7208 section 5.6)");
  term_.address = *parsed;
  if (!cursor_.at_end()) {
    auto found = read_prefix(cursor_.position(), text_.size(), v4 ? 32 : 128, v4 ? term_.prefix4 : term_.prefix6);
    if (found) return found;
  }
  if (v4) {
    std::uint32_t number = 0;
    read_ipv4(address, number);
    keep_network4(number, term_.prefix4, term_);
  }
  return std::nullopt;
}

std::optional<Fault> TermReader::read_domain(std::size_t size) {
  const std::size_t at = cursor_.position();
  const std::string_view domain = text_.substr(at, size);
  term_.domain_at = static_cast<std::uint32_t>(base_ + at);
  term_.domain_size = static_cast<std::uint32_t>(size);
  MacroUse use;
  auto found = check_domain_spec(domain, use);
  if (found) {
    found->position += base_ + at;
    found->text = quoted() + ": " + found->text;
    if (domain.empty()) {  // mark what stands there, for nothing cannot be marked
      found->position = base_;
      found->octets = text_.size();
    }
  }
  term_.has_name = !use.has_macros && !found && dns::is_name(domain);
  term_.has_macros = use.has_macros;
  term_.asks_ptr = use.asks_ptr;
  return found;
}

std::optional<Fault> TermReader::read_prefixes(std::size_t& end) {
  // A domain may hold slashes too, so the lengths are what digits behind slashes stand at the end.
  const auto digits_before = [this](std::size_t stop) {
    std::size_t start = stop;
    while (start > cursor_.position() && ascii::is_digit(text_[start - 1])) --start;
    return start;
  };
  const auto is_slash = [this](std::size_t at) { return at > cursor_.position() && text_[at - 1] == '/'; };
  std::size_t start = digits_before(end);
  if (start == end || !is_slash(start)) return std::nullopt;
  if (is_slash(start - 1)) {
    if (auto found = read_prefix(start - 1, end, 128, term_.prefix6)) return found;
    end = start - 2;
    start = digits_before(end);
    if (start == end || !is_slash(start)) return std::nullopt;
  }
  if (auto found = read_prefix(start - 1, end, 32, term_.prefix4)) return found;
  end = start - 1;
  return std::nullopt;
}

std::optional<Fault> TermReader::read_prefix(std::size_t slash, std::size_t end, unsigned max, std::uint8_t& prefix) {
  const std::string_view digits = text_.substr(slash + 1, end - slash - 1);
  const auto number = ascii::to_number<unsigned>(digits);
  if (!number || *number > max || (digits.size() > 1 && digits.front() == '0'))
    return fault(slash + 1, digits.size(),
                 ascii::quote(digits) + " in " + quoted() + " is no prefix length: 0 to " + std::to_string(max) +
                     " without leading zeros is required (RFC 7208 section 5.6)");
  prefix = static_cast<std::uint8_t>(*number);
  return std::nullopt;
}

}  // namespace

char format(Qualifier qualifier) { return "+-~?"[static_cast<std::size_t>(qualifier)]; }

std::string_view format(TermKind kind) {
  for (const MechanismName& name : mechanism_names)
    if (name.kind == kind) return name.text;
  switch (kind) {
    case TermKind::redirect:
      return "redirect";
    case TermKind::exp:
      return "exp";
    default:
      return "unknown modifier";
  }
}

bool Record::is_spf(std::string_view text) noexcept {
  if (text.size() >= words::octets) {
    constexpr std::uint64_t but_the_last_octet = ~std::uint64_t{0} << 8U;
    const std::uint64_t start = words::in_order(words::lower(words::load(text.data())));
    return (start & but_the_last_octet) == words::in_order(words::load("v=spf1 "));  // its eighth octet is the zero
  }
  return ascii::starts_with(text, version) && (text.size() == version.size() || text[version.size()] == ' ');
}

Record Record::parse(std::string_view text) {
  Record record;
  record.assign(text);
  return record;
}

void Record::assign(std::string_view text) {
  text_.assign(text.substr(0, max_octets));
  terms_.clear();
  faults_.clear();
  if (text.size() > max_octets)
    faults_.push_back({max_octets, 1,
                       "the record has " + std::to_string(text.size()) +
                           " octets, at most 65535 fit into one (RFC 1035 section 3.2.1)"});
  if (!is_spf(text_)) {
    faults_.push_back({0, std::min<std::size_t>(std::max<std::size_t>(text_.size(), 1), version.size() + 1),
                       ascii::quote(std::string_view(text_).substr(0, version.size() + 1)) +
                           " is no version: a record begins with v=spf1 and a space (RFC 7208 section 4.5)"});
    return;
  }
  std::array<bool, 2> seen{};  // redirect, exp
  Cursor cursor(text_);
  cursor.skip(version.size());
  while (faults_.size() < max_faults) {
    while (cursor.take(' ')) {
    }
    if (cursor.at_end()) return;
    const std::size_t position = cursor.position();
    Term& term = terms_.emplace_back();
    std::size_t size = read_plain_ip4(cursor.rest(), term);
    if (size == 0) size = read_plain_name(cursor.rest(), term);
    if (size != 0) {
      term.position = static_cast<std::uint32_t>(position);
      term.octets = static_cast<std::uint32_t>(size);
      cursor.skip(size);
      continue;
    }
    cursor.skip(ascii::count_vchars(cursor.rest()));
    const bool readable = cursor.at_end() || cursor.peek() == ' ';
    if (!readable) cursor.take_until(' ');
    TermReader reader(cursor.since(position), position, term);
    if (auto fault = readable ? reader.read() : reader.find_bad_octets()) {
      terms_.pop_back();
      faults_.push_back(std::move(*fault));
      continue;
    }
    if (term.kind == TermKind::redirect || term.kind == TermKind::exp) {
      bool& before = seen[term.kind == TermKind::exp ? 1 : 0];
      if (before)
        faults_.push_back({position, term.octets,
                           ascii::quote(this->text(term)) +
                               ": this modifier stands in the record already, once is allowed (RFC 7208 section 6)"});
      before = true;
    }
  }
}

const Term* Record::find(TermKind kind) const noexcept {
  const auto found = std::find_if(terms_.begin(), terms_.end(), [kind](const Term& term) { return term.kind == kind; });
  return found == terms_.end() ? nullptr : &*found;
}

}  // namespace sendconn::spf

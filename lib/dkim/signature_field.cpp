#include "lib/dkim/signature_field.hpp"

#include <algorithm>
#include <limits>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/utf8.hpp"
#include "lib/dkim/tag_list.hpp"

namespace sendconn::dkim {
namespace {

using Fault = std::optional<FieldFault>;

constexpr std::size_t max_time_digits = 12;    // RFC 6376 section 3.5: t=, x=
constexpr std::size_t max_length_digits = 76;  // RFC 6376 section 3.5: l=

FieldFault fault(Reason reason, const std::string& text, std::string_view section = "3.5") {
  return {reason, text + " (RFC 6376 section " + std::string(section) + ")"};
}

FieldFault malformed(const Tag& tag, const std::string& required) {
  return fault(Reason::syntax, std::string(tag.name) + "=" + ascii::quote(tag.value, 60) + ": " + required);
}

/// A name of at least two labels (RFC 6376 section 3.5, domain-name), U-labels allowed (RFC 8616 section 5).
/// Underscores are: they are in use, and the DNS knows them.
std::optional<Domain> parse_domain_name(std::string_view text) {
  if (text.ends_with('.') || text.find('.') == std::string_view::npos) return std::nullopt;
  Result<Domain> domain = Domain::parse(text);
  if (!domain) return std::nullopt;
  return std::move(domain).value();
}

bool is_digits(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), ascii::is_digit);
}

/// The parse of one field: each member function reads a tag, and leaves a fault if that is the first one.
class Reader {
 public:
  Reader(const TagList& tags, bool drafts, SignatureField& out, SignatureResult& report) noexcept
      : tags_(tags), drafts_(drafts), out_(out), report_(report) {}

  Fault version() const;
  Fault required() const;
  void algorithm_as_written() const;
  Fault domain();
  Fault selector() const;
  Fault identity() const;
  Fault algorithm() const;
  Fault canonicalization() const;
  Fault query() const;
  Fault names(bool require_from) const;
  Fault length() const;
  Fault times() const;
  Fault digests() const;
  Fault copies() const;

 private:
  const TagList& tags_;
  bool drafts_;
  SignatureField& out_;
  SignatureResult& report_;
  std::optional<Domain> domain_;
};

Fault Reader::version() const {
  const Tag* tag = tags_.find("v");
  if (tag == nullptr) {
    if (drafts_) return {};
    return fault(Reason::missing_tag, "the tag v= is missing", "6.1.1");
  }
  if (tag->value == "1" || (drafts_ && tag->value == "0.5")) return {};
  return fault(Reason::version, "v=" + ascii::quote(tag->value, 40) + "; only version 1 is known", "6.1.1");
}

Fault Reader::required() const {
  for (const std::string_view name : {"a", "b", "bh", "d", "h", "s"})
    if (tags_.find(name) == nullptr)
      return fault(Reason::missing_tag, "the tag " + std::string(name) + "= is missing", "6.1.1");
  return {};
}

void Reader::algorithm_as_written() const {
  if (const Tag* tag = tags_.find("a")) report_.algorithm = tag->value;
}

Fault Reader::domain() {
  const Tag* tag = tags_.find("d");
  if (tag == nullptr) return {};
  domain_ = parse_domain_name(tag->value);
  if (!domain_) return malformed(*tag, "a domain name of two labels or more is required");
  report_.domain = domain_->text();
  report_.identity = "@" + report_.domain;
  return {};
}

Fault Reader::selector() const {
  const Tag* tag = tags_.find("s");
  if (tag == nullptr) return {};
  if (!domain_) return {};
  constexpr std::string_view between = "._domainkey.";
  // Together they are a domain name; alone, a selector may be a number.
  const Result<Domain> name = Domain::parse(std::string(tag->value) + std::string(between) + report_.domain);
  if (!name) return malformed(*tag, "a selector of DNS labels is required, so that the key has a name of 253 octets");
  out_.key_name = name->text();
  report_.selector = out_.key_name.substr(0, out_.key_name.size() - report_.domain.size() - between.size());
  return {};
}

Fault Reader::identity() const {
  const Tag* tag = tags_.find("i");
  if (tag == nullptr || !domain_) return {};
  const Result<std::string> decoded = decode_quoted_printable(tag->value);
  if (!decoded) return malformed(*tag, decoded.error().text);
  const std::size_t at = decoded->rfind('@');
  if (at == std::string::npos) return malformed(*tag, "an \"@\" is required");
  // The local part belongs to the signer, whatever it is; only what could not be shown is refused.
  const std::string_view local = std::string_view(*decoded).substr(0, at);
  if (utf8::find_fault(local) ||
      std::any_of(local.begin(), local.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }))
    return malformed(*tag, "a local part in UTF-8 without control characters is required");
  const std::optional<Domain> domain = parse_domain_name(std::string_view(*decoded).substr(at + 1));
  if (!domain) return malformed(*tag, "a domain name is required behind the \"@\"");
  report_.identity = decoded->substr(0, at + 1) + domain->text();
  if (!domain->is_within(*domain_))
    return fault(Reason::identity_outside_domain,
                 "i= names the domain " + domain->text() + "; d=" + domain_->text() + " or a name below it is required",
                 "6.1.1");
  out_.identity_below_domain = *domain != *domain_;
  return {};
}

Fault Reader::algorithm() const {
  const std::string_view text = tags_.find("a")->value;
  const auto is = [&](std::string_view name, crypto::KeyType type, crypto::HashAlgorithm hash) {
    if (text != name) return false;
    out_.key_type = type;
    out_.hash = hash;
    return true;
  };
  if (is("rsa-sha256", crypto::KeyType::rsa, crypto::HashAlgorithm::sha256) ||
      is("ed25519-sha256", crypto::KeyType::ed25519, crypto::HashAlgorithm::sha256) ||
      is("rsa-sha1", crypto::KeyType::rsa, crypto::HashAlgorithm::sha1))
    return {};
  return fault(Reason::unknown_algorithm,
               "a=" + ascii::quote(text, 40) + " is not known; rsa-sha256 or ed25519-sha256 is required", "3.3");
}

Fault Reader::canonicalization() const {
  const Tag* tag = tags_.find("c");
  if (tag == nullptr) return {};  // simple/simple
  const auto parse = [](std::string_view name, Canonicalization& form) {
    if (name != "simple" && name != "relaxed") return false;
    form = name == "simple" ? Canonicalization::simple : Canonicalization::relaxed;
    return true;
  };
  Cursor cursor(tag->value);
  const std::string_view header = cursor.take_until('/');
  const std::string_view body = cursor.take('/') ? cursor.rest() : "simple";
  if (parse(header, report_.header) && parse(body, report_.body)) return {};
  return fault(Reason::unknown_canonicalization,
               "c=" + ascii::quote(tag->value, 40) + " is not known; simple or relaxed is required");
}

Fault Reader::query() const {
  const Tag* tag = tags_.find("q");
  if (tag == nullptr) return {};
  for (const std::string_view method : split_colons(tag->value))
    if (method == "dns/txt" || (drafts_ && method == "dns")) return {};
  return fault(Reason::unknown_query, "q=" + ascii::quote(tag->value, 40) + " has no dns/txt, the one method there is");
}

Fault Reader::names(bool require_from) const {
  const Tag& tag = *tags_.find("h");
  out_.names = split_colons(tag.value);
  bool has_from = false;
  for (const std::string_view name : out_.names) {
    if (name.empty() || !std::all_of(name.begin(), name.end(), ascii::is_vchar))
      return malformed(tag, "names of fields with colons between them are required");
    has_from = has_from || ascii::equal(name, "from");
  }
  if (!has_from && require_from) return fault(Reason::from_not_signed, "h= does not name From", "6.1.1");
  return {};
}

Fault Reader::length() const {
  const Tag* tag = tags_.find("l");
  if (tag == nullptr) return {};
  if (!is_digits(tag->value) || tag->value.size() > max_length_digits)
    return malformed(*tag, "a number of at most 76 digits is required");
  // A number that does not fit is longer than any body, like the largest one that does.
  report_.body_length = ascii::to_number<std::uint64_t>(tag->value).value_or(std::numeric_limits<std::uint64_t>::max());
  return {};
}

Fault Reader::times() const {
  const auto read = [this](std::string_view name, std::optional<UnixTime>& time) -> Fault {
    const Tag* tag = tags_.find(name);
    if (tag == nullptr) return {};
    if (!is_digits(tag->value)) return malformed(*tag, "a number of seconds is required");
    if (tag->value.size() <= max_time_digits)
      time = UnixTime(std::chrono::seconds(ascii::to_number<std::int64_t>(tag->value).value_or(0)));
    return {};
  };
  if (Fault found = read("t", report_.signed_at)) return found;
  if (Fault found = read("x", report_.expires_at)) return found;
  if (report_.signed_at && report_.expires_at && *report_.expires_at <= *report_.signed_at)
    return fault(Reason::expires_before_it_was_signed,
                 "x=" + std::to_string(report_.expires_at->time_since_epoch().count()) +
                     " is not above t=" + std::to_string(report_.signed_at->time_since_epoch().count()));
  return {};
}

Fault Reader::digests() const {
  for (const std::string_view name : {"bh", "b"}) {
    const Tag& tag = *tags_.find(name);
    Result<std::string> decoded = base64::decode_folded(tag.value);
    if (!decoded || decoded->empty()) return malformed(tag, decoded ? "base64 is required" : decoded.error().text);
    (name == "bh" ? out_.body_hash : out_.signature) = std::move(decoded).value();
  }
  const Tag& tag = *tags_.find("b");
  report_.signature.reserve(tag.value.size());
  for (Cursor cursor(tag.value); !cursor.at_end(); cursor.take_while(ascii::is_fws))
    report_.signature.append(cursor.take_while([](char c) { return !ascii::is_fws(c); }));
  return {};
}

/// z= is for people who search for a fault; its form is checked all the same (RFC 6376 section 6.1.1).
Fault Reader::copies() const {
  const Tag* tag = tags_.find("z");
  if (tag == nullptr) return {};
  if (const Result<std::string> decoded = decode_quoted_printable(tag->value); !decoded)
    return malformed(*tag, decoded.error().text);
  return {};
}

}  // namespace

std::string_view name_of(crypto::HashAlgorithm hash) noexcept {
  return hash == crypto::HashAlgorithm::sha1 ? "sha1" : "sha256";
}

std::string_view name_of(crypto::KeyType type) noexcept { return type == crypto::KeyType::rsa ? "rsa" : "ed25519"; }

std::optional<FieldFault> parse_signature_field(const mail::Field& field, bool drafts, bool require_from,
                                                SignatureField& out, SignatureResult& report) {
  const Result<TagList> tags = TagList::parse(field.value);
  if (!tags) return FieldFault{Reason::syntax, tags.error().text};
  if (ascii::has_8bit(field.value))
    if (const auto bad = utf8::find_fault(field.value))
      return fault(Reason::syntax, "octets that are no UTF-8, at offset " + std::to_string(*bad), "3.2");

  Reader reader(*tags, drafts, out, report);
  // What is worth reporting whatever else is wrong is read first, and its faults come in their turn.
  reader.algorithm_as_written();
  Fault bad_domain = reader.domain();
  Fault bad_selector = reader.selector();
  if (Fault found = reader.version()) return found;
  if (Fault found = reader.required()) return found;
  if (bad_domain) return bad_domain;
  if (bad_selector) return bad_selector;
  if (Fault found = reader.algorithm()) return found;
  if (Fault found = reader.canonicalization()) return found;
  if (Fault found = reader.query()) return found;
  if (Fault found = reader.digests()) return found;
  if (Fault found = reader.length()) return found;
  if (Fault found = reader.times()) return found;
  if (Fault found = reader.copies()) return found;
  if (Fault found = reader.identity()) return found;
  if (Fault found = reader.names(require_from)) return found;

  const std::string_view spaced = tags->find("b")->spaced;
  const auto start = static_cast<std::size_t>(spaced.data() - field.value.data());
  out.before_signature = field.value.substr(0, start);
  out.behind_signature = field.value.substr(start + spaced.size());
  return {};
}

}  // namespace sendconn::dkim

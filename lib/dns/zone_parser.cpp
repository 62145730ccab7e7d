// Zone::parse: from the entries of a master file to nodes (RFC 1035 section 5, RFC 2308 section 4).
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "lib/base/ascii.hpp"
#include "lib/dns/name.hpp"
#include "lib/dns/zone_data.hpp"
#include "lib/dns/zone_reader.hpp"

namespace sendconn::dns {
namespace {

using std::chrono::seconds;

constexpr seconds fallback_ttl = std::chrono::hours(1);  // where neither $TTL nor an earlier record gives one
constexpr std::uint32_t max_ttl = 0x7fffffff;            // RFC 2181 section 8
constexpr std::size_t max_string_octets = 255;           // RFC 1035 section 3.3
constexpr std::size_t max_data_octets = 65535;           // RFC 1035 section 4.1.3: RDLENGTH has 16 bits

/// "3600", or units as BIND reads them: "1h30m".
std::optional<seconds> parse_ttl(std::string_view text) {
  Cursor cursor(text);
  std::uint64_t total = 0;
  do {
    const auto number = ascii::to_number<std::uint32_t>(cursor.take_while(ascii::is_digit));
    if (!number) return std::nullopt;
    std::uint64_t unit = 1;
    switch (ascii::lower(cursor.peek())) {
      case 's':
        break;
      case 'm':
        unit = 60;
        break;
      case 'h':
        unit = 3600;
        break;
      case 'd':
        unit = 86400;
        break;
      case 'w':
        unit = 604800;
        break;
      default:
        if (!cursor.at_end() || total != 0) return std::nullopt;
    }
    cursor.skip();
    total += *number * unit;
    if (total > max_ttl) return std::nullopt;
  } while (!cursor.at_end());
  return seconds(total);
}

class Parser {
 public:
  explicit Parser(ZoneData& data) : data_(data) {}
  Result<void> run(std::string_view text);

 private:
  using Tokens = std::vector<ZoneToken>;

  Result<void> directive(const Tokens& tokens);
  Result<void> fail(const Tokens& tokens);
  Result<void> record(const ZoneEntry& entry);
  Result<void> soa(const std::string& owner, const Tokens& data, const ZoneToken& type);
  Result<Record> data(RecordType type, const Tokens& data, const ZoneToken& type_token) const;
  Result<Record> text(const Tokens& data) const;
  Result<Record> association(const Tokens& data) const;
  Result<void> insert(const std::string& owner, RecordType type, Record record, const ZoneToken& at);
  Result<std::string> name(const ZoneToken& token) const;
  Node& node(const std::string& owner);

  ZoneData& data_;
  std::string origin_;
  std::optional<std::string> owner_;
  std::optional<seconds> default_ttl_;
  std::optional<seconds> last_ttl_;
  seconds ttl_{0};
};

/// In lower case; relative to the origin unless it ends in a dot; "@" is the origin.
Result<std::string> Parser::name(const ZoneToken& token) const {
  if (token.quoted) return zone_error(token, "a quoted string where a name is required");
  if (token.raw == "@") return origin_;
  if (token.raw == ".") return std::string();
  std::string_view rest = token.raw;
  const bool absolute = !rest.empty() && rest.back() == '.' && !(rest.size() > 1 && rest[rest.size() - 2] == '\\');
  if (absolute) rest.remove_suffix(1);
  ZoneToken part = token;
  part.raw = rest;
  auto octets = unescape(part);
  if (!octets) return octets.error();
  const auto written = std::count(rest.begin(), rest.end(), '.');
  const auto bad = [](char c) { return c <= ' ' || c == 0x7f; };  // char is signed: octets above 0x7f as well
  if (rest.find("\\.") != std::string_view::npos || std::count(octets->begin(), octets->end(), '.') != written ||
      std::any_of(octets->begin(), octets->end(), bad))
    return zone_error(token, ascii::quote(token.raw) +
                                 " holds a dot, a space or an octet that is not ASCII inside a label, "
                                 "which is not supported");
  std::string full = ascii::to_lower(*octets);
  if (!absolute && !origin_.empty()) full += "." + origin_;
  if (full.empty() || !is_name(full) || full.back() == '.')
    return zone_error(token, ascii::quote(token.raw) +
                                 " is not a name: labels of 1 to 63 octets, 253 in all (RFC 1035 "
                                 "section 3.1)");
  return full;
}

Node& Parser::node(const std::string& owner) {
  std::string_view above = owner;
  while (!above.empty()) {
    above = parent(above);
    if (!data_.nodes.try_emplace(std::string(above)).second) break;
  }
  return data_.nodes[owner];
}

Result<void> Parser::run(std::string_view text) {
  ZoneReader reader(text);
  data_.nodes.try_emplace("");
  for (;;) {
    auto entry = reader.next();
    if (!entry) return entry.error();
    if (entry->tokens.empty()) return {};
    const ZoneToken& first = entry->tokens.front();
    const bool is_directive = !first.quoted && first.raw.front() == '$';
    auto done = is_directive ? directive(entry->tokens) : record(*entry);
    if (!done) return done;
  }
}

Result<void> Parser::directive(const Tokens& tokens) {
  const ZoneToken& word = tokens.front();
  if (ascii::equal(word.raw, "$FAIL")) return fail(tokens);
  if (ascii::equal(word.raw, "$ORIGIN")) {
    if (tokens.size() != 2) return zone_error(word, "$ORIGIN requires one name");
    auto origin = name(tokens[1]);
    if (!origin) return origin.error();
    origin_ = std::move(*origin);
    return {};
  }
  if (ascii::equal(word.raw, "$TTL")) {
    const auto ttl = tokens.size() == 2 ? parse_ttl(tokens[1].raw) : std::nullopt;
    if (!ttl) return zone_error(word, "$TTL requires one number of seconds up to 2147483647 (RFC 2308 section 4)");
    default_ttl_ = ttl;
    return {};
  }
  return zone_error(word, ascii::quote(word.raw) + " is not supported; there are $ORIGIN, $TTL and $FAIL");
}

Result<void> Parser::fail(const Tokens& tokens) {
  constexpr std::string_view form = "$FAIL requires a name, a type or ANY, and timeout, servfail or malformed";
  if (tokens.size() != 4) return zone_error(tokens.front(), form);
  auto owner = name(tokens[1]);
  if (!owner) return owner.error();
  const std::string_view word = tokens[3].raw;
  Status status = Status::timeout;
  if (ascii::equal(word, "servfail")) {
    status = Status::server_failure;
  } else if (ascii::equal(word, "malformed")) {
    status = Status::malformed;
  } else if (!ascii::equal(word, "timeout")) {
    return zone_error(tokens[3], ascii::quote(word) + " is not a failure; " + std::string(form));
  }
  if (ascii::equal(tokens[2].raw, "ANY")) {
    node(*owner).failure = status;
    return {};
  }
  const auto type = parse_record_type(tokens[2].raw);
  if (!type) return zone_error(tokens[2], type.error().text);
  node(*owner).failures[*type] = status;
  return {};
}

/// [owner] [TTL] [class] type data, TTL and class in either order (RFC 1035 section 5.1).
Result<void> Parser::record(const ZoneEntry& entry) {
  const Tokens& tokens = entry.tokens;
  std::size_t at = 0;
  if (!entry.owner_omitted) {
    auto owner = name(tokens[at++]);
    if (!owner) return owner.error();
    owner_ = std::move(*owner);
  } else if (!owner_) {
    return zone_error(tokens.front(), "no owner: the line begins with white space, and no name stands before it");
  }
  std::optional<seconds> ttl;
  bool classed = false;
  for (; at < tokens.size() && !tokens[at].quoted; ++at) {
    if (!classed && ascii::equal(tokens[at].raw, "IN")) {
      classed = true;
    } else if (!ttl && ascii::is_digit(tokens[at].raw.front())) {
      ttl = parse_ttl(tokens[at].raw);
      if (!ttl)
        return zone_error(tokens[at], ascii::quote(tokens[at].raw) + " is not a TTL of 0 to 2147483647 seconds");
    } else {
      break;
    }
  }
  if (at == tokens.size() || tokens[at].quoted)
    return zone_error(tokens[at == tokens.size() ? at - 1 : at],
                      "no record type; a record is: name [TTL] [IN] type data");
  if (ttl) last_ttl_ = ttl;
  ttl_ = ttl ? *ttl : default_ttl_ ? *default_ttl_ : last_ttl_.value_or(fallback_ttl);

  const ZoneToken& type_token = tokens[at];
  const Tokens rest(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1, tokens.end());
  if (ascii::equal(type_token.raw, "SOA")) return soa(*owner_, rest, type_token);
  const auto type = parse_record_type(type_token.raw);
  if (!type) return zone_error(type_token, type.error().text);
  auto parsed = data(*type, rest, type_token);
  if (!parsed) return parsed.error();
  return insert(*owner_, *type, std::move(*parsed), type_token);
}

Result<void> Parser::soa(const std::string& owner, const Tokens& data, const ZoneToken& type) {
  if (data.size() != 7)
    return zone_error(type,
                      "SOA requires two names, serial, refresh, retry, expire and minimum (RFC 1035 section 3.3.13)");
  for (std::size_t i = 0; i < 2; ++i)
    if (auto server = name(data[i]); !server) return server.error();
  if (!ascii::to_number<std::uint32_t>(data[2].raw))
    return zone_error(data[2], "the serial is not a number of 32 bits");
  std::optional<seconds> number;
  for (std::size_t i = 3; i < 7; ++i)
    if (number = parse_ttl(data[i].raw); !number)
      return zone_error(data[i], ascii::quote(data[i].raw) + " is not a time");
  node(owner).negative_ttl = std::min(ttl_, *number);  // RFC 2308 section 5
  if (!default_ttl_ && !last_ttl_) last_ttl_ = *number;
  ++data_.records;
  return {};
}

Result<Record> Parser::data(RecordType type, const Tokens& data, const ZoneToken& type_token) const {
  Record record;
  switch (type) {
    case RecordType::a:
    case RecordType::aaaa: {
      if (data.size() != 1) return zone_error(type_token, "an address record requires one address");
      const auto address = IpAddress::parse(data[0].raw);
      if (!address || address->is_v4() != (type == RecordType::a))
        return zone_error(data[0], ascii::quote(data[0].raw) + " is not an " +
                                       (type == RecordType::a ? "IPv4 address, which A" : "IPv6 address, which AAAA") +
                                       " requires");
      record.address = *address;
      return record;
    }
    case RecordType::mx: {
      const auto preference = data.size() == 2 ? ascii::to_number<std::uint16_t>(data[0].raw) : std::nullopt;
      if (!preference)
        return zone_error(type_token, "MX requires a preference of 0 to 65535 and a name (RFC 1035 section 3.3.9)");
      record.preference = *preference;
      auto target = name(data[1]);
      if (!target) return target.error();
      record.text = std::move(*target);
      return record;
    }
    case RecordType::cname:
    case RecordType::ptr:
    case RecordType::ns: {
      if (data.size() != 1) return zone_error(type_token, std::string(format(type)) + " requires one name");
      auto target = name(data[0]);
      if (!target) return target.error();
      record.text = std::move(*target);
      return record;
    }
    case RecordType::txt:
      if (data.empty()) return zone_error(type_token, "TXT requires one or more strings (RFC 1035 section 3.3.14)");
      return text(data);
    case RecordType::tlsa:
      if (data.size() < 4)
        return zone_error(type_token, "TLSA requires three numbers and hexadecimal data (RFC 6698 section 2.2)");
      return association(data);
  }
  return zone_error(type_token, "a type without a form in zone files");
}

Result<Record> Parser::text(const Tokens& data) const {
  Record record;
  std::size_t octets_on_the_wire = 0;
  for (const ZoneToken& token : data) {
    auto string = unescape(token);
    if (!string) return string.error();
    if (string->size() > max_string_octets)
      return zone_error(token, "a string of " + std::to_string(string->size()) +
                                   " octets; split it into strings of at most 255 (RFC 1035 section 3.3)");
    octets_on_the_wire += string->size() + 1;
    if (octets_on_the_wire > max_data_octets)
      return zone_error(token, "a TXT of more than 65535 octets (RFC 1035 section 4.1.3)");
    record.text += *string;
  }
  return record;
}

Result<Record> Parser::association(const Tokens& data) const {
  Record record;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = ascii::to_number<std::uint8_t>(data[i].raw);
    if (!number)
      return zone_error(data[i], ascii::quote(data[i].raw) + " is not a number of 0 to 255 (RFC 6698 section 2.1)");
    record.text.push_back(static_cast<char>(*number));
  }
  std::string hex;
  for (std::size_t i = 3; i < data.size(); ++i) hex += data[i].raw;
  if (hex.size() % 2 != 0 || hex.size() / 2 > max_data_octets - 3 ||
      !std::all_of(hex.begin(), hex.end(), ascii::is_hex))
    return zone_error(data[3], "the certificate association is not an even number of hexadecimal digits");
  for (std::size_t i = 0; i < hex.size(); i += 2)
    record.text.push_back(static_cast<char>(ascii::hex_value(hex[i]) * 16 + ascii::hex_value(hex[i + 1])));
  return record;
}

Result<void> Parser::insert(const std::string& owner, RecordType type, Record record, const ZoneToken& at) {
  Node& here = node(owner);
  const bool has_alias = here.sets.count(RecordType::cname) != 0;
  if (has_alias ? type != RecordType::cname : type == RecordType::cname && !here.sets.empty())
    return zone_error(at, ascii::quote(owner) + " has a CNAME and other records (RFC 1034 section 3.6.2)");
  RecordSet& set = here.sets[type];
  if (std::find(set.records.begin(), set.records.end(), record) != set.records.end()) return {};  // RFC 2181 section 5
  if (has_alias) return zone_error(at, ascii::quote(owner) + " has several CNAMEs (RFC 1034 section 3.6.2)");
  set.ttl = set.records.empty() ? ttl_ : std::min(set.ttl, ttl_);
  set.records.push_back(std::move(record));
  ++data_.records;
  return {};
}

}  // namespace

Result<Zone> Zone::parse(std::string_view text) {
  if (text.size() > max_zone_octets)
    return Error{Errc::limit_exceeded, "a zone file of " + std::to_string(text.size()) + " octets; at most " +
                                           std::to_string(max_zone_octets) + " are read"};
  auto data = std::make_shared<ZoneData>();
  Parser parser(*data);
  if (auto done = parser.run(text); !done) return done.error();
  return Zone(std::move(data));
}

}  // namespace sendconn::dns

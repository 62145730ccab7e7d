#include "relay/submission/intake.hpp"

#include <sendconn/authres.hpp>

#include <algorithm>
#include <utility>

namespace sendconn::relay {
namespace {

constexpr std::string_view crlf = "\r\n";

bool is_8bit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; });
}

/// Names of fields, upper and lower case the same.
bool is_name(std::string_view name, std::string_view wanted) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return name.size() == wanted.size() && std::equal(name.begin(), name.end(), wanted.begin(),
                                                    [&lower](char a, char b) { return lower(a) == lower(b); });
}

bool is_bcc(std::string_view name) { return is_name(name, "Bcc") || is_name(name, "Resent-Bcc"); }

}  // namespace

std::string format_received(const IntakeFacts& facts) {
  std::string out = "Received: from " + (facts.hello.empty() ? "unknown" : facts.hello) + " ([" +
                    (facts.client.find(':') == std::string::npos ? "" : "IPv6:") + facts.client + "])\r\n";
  if (!facts.tls.empty()) out += "\t(using " + facts.tls + ")\r\n";
  out += "\tby " + facts.hostname + " with " + facts.protocol + " id " + format_queue_id(facts.id) + ";\r\n\t" +
         mail::format_date(facts.now) + "\r\n";
  return out;
}

Intake::Intake(IntakeFacts facts, const IntakeLimits& limits, std::shared_ptr<const Connector> connector,
               std::shared_ptr<const Directory> directory, Spool& spool)
    : facts_(std::move(facts)),
      limits_(limits),
      connector_(std::move(connector)),
      directory_(std::move(directory)),
      spool_(spool),
      splitter_(limits.max_header_octets) {}

Intake::~Intake() = default;

void Intake::content(std::string_view octets) {
  if (refusal_) return;
  if (!header_done_) {
    const auto body = splitter_.feed(octets);
    if (!body)
      return refuse({552,
                     {5, 3, 4},
                     "the header section has more than " + std::to_string(limits_.max_header_octets) +
                         " octets, the limit max_header_octets of this relay"});
    if (!splitter_.header_complete()) return;
    header_complete();
    octets = *body;
  }
  if (refusal_ || octets.empty()) return;
  sign(octets);
  store(octets);
}

std::optional<Reply> Intake::decide_again(std::shared_ptr<const Connector> connector,
                                          std::shared_ptr<const Directory> directory) {
  connector_ = std::move(connector);
  directory_ = std::move(directory);
  return policy::decide_authors(taken_.authors, [this](const Domain& domain) { return connector_->right(domain); });
}

std::optional<Reply> Intake::end() {
  if (!refusal_ && !header_done_) {
    splitter_.finish();
    header_complete();
  }
  if (!refusal_) add_signatures();
  if (refusal_) return refusal_;
  if (writer_) {
    auto content = writer_->finish();
    if (!content) {
      refuse_disk(content.error());
      return refusal_;
    }
    taken_.content = std::move(*content);
    writer_.reset();
  } else {
    taken_.content = make_content(std::move(memory_));
  }
  return std::nullopt;
}

void Intake::header_complete() {
  header_done_ = true;
  const std::string text = splitter_.take_header();
  mail::HeaderLimits limits;
  limits.max_octets = limits_.max_header_octets;
  const auto header = mail::Header::parse(text, limits);
  if (!header) return refuse({550, {5, 6, 0}, "the header section is malformed: " + header.error().text});
  decide(*header);
  if (refusal_) return;

  taken_.eight_bit_header = is_8bit(text);
  taken_.prefix = format_received(facts_);
  const std::string added = add_missing(*header);
  taken_.prefix += added;

  if (connector_) open_signer();
  if (refusal_) return;
  sign(added);
  memory_.reserve(static_cast<std::size_t>(
      std::min(std::max<std::uint64_t>(facts_.expected_octets, text.size() + 4096), limits_.max_memory_octets)));
  std::size_t kept_from = 0;
  for (const mail::Field& field : header->fields()) {
    if (!is_dropped(field)) continue;
    const auto at = static_cast<std::size_t>(field.raw.data() - text.data());
    const std::string_view kept = std::string_view(text).substr(kept_from, at - kept_from);
    sign(kept);
    store(kept);
    kept_from = at + field.raw.size();
  }
  const std::string_view kept = std::string_view(text).substr(kept_from);
  sign(kept);
  store(kept);
  sign(crlf);
  store(crlf);
}

/// Date and Message-ID as far as they are missing; a relay adds neither (RFC 5321 section 6.4).
std::string Intake::add_missing(const mail::Header& header) {
  std::string added;
  if (connector_ && header.find("Date") == nullptr) added += "Date: " + mail::format_date(facts_.now) + "\r\n";
  if (const mail::Field* id = header.find("Message-ID")) {
    taken_.message_id = mail::unfold(id->value);
  } else if (connector_) {
    taken_.message_id = "<" + format_queue_id(facts_.id) + "@" + facts_.hostname + ">";
    added += "Message-ID: " + taken_.message_id + "\r\n";
  }
  return added;
}

/// Bcc names people the others must not see (RFC 5322 section 3.6.3), and nobody but this relay says what it found
/// (RFC 8601 section 5); everything else stays as it came.
bool Intake::is_dropped(const mail::Field& field) const {
  if (connector_ && is_bcc(field.name)) return true;
  if (!limits_.quarantine_field.empty() && is_name(field.name, limits_.quarantine_field)) return true;
  if (limits_.authserv_id.empty() || !is_name(field.name, "Authentication-Results")) return false;
  const auto kept = authres::remove_forged(field.raw, {std::string(limits_.authserv_id)});
  return !kept || kept->empty();
}

void Intake::decide(const mail::Header& header) {
  if (!connector_) {
    if (auto refusal = policy::decide_received(header, limits_.max_received)) refuse(std::move(*refusal));
    return;
  }
  const auto rights = [this](const Domain& domain) { return connector_->right(domain); };
  if (auto refusal = policy::decide_header(header, rights, limits_.max_received, taken_.authors))
    return refuse(std::move(*refusal));
  // Asked for later by nobody, it would reach servers that cannot read it (RFC 6531 section 3.4).
  const auto is_international = [](const Address& author) { return author.needs_smtputf8(); };
  const policy::Authors& by = taken_.authors;
  if (!facts_.smtputf8 && (std::any_of(by.from.begin(), by.from.end(), is_international) ||
                           std::any_of(by.sender.begin(), by.sender.end(), is_international)))
    refuse({550, {5, 6, 7}, "the author has an internationalized address: send the message with SMTPUTF8 in MAIL"});
}

void Intake::open_signer() {
  const Domain& domain = taken_.authors.from.front().domain();
  const std::vector<SigningKey>& keys = directory_->find_keys(connector_->account, domain);
  if (keys.empty()) {
    if (!limits_.require_signature) return;
    return refuse(
        {550,
         {5, 7, 20},
         "no DKIM key signs for " + domain.text() + ": make one with \"sendconn dkim keygen\" and publish its record"});
  }
  std::vector<dkim::Signature> signatures;
  signatures.reserve(keys.size());
  for (const SigningKey& key : keys) signatures.push_back({domain, key.selector, key.key, {}});
  dkim::SignerOptions options;
  options.now = facts_.now;
  options.max_header_octets = limits_.max_header_octets + 1024;  // with the fields that were added
  auto signer = dkim::Signer::create(std::move(signatures), std::move(options));
  if (!signer) return refuse({451, {4, 3, 0}, "the message cannot be signed: " + signer.error().text});
  signer_ = std::move(*signer);
}

void Intake::sign(std::string_view octets) {
  if (refusal_ || !signer_ || octets.empty()) return;
  if (const auto updated = signer_->update(octets); !updated)
    refuse({550, {5, 6, 0}, "the message cannot be signed: " + updated.error().text});
}

void Intake::add_signatures() {
  if (!signer_) return;
  auto fields = signer_->finish();
  if (!fields) return refuse({451, {4, 3, 0}, "the message cannot be signed: " + fields.error().text});
  taken_.prefix.insert(0, *fields);
}

void Intake::store(std::string_view octets) {
  if (refusal_ || octets.empty()) return;
  if (!writer_) {
    if (memory_.size() + octets.size() <= limits_.max_memory_octets) {
      memory_.append(octets);
      return;
    }
    auto opened = spool_.open_writer();
    if (!opened) return refuse_disk(opened.error());
    writer_ = std::move(*opened);
    const auto written = writer_->write(memory_);
    memory_ = {};
    if (!written) return refuse_disk(written.error());
  }
  // Asked again and again: what many clients send at once must not take what is kept free for the ends of messages.
  if (const auto room = spool_.check_room(octets.size()); !room) return refuse_disk(room.error());
  if (const auto written = writer_->write(octets); !written) refuse_disk(written.error());
}

void Intake::refuse(Reply reply) {
  refusal_ = std::move(reply);
  memory_ = {};
  writer_.reset();
  signer_.reset();
}

void Intake::refuse_disk(const Error& error) {
  fault_ = error.text;
  refuse({452,
          {4, 3, 1},
          error.code == Errc::limit_exceeded ? "the spool has no room; try again later"
                                             : "the message cannot be stored; try again later"});
}

}  // namespace sendconn::relay

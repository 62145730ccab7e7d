// Signer: one pass over the message, then one DKIM-Signature field for each signature.
//
// The header section is kept (it is bounded), the body only hashed: once for each distinct canonicalization and length,
// however many signatures ask for it. Everything else happens in finish(): the canonical header is built once for each
// canonicalization, and a signature appends its own field to it and hashes the two together (RFC 6376 section 3.7).
#include <sendconn/dkim.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <sendconn/message.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/base/hidden.hpp"
#include "lib/dkim/body_hasher.hpp"
#include "lib/dkim/canonical_header.hpp"
#include "lib/dkim/field_selection.hpp"
#include "lib/dkim/tag_writer.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::string_view field_name = "DKIM-Signature";

/// RFC 6376 section 3.5 gives t= and x= at most 12 digits.
constexpr std::int64_t max_timestamp = 999'999'999'999;

constexpr std::string_view name_of(Canonicalization canonicalization) noexcept {
  return canonicalization == Canonicalization::simple ? "simple" : "relaxed";
}

constexpr std::string_view name_of(crypto::KeyType type) noexcept {
  return type == crypto::KeyType::rsa ? "rsa-sha256" : "ed25519-sha256";
}

Error refused(const Signature& signature, const std::string& why) {
  return {Errc::invalid_argument,
          "signature with s=" + signature.selector.text() + " d=" + signature.domain.text() + ": " + why};
}

/// i=: "local@domain" or "@domain", the domain within d= (RFC 6376 section 3.5). Gives the tag's value.
Result<std::string> make_identity(const Signature& signature) {
  const std::string& text = signature.options.identity;
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos)
    return refused(signature,
                   "i=" + ascii::quote(text, Address::max_path_octets) + " has no \"@\" (RFC 6376 section 3.5)");
  const Result<Domain> domain = Domain::parse(std::string_view(text).substr(at + 1));
  if (!domain) return refused(signature, "i=: " + domain.error().text);
  if (!domain->is_within(signature.domain))
    return refused(signature,
                   "i= names the domain " + domain->text() + "; needs d= or a name below it (RFC 6376 section 3.5)");
  if (at == 0) return "@" + domain->text();
  const Result<Address> address = Address::parse(text);
  if (!address) return refused(signature, "i=: " + address.error().text);
  return encode_quoted_printable(address->local()) + "@" + domain->text();
}

Result<void> check(const Signature& signature, std::int64_t now) {
  if (signature.key == nullptr) return refused(signature, "it has no key");
  const std::size_t name_octets =
      signature.selector.text().size() + std::string_view("._domainkey.").size() + signature.domain.text().size();
  if (name_octets > Domain::max_octets)
    return refused(signature, "the name of its key record has " + std::to_string(name_octets) + " octets; at most " +
                                  std::to_string(Domain::max_octets) + " fit the DNS (RFC 1035 section 3.1)");
  const auto& lifetime = signature.options.expires_in;
  if (lifetime && (lifetime->count() <= 0 || lifetime->count() > max_timestamp - now))
    return refused(signature, "it expires in " + std::to_string(lifetime->count()) +
                                  " s; needs more than 0, and x= at most 12 digits (RFC 6376 section 3.5)");
  return {};
}

}  // namespace

struct SENDCONN_HIDDEN Signer::Impl {
  /// A signature, its i= ready to be written, and which of the bodies it takes its bh= from.
  struct Plan {
    Signature signature;
    std::string identity;
    std::size_t body;
  };
  /// One canonical form of the body, and how much of it counts.
  struct Body {
    Body(Canonicalization form, std::optional<std::uint64_t> octets)
        : canonicalization(form), limit(octets), hasher(form, octets) {}
    Canonicalization canonicalization;
    std::optional<std::uint64_t> limit;
    BodyHasher hasher;
    BodyHash hash{};
  };
  enum class State : std::uint8_t { open, failed, finished };

  explicit Impl(SignerOptions chosen) : options(std::move(chosen)), splitter(options.max_header_octets) {}

  void add(Signature signature, std::string identity) {
    const Canonicalization canonicalization = signature.options.body;
    const auto& limit = signature.options.force_body_length;
    const auto body = std::find_if(bodies.begin(), bodies.end(), [&](const Body& known) {
      return known.canonicalization == canonicalization && known.limit == limit;
    });
    const auto index = static_cast<std::size_t>(body - bodies.begin());
    if (body == bodies.end()) bodies.emplace_back(canonicalization, limit);
    plans.push_back({std::move(signature), std::move(identity), index});
  }

  Result<void> parse_header() {
    Result<mail::Header> parsed = mail::Header::parse(splitter.header(), {.max_octets = options.max_header_octets});
    if (!parsed) return std::move(parsed).error();
    header = std::move(parsed).value();
    return {};
  }

  /// The selected fields in canonical form: what every header hash of this canonicalization begins with.
  std::string canonical_fields(const FieldSelection& selection, Canonicalization canonicalization) const {
    std::string text;
    text.reserve(splitter.header().size() + 2'048);  // the signature's own field comes behind it
    for (const mail::Field* field : selection.fields) append_canonical(text, *field, canonicalization);
    return text;
  }

  /// The field up to and including "b=".
  TagWriter begin_field(const Plan& plan, const FieldSelection& selection) const;

  SignerOptions options;
  mail::Splitter splitter;
  std::optional<mail::Header> header;  // views into the splitter's text
  std::vector<Plan> plans;
  std::vector<Body> bodies;
  State state = State::open;
};

TagWriter Signer::Impl::begin_field(const Plan& plan, const FieldSelection& selection) const {
  const SignatureOptions& chosen = plan.signature.options;
  const Body& body = bodies[plan.body];
  const std::int64_t now = options.now.time_since_epoch().count();
  TagWriter field(field_name);
  field.tag("v", "1");
  field.tag("a", name_of(plan.signature.key->type()));
  field.tag("c", std::string(name_of(chosen.header)) + "/" + std::string(name_of(chosen.body)));
  field.tag("d", plan.signature.domain.text());
  field.tag("s", plan.signature.selector.text());
  if (!plan.identity.empty()) field.tag("i", plan.identity);
  if (chosen.timestamp) field.tag("t", std::to_string(now));
  if (chosen.expires_in) field.tag("x", std::to_string(now + chosen.expires_in->count()));
  if (chosen.force_body_length) field.tag("l", std::to_string(body.hash.octets));
  field.names("h", selection.names);
  if (chosen.copy_fields) {
    std::vector<std::string> copies;
    for (const mail::Field* signed_field : selection.fields)
      copies.push_back(std::string(signed_field->name) + ":" + encode_quoted_printable(signed_field->value));
    field.copies("z", copies);
  }
  field.tag("bh", base64::encode(crypto::view(body.hash.digest)));
  field.begin_last("b");
  return field;
}

Signer::Signer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;
Signer::~Signer() = default;

Result<Signer> Signer::create(std::vector<Signature> signatures, SignerOptions options) {
  if (signatures.empty() || signatures.size() > options.max_signatures)
    return Error{Errc::invalid_argument, "signer: " + std::to_string(signatures.size()) + " signatures; needs 1 to " +
                                             std::to_string(options.max_signatures)};
  const std::int64_t now = options.now.time_since_epoch().count();
  if (now < 0 || now > max_timestamp)
    return Error{Errc::invalid_argument, "signer: the time " + std::to_string(now) +
                                             " s; needs 0 to 999999999999 for t= (RFC 6376 section 3.5)"};
  auto impl = std::make_unique<Impl>(std::move(options));
  impl->plans.reserve(signatures.size());
  impl->bodies.reserve(signatures.size());  // they hold buffers, not to be moved
  for (Signature& signature : signatures) {
    if (Result<void> done = check(signature, now); !done) return std::move(done).error();
    std::string identity;
    if (!signature.options.identity.empty()) {
      Result<std::string> made = make_identity(signature);
      if (!made) return std::move(made).error();
      identity = std::move(made).value();
    }
    impl->add(std::move(signature), std::move(identity));
  }
  return Signer(std::move(impl));
}

Result<void> Signer::update(std::string_view piece) {
  if (impl_->state != Impl::State::open)
    return Error{Errc::wrong_state, "signer: update() after finish() or after an error"};
  Result<std::string_view> body = impl_->splitter.feed(piece);
  if (body && impl_->splitter.header_complete() && !impl_->header)
    if (Result<void> parsed = impl_->parse_header(); !parsed) body = std::move(parsed).error();
  if (!body) {
    impl_->state = Impl::State::failed;
    return std::move(body).error();
  }
  if (!body->empty())
    for (Impl::Body& form : impl_->bodies) form.hasher.update(*body);
  return {};
}

Result<std::string> Signer::finish() {
  Impl& self = *impl_;
  if (self.state != Impl::State::open)
    return Error{Errc::wrong_state, "signer: finish() a second time or after an error"};
  self.state = Impl::State::finished;
  self.splitter.finish();
  if (!self.header)
    if (Result<void> parsed = self.parse_header(); !parsed) return std::move(parsed).error();
  if (self.header->find("From") == nullptr)
    return Error{
        Errc::syntax,
        "signer: the message has no From field; it must have one, and it must be signed (RFC 6376 section 5.4)"};

  for (Impl::Body& form : self.bodies) form.hash = form.hasher.finish();
  const FieldSelection selection = select_fields(*self.header, self.options.fields);
  std::array<std::string, 2> fields_in;  // by canonicalization; a header has a From, so empty means "not yet made"
  std::string result;
  for (const Impl::Plan& plan : self.plans) {
    const Canonicalization canonicalization = plan.signature.options.header;
    std::string& signed_text = fields_in[static_cast<std::size_t>(canonicalization)];
    if (signed_text.empty()) signed_text = self.canonical_fields(selection, canonicalization);
    const std::size_t shared = signed_text.size();
    TagWriter field = self.begin_field(plan, selection);
    if (canonicalization == Canonicalization::simple)
      signed_text.append(field.text());
    else
      append_relaxed(signed_text, field_name, std::string_view(field.text()).substr(field_name.size() + 1));
    const Result<std::string> signature = plan.signature.key->sign_digest(crypto::sha256(signed_text));
    if (!signature) return signature.error();
    signed_text.resize(shared);
    field.finish_last(base64::encode(*signature));
    result.append(field.text());
  }
  return result;
}

}  // namespace sendconn::dkim

// Verifier: one pass over the message. Once the header is complete, every signature is either refused with a reason or
// has its header hash, a place among the bodies to be hashed, and the question for its key. When the message has ended
// and the key is known, the two hashes and the signature are compared (RFC 6376 section 6.1.3).
//
// A signature costs a stranger nothing to write, so the order is that of rising cost: form, policy, the limit on their
// number, and only then hashes, questions and public-key operations.
#include <sendconn/dkim_verify.hpp>

#include <algorithm>
#include <utility>

#include <sendconn/dkim_key.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/hidden.hpp"
#include "lib/dkim/body_hasher.hpp"
#include "lib/dkim/canonical_header.hpp"
#include "lib/dkim/field_selection.hpp"
#include "lib/dkim/signature_field.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::string_view field_name = "DKIM-Signature";

/// How a signature ends, and what there is to say about it.
struct Ending {
  Reason reason = Reason::verified;
  std::string text;
};

std::string seconds(UnixTime time) { return std::to_string(time.time_since_epoch().count()); }

/// What is known at one name.
struct KeySource {
  dns::Question question;
  bool answered = false;
  bool authenticated = false;
  std::vector<std::shared_ptr<const PublishedKey>> candidates;  // each with a record that could be read
  Ending without_candidates;

  void take(const dns::Answer& answer, std::size_t max_candidates, KeyCache* cache);
};

void KeySource::take(const dns::Answer& answer, std::size_t max_candidates, KeyCache* cache) {
  answered = true;
  if (dns::is_temporary(answer.status)) {
    without_candidates = {Reason::key_unavailable, "the DNS did not answer for TXT at " + question.name + " (" +
                                                       std::string(dns::format(answer.status)) +
                                                       ") (RFC 6376 section 6.1.2)"};
    return;
  }
  if (!answer.ok() || answer.records.empty()) {
    without_candidates = {Reason::no_key, "there is no TXT record at " + question.name + " (RFC 6376 section 6.1.2)"};
    return;
  }
  authenticated = answer.authenticated;
  for (const dns::Record& record : answer.records) {
    if (candidates.size() == max_candidates) return;
    auto published = cache != nullptr ? cache->parse(record.text) : std::make_shared<const PublishedKey>(record.text);
    if (published->record())
      candidates.push_back(std::move(published));
    else if (without_candidates.text.empty() || ascii::starts_with(record.text, "v=DKIM1"))
      without_candidates = {Reason::key_syntax,
                            "the TXT record at " + question.name + ": " + published->record().error().text};
  }
}

/// A signature that is worth verifying.
struct Pending {
  std::size_t result;  // its place among the results
  SignatureField field;
  crypto::Digest header_digest;
  std::size_t body;
  std::size_t key;
};

/// One way in which the body is hashed.
struct Body {
  Body(Canonicalization form, std::optional<std::uint64_t> octets, crypto::HashAlgorithm algorithm)
      : canonicalization(form), limit(octets), hash(algorithm), hasher(form, octets, algorithm) {}
  Canonicalization canonicalization;
  std::optional<std::uint64_t> limit;
  crypto::HashAlgorithm hash;
  BodyHasher hasher;
  BodyHash digest;
};

/// Of several records, the one whose signature came furthest explains the verdict.
int progress(Reason reason) noexcept {
  switch (verdict_of(reason)) {
    case Verdict::pass:
      return 3;
    case Verdict::fail:
      return 2;
    case Verdict::policy:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

struct SENDCONN_HIDDEN Verifier::Impl {
  enum class State : std::uint8_t { header, body, ended, failed };

  explicit Impl(const VerifyOptions& chosen) : options(chosen), splitter(options.header.max_octets) {}

  Result<void> begin_body();
  void consider(const mail::Field& field, FieldIndex& index);
  [[nodiscard]] std::optional<Ending> refuse(const SignatureField& field, const SignatureResult& report) const;
  [[nodiscard]] crypto::Digest digest_header(const mail::Field& own, const Pending& signature);
  std::size_t find_body(const Pending& signature);
  std::size_t find_key(const std::string& name);

  void judge_waiting(std::size_t key);
  void judge(Pending& signature);
  [[nodiscard]] Ending try_key(const Pending& signature, const PublishedKey& candidate, bool& decoded) const;
  [[nodiscard]] Ending compare(const Pending& signature, const crypto::PublicKey& key) const;
  void conclude(std::size_t result, Ending ending);

  VerifyOptions options;
  mail::Splitter splitter;
  std::optional<mail::Header> header;  // views into the splitter's text
  State state = State::header;
  std::vector<SignatureResult> results;
  std::vector<Pending> pendings;
  std::vector<std::unique_ptr<Body>> bodies;  // they hold buffers, not to be moved
  std::vector<KeySource> keys;
  std::size_t handed_out = 0;  // of the questions
  std::size_t unanswered = 0;
  std::string canonical;  // reused from one header hash to the next
  std::vector<const mail::Field*> covered;
};

Result<void> Verifier::Impl::begin_body() {
  Result<mail::Header> parsed = mail::Header::parse(splitter.header(), options.header);
  if (!parsed) return std::move(parsed).error();
  header = std::move(parsed).value();
  state = State::body;
  if (header->find(field_name) == nullptr) return {};
  FieldIndex index(*header);
  for (const mail::Field& field : header->fields())
    if (ascii::equal(field.name, field_name)) consider(field, index);
  unanswered = keys.size();
  return {};
}

/// Reads one field: a result that stands, or a signature that is pending.
void Verifier::Impl::consider(const mail::Field& field, FieldIndex& index) {
  const std::size_t place = results.size();
  SignatureResult& report = results.emplace_back();
  Pending signature{place, {}, {}, 0, 0};
  if (auto fault = parse_signature_field(field, options.policy.allow_drafts, options.policy.require_from,
                                         signature.field, report))
    return conclude(place, {fault->reason, std::move(fault->text)});
  if (std::optional<Ending> refused = refuse(signature.field, report)) return conclude(place, std::move(*refused));

  index.select(signature.field.names, &field, covered);
  report.unsigned_from = index.uncovered("from") != 0;
  if (report.unsigned_from && options.policy.refuse_unsigned_from)
    return conclude(
        place, {Reason::unsigned_from, "the header has a From field that h= does not cover (RFC 6376 section 8.15)"});
  if (pendings.size() == options.policy.max_signatures)
    return conclude(place, {Reason::too_many_signatures, "more than " + std::to_string(options.policy.max_signatures) +
                                                             " signatures; the others are not looked at"});
  signature.header_digest = digest_header(field, signature);
  signature.body = find_body(signature);
  signature.key = find_key(signature.field.key_name);
  pendings.push_back(std::move(signature));
}

/// What needs nothing but the field and the policy.
std::optional<Ending> Verifier::Impl::refuse(const SignatureField& field, const SignatureResult& report) const {
  const VerifyPolicy& policy = options.policy;
  if (field.hash == crypto::HashAlgorithm::sha1 && !policy.allow_sha1)
    return Ending{Reason::sha1_refused, "a=rsa-sha1; SHA-1 must not be used (RFC 8301 section 3.1)"};
  if (policy.refuse_expired && report.expires_at && options.now > *report.expires_at + policy.clock_skew)
    return Ending{Reason::expired, "x=" + seconds(*report.expires_at) + " is in the past, now is " +
                                       seconds(options.now) + " (RFC 6376 section 3.5)"};
  if (policy.refuse_future && report.signed_at && *report.signed_at > options.now + policy.clock_skew)
    return Ending{Reason::from_future, "t=" + seconds(*report.signed_at) + " is in the future, now is " +
                                           seconds(options.now) + " (RFC 6376 section 3.5)"};
  if (policy.body_length == BodyLength::refuse && report.body_length)
    return Ending{Reason::length_refused, "l= leaves room to append to the body (RFC 6376 section 8.2)"};
  return std::nullopt;
}

/// RFC 6376 section 3.7, step 2.
crypto::Digest Verifier::Impl::digest_header(const mail::Field& own, const Pending& signature) {
  const Canonicalization form = results[signature.result].header;
  canonical.clear();
  canonical.reserve(splitter.header().size() + 2 * covered.size());
  for (const mail::Field* field : covered) append_canonical(canonical, *field, form);
  const SignatureField& field = signature.field;
  if (form == Canonicalization::simple) {
    const std::size_t name_octets = own.raw.size() - 2 - own.value.size();
    canonical.append(own.raw.substr(0, name_octets));
    canonical.append(field.before_signature);
    canonical.append(field.behind_signature);
  } else {
    std::string value(field.before_signature);
    value.append(field.behind_signature);
    append_relaxed(canonical, own.name, value);
  }
  if (field.hash == crypto::HashAlgorithm::sha256) return crypto::sha256(canonical);
  crypto::HashStream stream(field.hash);
  stream.update(canonical);
  return stream.finish();
}

std::size_t Verifier::Impl::find_body(const Pending& signature) {
  const SignatureResult& report = results[signature.result];
  const auto known = std::find_if(bodies.begin(), bodies.end(), [&](const auto& body) {
    return body->canonicalization == report.body && body->limit == report.body_length &&
           body->hash == signature.field.hash;
  });
  const auto place = static_cast<std::size_t>(known - bodies.begin());
  if (known == bodies.end())
    bodies.push_back(std::make_unique<Body>(report.body, report.body_length, signature.field.hash));
  return place;
}

std::size_t Verifier::Impl::find_key(const std::string& name) {
  const auto known =
      std::find_if(keys.begin(), keys.end(), [&](const KeySource& key) { return key.question.name == name; });
  const auto place = static_cast<std::size_t>(known - keys.begin());
  if (known == keys.end()) keys.emplace_back().question = {name, dns::RecordType::txt};
  return place;
}

/// The signatures that wait for this key, once the message has ended.
void Verifier::Impl::judge_waiting(std::size_t key) {
  for (Pending& signature : pendings)
    if (signature.key == key) judge(signature);
}

void Verifier::Impl::judge(Pending& signature) {
  KeySource& source = keys[signature.key];
  SignatureResult& report = results[signature.result];
  const std::uint64_t octets = bodies[signature.body]->digest.canonical;
  if (report.body_length && *report.body_length < octets) report.unsigned_octets = octets - *report.body_length;
  report.key_authenticated = source.authenticated;
  if (source.candidates.empty()) return conclude(signature.result, source.without_candidates);
  Ending best;
  const PublishedKey* decisive = nullptr;
  bool decoded = false;
  for (const auto& candidate : source.candidates) {
    bool used = false;
    Ending ending = try_key(signature, *candidate, used);
    if (decisive != nullptr && progress(ending.reason) <= progress(best.reason)) continue;
    best = std::move(ending);
    decisive = candidate.get();
    decoded = used;
    if (best.reason == Reason::verified) break;
  }
  report.testing = decisive->record()->testing();
  report.strict = decisive->record()->strict();
  report.key_bits = decoded && decisive->key() ? decisive->key()->bits() : 0;
  conclude(signature.result, std::move(best));
}

/// RFC 6376 section 6.1.2, steps 5 to 8, and what comes behind. `decoded`: it came to the key in the record.
Ending Verifier::Impl::try_key(const Pending& signature, const PublishedKey& candidate, bool& decoded) const {
  const KeyRecord& record = *candidate.record();
  const SignatureField& field = signature.field;
  const auto where = [&] { return "the key record at " + keys[signature.key].question.name; };
  if (!record.serves_mail())
    return {Reason::key_not_for_mail, where() + " has neither \"*\" nor \"email\" in s= (RFC 6376 section 3.6.1)"};
  if (!record.allows_hash(name_of(field.hash)))
    return {Reason::key_forbids_hash,
            where() + " does not name " + std::string(name_of(field.hash)) + " in h= (RFC 6376 section 6.1.2)"};
  if (record.revoked()) return {Reason::key_revoked, where() + " has an empty p= (RFC 6376 section 6.1.2)"};
  if (record.type != name_of(field.key_type))
    return {Reason::key_type_differs, where() + " has k=" + ascii::quote(record.type, 40) + ", where a= needs " +
                                          std::string(name_of(field.key_type)) + " (RFC 6376 section 6.1.2)"};
  if (record.strict() && field.identity_below_domain)
    return {Reason::key_forbids_subname, where() + " has t=s, and i= names a domain below d= (RFC 6376 section 3.6.1)"};
  decoded = true;
  const Result<crypto::PublicKey>& key = candidate.key();
  if (!key) return {Reason::key_unusable, where() + ": " + key.error().text};
  if (key->type() == crypto::KeyType::rsa && key->bits() < options.policy.min_rsa_bits)
    return {Reason::key_too_short, where() + " holds a key of " + std::to_string(key->bits()) + " bits; at least " +
                                       std::to_string(options.policy.min_rsa_bits) +
                                       " are required (RFC 8301 section 3.2)"};
  if (key->type() == crypto::KeyType::rsa && key->bits() > options.policy.max_rsa_bits)
    return {Reason::key_too_long, where() + " holds a key of " + std::to_string(key->bits()) + " bits; at most " +
                                      std::to_string(options.policy.max_rsa_bits) +
                                      " are accepted (RFC 8301 section 3.2)"};
  return compare(signature, *key);
}

/// RFC 6376 section 6.1.3, steps 3 and 4.
Ending Verifier::Impl::compare(const Pending& signature, const crypto::PublicKey& key) const {
  const SignatureResult& report = results[signature.result];
  const BodyHash& body = bodies[signature.body]->digest;
  if (report.body_length && *report.body_length > body.canonical)
    return {Reason::length_beyond_body, "l=" + std::to_string(*report.body_length) + " where the body has " +
                                            std::to_string(body.canonical) + " octets (RFC 6376 section 3.5)"};
  if (crypto::view(body.digest) != signature.field.body_hash)
    return {Reason::body_differs, "bh= is not the hash of this body (RFC 6376 section 6.1.3)"};
  if (!key.verifies(signature.header_digest, signature.field.signature))
    return {Reason::signature_differs,
            "b= was not made over these header fields with this key (RFC 6376 section 6.1.3)"};
  if (report.unsigned_octets != 0 && options.policy.body_length == BodyLength::refuse_unsigned_content)
    return {Reason::unsigned_content,
            std::to_string(report.unsigned_octets) + " octets of the body stand behind l= (RFC 6376 section 6.1.3)"};
  return {};
}

void Verifier::Impl::conclude(std::size_t result, Ending ending) {
  SignatureResult& report = results[result];
  report.reason = ending.reason;
  report.verdict = verdict_of(ending.reason);
  report.explanation = std::move(ending.text);
}

Verifier::Verifier(const VerifyOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;
Verifier::~Verifier() = default;

Result<void> Verifier::update(std::string_view piece) {
  Impl& self = *impl_;
  if (self.state == Impl::State::ended || self.state == Impl::State::failed)
    return Error{Errc::wrong_state, "verifier: update() after finish() or after an error"};
  Result<std::string_view> body = self.splitter.feed(piece);
  if (body && self.state == Impl::State::header && self.splitter.header_complete())
    if (Result<void> begun = self.begin_body(); !begun) body = std::move(begun).error();
  if (!body) {
    self.state = Impl::State::failed;
    return std::move(body).error();
  }
  if (!body->empty())
    for (const std::unique_ptr<Body>& form : self.bodies) form->hasher.update(*body);
  return {};
}

Result<void> Verifier::finish() {
  Impl& self = *impl_;
  if (self.state == Impl::State::ended || self.state == Impl::State::failed)
    return Error{Errc::wrong_state, "verifier: finish() a second time or after an error"};
  self.splitter.finish();
  if (self.state == Impl::State::header)
    if (Result<void> begun = self.begin_body(); !begun) {
      self.state = Impl::State::failed;
      return begun;
    }
  self.state = Impl::State::ended;
  for (const std::unique_ptr<Body>& form : self.bodies) form->digest = form->hasher.finish();
  for (Pending& signature : self.pendings)
    if (self.keys[signature.key].answered) self.judge(signature);
  return {};
}

std::vector<dns::Question> Verifier::questions() {
  Impl& self = *impl_;
  std::vector<dns::Question> open;
  for (; self.handed_out < self.keys.size(); ++self.handed_out) open.push_back(self.keys[self.handed_out].question);
  return open;
}

void Verifier::answer(const dns::Question& question, const dns::Answer& answer) {
  Impl& self = *impl_;
  const auto key = std::find_if(self.keys.begin(), self.keys.end(),
                                [&](const KeySource& source) { return source.question == question; });
  if (key == self.keys.end() || key->answered || self.state == Impl::State::failed) return;
  key->take(answer, self.options.max_key_records, self.options.keys.get());
  --self.unanswered;
  if (self.state == Impl::State::ended) self.judge_waiting(static_cast<std::size_t>(key - self.keys.begin()));
}

bool Verifier::done() const noexcept { return impl_->state == Impl::State::ended && impl_->unanswered == 0; }

const std::vector<SignatureResult>& Verifier::results() const noexcept { return impl_->results; }
std::vector<SignatureResult> Verifier::take_results() noexcept { return std::move(impl_->results); }

}  // namespace sendconn::dkim

// PublishedKey and KeyCache: key records as they were published, each parsed once and its key decoded once.
#include <sendconn/dkim_key.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/generation_cache.hpp"
#include "lib/base/hidden.hpp"

namespace sendconn::dkim {
namespace {

Result<crypto::PublicKey> decode(const KeyRecord& record) {
  if (record.type == "rsa") return crypto::PublicKey::from_octets(crypto::KeyType::rsa, record.key);
  if (record.type == "ed25519") return crypto::PublicKey::from_octets(crypto::KeyType::ed25519, record.key);
  return Error{Errc::unsupported,
               "k=" + ascii::quote(record.type, 40) + " is a type of key that is unknown here (RFC 8463 section 4.2)"};
}

}  // namespace

PublishedKey::PublishedKey(std::string_view text) : text_(text), record_(KeyRecord::parse(text)) {}

const Result<crypto::PublicKey>& PublishedKey::key() const {
  std::call_once(decoded_, [this] {
    if (record_)
      key_ = decode(*record_);
    else
      key_ = record_.error();
  });
  return *key_;
}

struct SENDCONN_HIDDEN KeyCache::Impl {
  explicit Impl(std::size_t max_keys) : keys(max_keys) {}
  GenerationCache<PublishedKey> keys;
};

KeyCache::KeyCache(std::size_t max_keys) : impl_(std::make_unique<Impl>(max_keys)) {}
KeyCache::~KeyCache() = default;

std::shared_ptr<const PublishedKey> KeyCache::parse(std::string_view text) {
  const auto make = [](std::string_view published) { return std::make_shared<const PublishedKey>(published); };
  return text.size() > max_kept_octets ? make(text) : impl_->keys.get(text, make);
}

std::size_t KeyCache::size() const { return impl_->keys.size(); }

}  // namespace sendconn::dkim

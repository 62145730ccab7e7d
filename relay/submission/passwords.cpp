#include "relay/submission/passwords.hpp"

#include <sendconn/crypto.hpp>

#include <memory>
#include <utility>

namespace sendconn::relay {
namespace {

constexpr std::size_t secret_octets = 32;
constexpr std::size_t salt_octets = 16;
constexpr int nice = 10;  // below the loops: a flood of logins must not slow the mail of those who are in

std::string owned(std::string_view digest) { return std::string(digest); }

}  // namespace

Passwords::Passwords(unsigned threads)
    : secret_(crypto::random_octets(secret_octets)), pool_("passwords", threads, max_waiting, nice) {}

void Passwords::check(std::string_view user, std::string_view password, const sasl::ScramVerifier* verifier,
                      Done done) {
  const bool known = verifier != nullptr;
  auto against = std::make_shared<const sasl::ScramVerifier>(known ? *verifier : decoy(user));
  std::string key = cache_key(user, password, *against);
  if (known && is_cached(key)) return done(PasswordVerdict::good);
  auto secret = std::make_shared<std::string>(password);
  const auto shared_done = std::make_shared<Done>(std::move(done));
  const bool taken = pool_.submit([this, known, against, secret, shared_done, key = std::move(key)] {
    const bool good = against->check_password(*secret) && known;
    crypto::wipe(*secret);
    if (good) remember(key);
    (*shared_done)(good ? PasswordVerdict::good : PasswordVerdict::bad);
  });
  if (!taken) {
    crypto::wipe(*secret);
    (*shared_done)(PasswordVerdict::busy);
  }
}

sasl::ScramVerifier Passwords::decoy(std::string_view user) const {
  const auto derive = [&](std::string_view use) {
    return owned(crypto::view(crypto::hmac_sha256(secret_, std::string(use) + '\0' + std::string(user))));
  };
  return {sasl::ScramVerifier::default_iterations, derive("salt").substr(0, salt_octets), derive("stored"),
          derive("server")};
}

std::string Passwords::cache_key(std::string_view user, std::string_view password,
                                 const sasl::ScramVerifier& verifier) const {
  std::string text = std::to_string(user.size()) + ':';
  text.append(user).append(verifier.stored_key).append(password);
  const crypto::Sha256 digest = crypto::hmac_sha256(secret_, text);
  crypto::wipe(text);
  return owned(crypto::view(digest));
}

bool Passwords::is_cached(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = cache_.find(key);
  if (found == cache_.end()) return false;
  if (found->second > std::chrono::steady_clock::now()) return true;
  cache_.erase(found);
  return false;
}

void Passwords::remember(const std::string& key) {
  const Instant now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (cache_.size() >= max_cached) std::erase_if(cache_, [now](const auto& entry) { return entry.second <= now; });
  if (cache_.size() >= max_cached) cache_.clear();
  cache_[key] = now + cache_life;
}

}  // namespace sendconn::relay

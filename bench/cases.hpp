// What the benchmarks of SPF, DKIM and the verdict on a message measure, the same for us and for every peer: records,
// answers, keys and messages. `auth-bench --cases DIR` writes them for the peers that are programs of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sendconn/crypto.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/time.hpp>

namespace sendconn::bench {

inline constexpr const char* client = "192.0.2.7";
inline constexpr const char* helo = "mail.example.org";
inline constexpr const char* sender = "joe@example.org";
inline constexpr const char* author_domain = "example.org";
inline constexpr const char* receiver = "mx.example.net";

struct ZoneRecord {
  std::string name;
  dns::RecordType type;
  std::string text;
};

struct Scenario {
  std::string name;
  std::vector<ZoneRecord> zone;
};

/// An ip4 in the first term; three includes with eight ip4 each, the last one matching; an mx of four hosts.
const std::vector<Scenario>& spf_scenarios();

/// A cache of DNS answers: by name and type, in memory. What it does not have does not exist. A table with open places
/// and a power of two of them, as the peers' hash maps are: that of the standard library divides at each lookup.
class Answers {
 public:
  explicit Answers(const std::vector<ZoneRecord>& zone);
  [[nodiscard]] const dns::Answer& lookup(const dns::Question& question) const {
    for (std::size_t at = hash(question);; ++at) {
      const Place& place = places_[at & (places_.size() - 1)];
      if (!place.taken) return nothing_;
      if (place.question == question) return place.answer;
    }
  }

 private:
  struct Place {
    bool taken = false;
    dns::Question question;
    dns::Answer answer;
  };

  /// Eight octets at once; the last ones may overlap those before them.
  static std::size_t hash(const dns::Question& question) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    std::uint64_t sum = static_cast<std::uint64_t>(question.type);
    const auto add = [&sum](std::uint64_t word) { sum = (sum ^ word) * odd; };
    const std::string& name = question.name;
    if (name.size() < sizeof sum) {
      for (const char c : name) add(static_cast<unsigned char>(c));
    } else {
      const std::size_t last = name.size() - sizeof sum;
      for (std::size_t at = 0;; at = std::min(at + sizeof sum, last)) {
        std::uint64_t word = 0;
        std::memcpy(&word, name.data() + at, sizeof word);
        add(word);
        if (at == last) break;
      }
    }
    return sum >> 32U;
  }

  std::vector<Place> places_;
  dns::Answer nothing_;
};

/// A message as clients send it, 4 KB with its header.
const std::string& message();

/// Who signs.
struct Signer {
  std::string domain;
  std::string selector;
  crypto::KeyType type;
};
inline const Signer author_rsa{"example.org", "rsa", crypto::KeyType::rsa};
inline const Signer author_ed25519{"example.org", "ed", crypto::KeyType::ed25519};
inline const Signer provider_rsa{"provider.example.net", "mta", crypto::KeyType::rsa};
inline const Signer list_rsa{"lists.example.com", "list", crypto::KeyType::rsa};

/// Each signer has a key, made once in a process.
const std::shared_ptr<const crypto::PrivateKey>& key_of(const Signer& signer);

constexpr UnixTime signed_at{std::chrono::seconds(1'752'267'637)};
constexpr UnixTime received_at{std::chrono::seconds(1'752'267'700)};

/// The message with one signature of each.
std::string sign_message(const std::vector<Signer>& signers);

/// SPF with three includes for the sender, DMARC for the author's domain, and the keys of all signers.
const std::vector<ZoneRecord>& verdict_zone();

/// The messages whose verdict is measured: three signatures each.
const std::map<std::string, std::vector<Signer>>& verdict_messages();

/// Writes all of them as files, for the programs in bench/peers. False with a message on standard error.
bool write_cases(const std::string& folder);

}  // namespace sendconn::bench

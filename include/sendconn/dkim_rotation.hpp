// Replacing a DKIM key without a gap: a new selector is prepared, published, seen by resolvers, and only then signs;
// the old one stays published until nothing signed with it is on its way any more (RFC 6376 sections 3.1 and 5.2).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sendconn/crypto.hpp>
#include <sendconn/dkim.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::dkim {

/// What a resolver has at a selector's name, from the point of view of the key that belongs there.
enum class RecordSeen : std::uint8_t {
  unknown,  ///< the DNS did not say, or nobody looked yet
  matches,  ///< a record with which the key's signatures verify
  absent,
  revoked,  ///< an empty p=
  other,    ///< a record, but not this key's, or one that forbids what the key does
};
std::string_view format(RecordSeen seen);
/// From the answer for TXT at "<selector>._domainkey.<domain>". Several records are `other` whatever they hold: which
/// of them a verifier takes is undefined (RFC 6376 section 3.6.2.2).
RecordSeen look_at_record(const crypto::PrivateKey& key, const dns::Answer& answer);

/// How long each step lasts.
struct RotationTimes {
  /// How long the new record must be seen without a break before it signs: caches may still hold that it is absent (RFC
  /// 2308 section 5: up to 3 hours), and secondaries may lag.
  std::chrono::seconds settle = std::chrono::hours(24);
  /// How long the old record stays after the switch: mail waits in queues for up to 5 days (RFC 5321 section 4.5.4.1),
  /// and is verified once more by whoever fetches it later.
  std::chrono::seconds keep = std::chrono::hours(24 * 7);
  /// An observation counts for so long; then it is taken for unknown.
  std::chrono::seconds stale = std::chrono::hours(6);
};

enum class RotationPhase : std::uint8_t {
  steady,    ///< one key signs; there is no other
  prepared,  ///< the next key exists; its record has to be published. The current key signs
  settling,  ///< the next record is seen. The current key signs
  switched,  ///< the next key signs; the record of the one before stays
  retiring,  ///< the record of the one before is to be removed, or its p= emptied
};
std::string_view format(RotationPhase phase);

/// All there is to keep between two runs; a plain value. Make it by Rotation.
struct RotationState {
  RotationPhase phase = RotationPhase::steady;
  std::string signing;  ///< the selector that signs
  std::string other;    ///< the next one, or the one before; empty when steady
  UnixTime since{};     ///< when this phase began
  RecordSeen signing_seen = RecordSeen::unknown;
  RecordSeen other_seen = RecordSeen::unknown;
  UnixTime signing_seen_at{};
  UnixTime other_seen_at{};
  friend bool operator==(const RotationState&, const RotationState&) = default;
};

/// The state machine. It never signs with a key whose record was not seen while there is another; the times and what
/// was seen are arguments. Thread-compatible.
///
///     steady --begin--> prepared --seen--> settling --settle--> switched --keep--> retiring --gone--> steady
///                          ^--not seen any more--|                  |
///                          ^----the new record is gone, the old one is there
class Rotation {
 public:
  explicit Rotation(const Selector& signing, const RotationTimes& times = {});
  /// Errc::invalid_argument for a state that no rotation can have.
  static Result<Rotation> restore(RotationState state, const RotationTimes& times = {});

  /// Errc::conflict unless steady, and for the selector that signs.
  Result<void> begin(const Selector& next, UnixTime now);
  /// Gives up a rotation before the switch; the caller forgets the next key. Errc::wrong_state otherwise.
  Result<void> cancel(UnixTime now);
  /// What was seen at one of the two selectors; others are ignored. `now` must not go back.
  void observe(const Selector& selector, RecordSeen seen, UnixTime now);
  /// Time passes; what is due happens.
  void on_time(UnixTime now);

  [[nodiscard]] const RotationState& state() const noexcept { return state_; }
  /// The selector to sign with.
  [[nodiscard]] const std::string& signing() const noexcept { return state_.signing; }
  /// When on_time() has something to do if nothing else is seen; nothing while only an observation helps.
  [[nodiscard]] std::optional<UnixTime> next_time() const noexcept;
  /// What a person has to do or wait for, in one sentence.
  [[nodiscard]] std::string advice(UnixTime now) const;

 private:
  Rotation(RotationState state, const RotationTimes& times) : state_(std::move(state)), times_(times) {}
  void enter(RotationPhase phase, UnixTime now);
  void exchange();
  void settle(UnixTime now);
  [[nodiscard]] RecordSeen fresh(RecordSeen seen, UnixTime at, UnixTime now) const noexcept;

  RotationState state_;
  RotationTimes times_;
};

}  // namespace sendconn::dkim

#pragma GCC visibility pop

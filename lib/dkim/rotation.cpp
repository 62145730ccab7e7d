// Rotation: five phases, and for each what an observation or the time makes of it.
#include <sendconn/dkim_rotation.hpp>

#include <algorithm>
#include <utility>

#include <sendconn/dkim_key.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {
namespace {

bool is_gone(RecordSeen seen) noexcept { return seen == RecordSeen::absent || seen == RecordSeen::revoked; }
/// Somebody looked, and signatures by this key do not verify.
bool is_broken(RecordSeen seen) noexcept { return is_gone(seen) || seen == RecordSeen::other; }

std::string in_words(std::chrono::seconds left) {
  if (left <= std::chrono::seconds(0)) return "now";
  const auto hours = std::chrono::ceil<std::chrono::hours>(left).count();
  return hours <= 48 ? "in " + std::to_string(hours) + " h" : "in " + std::to_string((hours + 23) / 24) + " days";
}

}  // namespace

std::string_view format(RecordSeen seen) {
  switch (seen) {
    case RecordSeen::unknown:
      return "unknown";
    case RecordSeen::matches:
      return "matches";
    case RecordSeen::absent:
      return "absent";
    case RecordSeen::revoked:
      return "revoked";
    case RecordSeen::other:
      return "other";
  }
  return "unknown";
}

std::string_view format(RotationPhase phase) {
  switch (phase) {
    case RotationPhase::steady:
      return "steady";
    case RotationPhase::prepared:
      return "prepared";
    case RotationPhase::settling:
      return "settling";
    case RotationPhase::switched:
      return "switched";
    case RotationPhase::retiring:
      return "retiring";
  }
  return "steady";
}

RecordSeen look_at_record(const crypto::PrivateKey& key, const dns::Answer& answer) {
  if (dns::is_temporary(answer.status)) return RecordSeen::unknown;
  if (!answer.ok() || answer.records.empty()) return RecordSeen::absent;
  // RFC 6376 section 3.6.2.2: with several records the result is undefined, so that only one is right.
  if (answer.records.size() != 1) return RecordSeen::other;
  switch (compare_key(key, answer.records.front().text).match) {
    case KeyMatch::matches:
      return RecordSeen::matches;
    case KeyMatch::revoked:
      return RecordSeen::revoked;
    case KeyMatch::malformed:
    case KeyMatch::other_type:
    case KeyMatch::other_key:
    case KeyMatch::unusable:
      return RecordSeen::other;
  }
  return RecordSeen::other;
}

Rotation::Rotation(const Selector& signing, const RotationTimes& times) : times_(times) {
  state_.signing = signing.text();
}

Result<Rotation> Rotation::restore(RotationState state, const RotationTimes& times) {
  const bool steady = state.phase == RotationPhase::steady;
  if (state.phase > RotationPhase::retiring || !Selector::parse(state.signing) || steady != state.other.empty() ||
      (!steady && !Selector::parse(state.other)) || state.signing == state.other)
    return Error{Errc::invalid_argument, "rotation: the state with the selectors " + ascii::quote(state.signing, 63) +
                                             " and " + ascii::quote(state.other, 63) + " is none that can be"};
  return Rotation(std::move(state), times);
}

Result<void> Rotation::begin(const Selector& next, UnixTime now) {
  if (state_.phase != RotationPhase::steady)
    return Error{Errc::conflict, "rotation: one is under way, with the selector " + state_.other};
  if (next.text() == state_.signing)
    return Error{Errc::conflict,
                 "rotation: the selector " + next.text() + " signs already; the next key needs another"};
  state_.other = next.text();
  state_.other_seen = RecordSeen::unknown;
  enter(RotationPhase::prepared, now);
  return {};
}

Result<void> Rotation::cancel(UnixTime now) {
  if (state_.phase != RotationPhase::prepared && state_.phase != RotationPhase::settling)
    return Error{Errc::wrong_state, "rotation: it can be given up before the next key signs, and the phase is " +
                                        std::string(format(state_.phase))};
  state_.other.clear();
  enter(RotationPhase::steady, now);
  return {};
}

void Rotation::observe(const Selector& selector, RecordSeen seen, UnixTime now) {
  // That the DNS did not say is no news: what was seen before stands until it is stale.
  if (seen == RecordSeen::unknown) return on_time(now);
  if (selector.text() == state_.signing) {
    state_.signing_seen = seen;
    state_.signing_seen_at = now;
  } else if (selector.text() == state_.other) {
    state_.other_seen = seen;
    state_.other_seen_at = now;
  }
  on_time(now);
}

void Rotation::on_time(UnixTime now) {
  const RecordSeen signing = fresh(state_.signing_seen, state_.signing_seen_at, now);
  const RecordSeen other = fresh(state_.other_seen, state_.other_seen_at, now);
  switch (state_.phase) {
    case RotationPhase::steady:
      return;
    case RotationPhase::prepared:
      if (other == RecordSeen::matches) enter(RotationPhase::settling, now);
      return;
    case RotationPhase::settling:
      return settle(now);
    case RotationPhase::switched:
      if (is_broken(signing) && other == RecordSeen::matches) {
        exchange();
        enter(RotationPhase::prepared, now);
      } else if (now - state_.since >= times_.keep && signing == RecordSeen::matches) {
        enter(RotationPhase::retiring, now);
      }
      return;
    case RotationPhase::retiring:
      if (!is_gone(other)) return;
      state_.other.clear();
      enter(RotationPhase::steady, now);
      return;
  }
}

/// The next record is seen: it signs once that was so for long enough, and still is.
void Rotation::settle(UnixTime now) {
  const RecordSeen other = fresh(state_.other_seen, state_.other_seen_at, now);
  if (is_broken(other) || other == RecordSeen::unknown) return enter(RotationPhase::prepared, now);
  if (now - state_.since < times_.settle) return;
  exchange();
  enter(RotationPhase::switched, now);
}

void Rotation::enter(RotationPhase phase, UnixTime now) {
  state_.phase = phase;
  state_.since = now;
}

void Rotation::exchange() {
  std::swap(state_.signing, state_.other);
  std::swap(state_.signing_seen, state_.other_seen);
  std::swap(state_.signing_seen_at, state_.other_seen_at);
}

RecordSeen Rotation::fresh(RecordSeen seen, UnixTime at, UnixTime now) const noexcept {
  return now - at > times_.stale ? RecordSeen::unknown : seen;
}

std::optional<UnixTime> Rotation::next_time() const noexcept {
  switch (state_.phase) {
    case RotationPhase::steady:
    case RotationPhase::prepared:
    case RotationPhase::retiring:
      return std::nullopt;
    case RotationPhase::settling:
      return std::min(state_.since + times_.settle, state_.other_seen_at + times_.stale + std::chrono::seconds(1));
    case RotationPhase::switched:
      return state_.since + times_.keep;
  }
  return std::nullopt;
}

std::string Rotation::advice(UnixTime now) const {
  std::string signs = "the selector " + state_.signing + " signs";
  switch (state_.phase) {
    case RotationPhase::steady:
      return signs + "; nothing is to be done";
    case RotationPhase::prepared:
      return "publish the record of " + state_.other + " (it is " + std::string(format(state_.other_seen)) + "); " +
             signs + " until then";
    case RotationPhase::settling:
      return "the record of " + state_.other + " is seen and will sign " +
             in_words(state_.since + times_.settle - now) + "; leave both records";
    case RotationPhase::switched:
      return signs + "; leave the record of " + state_.other + " for mail that is still on its way, to be removed " +
             in_words(state_.since + times_.keep - now);
    case RotationPhase::retiring:
      return "remove the record of " + state_.other + ", or empty its p=; " + signs;
  }
  return signs;
}

}  // namespace sendconn::dkim

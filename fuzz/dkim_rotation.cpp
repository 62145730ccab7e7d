// The rotation of keys: whatever is seen at the selectors, whenever, and whoever begins, gives up or loads a state, no
// key signs whose record was not just seen while there is another, and no step is shorter than it has to be.
//
// The input is a script: three octets of times, then two for each step, the second of which says how much time passes.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <sendconn/dkim_rotation.hpp>

#include "fuzz/check.hpp"
#include "lib/base/ascii.hpp"

using namespace sendconn;
using dkim::RecordSeen;
using dkim::RotationPhase;

namespace {

/// What somebody who looks on knows, without any of the rotation's own memory.
struct Sight {
  RecordSeen seen = RecordSeen::unknown;
  UnixTime at{};
};

const dkim::Selector& selector(unsigned which) {
  static const dkim::Selector all[] = {*dkim::Selector::parse("one"), *dkim::Selector::parse("two"),
                                       *dkim::Selector::parse("three")};
  return all[which % std::size(all)];
}

class Onlooker {
 public:
  explicit Onlooker(const dkim::RotationTimes& times) : times_(times) {}

  void see(const std::string& selector, RecordSeen seen, UnixTime now) {
    if (seen != RecordSeen::unknown) sights_[selector] = {seen, now};
  }
  /// Between two selectors only what was seen since the rotation knows of them counts.
  void forget(const std::string& selector) { sights_.erase(selector); }

  void check_step(const dkim::RotationState& before, const dkim::RotationState& after, UnixTime now) const {
    if (before.signing != after.signing) {
      const auto sight = sights_.find(after.signing);
      fuzz::check(
          sight != sights_.end() && sight->second.seen == RecordSeen::matches && now - sight->second.at <= times_.stale,
          "who begins to sign was just seen");
      fuzz::check(before.other == after.signing && after.other == before.signing, "the two change places");
    }
    if (before.phase == RotationPhase::settling && after.phase == RotationPhase::switched)
      fuzz::check(now - before.since >= times_.settle, "the new record is there for long enough");
    if (before.phase == RotationPhase::switched && after.phase == RotationPhase::retiring)
      fuzz::check(now - before.since >= times_.keep, "the old record stays for long enough");
    if (before.phase == RotationPhase::retiring && after.phase == RotationPhase::steady) {
      const auto sight = sights_.find(before.other);
      fuzz::check(sight != sights_.end() &&
                      (sight->second.seen == RecordSeen::absent || sight->second.seen == RecordSeen::revoked),
                  "the old record is gone");
    }
    fuzz::check(after.phase == before.phase || after.since == now, "a phase begins when it begins");
  }

 private:
  dkim::RotationTimes times_;
  std::map<std::string, Sight> sights_;
};

void check_state(const dkim::Rotation& rotation, const dkim::RotationTimes& times, UnixTime now) {
  const dkim::RotationState& state = rotation.state();
  fuzz::check(dkim::Selector::parse(state.signing).ok(), "somebody signs");
  fuzz::check((state.phase == RotationPhase::steady) == state.other.empty(), "there is another unless it is steady");
  const std::string advice = rotation.advice(now);
  for (const char c : advice) fuzz::check(ascii::is_vchar(c) || c == ' ', "advice is one printable line");
  fuzz::check(advice.find(state.other.empty() ? state.signing : state.other) != std::string::npos,
              "advice names the key that it is about");
  const auto restored = dkim::Rotation::restore(state, times);
  fuzz::check(restored.ok() && restored->state() == state, "every state can be kept");
  // Nothing is due before next_time().
  const auto next = rotation.next_time();
  dkim::Rotation waiting = rotation;
  const UnixTime later = next ? *next - std::chrono::seconds(1) : now + std::chrono::hours(24 * 365);
  if (later < now) return;
  waiting.on_time(later);
  fuzz::check(waiting.state() == state, "nothing happens before it is due");
}

void begin_or_give_up(dkim::Rotation& rotation, Onlooker& onlooker, unsigned octet, UnixTime now) {
  const dkim::RotationState before = rotation.state();
  if ((octet & 4U) != 0) {
    const bool may = before.phase == RotationPhase::prepared || before.phase == RotationPhase::settling;
    fuzz::check(rotation.cancel(now).ok() == may, "a rotation is given up before the switch");
    fuzz::check(rotation.signing() == before.signing, "giving up changes nothing about who signs");
    return;
  }
  const dkim::Selector& next = selector(octet >> 3U);
  const bool may = before.phase == RotationPhase::steady && next.text() != before.signing;
  fuzz::check(rotation.begin(next, now).ok() == may, "one rotation begins when there is none");
  if (!may) return fuzz::check(rotation.state() == before, "a refusal changes nothing");
  onlooker.forget(next.text());
  fuzz::check(rotation.signing() == before.signing, "beginning changes nothing about who signs");
}

/// A state file that somebody wrote: taken or refused, and then it runs.
void restore_anything(std::string_view text) {
  if (text.size() < 4) return;
  dkim::RotationState state;
  state.phase = static_cast<RotationPhase>(static_cast<unsigned char>(text[0]) % 8);
  state.signing_seen = static_cast<RecordSeen>(static_cast<unsigned char>(text[1]) % 5);
  state.other_seen = static_cast<RecordSeen>(static_cast<unsigned char>(text[2]) % 5);
  const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(text[3]), text.size() - 4);
  state.signing = text.substr(4, size);
  state.other = text.substr(4 + size);
  auto rotation = dkim::Rotation::restore(state);
  if (!rotation) {
    for (const char c : rotation.error().text) fuzz::check(ascii::is_vchar(c) || c == ' ', "a refusal is printable");
    return;
  }
  fuzz::check(dkim::Selector::parse(state.signing).ok(), "only a selector signs");
  UnixTime now{};
  for (int i = 0; i < 8; ++i) {
    now += std::chrono::hours(48);
    rotation->observe(*dkim::Selector::parse(state.signing), RecordSeen::matches, now);
    fuzz::check(!rotation->advice(now).empty(), "there is advice");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  restore_anything({reinterpret_cast<const char*>(data), size});
  if (size < 3) return 0;
  dkim::RotationTimes times;
  times.settle = std::chrono::hours(data[0]);
  times.keep = std::chrono::hours(data[1]);
  times.stale = std::chrono::hours(data[2]);
  UnixTime now(std::chrono::hours(500'000));
  dkim::Rotation rotation(selector(0), times);
  Onlooker onlooker(times);
  for (std::size_t i = 3; i + 1 < size; i += 2) {
    const unsigned octet = data[i];
    // Minutes, or days where nobody looks.
    now += std::chrono::minutes(data[i + 1] % 128 * (data[i + 1] >= 128 ? 60 * 24 : 1));
    const dkim::RotationState before = rotation.state();
    switch (octet % 4) {
      case 0:
        begin_or_give_up(rotation, onlooker, octet >> 2U, now);
        break;
      case 1:
        rotation.on_time(now);
        break;
      default: {
        const auto seen = static_cast<RecordSeen>((octet >> 4U) % 5);
        const dkim::Selector& where = selector(octet >> 1U & 7U);
        // Of a selector that plays no part nobody remembers what was seen.
        if (where.text() == before.signing || where.text() == before.other) onlooker.see(where.text(), seen, now);
        rotation.observe(where, seen, now);
      }
    }
    if (octet % 4 != 0) onlooker.check_step(before, rotation.state(), now);
    check_state(rotation, times, now);
    if ((octet & 128U) != 0) rotation = *dkim::Rotation::restore(rotation.state(), times);
  }
  return 0;
}

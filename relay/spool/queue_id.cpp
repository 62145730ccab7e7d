// Queue ids as people and logs see them: 13 digits of base 32, most significant first, so that they sort as they count.
// The alphabet has every consonant and one vowel, so that few words arise by accident.

#include "relay/spool/spool.hpp"

namespace sendconn::relay {
namespace {

constexpr std::string_view alphabet = "0123456789BCDEFGHJKLMNPQRSTVWXYZ";
static_assert(alphabet.size() == 32);
constexpr std::size_t id_length = 13;  // 64 bits, 5 to a character

int digit(char c) noexcept {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  const std::size_t place = alphabet.find(c);
  return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

}  // namespace

std::string format_queue_id(QueueId id) {
  std::string text(id_length, '0');
  for (std::size_t i = id_length; i-- > 0; id >>= 5) text[i] = alphabet[id & 31];
  return text;
}

Result<QueueId> parse_queue_id(std::string_view text) {
  if (text.size() != id_length) {
    return Error{Errc::syntax, "queue id \"" + std::string(text) + "\" must have 13 characters"};
  }
  QueueId id = 0;
  for (std::size_t i = 0; i < id_length; ++i) {
    const int value = digit(text[i]);
    if (value < 0 || (i == 0 && value > 15)) {
      return Error{Errc::syntax,
                   "queue id \"" + std::string(text) + "\" has \"" + text[i] + "\", which no queue id has there", i};
    }
    id = id << 5 | static_cast<QueueId>(value);
  }
  return id;
}

}  // namespace sendconn::relay

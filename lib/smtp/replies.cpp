#include "lib/smtp/replies.hpp"

#include "lib/base/ascii.hpp"

namespace sendconn::smtp {

Reply make_reply(const CannedReply& canned, std::string_view detail) {
  constexpr std::string_view place = "{}";
  Reply reply{canned.code, canned.enhanced, std::string(canned.text)};
  const std::size_t at = reply.text.find(place);
  if (at == std::string::npos) return reply;
  std::string readable(detail);
  for (char& c : readable) {
    if (ascii::is_8bit(c)) c = '?';
  }
  reply.text.replace(at, place.size(), readable);
  return reply;
}

}  // namespace sendconn::smtp

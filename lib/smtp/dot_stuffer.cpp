#include "lib/smtp/dot_stuffer.hpp"

#include <algorithm>
#include <bit>
#include <iterator>

#include "lib/smtp/octet_masks.hpp"

namespace sendconn::smtp {
namespace {

/// The offset of the first dot at the start of a line; the size of `text` if there is none.
std::size_t find_leading_dot(std::string_view text, bool line_start) noexcept {
  std::uint64_t carried = line_start ? 1 : 0;
  char tail[OctetMasks::block];
  for (std::size_t at = 0; at < text.size(); at += OctetMasks::block) {
    const std::size_t left = text.size() - at;
    const char* octets = text.data() + at;
    if (left < OctetMasks::block) {
      std::fill(std::copy_n(octets, left, std::begin(tail)), std::end(tail), 'x');
      octets = tail;
    }
    const OctetMasks found = find_octets(octets);
    const std::uint64_t leading = found.dot & ((found.lf << 1) | carried);
    if (leading != 0) return at + static_cast<std::size_t>(std::countr_zero(leading));
    carried = found.lf >> 63;
  }
  return text.size();
}

}  // namespace

void DotStuffer::append(std::string& out, std::string_view content) {
  while (!content.empty()) {
    const std::size_t run = find_leading_dot(content, line_start_);
    if (run == 0) {  // the dot goes out twice, and is then an octet like any other
      out += "..";
      content.remove_prefix(1);
      line_start_ = after_cr_ = false;
      continue;
    }
    out.append(content.substr(0, run));
    const char last = content[run - 1];
    after_cr_ = last == '\r';
    line_start_ = last == '\n';
    content.remove_prefix(run);
  }
}

void DotStuffer::finish(std::string& out) {
  if (after_cr_) {
    out += "\n.\r\n";
  } else {
    out += line_start_ ? ".\r\n" : "\r\n.\r\n";
  }
  *this = DotStuffer();
}

}  // namespace sendconn::smtp

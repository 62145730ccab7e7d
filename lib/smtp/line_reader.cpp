#include "lib/smtp/line_reader.hpp"

#include <sendconn/crypto.hpp>

namespace sendconn::smtp {

std::size_t LineReader::skip(std::string_view input) noexcept {
  std::size_t from = 0;
  while (true) {
    const std::size_t end = input.find('\n', from);
    if (end == std::string_view::npos) {
      after_cr_ = from < input.size() ? input.back() == '\r' : false;
      return input.size();
    }
    const bool crlf = end > 0 ? input[end - 1] == '\r' : after_cr_;
    from = end + 1;
    after_cr_ = false;
    if (crlf) {
      skipping_ = false;
      return from;
    }
  }
}

LineReader::Taken LineReader::take(std::string_view input, std::size_t limit) {
  if (skipping_) return {skip(input), Status::partial, {}};
  const std::size_t end = input.find('\n');
  const bool ended = end != std::string_view::npos;
  const std::size_t size = ended ? end + 1 : input.size();
  if (kept_.size() + size > limit) {
    const char before = size > 1 ? input[size - 2] : (kept_.empty() ? '\0' : kept_.back());
    skipping_ = !ended || before != '\r';
    after_cr_ = !ended && !input.empty() && input.back() == '\r';
    return {size, Status::too_long, {}};
  }
  std::string_view line = input.substr(0, size);
  if (!ended || !kept_.empty()) {
    kept_.append(line);
    line = kept_;
  }
  if (!ended) return {size, Status::partial, {}};
  line.remove_suffix(1);
  if (line.empty() || line.back() != '\r') return {size, Status::bare_newline, line};
  line.remove_suffix(1);
  return {size, Status::complete, line};
}

void LineReader::release() noexcept {
  if (kept_.empty()) return;
  crypto::wipe(kept_);
  std::string().swap(kept_);  // assignment would keep the memory
}

}  // namespace sendconn::smtp

// Splitter: where the header section of a message ends that comes in pieces (RFC 5322 section 2.1).
#include <sendconn/message.hpp>

#include <string>

namespace sendconn::mail {

Result<std::string_view> Splitter::feed(std::string_view piece) {
  if (complete_) return piece;
  const std::size_t before = header_.size();
  const auto octet = [&](std::size_t i) { return i < before ? header_[i] : piece[i - before]; };
  // The CRLF whose LF stands at `lf` makes an empty line: it begins the message, or another CRLF stands before it.
  const auto ends_empty_line = [&](std::size_t lf) {
    if (lf == 0 || octet(lf - 1) != '\r') return false;
    return lf == 1 || (lf >= 3 && octet(lf - 2) == '\n' && octet(lf - 3) == '\r');
  };
  // The section may have max_header_octets_, and the empty line two more; whether it is too long is decided by these
  // octets alone, so that it does not depend on the pieces.
  const std::size_t window = max_header_octets_ + 2 > before ? max_header_octets_ + 2 - before : 0;
  const std::string_view in_window = piece.substr(0, window);
  for (std::size_t i = in_window.find('\n'); i != std::string_view::npos; i = in_window.find('\n', i + 1)) {
    const std::size_t lf = before + i;
    if (!ends_empty_line(lf)) continue;
    const std::size_t length = lf - 1;
    if (length < before) {
      header_.resize(length);  // the CR of the empty line came with an earlier piece
    } else {
      header_.append(piece.substr(0, length - before));
    }
    complete_ = true;
    return piece.substr(i + 1);
  }
  if (before + piece.size() >= max_header_octets_ + 2)
    return Error{Errc::limit_exceeded,
                 "header: more than " + std::to_string(max_header_octets_) + " octets before the empty line",
                 max_header_octets_};
  header_.append(piece);
  return std::string_view();
}

}  // namespace sendconn::mail

#include "lib/dkim/body_hasher.hpp"

#include <algorithm>
#include <cstring>

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {
namespace {

using ascii::is_wsp;

/// Sixteen octets that are compared at once: a vector register wherever the compiler has one.
using Octets = unsigned char __attribute__((vector_size(16)));
constexpr std::size_t small_block = sizeof(Octets);
constexpr std::size_t block = 4 * small_block;

/// Runs from here on go to the digest as they stand; shorter ones are gathered first.
constexpr std::size_t long_run = 512;

Octets load(const char* at) noexcept {
  Octets octets;
  std::memcpy(&octets, at, sizeof octets);
  return octets;
}

/// Nothing in these octets is changed by the reduction: no tab, and no space in front of a space, a tab or a CR. (In
/// front of any control character: one comparison, and whoever looks closer sorts it out.) Reads one octet more than
/// `size`.
template <std::size_t size>
bool is_plain(const char* at) noexcept {
  Octets found{};
  for (std::size_t i = 0; i < size; i += small_block) {
    const Octets here = load(at + i);
    const Octets next = load(at + i + 1);
    found |= reinterpret_cast<Octets>(here == '\t') |
             (reinterpret_cast<Octets>(here == ' ') & reinterpret_cast<Octets>(next <= ' '));
  }
  std::uint64_t halves[2];
  std::memcpy(halves, &found, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

}  // namespace

void BodyHasher::update(std::string_view piece) {
  if (canonicalization_ == Canonicalization::relaxed)
    reduce(piece);
  else
    put(piece);
}

BodyHash BodyHasher::finish() {
  if (held_cr_of_space_) {  // a space and a bare CR: neither ends a line
    emit(' ');
    emit('\r');
  }
  flush();
  if (held_cr_) {
    release_lines();
    hash("\r");
  }
  // RFC 6376: an empty body is CRLF in "simple" (section 3.4.3) and nothing in "relaxed" (section 3.4.4).
  if (has_content_ || canonicalization_ == Canonicalization::simple) hash("\r\n");
  return {digest_.finish(), octets_};
}

void BodyHasher::reduce(std::string_view piece) {
  piece = settle_held_space(piece);
  if (piece.empty()) return;
  // White space at the end of the piece waits for what follows it.
  const std::size_t size = piece.size();
  held_space_ = is_wsp(piece.back()) || (size >= 2 && piece.back() == '\r' && is_wsp(piece[size - 2]));
  held_cr_of_space_ = held_space_ && piece.back() == '\r';
  const std::size_t end = size - static_cast<std::size_t>(held_space_) - static_cast<std::size_t>(held_cr_of_space_);

  std::size_t run = 0;
  std::size_t at = 0;
  while (end - at > block) {
    if (is_plain<block>(piece.data() + at)) {
      at += block;
      continue;
    }
    emit(piece.substr(run, at - run));
    for (const std::size_t stop = at + block; at < stop; at += small_block) {
      if (is_plain<small_block>(piece.data() + at))
        emit(piece.substr(at, small_block));
      else
        reduce_octets(piece, at, at + small_block);
    }
    run = at;
  }
  emit(piece.substr(run, at - run));
  reduce_octets(piece, at, end);
}

/// Decides about white space at the end of the last piece; what it used of this one is taken off.
std::string_view BodyHasher::settle_held_space(std::string_view piece) {
  while (held_space_ && !piece.empty()) {
    const char next = piece.front();
    if (held_cr_of_space_) {
      if (next != '\n') emit(' ');
      emit('\r');
      held_space_ = held_cr_of_space_ = false;
    } else if (next == '\r') {
      held_cr_of_space_ = true;
      piece.remove_prefix(1);
    } else if (is_wsp(next)) {
      piece.remove_prefix(1);
    } else {
      emit(' ');
      held_space_ = false;
    }
  }
  return piece;
}

/// As many octets as fit into half a block or so: `to - from` is below the buffer's size. Behind white space in the
/// range stands at least one octet more, and behind white space and CR at least two.
void BodyHasher::reduce_octets(std::string_view piece, std::size_t from, std::size_t to) {
  if (buffer_.size() - buffered_ < to - from) flush();
  char* out = buffer_.data() + buffered_;
  for (std::size_t i = from; i < to; ++i) {
    const char c = piece[i];
    const bool space = is_wsp(c);
    const bool dropped = space && (is_wsp(piece[i + 1]) || (piece[i + 1] == '\r' && piece[i + 2] == '\n'));
    *out = space ? ' ' : c;
    out += static_cast<std::size_t>(!dropped);
  }
  buffered_ = static_cast<std::size_t>(out - buffer_.data());
}

void BodyHasher::emit(std::string_view run) {
  if (run.size() >= long_run) {
    flush();
    put(run);
    return;
  }
  if (buffer_.size() - buffered_ < run.size()) flush();
  std::memcpy(buffer_.data() + buffered_, run.data(), run.size());
  buffered_ += run.size();
}

void BodyHasher::emit(char octet) { emit(std::string_view(&octet, 1)); }

void BodyHasher::flush() { put({buffer_.data(), std::exchange(buffered_, 0)}); }

void BodyHasher::put(std::string_view piece) {
  if (piece.empty()) return;
  if (held_cr_) {
    held_cr_ = false;
    if (piece.front() == '\n') {
      ++held_lines_;
      piece.remove_prefix(1);
    } else {
      release_lines();
      hash("\r");
    }
  }
  std::size_t end = piece.size();
  const bool ends_in_cr = end != 0 && piece[end - 1] == '\r';
  if (ends_in_cr) --end;
  std::uint64_t lines = 0;
  while (end >= 2 && piece[end - 1] == '\n' && piece[end - 2] == '\r') {
    end -= 2;
    ++lines;
  }
  if (end != 0) {
    release_lines();
    hash(piece.substr(0, end));
  }
  held_lines_ += lines;
  held_cr_ = ends_in_cr;
}

void BodyHasher::release_lines() {
  static constexpr std::string_view sixteen_lines = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
  while (held_lines_ != 0) {
    const std::uint64_t lines = std::min<std::uint64_t>(held_lines_, sixteen_lines.size() / 2);
    hash(sixteen_lines.substr(0, static_cast<std::size_t>(lines) * 2));
    held_lines_ -= lines;
  }
}

void BodyHasher::hash(std::string_view octets) {
  has_content_ = true;
  if (limit_ && octets.size() > *limit_ - octets_)
    octets = octets.substr(0, static_cast<std::size_t>(*limit_ - octets_));
  octets_ += octets.size();
  digest_.update(octets);
}

}  // namespace sendconn::dkim

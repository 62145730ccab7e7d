#include "lib/dkim/body_hasher.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/base/ascii.hpp"

namespace sendconn::dkim {
namespace {

using ascii::is_wsp;

/// Sixteen octets that are compared at once: a vector register wherever the compiler has one.
using Octets = unsigned char __attribute__((vector_size(16)));
constexpr std::size_t block = 4 * sizeof(Octets);

/// Runs from here on go to the digest as they stand; shorter ones are gathered first.
constexpr std::size_t long_run = 512;

/// A block with more gaps than this is not copied run by run: each gap costs a branch that nobody can foresee, while
/// copy_kept() takes the same time whatever is dropped. Measured.
constexpr int max_copied_gaps = 4;

/// The result of a comparison: 255 where it holds, 0 elsewhere.
template <class Comparison>
Octets octets(Comparison comparison) noexcept {
  return reinterpret_cast<Octets>(comparison);
}

Octets load(const char* at) noexcept {
  Octets loaded;
  std::memcpy(&loaded, at, sizeof loaded);
  return loaded;
}

/// Nothing in this block is changed by the reduction: no tab, and no space in front of a space, a tab or a CR. (In
/// front of any control character: one comparison, and reduce_block() sorts it out.) Reads one octet more.
bool is_plain(const char* at) noexcept {
  Octets found{};
  for (std::size_t i = 0; i < block; i += sizeof(Octets)) {
    const Octets here = load(at + i);
    const Octets next = load(at + i + 1);
    found |= octets(here == '\t') | (octets(here == ' ') & octets(next <= ' '));
  }
  std::uint64_t halves[2];
  std::memcpy(halves, &found, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

/// A bit for each octet of a comparison's result, the lowest for the first.
std::uint64_t bits_of(Octets result) noexcept {
#ifdef __SSE2__
  return static_cast<std::uint64_t>(_mm_movemask_epi8(reinterpret_cast<__m128i>(result)));
#else
  std::uint64_t bits = 0;
  for (unsigned half = 0; half < 2; ++half) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, reinterpret_cast<const char*>(&result) + 8 * half, sizeof eight);
    if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
    bits |= (eight & 0x0101010101010101U) * 0x0102040810204080U >> 56U << 8 * half;  // octet k's bit goes to 56 + k
  }
  return bits;
#endif
}

/// More than max_copied_gaps. (std::popcount() is a function call for the oldest processors of this architecture.)
bool has_many_gaps(std::uint64_t dropped) noexcept {
  std::uint64_t firsts = dropped & ~(dropped << 1U);
  for (int i = 0; i < max_copied_gaps; ++i) firsts &= firsts - 1;
  return firsts != 0;
}

/// Writes those of a block's octets that have a bit in `kept`, two at a time and without a branch; reads one octet
/// more. Where the first of two is dropped, the pair is read from the second on; what counts of it is written, and what
/// does not is written over.
char* copy_kept(const char* at, std::uint64_t kept, char* out) noexcept {
  for (std::size_t i = 0; i < block; i += 2, kept >>= 2U) {
    const std::size_t first = kept & 1U;
    std::memcpy(out, at + i + (first ^ 1U), 2);
    out += first + (kept >> 1U & 1U);
  }
  return out;
}

/// Writes a block in reduced form, and up to a block's size of anything behind it; gives the end of what counts. Reads
/// two octets more.
char* reduce_block(const char* at, char* out) noexcept {
  char spaced[2 * block] = {};  // tabs turned into spaces, and room to copy a whole block from anywhere in it
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < block; i += sizeof(Octets)) {
    const Octets here = load(at + i);
    const Octets next = load(at + i + 1);
    const Octets tab = octets(here == '\t');
    const Octets ends_line = octets(next == '\r') & octets(load(at + i + 2) == '\n');
    const Octets next_space = octets(next == ' ') | octets(next == '\t');
    dropped |= bits_of((tab | octets(here == ' ')) & (next_space | ends_line)) << i;
    const Octets changed = (here & ~tab) | (tab & ' ');
    std::memcpy(spaced + i, &changed, sizeof changed);
  }
  if (has_many_gaps(dropped)) return copy_kept(spaced, ~dropped, out);
  for (std::size_t from = 0; from < block;) {
    const std::uint64_t rest = dropped >> from;
    const std::size_t kept = rest == 0 ? block - from : static_cast<std::size_t>(std::countr_zero(rest));
    std::memcpy(out, spaced + from, block);
    out += kept;
    from += kept;
    if (from < block) from += static_cast<std::size_t>(std::countr_one(dropped >> from));
  }
  return out;
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
  return {digest_.finish(), octets_, canonical_};
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
  while (end - at > block + 1) {  // what looks at a block may look at two octets behind it
    if (is_plain(piece.data() + at)) {
      at += block;
      continue;
    }
    if (at != run) emit(piece.substr(run, at - run));
    if (buffer_.size() - buffered_ < 2 * block) flush();
    buffered_ = static_cast<std::size_t>(reduce_block(piece.data() + at, buffer_.data() + buffered_) - buffer_.data());
    at += block;
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

/// A few octets, fewer than the buffer holds. Behind white space in the range stands at least one octet more, and
/// behind white space and CR at least two.
void BodyHasher::reduce_octets(std::string_view piece, std::size_t from, std::size_t to) {
  if (buffer_.size() - buffered_ < to - from) flush();
  for (std::size_t i = from; i < to; ++i) {
    const bool space = is_wsp(piece[i]);
    if (space && (is_wsp(piece[i + 1]) || (piece[i + 1] == '\r' && piece[i + 2] == '\n'))) continue;
    buffer_[buffered_++] = space ? ' ' : piece[i];
  }
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
  canonical_ += octets.size();
  if (limit_ && octets.size() > *limit_ - octets_)
    octets = octets.substr(0, static_cast<std::size_t>(*limit_ - octets_));
  octets_ += octets.size();
  digest_.update(octets);
}

}  // namespace sendconn::dkim

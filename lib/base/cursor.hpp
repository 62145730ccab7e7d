// Cursor: the bounded reader that every parser goes through. It never reads outside its text, and it knows where it is,
// so that an error can name the position.
#pragma once

#include <cstddef>
#include <string_view>

#include "lib/base/ascii.hpp"

namespace sendconn {

/// A position in a text that outlives it. All reads are bounded: at the end, peek() gives NUL and take() takes nothing.
class Cursor {
 public:
  explicit constexpr Cursor(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] constexpr bool at_end() const noexcept { return position_ == text_.size(); }
  [[nodiscard]] constexpr std::size_t position() const noexcept { return position_; }
  [[nodiscard]] constexpr std::string_view rest() const noexcept { return text_.substr(position_); }
  /// What stands between an earlier position and the present one.
  [[nodiscard]] constexpr std::string_view since(std::size_t start) const noexcept {
    return text_.substr(start, position_ - start);
  }

  /// The octet `ahead` places from here, NUL behind the end (test at_end() where NUL is possible input).
  [[nodiscard]] constexpr char peek(std::size_t ahead = 0) const noexcept {
    return ahead < text_.size() - position_ ? text_[position_ + ahead] : '\0';
  }

  constexpr void skip(std::size_t count = 1) noexcept {
    const std::size_t left = text_.size() - position_;
    position_ += count < left ? count : left;
  }

  /// Takes `c` if it stands here.
  constexpr bool take(char c) noexcept {
    if (at_end() || text_[position_] != c) return false;
    ++position_;
    return true;
  }

  /// Takes `word` if it stands here, upper and lower case the same.
  bool take_word(std::string_view word) noexcept {
    if (!ascii::starts_with(rest(), word)) return false;
    position_ += word.size();
    return true;
  }

  /// Takes the longest run of octets that `accept` is true for; may be empty.
  template <class Predicate>
  constexpr std::string_view take_while(Predicate accept) noexcept {
    const std::size_t start = position_;
    while (position_ < text_.size() && accept(text_[position_])) ++position_;
    return since(start);
  }

  /// Takes everything up to, and not including, `c`; everything there is if `c` does not come.
  constexpr std::string_view take_until(char c) noexcept {
    const std::size_t start = position_;
    const std::size_t found = text_.find(c, position_);
    position_ = found == std::string_view::npos ? text_.size() : found;
    return since(start);
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace sendconn

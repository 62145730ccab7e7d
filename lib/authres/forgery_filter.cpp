// ForgeryFilter: the fields that strangers write in our name do not pass (RFC 8601 section 5).
//
// States: name (the octets so far could be the field's name), keep (another field: everything passes), hold (the field:
// held back up to its end), body.
#include <sendconn/authres.hpp>

#include <algorithm>

#include "lib/authres/value.hpp"
#include "lib/base/ascii.hpp"

namespace sendconn::authres {
namespace {

constexpr std::string_view field_name = "authentication-results";

bool is_line_end(char c) noexcept { return c == '\r' || c == '\n'; }

/// `text` can still become the field's name and white space behind it.
bool may_be_name(std::string_view text) noexcept {
  if (text.size() <= field_name.size()) return ascii::equal(text, field_name.substr(0, text.size()));
  return ascii::starts_with(text, field_name) && ascii::is_wsp(text.back());
}

}  // namespace

Result<ForgeryFilter> ForgeryFilter::create(const std::vector<std::string>& own_ids) {
  std::vector<std::string> ids;
  for (const std::string& id : own_ids) {
    if (id.empty())
      return Error{Errc::invalid_argument, "an empty id of Authentication-Results (RFC 8601 section 2.5)"};
    ids.push_back(comparable(id));
  }
  if (ids.empty())
    return Error{Errc::invalid_argument, "no id whose Authentication-Results are ours (RFC 8601 section 5)"};
  return ForgeryFilter(std::move(ids));
}

void ForgeryFilter::feed(std::string_view piece, std::string& out) {
  while (!piece.empty() && state_ != State::body) {
    // Whole runs where nothing is decided.
    if (!line_start_ && !after_cr_ && state_ != State::name) {
      const std::size_t run = std::min(piece.find_first_of("\r\n"), piece.size());
      if (state_ == State::keep) {
        out += piece.substr(0, run);
      } else {
        const std::size_t room = max_field_octets - std::min(held_.size(), max_field_octets);
        held_ += piece.substr(0, std::min(run, room));
        overlong_ = overlong_ || run > room;
      }
      piece.remove_prefix(run);
      if (piece.empty()) return;
    }
    take(piece.front(), out);
    piece.remove_prefix(1);
  }
  out += piece;
}

void ForgeryFilter::take(char c, std::string& out) {
  if (after_cr_ && c != '\n') {  // a bare CR was a line's end
    after_cr_ = false;
    line_start_ = true;
    crlf_ = false;
  }
  if (line_start_ && !after_cr_) begin_line(c, out);
  if (state_ == State::name) {
    held_ += c;
    if (c == ':' && held_.size() > field_name.size()) {
      state_ = State::hold;
    } else if (is_line_end(c) || !may_be_name(held_)) {
      state_ = State::keep;
      out += held_;
      held_.clear();
    } else if (held_.size() > max_field_octets) {
      state_ = State::hold;
      overlong_ = true;
    }
  } else if (state_ == State::hold) {
    if (held_.size() < max_field_octets) {
      held_ += c;
    } else {
      overlong_ = true;
    }
  } else {
    out += c;
  }
  if (c == '\n') {
    // The empty line that every reader takes for one: CRLF behind CRLF, or at the beginning.
    if (empty_line_ && after_cr_ && crlf_) state_ = State::body;
    crlf_ = after_cr_;
    line_start_ = true;
  }
  after_cr_ = c == '\r';
}

void ForgeryFilter::begin_line(char c, std::string& out) {
  line_start_ = false;
  empty_line_ = is_line_end(c);
  if (ascii::is_wsp(c)) {  // goes on with the field above
    if (state_ == State::name) state_ = State::keep;
    return;
  }
  settle(out);
  state_ = empty_line_ ? State::keep : State::name;
}

void ForgeryFilter::settle(std::string& out) {
  if (state_ == State::hold && is_forged()) {
    ++removed_;
  } else {
    out += held_;
  }
  held_.clear();
  overlong_ = false;
}

bool ForgeryFilter::is_forged() const {
  if (overlong_) return true;
  std::string_view value = std::string_view(held_).substr(held_.find(':') + 1);
  while (!value.empty() && is_line_end(value.back())) value.remove_suffix(1);
  Cursor cursor(value);
  const auto opening = take_opening(cursor);
  if (!opening || opening->version != 1) return true;
  return std::find(ids_.begin(), ids_.end(), comparable(opening->id)) != ids_.end();
}

void ForgeryFilter::finish(std::string& out) {
  settle(out);
  state_ = State::body;
}

Result<std::string> remove_forged(std::string_view header, const std::vector<std::string>& own_ids) {
  auto filter = ForgeryFilter::create(own_ids);
  if (!filter) return filter.error();
  std::string out;
  out.reserve(header.size());
  filter->feed(header, out);
  filter->finish(out);
  return out;
}

}  // namespace sendconn::authres

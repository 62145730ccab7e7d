#include "lib/smtp/content_reader.hpp"

#include <algorithm>
#include <bit>

#include "lib/smtp/octet_masks.hpp"

namespace sendconn::smtp {
namespace {

struct Run {
  std::size_t size = 0;
  bool eight_bit = false;
};

/// The longest run from the start of `text` that is content as it stands: it stops in front of a dot at the start of a
/// line, of NUL, of an LF without CR, and of what follows a CR without LF. `after_cr`: the octet before was CR.
Run find_run(std::string_view text, bool after_cr) noexcept {
  Run run;
  std::uint64_t carried_cr = after_cr ? 1 : 0;
  std::uint64_t carried_end = 0;  // the octet before ended a line
  char tail[OctetMasks::block];
  while (run.size < text.size()) {
    const std::size_t left = text.size() - run.size;
    const char* octets = text.data() + run.size;
    if (left < OctetMasks::block) {
      std::fill(std::copy_n(octets, left, std::begin(tail)), std::end(tail), 'x');
      octets = tail;
    }
    const OctetMasks found = find_octets(octets);
    const std::uint64_t behind_cr = (found.cr << 1) | carried_cr;
    const std::uint64_t ends = found.lf & behind_cr;
    const std::uint64_t behind_end = (ends << 1) | carried_end;
    std::uint64_t stops = (found.lf ^ behind_cr) | (found.dot & behind_end) | found.nul;
    // What fills the tail up is not text: the run ends in front of it at the latest.
    if (left < OctetMasks::block) stops |= std::uint64_t{1} << left;
    const auto length = static_cast<unsigned>(std::countr_zero(stops));
    const std::size_t taken = std::min<std::size_t>({length, left, OctetMasks::block});
    const std::uint64_t valid = taken == OctetMasks::block ? ~std::uint64_t{0} : (std::uint64_t{1} << taken) - 1;
    run.eight_bit |= (found.high & valid) != 0;
    run.size += taken;
    if (taken < OctetMasks::block) break;
    carried_cr = found.cr >> 63;
    carried_end = ends >> 63;
  }
  return run;
}

}  // namespace

ContentReader::Step ContentReader::fail(std::size_t used, Fault fault) noexcept {
  faulty_ = true;
  return {used, {}, false, fault};
}

/// Gives a newline in place of a bare one.
ContentReader::Step ContentReader::give_newline(std::size_t used, std::string_view octets,
                                                const Limits& limits) noexcept {
  place_ = Place::inside;
  column_ = 0;
  if (limits.max_octets != 0 && limits.max_octets - octets_ < octets.size()) return fail(used, Fault::too_large);
  octets_ += octets.size();
  return {used, octets, false, Fault::none};
}

/// How much of `run` comes before a line gets longer than `max_line`. A CR stands only in front of LF or last in a run.
std::size_t ContentReader::measure_lines(std::string_view run, std::size_t max_line) noexcept {
  std::size_t start = 0;
  while (start < run.size()) {
    const std::size_t end = std::min(run.find('\n', start), run.size());
    std::size_t length = end - start;
    if (length > 0 && run[end - 1] == '\r') --length;
    if (length > max_line - column_) {
      const std::size_t fits = start + (max_line - column_);
      column_ = max_line;
      return fits;
    }
    column_ = end == run.size() ? column_ + length : 0;
    start = end + 1;
  }
  return run.size();
}

ContentReader::Step ContentReader::take(std::string_view input, const Limits& limits) noexcept {
  std::size_t used = 0;
  while (used < input.size()) {
    const char c = input[used];
    if (place_ == Place::line_start && c == '.') {
      place_ = Place::dot;
      ++used;
      continue;
    }
    if (place_ == Place::dot) {
      place_ = c == '\r' ? Place::dot_cr : Place::inside;
      if (c == '\r') ++used;
      continue;
    }
    if (place_ == Place::dot_cr) {
      if (c == '\n') return {used + 1, {}, true, Fault::none};
      place_ = Place::inside;
      if (faulty_) continue;
      return limits.normalize ? give_newline(used, "\r\n", limits) : fail(used, Fault::bare_newline);
    }
    if (place_ == Place::after_cr && c != '\n') {
      place_ = Place::inside;
      if (faulty_) continue;
      return limits.normalize ? give_newline(used, "\n", limits) : fail(used, Fault::bare_newline);
    }
    if (place_ != Place::after_cr && (c == '\n' || c == '\0')) {
      place_ = Place::inside;
      if (faulty_) {
        ++used;
        continue;
      }
      if (c == '\0') return fail(used, Fault::nul);
      return limits.normalize ? give_newline(used + 1, "\r\n", limits) : fail(used, Fault::bare_newline);
    }

    std::string_view text = input.substr(used);
    const Run run = find_run(text, place_ == Place::after_cr);
    text = text.substr(0, run.size);
    Fault fault = Fault::none;
    if (!faulty_) {
      if (limits.max_octets != 0 && text.size() > limits.max_octets - octets_) {
        text = text.substr(0, static_cast<std::size_t>(limits.max_octets - octets_));
        fault = Fault::too_large;
      }
      if (limits.max_line != 0) {
        const std::size_t fits = measure_lines(text, limits.max_line);
        if (fits < text.size()) {
          text = text.substr(0, fits);
          fault = Fault::line_too_long;
        }
      }
      if (text.empty()) return fail(used, fault);
    }
    used += text.size();
    place_ = text.back() == '\r' ? Place::after_cr : text.back() == '\n' ? Place::line_start : Place::inside;
    if (faulty_) continue;
    octets_ += text.size();
    eight_bit_ |= run.eight_bit;
    return {used, text, false, Fault::none};
  }
  return {used, {}, false, Fault::none};
}

}  // namespace sendconn::smtp

// Questions: asked once each, answered in any order.
#include "lib/spf/questions.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/words.hpp"
#include "lib/dns/name.hpp"

namespace sendconn::spf {
namespace {

/// Copies a name in lower case, and says whether it is one: ascii::assign_lower() and dns::is_name() in one pass, since
/// every host of an MX goes through it. `name` is not empty; a trailing dot is one too many.
bool assign_if_name(std::string& out, std::string_view name) {
  if (name.size() < words::octets || name.size() > dns::max_label_octets) {
    ascii::assign_lower(out, name);
    return name.back() != '.' && dns::is_name(name);
  }
  out.resize(name.size());
  const std::size_t last = name.size() - words::octets;
  std::uint64_t empty_labels = 0;
  for (std::size_t at = 0;; at = std::min(at + words::octets - 1, last)) {  // a pair of dots may lie across two words
    const std::uint64_t word = words::load(name.data() + at);
    const std::uint64_t dots = words::equal(word, '.');
    empty_labels |= dots & dots << 8U;
    words::store(out.data() + at, words::lower(word));
    if (at == last) break;
  }
  return empty_labels == 0 && name.front() != '.' && name.back() != '.';
}

}  // namespace

std::size_t Questions::ask(std::string_view name, dns::RecordType type) {
  if (size_ == all_.size()) all_.emplace_back();
  ascii::assign_lower(all_[size_].question.name, name);
  return keep(name, type);
}

std::optional<std::size_t> Questions::ask_if_name(std::string_view name, dns::RecordType type) {
  if (size_ == all_.size()) all_.emplace_back();
  if (name.empty() || !assign_if_name(all_[size_].question.name, name)) return std::nullopt;
  return keep(name, type);
}

/// The entry behind the last one has its name, `name` in lower case, already.
std::size_t Questions::keep(std::string_view name, dns::RecordType type) {
  Entry& entry = all_[size_];
  entry.question.type = type;
  // Of `name`: what was just stored in pieces of another size, a processor reads back slowly.
  entry.start = name.size() < words::octets ? 0 : words::lower(words::load(name.data()));
  for (std::size_t i = 0; i < size_; ++i)
    if (all_[i].start == entry.start && all_[i].question == entry.question) return i;
  entry.reply = {};
  ++open_;
  return size_++;
}

}  // namespace sendconn::spf

// Questions: asked once each, answered in any order.
#include "lib/spf/questions.hpp"

#include "lib/base/ascii.hpp"
#include "lib/base/words.hpp"

namespace sendconn::spf {

std::size_t Questions::ask(std::string_view name, dns::RecordType type) {
  if (size_ == all_.size()) all_.emplace_back();
  Entry& entry = all_[size_];
  ascii::assign_lower(entry.question.name, name);
  entry.question.type = type;
  // Of `name`: what was just stored in pieces of another size, a processor reads back slowly.
  entry.start = name.size() < words::octets ? 0 : words::lower(words::load(name.data()));
  for (std::size_t i = 0; i < size_; ++i)
    if (all_[i].start == entry.start && all_[i].question == entry.question) return i;
  entry.reply = {};
  ++open_;
  return size_++;
}

std::optional<std::size_t> Questions::find(const dns::Question& question) const noexcept {
  for (std::size_t i = 0; i < handed_; ++i) {
    const Entry& entry = all_[i];
    if (entry.reply.arrived) continue;
    // Who drives a check often gives back what next() gave.
    if (&entry.question == &question || entry.question == question) return i;
  }
  return std::nullopt;
}

}  // namespace sendconn::spf

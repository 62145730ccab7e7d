// Questions: asked once each, answered in any order.
#include "lib/spf/questions.hpp"

#include "lib/base/ascii.hpp"

namespace sendconn::spf {
namespace {

void assign_lower(std::string& out, std::string_view text) {
  out.assign(text);
  for (char& c : out) c = ascii::lower(c);
}

}  // namespace

std::size_t Questions::ask(std::string_view name, dns::RecordType type) {
  for (std::size_t i = 0; i < size_; ++i)
    if (all_[i].question.type == type && ascii::equal(all_[i].question.name, name)) return i;
  if (size_ == all_.size()) all_.emplace_back();
  Entry& entry = all_[size_];
  assign_lower(entry.question.name, name);
  entry.question.type = type;
  entry.reply = {};
  ++open_;
  return size_++;
}

std::optional<std::size_t> Questions::find(const dns::Question& question) const noexcept {
  for (std::size_t i = 0; i < handed_; ++i)
    if (!all_[i].reply.arrived && all_[i].question.type == question.type && all_[i].question.name == question.name)
      return i;
  return std::nullopt;
}

}  // namespace sendconn::spf

// Questions: what a check has asked and what of it is answered. The texts' memory is used again.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <sendconn/dns.hpp>

namespace sendconn::spf {

/// What a check needs to know of an answer whose records it does not keep.
struct Reply {
  bool arrived = false;
  bool found = false;  ///< there were records of the type
  bool matches = false;
  dns::Status status = dns::Status::no_error;
  [[nodiscard]] bool failed() const noexcept { return dns::is_temporary(status); }
};

/// The questions of one term: one, or the addresses of several names. Thread-compatible.
class Questions {
 public:
  void clear() noexcept { size_ = handed_ = open_ = 0; }

  /// The number of the question; a name that is asked already is not asked twice. Names are kept in lower case, so that
  /// a cache knows them again.
  std::size_t ask(std::string_view name, dns::RecordType type);

  /// The same for a name out of an answer, without its trailing dot, which may be none (dns::is_name()), or the root's,
  /// which has no addresses: then nothing is asked.
  std::optional<std::size_t> ask_if_name(std::string_view name, dns::RecordType type);

  const dns::Question* next() noexcept { return handed_ < size_ ? &all_[handed_++].question : nullptr; }
  /// The number of an open question; nothing if it is not one.
  [[nodiscard]] std::optional<std::size_t> find(const dns::Question& question) const noexcept {
    for (std::size_t i = 0; i < handed_; ++i) {
      const Entry& entry = all_[i];
      if (entry.reply.arrived) continue;
      // Who drives a check often gives back what next() gave.
      if (&entry.question == &question || entry.question == question) return i;
    }
    return std::nullopt;
  }
  void settle(std::size_t number, const Reply& reply) noexcept {
    all_[number].reply = reply;
    all_[number].reply.arrived = true;
    --open_;
  }

  [[nodiscard]] const dns::Question& question(std::size_t number) const noexcept { return all_[number].question; }
  [[nodiscard]] const Reply& reply(std::size_t number) const noexcept { return all_[number].reply; }
  [[nodiscard]] bool all_arrived() const noexcept { return open_ == 0; }

 private:
  std::size_t keep(std::string_view name, dns::RecordType type);

  struct Entry {
    dns::Question question;
    std::uint64_t start = 0;  ///< the name's first eight octets, which tell most names apart; 0: it is shorter
    Reply reply;
  };
  std::vector<Entry> all_;  ///< the first size_ count; the others keep their memory
  std::size_t size_ = 0;
  std::size_t handed_ = 0;
  std::size_t open_ = 0;
};

}  // namespace sendconn::spf

// What of DKIM is accepted, as options of a command: a set by its name, and single options on top of it. They are the
// members of dkim::VerifyPolicy.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/dkim_verify.hpp>

namespace CLI {
class App;
}

namespace sendconn::tools {

struct DkimPolicyOptions {
  std::string base = "rfc";  ///< or "legacy"
  std::string body_length;   ///< empty: as the set has it
  std::optional<unsigned> min_bits;
  std::optional<unsigned> max_bits;
  std::optional<std::size_t> max_signatures;
  std::optional<unsigned> clock_skew;  ///< seconds
  bool allow_sha1 = false;
  bool allow_drafts = false;
  bool allow_expired = false;
  bool allow_unsigned_from = false;  ///< From need not be in h=
  bool refuse_future = false;
  bool refuse_unsigned_from = false;

  void add_options(CLI::App& command);
  [[nodiscard]] dkim::VerifyPolicy policy() const;
};

/// Which option of a command changes what a member of VerifyPolicy decides; empty for no member.
std::string_view command_option_of(std::string_view member);

}  // namespace sendconn::tools

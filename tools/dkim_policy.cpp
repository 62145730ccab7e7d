#include "tools/dkim_policy.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <utility>

namespace sendconn::tools {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> options = {
    {{"allow_sha1", "--allow-sha1"},
     {"min_rsa_bits", "--min-bits"},
     {"max_rsa_bits", "--max-bits"},
     {"max_signatures", "--max-signatures"},
     {"body_length", "--body-length"},
     {"refuse_expired", "--allow-expired"},
     {"refuse_future", "--refuse-future"},
     {"refuse_unsigned_from", "--refuse-unsigned-from"}}};

constexpr unsigned max_signatures = 10'000;  // whoever asks for more has more than a message can carry
constexpr unsigned max_skew = 86'400;        // a day; a clock that is further off is none

}  // namespace

void DkimPolicyOptions::add_options(CLI::App& command) {
  constexpr const char* group = "What is accepted";
  command.add_option("--policy", base, "rfc: what the RFCs demand; legacy: for archives (SHA-1, short keys, drafts)")
      ->type_name("NAME")
      ->check(CLI::IsMember({"rfc", "legacy"}).description(""))
      ->capture_default_str()
      ->group(group);
  command.add_flag("--allow-sha1", allow_sha1, "Take rsa-sha1")->group(group);
  command.add_flag("--allow-drafts", allow_drafts, "Take the drafts before RFC 4871")->group(group);
  command.add_flag("--allow-expired", allow_expired, "Take signatures whose x= has passed")->group(group);
  command.add_flag("--allow-from-not-signed", allow_unsigned_from, "Take signatures whose h= lacks From")->group(group);
  command.add_flag("--refuse-future", refuse_future, "Refuse a t= in the future")->group(group);
  command.add_flag("--refuse-unsigned-from", refuse_unsigned_from, "Refuse if the message has a From besides h=")
      ->group(group);
  command
      .add_option("--body-length", body_length,
                  "l=: accept, refuse-unsigned (if the body goes on behind it) or refuse (any)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"accept", "refuse-unsigned", "refuse"}).description(""))
      ->group(group);
  command.add_option("--min-bits", min_bits, "Of an RSA key; 1024 as the RFCs have it")
      ->type_name("N")
      ->check(CLI::Range(1U, crypto::PublicKey::max_rsa_bits).description(""))
      ->group(group);
  command.add_option("--max-bits", max_bits, "Of an RSA key; 4096 as the RFCs have it")
      ->type_name("N")
      ->check(CLI::Range(1U, crypto::PublicKey::max_rsa_bits).description(""))
      ->group(group);
  command.add_option("--max-signatures", max_signatures, "So many are looked at; 10 unless given")
      ->type_name("N")
      ->check(CLI::Range(1U, tools::max_signatures).description(""))
      ->group(group);
  command.add_option("--clock-skew", clock_skew, "Seconds that the signer's clock may be off; 300 unless given")
      ->type_name("N")
      ->check(CLI::Range(0U, max_skew).description(""))
      ->group(group);
}

dkim::VerifyPolicy DkimPolicyOptions::policy() const {
  dkim::VerifyPolicy policy = base == "legacy" ? dkim::VerifyPolicy::legacy() : dkim::VerifyPolicy();
  if (allow_sha1) policy.allow_sha1 = true;
  if (allow_drafts) policy.allow_drafts = true;
  if (allow_expired) policy.refuse_expired = false;
  if (allow_unsigned_from) policy.require_from = false;
  if (refuse_future) policy.refuse_future = true;
  if (refuse_unsigned_from) policy.refuse_unsigned_from = true;
  if (body_length == "accept") policy.body_length = dkim::BodyLength::accept;
  if (body_length == "refuse-unsigned") policy.body_length = dkim::BodyLength::refuse_unsigned_content;
  if (body_length == "refuse") policy.body_length = dkim::BodyLength::refuse;
  policy.min_rsa_bits = min_bits.value_or(policy.min_rsa_bits);
  policy.max_rsa_bits = max_bits.value_or(policy.max_rsa_bits);
  policy.max_signatures = max_signatures.value_or(policy.max_signatures);
  if (clock_skew) policy.clock_skew = std::chrono::seconds(*clock_skew);
  return policy;
}

std::string_view command_option_of(std::string_view member) {
  for (const auto& [name, option] : options)
    if (name == member) return option;
  return {};
}

}  // namespace sendconn::tools

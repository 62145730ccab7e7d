// Requests and answers of the admin socket as JSON: reading arguments, showing records.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dns.hpp>
#include <sendconn/result.hpp>

#include "relay/admin/queue_admin.hpp"
#include "relay/control/records.hpp"

namespace sendconn::relay::admin {

/// A request's line; longer ones are refused. Our own bound: it holds a message of `dkim sign`, nothing else is large.
constexpr std::size_t max_request_octets = 16'777'216;

/// The arguments of one request. Reading takes note of the first fault and of what was asked for; finish() tells the
/// fault, or the argument that nobody asked for. Until then readers give empty values.
class Arguments {
 public:
  explicit Arguments(const nlohmann::json& object);
  std::string text(std::string_view name);  ///< required, not empty
  std::string text_or(std::string_view name, std::string_view fallback);
  std::vector<std::string> texts(std::string_view name);  ///< empty if absent
  bool flag(std::string_view name);                       ///< false if absent
  std::uint64_t number_or(std::string_view name, std::uint64_t fallback);
  [[nodiscard]] Result<void> finish() const;

 private:
  const nlohmann::json* find(std::string_view name);
  void fail(std::string_view name, std::string_view required);
  const nlohmann::json& object_;
  std::set<std::string, std::less<>> known_;
  std::string fault_;
};

std::string_view format(Errc code);      ///< "not_found"
std::string format_time(UnixTime time);  ///< "2026-11-22T15:02:50Z"

nlohmann::json show(const Account& account);
nlohmann::json show(const ConnectorRecord& connector);
nlohmann::json show(const DomainRecord& domain, const ownership::Challenge& challenge);
/// With the text of the record to publish, if the key itself is at hand.
nlohmann::json show(const KeyRecord& record, const crypto::PrivateKey* key = nullptr);
nlohmann::json show(const QueuedMessage& message);
nlohmann::json show(const RelayStatus& status);
nlohmann::json show(const dns::Answer& answer, dns::RecordType type);

/// Octets as JSON text carries them: each is the code point of its number, in UTF-8. Errc::syntax for a code point
/// above U+00FF.
Result<std::string> from_code_points(std::string_view text);

}  // namespace sendconn::relay::admin

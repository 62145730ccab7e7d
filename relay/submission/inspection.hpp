// Inspection: SPF, DKIM and DMARC of one message on its way in. It drives authenticate::Check with the loop's resolver:
// questions go out as soon as they are known, while the message still comes, and the answer to the message waits for
// the rest, at most until a deadline.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <sendconn/authenticate.hpp>

#include "relay/net/loop.hpp"

namespace sendconn::relay {

/// Belongs to one loop and is held by shared_ptr; when it is dropped, answers that still come are dropped, too.
class Inspection : public std::enable_shared_from_this<Inspection> {
 public:
  using Done = std::function<void(const authenticate::Results&)>;

  Inspection(Loop& loop, const authenticate::Envelope& envelope, const authenticate::Options& options)
      : loop_(loop), check_(envelope, options) {}

  /// Asks what the envelope alone gives reason to.
  void start() { ask(); }
  /// The next piece of the message, as the client sent it.
  void content(std::string_view octets);
  /// The message has ended. Calls `done` once: from inside if nothing is open, else when it is answered, at the latest
  /// after `deadline`; what is open then counts as a timeout.
  void end(std::chrono::milliseconds deadline, Done done);

 private:
  void ask();
  void report();

  Loop& loop_;
  authenticate::Check check_;
  Done done_;
  std::optional<asio::steady_timer> deadline_;  ///< ends with us: most messages are answered long before
  bool asking_ = false;
  bool again_ = false;  ///< an answer came from inside resolve()
};

}  // namespace sendconn::relay

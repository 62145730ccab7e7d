// Intake: one message on its way in. It takes the content in pieces, checks the header section, drops Bcc, adds what is
// missing, feeds the signer, and ends with what the spool needs. No sockets, no clock: both are facts it is given.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim.hpp>
#include <sendconn/message.hpp>
#include <sendconn/policy.hpp>
#include <sendconn/reply.hpp>
#include <sendconn/time.hpp>

#include "relay/control/directory.hpp"
#include "relay/spool/spool.hpp"

namespace sendconn::relay {

/// What the session and the connection know about the message.
struct IntakeFacts {
  QueueId id = 0;
  UnixTime now{};
  std::string hostname;
  std::string client;                 ///< address as text
  std::string hello;                  ///< what the client called itself; checked for form by the session
  std::string protocol;               ///< ESMTPSA and so on (RFC 3848, RFC 6531 section 4.3)
  std::string tls;                    ///< "TLSv1.3 TLS_AES_256_GCM_SHA384", empty without TLS
  bool smtputf8 = false;              ///< the client asked for it (RFC 6531)
  std::uint64_t expected_octets = 0;  ///< SIZE, a hint for memory; 0: unknown
};

struct IntakeLimits {
  std::size_t max_header_octets = 262'144;
  std::size_t max_received = 100;
  std::uint64_t max_memory_octets = 262'144;  ///< above it the message goes to a file
  bool require_signature = true;
  std::string_view authserv_id;       ///< Authentication-Results with it are forged, since they come from a client
  std::string_view quarantine_field;  ///< fields of this name are forged; empty: nobody asks for them
};

/// A message that was taken.
struct TakenMessage {
  std::string prefix;  ///< the signatures, Received, and Date and Message-ID as far as they were missing
  std::shared_ptr<const Content> content;
  policy::Authors authors;
  bool eight_bit_header = false;
  std::string message_id;  ///< as it stands, for the log
};

class Intake {
 public:
  /// `connector` and `directory` decide all of the message, unless decide_again() brings others.
  /// Without a connector the message was received from the Internet: it is nobody's here, so no rights are asked, it is
  /// not signed, and it stays as it came but for Received and what is forged in our name (RFC 5321 section 6.4).
  Intake(IntakeFacts facts, const IntakeLimits& limits, std::shared_ptr<const Connector> connector,
         std::shared_ptr<const Directory> directory, Spool& spool);
  ~Intake();

  /// The next piece. After a refusal further pieces are dropped.
  void content(std::string_view octets);
  /// The rights have changed since the header section was judged: its authors are judged by these, and so is what is
  /// still to come. A refusal, or nothing.
  std::optional<Reply> decide_again(std::shared_ptr<const Connector> connector,
                                    std::shared_ptr<const Directory> directory);
  /// Why the message is refused, as far as that is known before its end.
  [[nodiscard]] const std::optional<Reply>& refusal() const noexcept { return refusal_; }
  /// The end, and the place of the public-key operations (about 0.3 ms for RSA-2048 on a loop's thread, which costs
  /// less than handing the message to another thread and back). A refusal, or nothing: then take() has the message.
  std::optional<Reply> end();
  TakenMessage take() { return std::move(taken_); }
  /// What the disk said when it failed; names files, so it is for the log and not for the client.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  void header_complete();
  void decide(const mail::Header& header);
  std::string add_missing(const mail::Header& header);
  [[nodiscard]] bool is_dropped(const mail::Field& field) const;
  void open_signer();
  void store(std::string_view octets);
  void sign(std::string_view octets);
  void add_signatures();
  void refuse(Reply reply);
  void refuse_disk(const Error& error);

  IntakeFacts facts_;
  IntakeLimits limits_;
  std::shared_ptr<const Connector> connector_;
  std::shared_ptr<const Directory> directory_;
  Spool& spool_;
  mail::Splitter splitter_;
  bool header_done_ = false;
  std::optional<Reply> refusal_;
  std::string fault_;
  std::string memory_;
  std::unique_ptr<ContentWriter> writer_;
  std::optional<dkim::Signer> signer_;  ///< none: the domain has no key, and the configuration allows that
  TakenMessage taken_;
};

/// "Received: …" with its CRLF (RFC 5321 section 4.4).
std::string format_received(const IntakeFacts& facts);

}  // namespace sendconn::relay

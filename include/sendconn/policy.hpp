// Who may send what: pure decisions over facts. decide() never looks anything up; the caller brings the rights.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/message.hpp>
#include <sendconn/reply.hpp>

#pragma GCC visibility push(default)

namespace sendconn::policy {

/// What a connector may do in a domain's name.
enum class Right : std::uint8_t {
  granted,
  unknown_domain,  ///< the account has not added the domain
  pending,         ///< added; ownership not proven yet
  revoked,         ///< ownership was proven once; the proof is gone
  not_granted,     ///< proven, but not granted to this connector
};

/// The answer to "may this connector send for this domain", with what would give the right.
struct DomainRight {
  Right right = Right::unknown_domain;
  std::string remedy;  ///< e.g. the TXT record to publish; one sentence for the reply, empty if none is known
};

/// Looks up the right for exactly this domain: each subdomain stands on its own.
using Rights = std::function<DomainRight(const Domain&)>;

/// The rights check at MAIL. No reverse-path: always allowed here; the From domain decides later. Nothing: go on.
std::optional<Reply> decide_mail(const std::optional<Address>& reverse_path, const Rights& rights);

/// What the header says about who sends: the addresses of From, Sender, Resent-From and Resent-Sender.
struct Authors {
  std::vector<Address> from;
  std::vector<Address> sender;  ///< Sender, Resent-From, Resent-Sender together
};

/// The checks at the end of the header section: what RFC 5322 section 3.6 forbids (no From, two of From, Date, Sender,
/// Reply-To, To, Cc, Bcc, Message-ID, In-Reply-To, References, Subject …: 550 5.6.0), more than `max_received` Received
/// fields (554 5.4.6), and the right for every mailbox of From, Sender and Resent-* (550 5.7.1). `authors` is filled
/// for the log and the signer.
std::optional<Reply> decide_header(const mail::Header& header, const Rights& rights, std::size_t max_received,
                                   Authors& authors);

/// The rights alone once more, for who was taken from a header by decide_header(): a message may take hours to end, and
/// rights end meanwhile (550 5.7.1).
std::optional<Reply> decide_authors(const Authors& authors, const Rights& rights);

/// The rights once more when a message is about to be delivered, which may be days later: 451 4.7.1 while one of its
/// `domains` (of the reverse-path and the authors) has none, since the right may come back before the message expires.
std::optional<Reply> decide_delivery(const std::vector<Domain>& domains, const Rights& rights);

/// The check of a message from the Internet, which nobody here has to answer for: no more than `max_received` Received
/// fields (554 5.4.6). Its form is not judged (RFC 5321 section 3.3: a server SHOULD NOT), a missing From included.
std::optional<Reply> decide_received(const mail::Header& header, std::size_t max_received);

}  // namespace sendconn::policy

#pragma GCC visibility pop

// The rights checks of a message: at MAIL, and at the end of its header section.
//
// Form comes first, since a header that two readers take differently has no author whose rights could be checked.
#include <sendconn/policy.hpp>

#include <algorithm>
#include <array>

#include "lib/base/ascii.hpp"

namespace sendconn::policy {
namespace {

constexpr EnhancedCode not_allowed{5, 7, 1};   // RFC 3463 section 3.8: delivery not authorized
constexpr EnhancedCode bad_form{5, 6, 0};      // RFC 3463 section 3.7: other or undefined media error
constexpr EnhancedCode routing_loop{5, 4, 6};  // RFC 3463 section 3.5

/// The fields that may stand at most once in a header section (the table in RFC 5322 section 3.6).
constexpr std::array<std::string_view, 11> single_fields = {
    "From", "Date", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject"};

/// Fields besides From that say who sends.
struct SenderField {
  std::string_view name;
  bool single_mailbox;  ///< RFC 5322 sections 3.6.2 and 3.6.6
};
constexpr std::array<SenderField, 3> sender_fields = {
    {{"Sender", true}, {"Resent-From", false}, {"Resent-Sender", true}}};

Reply refuse_form(std::string text) { return {550, bad_form, std::move(text)}; }

/// The fact, and what mends it where the caller knows no record that does.
struct Explanation {
  std::string_view fact;
  std::string_view remedy;
};

Explanation explain(Right right) {
  switch (right) {
    case Right::granted:
      break;
    case Right::unknown_domain:
      return {"the account has not added this domain",
              "Add the domain to the account (each subdomain on its own) and publish its ownership record."};
    case Right::pending:
      return {"its ownership is not proven yet", "Publish its ownership record and have the domain verified."};
    case Right::revoked:
      return {"the proof of its ownership is gone", "Publish its ownership record again and have the domain verified."};
    case Right::not_granted:
      return {"it is not granted to this connector", "Grant the domain to this connector."};
  }
  return {"", ""};
}

/// `role`: which part of the message names the domain.
std::optional<Reply> check_right(std::string_view role, const Domain& domain, const Rights& rights) {
  const DomainRight found = rights(domain);
  if (found.right == Right::granted) return std::nullopt;
  const auto [fact, remedy] = explain(found.right);
  return Reply{550, not_allowed,
               std::string(role) + " domain " + domain.text() + " may not be used: " + std::string(fact) + ". " +
                   (found.remedy.empty() ? std::string(remedy) : found.remedy)};
}

std::optional<Reply> check_hops(std::size_t received, std::size_t max_received) {
  if (received <= max_received) return std::nullopt;
  return Reply{554, routing_loop,
               std::to_string(received) + " Received fields, at most " + std::to_string(max_received) +
                   " are allowed: the message seems to run in a loop (RFC 5321 section 6.3)"};
}

std::optional<Reply> check_counts(const mail::Header& header, std::size_t max_received) {
  std::array<std::size_t, single_fields.size()> counts{};
  std::size_t received = 0;
  for (const mail::Field& field : header.fields()) {
    if (ascii::equal(field.name, "Received")) ++received;
    const auto single = std::find_if(single_fields.begin(), single_fields.end(),
                                     [&](std::string_view name) { return ascii::equal(field.name, name); });
    if (single == single_fields.end()) continue;
    if (++counts[static_cast<std::size_t>(single - single_fields.begin())] > 1)
      return refuse_form("two " + std::string(*single) + " fields; at most one is allowed (RFC 5322 section 3.6)");
  }
  if (counts.front() == 0) return refuse_form("no From field; exactly one is required (RFC 5322 section 3.6)");
  return check_hops(received, max_received);
}

/// Appends the addresses of a field; refuses one that cannot be read or names nobody.
std::optional<Reply> take_addresses(const mail::Field& field, std::string_view name, bool single_mailbox,
                                    std::vector<Address>& addresses) {
  auto list = mail::parse_address_list(field.value);
  if (!list) return refuse_form("the " + std::string(name) + " field cannot be read: " + list.error().text);
  if (list->empty())
    return refuse_form("the " + std::string(name) +
                       " field names no address; one is required (RFC 5322 section 3.6.2)");
  if (single_mailbox && list->size() > 1)
    return refuse_form("the " + std::string(name) + " field names " + std::to_string(list->size()) +
                       " addresses; exactly one is required (RFC 5322 section 3.6.2)");
  std::move(list->begin(), list->end(), std::back_inserter(addresses));
  return std::nullopt;
}

std::optional<Reply> check_rights(std::string_view name, const std::vector<Address>& addresses, const Rights& rights) {
  for (const Address& address : addresses)
    if (auto refusal = check_right(name, address.domain(), rights)) return refusal;
  return std::nullopt;
}

}  // namespace

std::optional<Reply> decide_mail(const std::optional<Address>& reverse_path, const Rights& rights) {
  if (!reverse_path) return std::nullopt;
  return check_right("reverse-path", reverse_path->domain(), rights);
}

std::optional<Reply> decide_header(const mail::Header& header, const Rights& rights, std::size_t max_received,
                                   Authors& authors) {
  if (auto refusal = check_counts(header, max_received)) return refusal;
  if (auto refusal = take_addresses(*header.find("From"), "From", false, authors.from)) return refusal;
  if (auto refusal = check_rights("From", authors.from, rights)) return refusal;
  for (const mail::Field& field : header.fields()) {
    for (const auto& [name, single_mailbox] : sender_fields) {
      if (!ascii::equal(field.name, name)) continue;
      std::vector<Address> addresses;
      if (auto refusal = take_addresses(field, name, single_mailbox, addresses)) return refusal;
      authors.sender.insert(authors.sender.end(), addresses.begin(), addresses.end());
      if (auto refusal = check_rights(name, addresses, rights)) return refusal;
    }
  }
  return std::nullopt;
}

std::optional<Reply> decide_authors(const Authors& authors, const Rights& rights) {
  if (auto refusal = check_rights("From", authors.from, rights)) return refusal;
  return check_rights("Sender or Resent", authors.sender, rights);
}

std::optional<Reply> decide_delivery(const std::vector<Domain>& domains, const Rights& rights) {
  for (const Domain& domain : domains) {
    auto refusal = check_right("sender", domain, rights);
    if (!refusal) continue;
    refusal->code = 451;
    refusal->enhanced.klass = 4;
    return refusal;
  }
  return std::nullopt;
}

std::optional<Reply> decide_received(const mail::Header& header, std::size_t max_received) {
  return check_hops(header.count("Received"), max_received);
}

}  // namespace sendconn::policy

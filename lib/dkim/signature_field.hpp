// A DKIM-Signature field, read as meticulously as RFC 6376 section 6.1.1 demands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/dkim_verify.hpp>
#include <sendconn/message.hpp>

namespace sendconn::dkim {

/// What a verifier needs of a field beyond what it reports. Views into the field that was parsed.
struct SignatureField {
  crypto::KeyType key_type = crypto::KeyType::rsa;
  crypto::HashAlgorithm hash = crypto::HashAlgorithm::sha256;
  std::vector<std::string_view> names;  ///< h=
  std::string body_hash;                ///< bh=, decoded
  std::string signature;                ///< b=, decoded
  std::string key_name;                 ///< "<selector>._domainkey.<domain>"
  bool identity_below_domain = false;   ///< i= has a domain below d=
  /// The field's value without that of b= and the white space around it: what was signed (RFC 6376 section 3.7).
  std::string_view before_signature;
  std::string_view behind_signature;
};

/// The texts of a= and of the record's h=.
std::string_view name_of(crypto::HashAlgorithm hash) noexcept;
std::string_view name_of(crypto::KeyType type) noexcept;

/// Why a field is not to be looked at any further.
struct FieldFault {
  Reason reason;
  std::string text;
};

/// Fills `out` and `report` as far as the field can be read. The first fault in the order of RFC 6376 section 6.1.1, or
/// nothing. `drafts` as VerifyPolicy::allow_drafts, `require_from` as there.
std::optional<FieldFault> parse_signature_field(const mail::Field& field, bool drafts, bool require_from,
                                                SignatureField& out, SignatureResult& report);

}  // namespace sendconn::dkim

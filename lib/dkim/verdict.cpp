// The words and the meaning of what a verification ends with (RFC 6376 section 6.1, RFC 8601 section 2.7.1).
#include <sendconn/dkim_verify.hpp>

namespace sendconn::dkim {

std::string_view format(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::fail:
      return "fail";
    case Verdict::policy:
      return "policy";
    case Verdict::neutral:
      return "neutral";
    case Verdict::temperror:
      return "temperror";
    case Verdict::permerror:
      return "permerror";
  }
  return "neutral";
}

Verdict verdict_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::verified:
      return Verdict::pass;
    case Reason::syntax:
    case Reason::version:
    case Reason::missing_tag:
    case Reason::unknown_algorithm:
    case Reason::unknown_canonicalization:
    case Reason::unknown_query:
    case Reason::identity_outside_domain:
    case Reason::from_not_signed:
    case Reason::expires_before_it_was_signed:
      return Verdict::neutral;
    case Reason::too_many_signatures:
    case Reason::sha1_refused:
    case Reason::expired:
    case Reason::from_future:
    case Reason::length_refused:
    case Reason::unsigned_content:
    case Reason::unsigned_from:
    case Reason::key_too_short:
    case Reason::key_too_long:
      return Verdict::policy;
    case Reason::key_unavailable:
      return Verdict::temperror;
    case Reason::no_key:
    case Reason::key_syntax:
    case Reason::key_revoked:
    case Reason::key_type_differs:
    case Reason::key_forbids_hash:
    case Reason::key_not_for_mail:
    case Reason::key_forbids_subname:
    case Reason::key_unusable:
      return Verdict::permerror;
    case Reason::length_beyond_body:
    case Reason::body_differs:
    case Reason::signature_differs:
      return Verdict::fail;
  }
  return Verdict::neutral;
}

std::string_view format(Reason reason) {
  switch (reason) {
    case Reason::verified:
      return "good signature";
    case Reason::syntax:
      return "signature syntax error";
    case Reason::version:
      return "incompatible version";
    case Reason::missing_tag:
      return "signature missing required tag";
    case Reason::unknown_algorithm:
      return "unknown algorithm";
    case Reason::unknown_canonicalization:
      return "unknown canonicalization";
    case Reason::unknown_query:
      return "unknown query method";
    case Reason::identity_outside_domain:
      return "domain mismatch";
    case Reason::from_not_signed:
      return "From field not signed";
    case Reason::expires_before_it_was_signed:
      return "expires before it was signed";
    case Reason::too_many_signatures:
      return "too many signatures";
    case Reason::sha1_refused:
      return "SHA-1 refused";
    case Reason::expired:
      return "signature expired";
    case Reason::from_future:
      return "signed in the future";
    case Reason::length_refused:
      return "body length limit refused";
    case Reason::unsigned_content:
      return "unsigned content";
    case Reason::unsigned_from:
      return "unsigned From field";
    case Reason::key_too_short:
      return "key too short";
    case Reason::key_too_long:
      return "key too long";
    case Reason::key_unavailable:
      return "key unavailable";
    case Reason::no_key:
      return "no key for signature";
    case Reason::key_syntax:
      return "key syntax error";
    case Reason::key_revoked:
      return "key revoked";
    case Reason::key_type_differs:
      return "inappropriate key algorithm";
    case Reason::key_forbids_hash:
      return "inappropriate hash algorithm";
    case Reason::key_not_for_mail:
      return "key not for mail";
    case Reason::key_forbids_subname:
      return "key not for subdomains";
    case Reason::key_unusable:
      return "unusable key";
    case Reason::length_beyond_body:
      return "body shorter than signed";
    case Reason::body_differs:
      return "body hash did not verify";
    case Reason::signature_differs:
      return "signature did not verify";
  }
  return "signature syntax error";
}

std::string_view option_of(Reason reason) {
  switch (reason) {
    case Reason::too_many_signatures:
      return "max_signatures";
    case Reason::sha1_refused:
      return "allow_sha1";
    case Reason::expired:
      return "refuse_expired";
    case Reason::from_future:
      return "refuse_future";
    case Reason::length_refused:
    case Reason::unsigned_content:
      return "body_length";
    case Reason::unsigned_from:
      return "refuse_unsigned_from";
    case Reason::key_too_short:
      return "min_rsa_bits";
    case Reason::key_too_long:
      return "max_rsa_bits";
    default:
      return {};
  }
}

VerifyPolicy VerifyPolicy::legacy() {
  VerifyPolicy policy;
  policy.allow_sha1 = true;
  policy.min_rsa_bits = 384;
  policy.allow_drafts = true;
  return policy;
}

}  // namespace sendconn::dkim

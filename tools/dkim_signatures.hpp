// The results of a message's DKIM signatures, for programs and for people; `dkim verify` and `authenticate` show the
// same. docs/dkim.md lists the keys of the JSON.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <sendconn/dkim_verify.hpp>
#include <sendconn/dns.hpp>

#include "tools/output.hpp"

namespace sendconn::tools {

/// What the DNS said, by the name of the key.
using KeyAnswers = std::map<std::string, dns::Answer>;

nlohmann::json signature_json(const dkim::SignatureResult& result, const KeyAnswers& answers);
/// A line with the verdict, lines with what the signature says, and, where its key record is at fault, the record with
/// marks.
void show_signature(const Output& out, const dkim::SignatureResult& result, const KeyAnswers& answers);

Style style_of(dkim::Verdict verdict);

}  // namespace sendconn::tools

// What a zone file holds once it is read: nodes by name. The parser fills it, Zone::lookup() reads it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <sendconn/zone.hpp>

namespace sendconn::dns {

/// The records of one name and type.
struct RecordSet {
  std::vector<Record> records;
  std::chrono::seconds ttl{0};  ///< the smallest of its records' (RFC 2181 section 5.2 wants them equal)
};

/// A name; without record sets it is an empty non-terminal, which exists all the same (RFC 8020 section 2).
struct Node {
  std::map<RecordType, RecordSet> sets;
  std::map<RecordType, Status> failures;             ///< $FAIL
  std::optional<Status> failure;                     ///< $FAIL ... ANY
  std::optional<std::chrono::seconds> negative_ttl;  ///< of its SOA
};

struct ZoneData {
  std::unordered_map<std::string, Node> nodes;  ///< by canonical name; every name above one is there too
  std::size_t records = 0;
};

}  // namespace sendconn::dns

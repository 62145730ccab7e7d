// The library libspf2 behind an interface without its headers, which define macros and want C.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <sendconn/spf.hpp>

namespace sendconn::spf {

/// The answer to a question, or null: not known yet.
using KnownAnswer = std::function<const dns::Answer*(const dns::Question&)>;

/// What one run of libspf2 said; of no worth if a question had no answer.
struct Spf2Result {
  bool valid = false;  ///< it came to a result at all
  Verdict verdict = Verdict::temperror;
  bool matched = false;     ///< a mechanism decided
  std::string explanation;  ///< of a fail
  std::string comment;
};

struct Spf2Request {
  IpAddress client;
  std::string helo;
  std::string sender;
};

/// One libspf2 server object with its DNS layer. Thread-compatible.
class Spf2Library {
 public:
  explicit Spf2Library(const Options& options);
  ~Spf2Library();
  Spf2Library(const Spf2Library&) = delete;
  Spf2Library& operator=(const Spf2Library&) = delete;

  Spf2Result run(const Spf2Request& request, const KnownAnswer& known);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::spf

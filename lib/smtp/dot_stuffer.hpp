// DotStuffer: a message as it goes on the wire (RFC 5321 section 4.5.2), in pieces of any size.
#pragma once

#include <string>
#include <string_view>

namespace sendconn::smtp {

/// Doubles a dot at the start of each line, in runs as long as possible. A line starts behind any LF: content has CR LF
/// alone, and should it ever not, no server may find an end of message in it that we did not send. Thread-compatible.
class DotStuffer {
 public:
  void append(std::string& out, std::string_view content);
  /// CR LF if the content did not end with it, dot, CR LF; begins anew.
  void finish(std::string& out);

 private:
  bool line_start_ = true;
  bool after_cr_ = false;
};

}  // namespace sendconn::smtp

#include "lib/spf/append.hpp"

namespace sendconn::spf {

void append(std::string& out, std::string_view text) { out.append(text); }

}  // namespace sendconn::spf

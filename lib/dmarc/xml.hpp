// XML for reports: a document's elements as small trees, one at a time, under bounds; and text fit to be written. The
// only place that knows expat.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <sendconn/dmarc_report.hpp>

namespace sendconn::dmarc {

/// What a handler of a tree says: go on, or why not.
using TreeHandler = std::function<Result<void>(ExtensionElement& element)>;

/// Reads a document with the root element `root`, in whatever namespace, and hands over each of the root's children
/// with everything in it. Texts are trimmed. `root_space` receives the root's namespace.
Result<void> read_xml(std::string_view xml, std::string_view root, const ReportLimits& limits, std::string& root_space,
                      const TreeHandler& handler);

/// Text for an element or an attribute in double quotes.
std::string escape_xml(std::string_view text);

}  // namespace sendconn::dmarc

// The completion script for bash, made from the command tree, so that it can never lag behind it.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace sendconn::tools {

std::string bash_completion(const CLI::App& program);

}  // namespace sendconn::tools

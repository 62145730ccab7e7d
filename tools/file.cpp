#include "tools/file.hpp"

#include <array>
#include <fstream>
#include <iostream>

namespace sendconn::tools {

Result<std::string> read_file(const std::string& path, const std::string& what) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& input = path == "-" ? std::cin : file;
  // read() rather than a stream's iterator, which throws for a folder.
  std::string octets;
  std::array<char, 65536> piece{};
  while (input.read(piece.data(), piece.size()) || input.gcount() > 0)
    octets.append(piece.data(), static_cast<std::size_t>(input.gcount()));
  if ((path != "-" && !file.is_open()) || input.bad())
    return Error{Errc::io, "cannot read " + what + (path == "-" ? "standard input" : path)};
  return octets;
}

}  // namespace sendconn::tools

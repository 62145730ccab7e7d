// Writes reports by chance into a folder, for check_schema.py: write_reports FOLDER COUNT
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/dmarc/sample_report.hpp"

int main(int argc, char** argv) {
  using namespace sendconn::dmarc;
  if (argc != 3) return 2;
  const auto count = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  for (unsigned seed = 0; seed < count; ++seed) {
    const auto xml = format_report(sample_report(seed));
    if (!xml) {
      std::fprintf(stderr, "%u: %s\n", seed, xml.error().text.c_str());
      return 1;
    }
    std::ofstream(std::string(argv[1]) + "/" + std::to_string(seed) + ".xml", std::ios::binary) << *xml;
  }
  return 0;
}

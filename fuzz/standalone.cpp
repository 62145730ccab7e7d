// Runs a fuzzer without libFuzzer, so that its corpus is a test with every compiler: each file as it is, cut at every
// offset, and with each octet replaced by the octets that parsers stumble over.
//
//   fuzz-<name> FILE|FOLDER...
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::string_view stumbling_blocks{"\0\r\n\t .:;@\"\\(<[=\x7f\x80\xc3\xff", 19};
// Longer files are run as they are, and cut; replacing each octet would take too long for a test.
constexpr std::size_t max_replaced_octets = 4'096;

std::size_t runs = 0;

void run(std::string_view octets) {
  // A copy of its exact size on the heap, so that a sanitizer sees a read behind the end.
  const std::vector<std::uint8_t> copy(octets.begin(), octets.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  ++runs;
}

void run_around(const std::string& octets) {
  for (std::size_t cut = 0; cut <= octets.size(); ++cut) run(std::string_view(octets).substr(0, cut));
  if (octets.size() > max_replaced_octets) return;
  std::string changed = octets;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    for (const char c : stumbling_blocks) {
      changed[i] = c;
      run(changed);
    }
    changed[i] = octets[i];
  }
}

bool run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  run_around(std::string(std::istreambuf_iterator<char>(file), {}));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::is_directory(argv[i])) {
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) paths.push_back(entry.path());
    } else {
      paths.emplace_back(argv[i]);
    }
    for (const auto& path : paths) {
      if (!run_file(path)) return 1;
      ++files;
    }
  }
  std::printf("%zu runs around %zu files\n", runs, files);
  return files == 0 ? 1 : 0;
}

// Runs a fuzz target over files and folders of inputs, without libFuzzer: for builds with another compiler.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "fuzz.hpp"

namespace {

namespace fs = std::filesystem;

void replay(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::fprintf(stderr, "%s\n", file.c_str());  // the last one is the culprit
  // Exactly as large as the input: whoever reads beyond it meets the sanitizer.
  const auto exact = std::make_unique<char[]>(text.size());
  std::ranges::copy(text, exact.get());
  dunetrace::fuzz::run({exact.get(), text.size()});
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files;
  for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    if (!fs::is_directory(argument)) {
      files.emplace_back(argument);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(argument)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::ranges::for_each(files, replay);
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? 1 : 0;  // a target without seeds tests nothing
}

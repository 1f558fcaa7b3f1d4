//===- Replay.cpp - Feeds kept cases to the targets -----------------------------------------===//
//
//   fuzz-replay FOLDER...      FOLDER/csv/* to the target of that name, and so on
//
//===----------------------------------------------------------------------------------------===//
#include "Targets.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

int main(int argc, char **argv) {
  using Target = void (*)(const uint8_t *, size_t);
  static constexpr std::pair<const char *, Target> targets[] = {
      {"lexer", fuzzLexer}, {"parser", fuzzParser},
      {"check", fuzzCheck}, {"csv", fuzzCsv},
      {"idx", fuzzIdx},     {"npy", fuzzNpy},
      {"json", fuzzJson},   {"safetensors", fuzzSafetensors}};
  if (argc < 2) {
    fprintf(stderr, "usage: fuzz-replay FOLDER...\n");
    return 2;
  }
  for (auto [name, target] : targets) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i) {
      std::error_code absent; // not every folder has cases for every target
      for (const auto &entry :
           std::filesystem::directory_iterator(std::filesystem::path(argv[i]) / name, absent))
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const std::filesystem::path &file : files) {
      fprintf(stderr, "%s/%s\n", name, file.filename().c_str()); // the last one is what broke it
      std::ifstream in(file, std::ios::binary);
      std::string bytes{std::istreambuf_iterator<char>(in), {}};
      // In memory of exactly that size, so that a sanitizer sees what reads past its end.
      std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
      std::copy(bytes.begin(), bytes.end(), exact.get());
      target(exact.get(), bytes.size());
    }
    printf("%s: %zu cases\n", name, files.size());
  }
  return 0;
}

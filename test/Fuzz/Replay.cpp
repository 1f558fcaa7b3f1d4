//===- Replay.cpp - Feeds kept cases to the targets -----------------------------------------===//
//
//   fuzz-replay FOLDER      FOLDER/csv/* to the target of that name, and so on
//
//===----------------------------------------------------------------------------------------===//
#include "Targets.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char **argv) {
  using Target = void (*)(const uint8_t *, size_t);
  static constexpr std::pair<const char *, Target> targets[] = {
      {"lexer", fuzzLexer}, {"parser", fuzzParser},
      {"check", fuzzCheck}, {"csv", fuzzCsv},
      {"idx", fuzzIdx},     {"npy", fuzzNpy},
      {"json", fuzzJson},   {"safetensors", fuzzSafetensors}};
  if (argc != 2) {
    fprintf(stderr, "usage: fuzz-replay FOLDER\n");
    return 2;
  }
  for (auto [name, target] : targets) {
    std::vector<std::filesystem::path> files;
    for (const auto &entry :
         std::filesystem::directory_iterator(std::filesystem::path(argv[1]) / name))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const std::filesystem::path &file : files) {
      fprintf(stderr, "%s/%s\n", name, file.filename().c_str()); // the last one is what broke it
      std::ifstream in(file, std::ios::binary);
      std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
      target(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    }
    printf("%s: %zu cases\n", name, files.size());
  }
  return 0;
}

//===- CheckpointTest.cpp - Tensors in a safetensors file -------------------------------------===//
#include "Checkpoint.h"
#include "DataLocations.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace dlrt;

namespace {
class CheckpointTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "dlrt-checkpoint-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
    path = folder + "/state";
  }
  void TearDown() override {
    for (const std::string &name : listFolder(folder))
      unlink((folder + "/" + name).c_str());
    rmdir(folder.c_str());
  }

  Status save(const std::string &to) {
    return saveCheckpoint(to,
                          {{"w \"1\"", ElementType::F32, {2, 3}, weights},
                           {"steps", ElementType::I32, {}, &steps},
                           {"none", ElementType::F64, {0}, nullptr}},
                          {{"key", "a value"}});
  }
  std::string bytes() const {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  static Status parse(const std::string &text, Checkpoint &out) {
    Buffer buffer;
    EXPECT_TRUE(buffer.allocate(text.size()));
    memcpy(buffer.data(), text.data(), text.size());
    return parseCheckpoint(std::move(buffer), text.size(), "file", out);
  }
  /// A file of this header and so many bytes of data.
  static std::string problem(const std::string &header, size_t data) {
    uint64_t size = header.size();
    std::string text(reinterpret_cast<const char *>(&size), 8);
    Checkpoint checkpoint;
    return parse(text + header + std::string(data, '\1'), checkpoint).message();
  }
  bool isWhole(const Checkpoint &checkpoint) const {
    const LoadedTensor *w = checkpoint.find("w \"1\""), *s = checkpoint.find("steps");
    auto key = checkpoint.metadata.find("key");
    return w && s && w->shape == std::vector<int64_t>{2, 3} && w->type == ElementType::F32 &&
           w->bytes == sizeof(weights) && memcmp(w->data, weights, sizeof(weights)) == 0 &&
           s->type == ElementType::I32 && s->shape.empty() && memcmp(s->data, &steps, 4) == 0 &&
           checkpoint.find("none") && key != checkpoint.metadata.end() && key->second == "a value";
  }

  std::string folder, path;
  float weights[6] = {1, -2, 3, 0.5f, 1e-30f, 7};
  int32_t steps = 42;
};

TEST_F(CheckpointTest, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(save(path).ok());
  Checkpoint checkpoint;
  ASSERT_TRUE(loadCheckpoint(path, checkpoint).ok());
  EXPECT_TRUE(isWhole(checkpoint));
  EXPECT_EQ(checkpoint.tensors.size(), 3u);
  EXPECT_EQ(listFolder(folder), std::vector<std::string>{"state"});
}

TEST_F(CheckpointTest, RefusesEveryCut) {
  ASSERT_TRUE(save(path).ok());
  std::string whole = bytes();
  Checkpoint checkpoint;
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse(whole.substr(0, size), checkpoint).ok()) << size;
  EXPECT_FALSE(parse(whole + '\0', checkpoint).ok());
}

TEST_F(CheckpointTest, NoBitIsLostUnseen) {
  ASSERT_TRUE(save(path).ok());
  std::string whole = bytes();
  // Whatever bit is turned round: the file is refused, or what it holds is still the same.
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] ^= char(1 << bit % 8);
    Checkpoint checkpoint;
    if (parse(damaged, checkpoint).ok() && checkpoint.find("steps") && checkpoint.find("w \"1\"") &&
        checkpoint.metadata.count("key") && checkpoint.find("steps")->type == ElementType::I32 &&
        checkpoint.find("none"))
      EXPECT_TRUE(isWhole(checkpoint)) << "byte " << bit / 8 << ", bit " << bit % 8;
  }
}

TEST_F(CheckpointTest, RefusesHeadersThatMakeNoSense) {
  EXPECT_EQ(problem(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "");
  for (
      const char *header :
      {R"([])", R"({)", R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
       R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       R"({"a":{"dtype":"F32","shape":[99999999999,99999999999],"data_offsets":[0,4]}})",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}})",
       R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})"})
    EXPECT_NE(problem(header, 4), "") << header;
  // A length in the other order of bytes reaches far behind the end.
  EXPECT_NE(problem(std::string(16, ' '), 0), "");
  Checkpoint checkpoint;
  EXPECT_EQ(parse(std::string(7, '\0') + '\2' + "{}", checkpoint).message(),
            "'file' is no usable safetensors file: its header is cut off");
}

TEST_F(CheckpointTest, SavesAtTheSameTimeAreEachWhole) {
  std::vector<std::thread> threads;
  std::atomic<bool> failed{false};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Checkpoint checkpoint;
        if (!save(path).ok() || !loadCheckpoint(path, checkpoint).ok() || !isWhole(checkpoint))
          failed = true;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(listFolder(folder), std::vector<std::string>{"state"});
}

TEST_F(CheckpointTest, RemovesWhatTheDeadLeftBehind) {
  pid_t dead = fork();
  if (dead == 0)
    _exit(0);
  ASSERT_EQ(waitpid(dead, nullptr, 0), dead);
  std::string left = path + ".new." + std::to_string(dead) + ".0",
              living = path + ".new." + std::to_string(getppid()) + ".0";
  for (const std::string &name : {left, living})
    std::ofstream(name) << "part";
  EXPECT_TRUE(checkWritable(path).ok());
  EXPECT_FALSE(isFile(left));
  EXPECT_TRUE(isFile(living));
  EXPECT_FALSE(isFile(path));
}

TEST_F(CheckpointTest, SaysWhereNothingCanBeSaved) {
  EXPECT_NE(checkWritable(folder + "/no/state").message().find("No such file"), std::string::npos);
  EXPECT_NE(checkWritable(folder).message().find("it is a folder"), std::string::npos);
  EXPECT_NE(save("/dev/null").message().find("a device"), std::string::npos);
}
} // namespace

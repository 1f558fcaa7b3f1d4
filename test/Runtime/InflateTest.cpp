//===- InflateTest.cpp - Files, plain and gzipped ---------------------------------------------===//
#include "Dataset.h"

#include <gtest/gtest.h>

#include <fstream>

#include <libdeflate.h>
#include <unistd.h>

using namespace dlrt;

namespace {
std::string gzip(const std::string &text) {
  libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
  std::string out(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  out.resize(
      libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

Status unpack(const std::string &bytes, std::string &out) {
  Buffer buffer;
  size_t size = 0;
  Status status =
      inflate(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), "f.gz", buffer, size);
  if (status.ok())
    out.assign(reinterpret_cast<const char *>(buffer.data()), size);
  return status;
}

TEST(Inflate, TakesAnyNumberOfMembers) {
  std::string large(100000, 'x'), out;
  ASSERT_TRUE(unpack(gzip("abc"), out).ok());
  EXPECT_EQ(out, "abc");
  ASSERT_TRUE(unpack(gzip(""), out).ok());
  EXPECT_EQ(out, "");
  // The size that stands at the end is that of the last one only.
  ASSERT_TRUE(unpack(gzip(large) + gzip("yz"), out).ok());
  EXPECT_EQ(out, large + "yz");
}

TEST(Inflate, RefusesEveryCutAndEveryDamage) {
  std::string text, out;
  for (int i = 0; i < 200; ++i)
    text += std::to_string(i * i);
  std::string whole = gzip(text);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unpack(whole.substr(0, size), out).ok()) << size;
  for (size_t at = 10; at < whole.size(); ++at) { // behind the header, which has no checksum
    std::string damaged = whole;
    damaged[at] ^= 4;
    EXPECT_FALSE(unpack(damaged, out).ok()) << at;
  }
  EXPECT_FALSE(unpack(whole + "rubbish behind the end", out).ok());
}

TEST(ReadFile, SaysWhatIsWrong) {
  Buffer buffer;
  size_t size = 0;
  EXPECT_EQ(readFile("/nonexistent/file", buffer, size).message(),
            "cannot open '/nonexistent/file': No such file or directory");
  EXPECT_EQ(readFile("/", buffer, size).message(), "cannot read '/': Is a directory");
  EXPECT_NE(readFile("/dev/null", buffer, size).message(), "");
  std::string path = ::testing::TempDir() + "dlrt-inflate-" + std::to_string(getpid()) + ".gz";
  std::ofstream(path) << gzip("packed");
  ASSERT_TRUE(readFile(path, buffer, size).ok());
  EXPECT_EQ(std::string(reinterpret_cast<const char *>(buffer.data()), size), "packed");
  unlink(path.c_str());
}
} // namespace

//===- DataLocationsTest.cpp - Where data sets are found --------------------------------------===//
#include "DataLocations.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace dlrt;
namespace fs = std::filesystem;

namespace {
class DataLocationsTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "dlrt-data-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    write("first/iris/iris.csv", "1\n");
    write("second/iris.csv", "22\n");
    write("second/wine.csv.gz", "3");
    write("second/notes.txt", "4");
    write("home/.cache/dlc/mine.npy", "5");
    write("cache/dlc/other/x.npy", "6");
    setenv("DLC_DATA", (root + "/first:" + root + "/nowhere::" + root + "/second").c_str(), 1);
    setenv("HOME", (root + "/home").c_str(), 1);
    unsetenv("XDG_CACHE_HOME");
  }
  void TearDown() override {
    unsetenv("DLC_DATA");
    unsetenv("XDG_CACHE_HOME");
    fs::remove_all(root);
  }

  void write(const std::string &name, const std::string &text) {
    fs::create_directories(fs::path(root + "/" + name).parent_path());
    std::ofstream(root + "/" + name) << text;
  }
  std::string find(const std::string &name) {
    std::string path;
    Status status = findData(name, path);
    return status.ok() ? path : status.message();
  }

  std::string root;
};

TEST_F(DataLocationsTest, FindsTheFirstOfAName) {
  EXPECT_EQ(find("iris"), root + "/first/iris");
  EXPECT_EQ(find("wine"), root + "/second/wine.csv.gz");
  EXPECT_EQ(find("mine"), root + "/home/.cache/dlc/mine.npy");
  EXPECT_NE(find("other").find("there is no data set or file 'other'; known sets: iris, wine"),
            std::string::npos)
      << find("other");
  EXPECT_NE(find("notes").find("there is no data set"), std::string::npos);
}

TEST_F(DataLocationsTest, LooksIntoTheCacheThatTheUserNames) {
  setenv("XDG_CACHE_HOME", (root + "/cache").c_str(), 1);
  EXPECT_EQ(find("other"), root + "/cache/dlc/other");
  EXPECT_NE(find("mine").find("there is no data set"), std::string::npos);
  setenv("XDG_CACHE_HOME", "", 1);
  EXPECT_EQ(find("mine"), root + "/home/.cache/dlc/mine.npy");
}

TEST_F(DataLocationsTest, APathThatExistsComesFirst) {
  EXPECT_EQ(find(root + "/second/notes.txt"), root + "/second/notes.txt");
  EXPECT_EQ(find(root + "/first"), root + "/first");
}

TEST_F(DataLocationsTest, WorksWithoutAnyEnvironment) {
  for (const char *name : {"DLC_DATA", "HOME", "XDG_CACHE_HOME"})
    unsetenv(name);
  for (const std::string &folder : dataFolders())
    EXPECT_EQ(folder.find(root), std::string::npos);
}
} // namespace

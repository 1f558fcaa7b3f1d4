//===- ArraysTest.cpp - IDX and .npy ----------------------------------------------------------===//
#include "Dataset.h"
#include "Session.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace dlrt;

namespace {
class ArraysTest : public ::testing::Test {
protected:
  using Parser = Status (*)(Buffer &&, size_t, const std::string &, Array &);

  std::string parse(Parser parser, const std::string &bytes) {
    Buffer buffer;
    EXPECT_TRUE(buffer.allocate(bytes.size()));
    memcpy(buffer.data(), bytes.data(), bytes.size());
    array = Array();
    return parser(std::move(buffer), bytes.size(), "f", array).message();
  }
  std::string idx(const std::string &bytes) { return parse(parseIdx, bytes); }
  /// `text` as the header, then `data`.
  std::string npy(const std::string &text, const std::string &data, int version = 1) {
    std::string head = "\x93NUMPY" + std::string{char(version), 0, char(text.size()), 0};
    return parse(parseNpy, head + std::string(version > 1 ? 2 : 0, '\0') + text + data);
  }
  std::string npy(const std::string &type, const std::string &shape, const std::string &data) {
    return npy("{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n",
               data);
  }
  std::vector<double> values() const {
    std::vector<double> out;
    for (int64_t i = 0; i < array.elements(); ++i)
      out.push_back(readNumber(array.type, array.data() + i * elementSize(array.type)));
    return out;
  }

  Array array;
};

std::string bytes(std::initializer_list<int> list) { return {list.begin(), list.end()}; }

template <typename T> std::string raw(std::initializer_list<T> list) {
  return {reinterpret_cast<const char *>(list.begin()), list.size() * sizeof(T)};
}

using Shape = std::vector<int64_t>;
using Values = std::vector<double>;

TEST_F(ArraysTest, ReadsIdx) {
  EXPECT_EQ(idx(bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255})), "");
  EXPECT_EQ(array.shape, (Shape{2, 3}));
  EXPECT_EQ(array.type, ElementType::U8);
  EXPECT_EQ(values(), (Values{1, 2, 3, 4, 5, 255}));
  // The other types are big-endian; small ones are widened.
  EXPECT_EQ(idx(bytes({0, 0, 0x0B, 1, 0, 0, 0, 2, 1, 0, 255, 254})), "");
  EXPECT_EQ(values(), (Values{256, -2}));
  EXPECT_EQ(idx(bytes({0, 0, 0x09, 1, 0, 0, 0, 1, 255})), "");
  EXPECT_EQ(values(), (Values{-1}));
  EXPECT_EQ(idx(bytes({0, 0, 0x0D, 1, 0, 0, 0, 1, 0xC0, 0x20, 0, 0})), "");
  EXPECT_EQ(values(), (Values{-2.5}));
}

TEST_F(ArraysTest, RefusesDamagedIdx) {
  EXPECT_NE(idx("ab"), "");
  EXPECT_NE(idx(bytes({1, 0, 8, 1, 0, 0, 0, 0})), "");
  EXPECT_NE(idx(bytes({0, 0, 7, 1, 0, 0, 0, 0})), "");
  EXPECT_NE(idx(bytes({0, 0, 8, 3, 0, 0, 0, 1})), "");
  EXPECT_NE(idx(bytes({0, 0, 8, 1, 0, 0, 0, 2, 1})), "");       // too short
  EXPECT_NE(idx(bytes({0, 0, 8, 1, 0, 0, 0, 2, 1, 2, 3})), ""); // too long
  std::string huge = bytes({0, 0, 0x0E, 8}) + std::string(32, '\xff');
  EXPECT_NE(idx(huge), "");
}

TEST_F(ArraysTest, ReadsNpy) {
  EXPECT_EQ(npy("<f4", "(2, 2)", raw<float>({1, 2, 3, 4})), "");
  EXPECT_EQ(array.shape, (Shape{2, 2}));
  EXPECT_EQ(values(), (Values{1, 2, 3, 4}));
  EXPECT_EQ(npy("<f8", "(1,)", raw<double>({0.1})), "");
  EXPECT_EQ(values(), (Values{0.1}));
  EXPECT_EQ(npy(">f4", "(1,)", bytes({0xC0, 0x20, 0, 0})), "");
  EXPECT_EQ(values(), (Values{-2.5}));
  EXPECT_EQ(npy("<i8", "(2,)", raw<int64_t>({-5, 7})), "");
  EXPECT_EQ(array.type, ElementType::I32);
  EXPECT_EQ(values(), (Values{-5, 7}));
  EXPECT_EQ(npy("<u2", "(1,)", raw<uint16_t>({65535})), "");
  EXPECT_EQ(values(), (Values{65535}));
  EXPECT_EQ(npy("|b1", "(2,)", bytes({0, 1})), "");
  EXPECT_EQ(array.type, ElementType::Bool);
  // Columns first, and the longer header of version 2.
  EXPECT_EQ(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }",
                bytes({1, 4, 2, 5, 3, 6}), 2),
            "");
  EXPECT_EQ(values(), (Values{1, 2, 3, 4, 5, 6}));
}

TEST_F(ArraysTest, RefusesDamagedNpy) {
  EXPECT_NE(parse(parseNpy, "\x93NUMPY"), "");
  EXPECT_NE(parse(parseNpy, "PK\3\4 a zip file"), "");
  EXPECT_NE(npy("{}", ""), "");
  EXPECT_NE(npy("<f4", "(2, 2", raw<float>({1, 2, 3, 4})), "");
  EXPECT_NE(npy("<f4", "(2, 2)", raw<float>({1, 2, 3})), "");
  EXPECT_NE(npy("<f4", "(99999999999999, 99999999999999)", ""), "");
  EXPECT_NE(npy("<c8", "(1,)", "12345678"), "");
  EXPECT_NE(npy("<i8", "(1,)", raw<int64_t>({int64_t(1) << 40})).find("does not fit into 32 bits"),
            std::string::npos);
}
} // namespace

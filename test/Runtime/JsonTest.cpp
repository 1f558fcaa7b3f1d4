//===- JsonTest.cpp - JSON read and written ---------------------------------------------------===//
#include "Json.h"
#include "JsonText.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace dlrt;

namespace {
std::string problem(const std::string &text) {
  Json json;
  return Json::parse(text, json).message();
}

TEST(Json, ReadsEveryKind) {
  Json json;
  ASSERT_TRUE(Json::parse(R"( {"a": [1, -2.5e3, true, null], "b": {"c": "d"}} )", json).ok());
  EXPECT_EQ(json["a"][0].integer(), 1);
  EXPECT_EQ(json["a"][1].number(), -2500);
  EXPECT_TRUE(json["a"][2].boolean());
  EXPECT_TRUE(json["a"][3].isNull());
  EXPECT_EQ(json["b"]["c"].string(), "d");
  EXPECT_TRUE(json["a"][9]["nothing"].isNull());
  EXPECT_EQ(json["a"][1].integer(7), -2500);
  EXPECT_EQ(json["b"].integer(7), 7);
}

TEST(Json, ReadsEscapes) {
  Json json;
  ASSERT_TRUE(Json::parse(R"("\"\\\/\n\u00e9\u20ac\ud83d\ude00")", json).ok());
  EXPECT_EQ(json.string(), "\"\\/\n\u00e9\u20ac\U0001f600");
}

TEST(Json, RefusesWhatIsNone) {
  for (const char *text : {"", "{", "[1,]", "{\"a\" 1}", "{a: 1}", "tru", "1 2", "\"", "\"\\x\"",
                           "\"\\u12\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\n\"", "--1", "1e999"})
    EXPECT_NE(problem(text), "") << text;
  EXPECT_EQ(problem(R"({"a": [1, oops]})"), "not valid JSON at byte 10: expected a value");
  EXPECT_NE(problem(std::string(100000, '[')), "");
}

TEST(JsonText, EscapesWhatJsonCannotHold) {
  EXPECT_EQ(jsonString("a\"b\\c\nd"), R"("a\"b\\c\u000ad")");
  EXPECT_EQ(jsonString("\u20ac"), "\"\u20ac\"");
  EXPECT_EQ(jsonString("a\xE9\xFF b"), R"("a\ufffd\ufffd b")");
  EXPECT_EQ(jsonString("\xE2\x82"), R"("\ufffd\ufffd")");
}

TEST(JsonText, WritesNumbersThatReadBackTheSame) {
  for (double value : {0.1, 1.0 / 3, 1e300, -5e-324, 16777217.0}) {
    Json json;
    ASSERT_TRUE(Json::parse(jsonNumber(value), json).ok());
    EXPECT_EQ(json.number(), value);
  }
  EXPECT_EQ(jsonNumber(0.1), "0.1");
  EXPECT_EQ(jsonNumber(INFINITY), "null");
}
} // namespace

//===- CsvTest.cpp ----------------------------------------------------------------------------===//
#include "Dataset.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace dlrt;

namespace {
using Row = std::vector<std::string>;

class CsvTest : public ::testing::Test {
protected:
  std::string parse(const std::string &text) {
    return parseCsv(text.data(), text.size(), "t", table).message();
  }
  Table table;
};

TEST_F(CsvTest, TellsAHeaderFromRows) {
  EXPECT_EQ(parse("a,b\n1,2\n3,4\n"), "");
  EXPECT_EQ(table.header, (Row{"a", "b"}));
  EXPECT_EQ(table.rows, (std::vector<Row>{{"1", "2"}, {"3", "4"}}));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(parse("1,x\n2,y\n"), "");
  EXPECT_TRUE(table.header.empty());
  EXPECT_EQ(table.rows.size(), 2u);
}

TEST_F(CsvTest, ReadsQuotesLineEndsAndEmptyLines) {
  EXPECT_EQ(parse("\xEF\xBB\xBF\"a \"\"b\"\"\",\"c,\nd\"\r\n\r\n1,\"2\"\r\n\n3,"), "");
  EXPECT_EQ(table.header, (Row{"a \"b\"", "c,\nd"}));
  EXPECT_EQ(table.rows, (std::vector<Row>{{"1", "2"}, {"3", ""}}));
  EXPECT_EQ(table.lines, (std::vector<int64_t>{4, 6}));
}

TEST_F(CsvTest, TakesLatin1WhereTextIsNotUtf8) {
  EXPECT_EQ(parse("Gr\xF6\xDF"
                  "e\n1\n"),
            "");
  EXPECT_EQ(table.header, (Row{"Größe"}));
  EXPECT_EQ(parse("Größe\n1\n"), "");
  EXPECT_EQ(table.header, (Row{"Größe"}));
}

TEST_F(CsvTest, RefusesWithTheLine) {
  EXPECT_EQ(parse("a,b\n1,2\n3\n"), "'t', line 3: has 1 cells, the rows before have 2");
  EXPECT_EQ(parse("a\n\"1\n2"), "'t', line 2: a quoted cell does not end");
  EXPECT_EQ(parse("a\n\"1\"2\n"), "'t', line 2: text behind the closing quote of a cell");
  EXPECT_EQ(parse(""), "'t' holds no rows");
  EXPECT_EQ(parse("a,b\n"), "'t' holds the names of its columns and no rows");
  EXPECT_EQ(parse(std::string("a\0b\n1\n", 6)), "'t' is no table: it is not text");
}

TEST(Cell, IsANumberMissingOrNeither) {
  double value = 0;
  EXPECT_EQ(parseCell(" +1.5e2 ", value), 1);
  EXPECT_EQ(value, 150);
  for (const char *missing : {"", " ", "NA", "NaN", "?", "null", "None"})
    EXPECT_EQ(parseCell(missing, value), 0) << missing;
  for (const char *wrong : {"x", "1x", "inf", "1e999", "1,5", "+", "0x10", "--1"})
    EXPECT_EQ(parseCell(wrong, value), -1) << wrong;
}
} // namespace

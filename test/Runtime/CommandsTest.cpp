//===- CommandsTest.cpp - Manifests, events, reports and predictions --------------------------===//
#include "Commands.h"
#include "FakeProgram.h"
#include "Json.h"
#include "Session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>

#include <unistd.h>

using namespace dlrt;

namespace {
const char kTrain[] = R"("batch": 16, "epochs": 3, "validate": 0.1)";

/// A file in memory.
struct Memory {
  char *text = nullptr;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  ~Memory() {
    fclose(file);
    free(text);
  }
  std::string str() {
    fflush(file);
    return {text, size};
  }
};

std::string parseError(std::string manifest) {
  dlrt_program table = fake::program(manifest);
  std::unique_ptr<Program> program;
  return Program::create(&table, {}, program).message();
}

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Program, NamesBothVersions) {
  std::string manifest = fake::manifest(kTrain);
  dlrt_program table = fake::program(manifest);
  table.abi_version = 77;
  std::unique_ptr<Program> program;
  Status status = Program::create(&table, {}, program);
  EXPECT_NE(status.message().find("version 77"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("version " + std::to_string(DLRT_ABI_VERSION)),
            std::string::npos);
}

TEST(Program, RefusesWrongManifests) {
  std::string manifest = fake::manifest(kTrain);
  EXPECT_EQ(parseError(manifest), "");
  EXPECT_NE(parseError("{\"abi\": 1"), "");
  EXPECT_NE(parseError(replaced(manifest, R"("symbol": "train")", R"("symbol": "trian")"))
                .find("no function 'trian'"),
            std::string::npos);
  EXPECT_NE(parseError(replaced(manifest, R"("offset": 12)", R"("offset": 1560)"))
                .find("'sgd.momentum' lies outside of the arena"),
            std::string::npos);
  EXPECT_NE(parseError(replaced(manifest, R"("type": "i32", "shape": [])",
                                R"("type": "i7", "shape": [])")),
            "");
  EXPECT_NE(parseError(replaced(manifest, R"("kind": "counts")", R"("kind": "cube")")), "");
  EXPECT_NE(parseError(replaced(manifest, R"("shape": [103])", R"("shape": [-5])")), "");
  EXPECT_NE(parseError(replaced(
                manifest, R"("reset": "fit.reset", "passes": ["fit.0"], "final": "fit.final")",
                R"("x": 1)")),
            "");
  std::unique_ptr<Program> program;
  EXPECT_FALSE(Program::create(nullptr, {}, program).ok());
  EXPECT_FALSE(Program::open("/nonexistent/net.so", {}, program).ok());
}

TEST(Session, AlignsAndZeroesTheArena) {
  std::string manifest =
      replaced(fake::manifest(kTrain), R"("arena_bytes": 1564)", R"("arena_bytes": 9000000)");
  dlrt_program table = fake::program(manifest);
  std::unique_ptr<Program> program;
  ASSERT_TRUE(Program::create(&table, {}, program).ok());
  std::unique_ptr<Session> session;
  ASSERT_TRUE(Session::create(*program, {}, session).ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(session->getFrame().arena) % (2 << 20), 0u);
  for (int64_t i = 0; i < 9000000; i += 1000)
    ASSERT_EQ(session->getFrame().arena[i], 0);
}

/// The fake program with one more variable, a matrix in panels.
std::string withPanels(const std::string &panel) {
  return replaced(
      fake::manifest(kTrain), R"({"name": "fake.turns")",
      R"({"name": "fake.m", "kind": "param", "type": "i32", "shape": [2, 4], "offset": 1600, "panel": )" +
          panel + R"(}, {"name": "fake.turns")");
}

TEST(Session, TakesVariablesOutOfTheirPanelsAndBack) {
  std::string manifest = replaced(withPanels("2"), R"("arena_bytes": 1564)",
                                  R"("arena_bytes": 1664, "copy_bytes": 64)");
  dlrt_program table = fake::program(manifest);
  std::unique_ptr<Program> program;
  ASSERT_TRUE(Program::create(&table, {}, program).ok());
  EXPECT_EQ(program->memoryBytes(1), 1664 + 64);
  EXPECT_EQ(program->memoryBytes(DLRT_MOST_COPIES), 1664 + 64 * DLRT_MOST_COPIES);
  EXPECT_EQ(program->memoryBytes(DLRT_MOST_COPIES + 1), 1664 + 64);
  std::unique_ptr<Session> session;
  ASSERT_TRUE(Session::create(*program, {}, session).ok());
  const TensorInfo *matrix = nullptr;
  for (const TensorInfo &tensor : program->tensors)
    if (tensor.name == "fake.m")
      matrix = &tensor;
  ASSERT_TRUE(matrix);
  const int32_t rows[8] = {0, 1, 2, 3, 10, 11, 12, 13}, panels[8] = {0, 1, 10, 11, 2, 3, 12, 13};
  session->writeVariable(*matrix, reinterpret_cast<const uint8_t *>(rows));
  EXPECT_EQ(memcmp(session->getFrame().arena + 1600, panels, sizeof(panels)), 0);
  int32_t back[8] = {};
  session->readVariable(*matrix, reinterpret_cast<uint8_t *>(back));
  EXPECT_EQ(memcmp(back, rows, sizeof(rows)), 0);
  std::vector<uint8_t> all;
  session->copyVariables(all);
  std::string hash = session->stateHash();
  memset(session->getFrame().arena, 0, 1664);
  session->restoreVariables(all);
  EXPECT_EQ(memcmp(session->getFrame().arena + 1600, panels, sizeof(panels)), 0);
  EXPECT_EQ(session->stateHash(), hash);

  manifest = replaced(withPanels("3"), R"("arena_bytes": 1564)", R"("arena_bytes": 1664)");
  table = fake::program(manifest);
  EXPECT_FALSE(Program::create(&table, {}, program).ok());
}

std::string runJson(RunOptions options = {}) {
  fake::clear();
  std::string manifest = fake::manifest(kTrain);
  dlrt_program program = fake::program(manifest);
  Memory out;
  options.json = true;
  options.out = out.file;
  options.compileSeconds = 0.25;
  Status status = runCommand(options, &program);
  EXPECT_TRUE(status.ok()) << status.message();
  return out.str();
}

TEST(JsonEvents, OneObjectALine) {
  std::string text = runJson();
  std::vector<Json> lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    ASSERT_NE(end, std::string::npos);
    lines.emplace_back();
    Status status = Json::parse(text.substr(start, end - start), lines.back());
    ASSERT_TRUE(status.ok()) << status.message() << "\n" << text.substr(start, end - start);
    start = end + 1;
  }
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0]["event"].string(), "plan");
  EXPECT_EQ(lines[0]["parameters"].integer(), 3);
  EXPECT_EQ(lines[0]["arena_bytes"].integer(), 1564);
  EXPECT_EQ(lines[0]["compile_seconds"].number(), 0.25);
  for (int epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_EQ(lines[epoch]["event"].string(), "epoch");
    EXPECT_EQ(lines[epoch]["epoch"].integer(), epoch);
    EXPECT_TRUE(lines[epoch]["loss"].isNumber());
    EXPECT_TRUE(lines[epoch]["validation"]["loss"].isNumber());
    EXPECT_TRUE(lines[epoch]["seconds"].isNumber());
  }
  EXPECT_EQ(lines[4]["event"].string(), "report");
  const Json &values = lines[4]["values"];
  EXPECT_TRUE(values["mse"].isNumber());
  EXPECT_EQ(values["confusion"][0].array().size(), 2u);
  EXPECT_EQ(values["norms"].array().size(), 2u);
  EXPECT_TRUE(lines[4]["train_seconds"].isNumber());
  EXPECT_TRUE(lines[4]["total_seconds"].isNumber());
  EXPECT_EQ(lines[4]["state_hash"].string().size(), 16u);
}

TEST(ConsoleEvents, WritesPlainLinesToAFile) {
  fake::clear();
  std::string manifest = fake::manifest(kTrain);
  dlrt_program program = fake::program(manifest);
  FILE *out = tmpfile(), *err = tmpfile();
  RunOptions options;
  options.out = out;
  options.err = err;
  ASSERT_TRUE(runCommand(options, &program).ok());
  std::string text(1 << 16, 0);
  rewind(out);
  text.resize(fread(&text[0], 1, text.size(), out));
  EXPECT_EQ(ftell(err), 0);
  for (const char *part :
       {"fake: 3 parameters, arena 1.5 KiB", "epoch 1/3  loss ", "validation loss ", "mse ",
        "rows: true, columns: predicted", "recall", "w0", "y = x", "line(x), untrained"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
  fclose(out);
  fclose(err);
}

/// Whether each tag is closed in the right order, and no stray '<' or '&' is left.
bool isWellFormed(const std::string &text) {
  std::vector<std::string> open;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '&') {
      size_t end = text.find(';', at);
      if (end == std::string::npos || end - at > 6)
        return false;
    }
    if (text[at] != '<')
      continue;
    size_t end = text.find('>', at);
    if (end == std::string::npos)
      return false;
    std::string tag = text.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos)
      return false;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1))
        return false;
      open.pop_back();
    } else if (tag.back() != '/')
      open.push_back(tag.substr(0, tag.find(' ')));
    at = end;
  }
  return open.empty();
}

TEST(Svg, IsWellFormed) {
  Plot plot;
  plot.name = "a < b & \"c\"";
  plot.xLabel = "x > 1";
  plot.x = {0, 1, 2, NAN, 4};
  plot.curves = {{"<first>", {1, NAN, 3, 4, INFINITY}},
                 {"second & more", {5, 4, 3, 2, 1}, false},
                 {"far away", {-1e9, 0, 1e9, NAN, 1}, true}};
  for (bool scatter : {false, true}) {
    plot.scatter = scatter;
    std::string svg = renderSvg(plot);
    EXPECT_TRUE(isWellFormed(svg)) << svg;
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
    EXPECT_FALSE(renderText(plot, 40, 10, false).empty());
  }
  Axis x, y;
  makeAxes(plot, 5, 5, x, y);
  // 1 ... 5, half of that range on each side for what stands aside, and rounding to a tick.
  EXPECT_GE(y.low, -2);
  EXPECT_LE(y.high, 8);
  Plot empty;
  empty.curves = {{"nothing", {}}};
  EXPECT_TRUE(isWellFormed(renderSvg(empty)));
}

TEST(Axis, EndsAtRoundNumbers) {
  Axis axis = Axis::make(-3.14, 3.14, 6);
  EXPECT_EQ(axis.step, 1);
  EXPECT_EQ(axis.low, -4);
  EXPECT_EQ(axis.high, 4);
  EXPECT_EQ(Axis::make(0.1, 0.42, 5).text(0.1), "0.10"); // ticks stand 0.05 apart
  Axis flat = Axis::make(5, 5, 5);
  EXPECT_LT(flat.low, 5);
  EXPECT_GT(flat.high, 5);
}

class SavedTest : public ::testing::Test {
protected:
  void SetUp() override {
    path = ::testing::TempDir() + "dlrt-commands-" + std::to_string(getpid());
    RunOptions options;
    options.save = path;
    trained = runJson(options);
  }
  void TearDown() override { unlink(path.c_str()); }

  Status predict(const std::string &rows, std::string &out) {
    dlrt_program program = fake::program(manifest);
    Memory memory;
    RunOptions options;
    options.resume = path;
    options.in = fmemopen(const_cast<char *>(rows.data()), rows.size(), "r");
    options.out = memory.file;
    Status status = predictCommand(options, &program);
    fclose(options.in);
    out = memory.str();
    return status;
  }

  std::string path, trained, manifest = fake::manifest(kTrain);
};

TEST_F(SavedTest, EvaluatesToTheSameReport) {
  dlrt_program program = fake::program(manifest);
  Memory memory;
  RunOptions options;
  options.resume = path;
  options.json = true;
  options.out = memory.file;
  fake::clear();
  ASSERT_TRUE(evalCommand(options, &program).ok());
  std::string evaluated = memory.str();
  auto values = [](const std::string &text) {
    size_t start = text.find("\"values\"");
    return text.substr(start, text.find("\"train_seconds\"") - start);
  };
  EXPECT_EQ(values(evaluated), values(trained));
  RunOptions none;
  none.out = memory.file;
  EXPECT_NE(evalCommand(none, &program).message().find("has no weights"), std::string::npos);
}

TEST_F(SavedTest, PredictsRowsWithAndWithoutTheTarget) {
  fake::clear();
  // The program's fields have no columns: their names stand for them where there is a header.
  std::string plain, withTarget, out;
  Status status = predict("0.5,2\n-0.5,1\n", plain);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_TRUE(predict("0.5,2,100\n-0.5,1,100\n", withTarget).ok());
  EXPECT_EQ(plain, withTarget);
  EXPECT_EQ(plain.substr(0, 5), "line\n");
  EXPECT_NE(predict("0.5\n", out).message().find("1 columns, and 'fake' needs 2"),
            std::string::npos);
  EXPECT_NE(predict("0.5,word\n1,2\n", out).message().find("'word' is not a number"),
            std::string::npos);
  EXPECT_FALSE(predict("\n", out).ok());
}

TEST_F(SavedTest, NamesTheClassWithTheHighestScore) {
  // Two predictions side by side as the scores of two classes; the second row's are what was there.
  manifest = replaced(manifest, R"("name": "line", "type": "f32", "shape": [-1])",
                      R"("name": "score", "type": "f32", "shape": [-1, 2])");
  manifest = replaced(manifest, R"("name": "y", "type": "f32", "shape": [])",
                      R"("name": "y", "type": "i32", "shape": [], "classes": 2)");
  std::string out;
  Status status = predict("x1,x0,x\n0,0,5\n", out);
  EXPECT_NE(status.message().find("3 columns, and 'fake' needs 2"), std::string::npos)
      << status.message();
  status = predict("0,0\n-9,9\n", out);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(out.substr(0, out.find('\n')), "y,score_0,score_1");
  double first = 0, second = 0;
  int label = -1;
  ASSERT_EQ(sscanf(out.c_str(), "y,score_0,score_1 %d,%lf,%lf", &label, &first, &second), 3) << out;
  EXPECT_EQ(label, second > first);
}
} // namespace

//===- FakeProgram.cpp - A program as the compiler would make it, written by hand
//----------------===//
#include "FakeProgram.h"

#include "Philox.h"

#include <cmath>
#include <cstddef>
#include <cstring>

std::vector<fake::Step> fake::steps;
std::vector<std::vector<int32_t>> fake::evaluated;
std::vector<float> fake::scores;
void (*fake::afterStep)(int64_t step) = nullptr;

namespace {
size_t evaluations = 0;

/// The arena.
struct Arena {
  float w[2];              // 0
  float b;                 // 8
  float momentum[3];       // 12
  float mean[2];           // 24
  int32_t turns;           // 32, a state: steps taken
  float loss;              // 36, of train
  float evaluateLoss;      // 40
  float score;             // 44
  float confusion[4];      // 48
  float norms[2];          // 64
  float errors[16];        // 72, per row of the batch
  float predicted[16];     // 136
  float seriesX[16];       // 200
  float seriesY[16];       // 264
  float x[fake::kRows][2]; // 328
  float y[fake::kRows];    // 1152
};
static_assert(offsetof(Arena, turns) == 32 && offsetof(Arena, predicted) == 136 &&
                  offsetof(Arena, x) == 328 && offsetof(Arena, y) == 1152 && sizeof(Arena) == 1564,
              "the manifest names these offsets");

Arena &arena(dlrt_frame *frame) { return *reinterpret_cast<Arena *>(frame->arena); }
const float *rowX(dlrt_frame *frame, int64_t row) {
  return static_cast<const float *>(frame->fields[0]) + 2 * frame->indices[row];
}
float rowY(dlrt_frame *frame, int64_t row) {
  return static_cast<const float *>(frame->fields[1])[frame->indices[row]];
}
float model(const Arena &a, const float *x) {
  return a.w[0] * (x[0] - a.mean[0]) + a.w[1] * (x[1] - a.mean[1]) + a.b;
}
bool mine(int64_t row, int64_t thread, int64_t threads) { return row % threads == thread; }

void generate(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread != 0)
    return;
  Arena &a = arena(frame);
  for (int64_t row = 0; row < fake::kRows; ++row) {
    a.x[row][0] = std::sin(0.7f * row);
    a.x[row][1] = std::cos(1.3f * row) + 2;
    a.y[row] = 2 * a.x[row][0] - 3 * a.x[row][1] + 5;
  }
}

void init(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread != 0)
    return;
  Arena &a = arena(frame);
  uint32_t words[4];
  dlrt::philox(0, 0, 1, frame->seed, words);
  a.w[0] = words[0] * 0x1p-32f;
  a.w[1] = words[1] * 0x1p-32f;
  a.b = 0;
  a.turns = 0;
  memset(a.momentum, 0, sizeof(a.momentum));
}

void fitReset(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread == 0)
    arena(frame).mean[0] = arena(frame).mean[1] = 0;
}
void fitPass(dlrt_frame *frame, int64_t thread, int64_t threads) {
  for (int64_t column = 0; column < 2; ++column)
    for (int64_t row = 0; row < frame->rows && mine(column, thread, threads); ++row)
      arena(frame).mean[column] += rowX(frame, row)[column];
}
void fitFinal(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread == 0)
    for (float &mean : arena(frame).mean)
      mean /= frame->total_rows;
}

/// Each thread predicts its rows; thread 0 adds up in the rows' order.
void train(dlrt_frame *frame, int64_t thread, int64_t threads) {
  Arena &a = arena(frame);
  for (int64_t row = 0; row < frame->rows; ++row)
    if (mine(row, thread, threads))
      a.errors[row] = model(a, rowX(frame, row)) - rowY(frame, row);
  frame->barrier(frame, thread);
  if (thread != 0)
    return;
  float gradient[3] = {}, loss = 0;
  for (int64_t row = 0; row < frame->rows; ++row) {
    const float *x = rowX(frame, row);
    loss += a.errors[row] * a.errors[row];
    gradient[0] += a.errors[row] * (x[0] - a.mean[0]);
    gradient[1] += a.errors[row] * (x[1] - a.mean[1]);
    gradient[2] += a.errors[row];
  }
  a.loss = loss / frame->rows;
  uint32_t words[4];
  dlrt::philox(0, frame->step, 2, frame->seed, words);
  for (int i = 0; i < 3; ++i) {
    float noise = 1 + 0.01f * (words[i] * 0x1p-32f - 0.5f);
    a.momentum[i] = 0.5f * a.momentum[i] + noise * gradient[i] / frame->rows;
    (i < 2 ? a.w[i] : a.b) -= 0.1f * a.momentum[i];
  }
  ++a.turns;
  fake::steps.push_back(
      {frame->step, frame->epoch, frame->rows, {frame->indices, frame->indices + frame->rows}});
  if (fake::afterStep)
    fake::afterStep(frame->step);
}

void evaluateReset(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread != 0)
    return;
  Arena &a = arena(frame);
  a.evaluateLoss = a.score = 0;
  memset(a.confusion, 0, sizeof(a.confusion));
  fake::evaluated.emplace_back();
}
void evaluatePass(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread != 0)
    return;
  Arena &a = arena(frame);
  for (int64_t row = 0; row < frame->rows; ++row) {
    float guess = model(a, rowX(frame, row)), truth = rowY(frame, row);
    a.evaluateLoss += (guess - truth) * (guess - truth) / frame->total_rows;
    a.confusion[(truth > 0) * 2 + (guess > 0)] += 1;
    fake::evaluated.back().push_back(frame->indices[row]);
  }
}
void evaluateFinal(dlrt_frame *frame, int64_t thread, int64_t) {
  if (thread != 0)
    return;
  Arena &a = arena(frame);
  a.norms[0] = std::fabs(a.w[0]);
  a.norms[1] = std::fabs(a.w[1]);
  a.score = evaluations < fake::scores.size() ? fake::scores[evaluations] : 0;
  ++evaluations;
}

void predict(dlrt_frame *frame, int64_t thread, int64_t threads) {
  for (int64_t row = 0; row < frame->rows; ++row)
    if (mine(row, thread, threads))
      arena(frame).predicted[row] = model(arena(frame), rowX(frame, row));
}
void series(dlrt_frame *frame, int64_t thread, int64_t threads) {
  predict(frame, thread, threads);
  for (int64_t row = 0; row < frame->rows; ++row)
    if (mine(row, thread, threads)) {
      arena(frame).seriesX[row] = rowX(frame, row)[0];
      arena(frame).seriesY[row] = rowY(frame, row);
    }
}

const dlrt_symbol symbols[] = {{"generate", generate},
                               {"init", init},
                               {"fit.reset", fitReset},
                               {"fit.0", fitPass},
                               {"fit.final", fitFinal},
                               {"train", train},
                               {"evaluate.reset", evaluateReset},
                               {"evaluate.0", evaluatePass},
                               {"evaluate.final", evaluateFinal},
                               {"predict", predict},
                               {"series", series}};
} // namespace

void fake::clear() {
  steps.clear();
  evaluated.clear();
  scores.clear();
  afterStep = nullptr;
  evaluations = 0;
}

std::string fake::manifest(const std::string &train, const std::string &split) {
  return R"json({"abi": 4, "name": "fake", "precision": "f32", "arena_bytes": 1564, "parameters": 3, "flop": 100,
 "fields": [{"name": "x", "type": "f32", "shape": [2], "source": {"kind": "generated"}},
            {"name": "y", "type": "f32", "shape": [], "source": {"kind": "generated"}}],)json" +
         (split.empty() ? std::string() : "\"split\": {" + split + "},") + R"json(
 "tensors": [{"name": "fake.w", "kind": "param", "type": "f32", "shape": [2], "offset": 0},
             {"name": "fake.b", "kind": "param", "type": "f32", "shape": [], "offset": 8},
             {"name": "sgd.momentum", "kind": "optimizer", "type": "f32", "shape": [3], "offset": 12},
             {"name": "fake.mean", "kind": "fitted", "type": "f32", "shape": [2], "offset": 24},
             {"name": "fake.turns", "kind": "state", "type": "i32", "shape": [], "offset": 32}],
 "functions": {
  "generate": {"symbol": "generate", "rows": 103, "outputs": [
     {"name": "x", "type": "f32", "shape": [103, 2], "offset": 328}, {"name": "y", "type": "f32", "shape": [103], "offset": 1152}]},
  "init": {"symbol": "init"},
  "fit": {"batch": 16, "reset": "fit.reset", "passes": ["fit.0"], "final": "fit.final"},
  "train": {"symbol": "train", "batch": 16, "outputs": [{"name": "loss", "type": "f32", "shape": [], "offset": 36}]},
  "evaluate": {"batch": 16, "reset": "evaluate.reset", "passes": ["evaluate.0"], "final": "evaluate.final", "outputs": [
     {"name": "loss", "type": "f32", "shape": [], "offset": 40}, {"name": "score", "type": "f32", "shape": [], "offset": 44},
     {"name": "confusion", "type": "f32", "shape": [2, 2], "offset": 48}, {"name": "norms", "type": "f32", "shape": [2], "offset": 64}]},
  "predict": {"symbol": "predict", "batch": 16, "inputs": ["x"], "outputs": [{"name": "line", "type": "f32", "shape": [-1], "offset": 136}]},
  "series": {"symbol": "series", "batch": 16, "outputs": [
     {"name": "plot.x", "type": "f32", "shape": [-1], "offset": 200}, {"name": "plot.y", "type": "f32", "shape": [-1], "offset": 264},
     {"name": "plot.line", "type": "f32", "shape": [-1], "offset": 136}]}},
 "train": {)json" +
         train + R"json(},
 "report": [{"name": "mse", "kind": "value", "outputs": ["loss"]}, {"name": "score", "kind": "value", "outputs": ["score"]},
            {"name": "confusion", "kind": "counts", "outputs": ["confusion"]},
            {"name": "norms", "kind": "vector", "outputs": ["norms"], "labels": ["w0", "w1"]},
            {"name": "plot", "kind": "plot", "outputs": ["plot.x", "plot.y", "plot.line"], "labels": ["x", "y", "line(x)"]},
            {"name": "scatter", "kind": "scatter", "outputs": ["plot.y", "plot.line"], "labels": ["y", "line(x)"]}]})json";
}

dlrt_program fake::program(const std::string &manifest) {
  return {DLRT_ABI_VERSION, manifest.c_str(),
          symbols,          sizeof(symbols) / sizeof(symbols[0]),
          nullptr,          0,
          nullptr,          0,
          nullptr};
}

#ifdef FAKE_PROGRAM_LIBRARY
/// As a shared library, for dlopen and the embedding examples.
extern "C" const dlrt_program *dl_program(void) {
  static const std::string text = fake::manifest(R"json("batch": 16, "epochs": 5, "seed": 0)json");
  static const dlrt_program table = fake::program(text);
  return &table;
}
#endif

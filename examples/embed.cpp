// Trains a compiled program through the C ABI, saves it, loads the file into a second net, and
// compares what the two predict.
//
//   dlc compile net.dl -o net.so && embed_cpp net.so weights.safetensors
//
// Works for any program whose fields are f32 numbers, the last one a single number, the target.
#include <dlrt/dlrt.h>

#include <cstdio>
#include <memory>
#include <random>
#include <vector>

namespace {
struct Release {
  void operator()(dlrt_net *net) const { dlrt_net_release(net); }
};
using Net = std::unique_ptr<dlrt_net, Release>;

constexpr int64_t kRows = 256;
constexpr int kEpochs = 100;

/// Opens a program; says why not and returns null otherwise.
Net openNet(const char *path) {
  dlrt_net *raw = nullptr;
  dlrt_status status = dlrt_net_open(path, 1, &raw);
  Net net(raw);
  if (status == DLRT_OK)
    return net;
  std::fprintf(stderr, "%s\n", dlrt_net_message(raw));
  return nullptr;
}

bool succeeded(const Net &net, dlrt_status status) {
  if (status != DLRT_OK)
    std::fprintf(stderr, "%s\n", dlrt_net_message(net.get()));
  return status == DLRT_OK;
}

/// Rows for every field: random numbers, and as the last field their sum.
struct Rows {
  std::vector<std::vector<float>> columns;
  std::vector<int64_t> widths;

  /// The arrays from row `first` on.
  std::vector<const void *> from(int64_t first) const {
    std::vector<const void *> views;
    for (size_t i = 0; i < columns.size(); ++i)
      views.push_back(columns[i].data() + first * widths[i]);
    return views;
  }
};

bool makeRows(const Net &net, Rows &out) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> number(-1, 1);
  std::vector<float> sums(kRows, 0.0f);
  int64_t count = dlrt_net_field_count(net.get());
  for (int64_t i = 0; i < count; ++i) {
    dlrt_field field;
    if (!succeeded(net, dlrt_net_field_info(net.get(), i, &field)))
      return false;
    bool target = i == count - 1;
    if (field.type != DLRT_F32 || (target && field.elements != 1)) {
      std::fprintf(stderr, "field '%s' is not what this example can make\n", field.name);
      return false;
    }
    std::vector<float> column(kRows * field.elements);
    for (size_t j = 0; j < column.size() && !target; ++j)
      sums[j / field.elements] += column[j] = number(random);
    out.columns.push_back(target ? sums : column);
    out.widths.push_back(field.elements);
  }
  return true;
}

bool trainNet(const Net &net, const Rows &rows) {
  int64_t batch = dlrt_net_batch(net.get());
  int64_t steps = kEpochs * ((kRows + batch - 1) / batch);
  if (!succeeded(net, dlrt_net_init(net.get(), 0, steps)) ||
      !succeeded(net, dlrt_net_fit(net.get(), rows.from(0).data(), kRows)))
    return false;
  double loss = 0;
  for (int epoch = 0; epoch < kEpochs; ++epoch)
    for (int64_t first = 0; first < kRows; first += batch) {
      int64_t count = kRows - first < batch ? kRows - first : batch;
      if (!succeeded(net, dlrt_net_train(net.get(), rows.from(first).data(), count, &loss)))
        return false;
    }
  std::printf("loss of the last batch: %g\n", loss);
  return true;
}
} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s net.so weights.safetensors\n", argv[0]);
    return 2;
  }
  Net trained = openNet(argv[1]), loaded = openNet(argv[1]);
  Rows rows;
  if (!trained || !loaded || !makeRows(trained, rows) || !trainNet(trained, rows))
    return 1;
  if (!succeeded(trained, dlrt_net_save(trained.get(), argv[2])) ||
      !succeeded(loaded, dlrt_net_load(loaded.get(), argv[2])))
    return 1;
  std::vector<float> first(kRows * dlrt_net_predict_width(trained.get())), second(first.size());
  if (!succeeded(trained,
                 dlrt_net_predict(trained.get(), rows.from(0).data(), kRows, first.data())) ||
      !succeeded(loaded, dlrt_net_predict(loaded.get(), rows.from(0).data(), kRows, second.data())))
    return 1;
  std::printf("predictions of the saved and the loaded net are %s\n",
              first == second ? "the same" : "different");
  return first == second ? 0 : 1;
}

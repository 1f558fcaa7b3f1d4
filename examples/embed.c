/* Trains a compiled program on rows made here, evaluates it, saves it, and predicts: all through
 * the C ABI.
 *
 *   dlc compile net.dl -o net.so && embed net.so
 *
 * Works for any program whose fields are f32 numbers, the last one a single number, the target. The
 * rows are random; the target is the sum of the row's numbers. */
#include <dlrt/dlrt.h>

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 512, EPOCHS = 200 };

/* In [-1, 1), the same in every run. */
static float next_number(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}

/* Fills fields[i] with ROWS rows. Returns 0 where the program is not one that these rows suit. */
static int make_rows(dlrt_net *net, float **fields, int64_t *widths) {
  int64_t count = dlrt_net_field_count(net);
  for (int64_t i = 0; i < count; ++i) {
    dlrt_field field;
    if (dlrt_net_field_info(net, i, &field) != DLRT_OK)
      return 0;
    printf("field %s: %lld numbers a row\n", field.name, (long long)field.elements);
    if (field.type != DLRT_F32 || (i == count - 1 && field.elements != 1))
      return 0;
    widths[i] = field.elements;
    fields[i] = malloc(sizeof(float) * ROWS * (size_t)field.elements);
    if (!fields[i])
      return 0;
  }
  for (int64_t row = 0; row < ROWS; ++row) {
    float sum = 0;
    for (int64_t i = 0; i + 1 < count; ++i)
      for (int64_t j = 0; j < widths[i]; ++j)
        sum += fields[i][row * widths[i] + j] = next_number();
    fields[count - 1][row] = sum;
  }
  return 1;
}

/* One pass over the rows in batches. */
static dlrt_status train_epoch(dlrt_net *net, float **fields, const int64_t *widths,
                               double *out_loss) {
  int64_t count = dlrt_net_field_count(net), batch = dlrt_net_batch(net);
  const void *views[8];
  for (int64_t first = 0; first < ROWS; first += batch) {
    int64_t rows = ROWS - first < batch ? ROWS - first : batch;
    for (int64_t i = 0; i < count; ++i)
      views[i] = fields[i] + first * widths[i];
    dlrt_status status = dlrt_net_train(net, views, rows, out_loss);
    if (status != DLRT_OK)
      return status;
  }
  return DLRT_OK;
}

static dlrt_status work(dlrt_net *net) {
  float *fields[8] = {0};
  int64_t widths[8];
  if (dlrt_net_field_count(net) > 8 || dlrt_net_predict_width(net) != 1 ||
      !make_rows(net, fields, widths)) {
    fprintf(stderr, "this example wants f32 fields, the last one a single number\n");
    return DLRT_INVALID;
  }
  const void *const *rows = (const void *const *)fields;
  int64_t steps = EPOCHS * ((ROWS + dlrt_net_batch(net) - 1) / dlrt_net_batch(net));
  double loss = 0;
  dlrt_status status = dlrt_net_init(net, 0, steps);
  if (status == DLRT_OK)
    status = dlrt_net_fit(net, rows, ROWS);
  for (int epoch = 0; epoch < EPOCHS && status == DLRT_OK; ++epoch)
    status = train_epoch(net, fields, widths, &loss);
  if (status == DLRT_OK)
    status = dlrt_net_evaluate(net, rows, ROWS, &loss);
  float prediction[3];
  if (status == DLRT_OK)
    status = dlrt_net_predict(net, rows, 3, prediction);
  if (status == DLRT_OK) {
    printf("loss after %lld steps: %g\n", (long long)steps, loss);
    for (int row = 0; row < 3; ++row)
      printf("row %d: predicted %g, true %g\n", row, prediction[row],
             fields[dlrt_net_field_count(net) - 1][row]);
  }
  for (int i = 0; i < 8; ++i)
    free(fields[i]);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s net.so\n", argv[0]);
    return 2;
  }
  dlrt_net *net;
  dlrt_status status = dlrt_net_open(argv[1], 0, &net);
  if (status == DLRT_OK)
    status = work(net);
  if (status != DLRT_OK)
    fprintf(stderr, "%s\n", dlrt_net_message(net));
  dlrt_net_release(net);
  return status == DLRT_OK ? 0 : 1;
}

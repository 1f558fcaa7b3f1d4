/* Trains and predicts inside a program that uses CUDA itself: its context, its stream, its memory.
 *
 *   dlc compile net.dl --device gpu -o net.so && embed_cuda net.so
 *
 * Rows, predictions and weights stay on the GPU; the host waits where it wants to see a number. The
 * program takes CUDA's driver as it finds it, by dlopen, so it is built where CUDA is not
 * installed; one that is linked with CUDA passes its CUstream or cudaStream_t and its pointers in
 * the same way. For any program whose fields are f32 numbers, the last one a single number, the
 * target: it is the sum of the row's numbers, which are random. */
#include <dlrt/dlrt.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 512, EPOCHS = 20, SHOWN = 3, MOST_FIELDS = 8 };

/* As much of <cuda.h> as is used here. */
typedef int CUresult, CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;

#define DRIVER(X)                                                                                  \
  X(cuInit, (unsigned))                                                                            \
  X(cuDeviceGet, (CUdevice *, int))                                                                \
  X(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice))                                             \
  X(cuDevicePrimaryCtxRelease_v2, (CUdevice))                                                      \
  X(cuCtxSetCurrent, (CUcontext))                                                                  \
  X(cuStreamCreate, (CUstream *, unsigned))                                                        \
  X(cuStreamDestroy_v2, (CUstream))                                                                \
  X(cuStreamSynchronize, (CUstream))                                                               \
  X(cuMemAlloc_v2, (CUdeviceptr *, size_t))                                                        \
  X(cuMemFree_v2, (CUdeviceptr))                                                                   \
  X(cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream))                           \
  X(cuMemcpyDtoHAsync_v2, (void *, CUdeviceptr, size_t, CUstream))
#define DECLARE(name, parameters) static CUresult(*name) parameters;
DRIVER(DECLARE)

static int find_driver(void) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW), *found;
  if (!library)
    return 0;
#define FIND(name, parameters)                                                                     \
  if (!(found = dlsym(library, #name)))                                                            \
    return 0;                                                                                      \
  *(void **)&name = found;
  DRIVER(FIND)
  return 1;
}

static void check(CUresult result, const char *what) {
  if (result == 0)
    return;
  fprintf(stderr, "%s failed: CUDA error %d\n", what, result);
  exit(1);
}
#define CU(call) check(call, #call)

static void need(dlrt_net *net, dlrt_status status) {
  if (status == DLRT_OK)
    return;
  fprintf(stderr, "%s\n", dlrt_net_message(net));
  exit(1);
}

/* The data on the device: an array for each field. */
typedef struct rows {
  CUdeviceptr fields[MOST_FIELDS];
  int64_t widths[MOST_FIELDS], count;
  float targets[ROWS]; /* on the host, to compare with */
} rows;

/* In [-1, 1), the same in every run. */
static float next_number(void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}

static CUdeviceptr to_device(const float *from, size_t count, CUstream stream) {
  CUdeviceptr address;
  CU(cuMemAlloc_v2(&address, count * sizeof(float)));
  CU(cuMemcpyHtoDAsync_v2(address, from, count * sizeof(float), stream));
  return address;
}

static int make_rows(dlrt_net *net, rows *data, CUstream stream) {
  data->count = dlrt_net_field_count(net);
  if (data->count < 2 || data->count > MOST_FIELDS || dlrt_net_predict_width(net) != 1)
    return 0;
  for (int row = 0; row < ROWS; ++row)
    data->targets[row] = 0;
  for (int64_t i = 0; i < data->count; ++i) {
    dlrt_field field;
    need(net, dlrt_net_field_info(net, i, &field));
    int is_target = i == data->count - 1;
    if (field.type != DLRT_F32 || (is_target && field.elements != 1))
      return 0;
    data->widths[i] = field.elements;
    size_t count = (size_t)(ROWS * field.elements);
    float *values = malloc(count * sizeof(float));
    if (!values)
      return 0;
    for (size_t k = 0; k < count && !is_target; ++k)
      data->targets[k / (size_t)field.elements] += values[k] = next_number();
    data->fields[i] = to_device(is_target ? data->targets : values, count, stream);
    CU(cuStreamSynchronize(stream)); /* before the host's array goes */
    free(values);
  }
  return 1;
}

/* Enqueues one pass over the rows. Nothing waits, unless the loss of the last batch is asked for.
 */
static void train_epoch(dlrt_net *net, const rows *data, double *out_loss) {
  int64_t batch = dlrt_net_batch(net);
  for (int64_t first = 0; first < ROWS; first += batch) {
    const void *views[MOST_FIELDS];
    int64_t count = ROWS - first < batch ? ROWS - first : batch;
    for (int64_t i = 0; i < data->count; ++i)
      views[i] = (const float *)data->fields[i] + first * data->widths[i];
    need(net, dlrt_net_train(net, views, count, first + count == ROWS ? out_loss : NULL));
  }
}

/* The first number of the first parameter, read where it lies. */
static void show_weight(dlrt_net *net, CUstream stream) {
  dlrt_tensor tensor;
  void *address;
  float value = 0;
  need(net, dlrt_net_tensor_info(net, 0, &tensor));
  need(net, dlrt_net_tensor_address(net, 0, &address));
  CU(cuMemcpyDtoHAsync_v2(&value, (CUdeviceptr)address, sizeof(value), stream));
  CU(cuStreamSynchronize(stream));
  printf("%s starts with %g\n", tensor.name, value);
}

static void work(dlrt_net *net, CUstream stream) {
  static rows data;
  need(net, dlrt_net_set_stream(net, stream));
  need(net, dlrt_net_set_memory(net, DLRT_DEVICE));
  if (!make_rows(net, &data, stream)) {
    fprintf(stderr, "this example wants f32 fields, the last one a single number\n");
    exit(1);
  }
  const void *fields[MOST_FIELDS];
  for (int64_t i = 0; i < data.count; ++i)
    fields[i] = (const void *)data.fields[i];
  int64_t steps = EPOCHS * ((ROWS + dlrt_net_batch(net) - 1) / dlrt_net_batch(net));
  need(net, dlrt_net_init(net, 0, steps));
  need(net, dlrt_net_fit(net, fields, ROWS));
  double first = 0, last = 0;
  for (int epoch = 0; epoch < EPOCHS; ++epoch)
    train_epoch(net, &data, epoch == 0 ? &first : epoch == EPOCHS - 1 ? &last : NULL);
  printf("loss after epoch 1: %g, after %d: %g\n", first, EPOCHS, last);

  CUdeviceptr predictions;
  float shown[SHOWN];
  CU(cuMemAlloc_v2(&predictions, ROWS * sizeof(float)));
  fields[data.count - 1] = NULL; /* predictions do not need the target */
  need(net, dlrt_net_predict(net, fields, ROWS, (float *)predictions));
  CU(cuMemcpyDtoHAsync_v2(shown, predictions, sizeof(shown), stream)); /* behind the net's work */
  CU(cuStreamSynchronize(stream));
  for (int row = 0; row < SHOWN; ++row)
    printf("row %d: predicted %g, true %g\n", row, shown[row], data.targets[row]);
  show_weight(net, stream);
  CU(cuMemFree_v2(predictions));
  for (int64_t i = 0; i < data.count; ++i)
    CU(cuMemFree_v2(data.fields[i]));
}

int main(int argc, char **argv) {
  char reason[256] = "";
  dlrt_device device;
  if (argc != 2) {
    fprintf(stderr, "usage: %s net.so\n", argv[0]);
    return 2;
  }
  if (dlrt_device_count(reason, sizeof(reason)) == 0 || !find_driver() ||
      dlrt_device_info(0, &device) != DLRT_OK) {
    fprintf(stderr, "%s\n", reason[0] ? reason : "the driver cannot be used");
    return 1;
  }
  printf("%s: %s\n", device.choice, device.name);
  CUdevice handle;
  CUcontext context;
  CUstream stream;
  CU(cuInit(0));
  CU(cuDeviceGet(&handle, 0));
  CU(cuDevicePrimaryCtxRetain(&context, handle));
  CU(cuCtxSetCurrent(context));
  CU(cuStreamCreate(&stream, /* not ordered with the null stream */ 1));

  dlrt_net *net;
  dlrt_status status = dlrt_net_open_on(argv[1], device.choice, 0, &net);
  need(net, status);
  work(net, stream);
  dlrt_net_release(net); /* before what it works with */
  CU(cuStreamDestroy_v2(stream));
  CU(cuDevicePrimaryCtxRelease_v2(handle));
  return 0;
}

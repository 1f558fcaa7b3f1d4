/* What the C ABI says to device pointers and streams, right ones and wrong ones. Prints a line for
 * each call. */
#include <dlrt/dlrt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long address;
int cuInit(unsigned), cuDevicePrimaryCtxRetain(void **, int), cuDevicePrimaryCtxRelease_v2(int),
    cuCtxSetCurrent(void *), cuCtxGetCurrent(void **), cuCtxCreate_v2(void **, unsigned, int),
    cuCtxDestroy_v2(void *), cuStreamCreate(void **, unsigned), cuStreamDestroy_v2(void *),
    cuStreamSynchronize(void *), cuStreamBeginCapture_v2(void *, int),
    cuStreamEndCapture(void *, void **), cuGraphDestroy(void *), cuMemAlloc_v2(address *, size_t),
    cuMemFree_v2(address), cuMemcpyHtoD_v2(address, const void *, size_t),
    cuMemcpyDtoH_v2(void *, address, size_t), cuMemAllocHost_v2(void **, size_t),
    cuMemFreeHost(void *), cuDeviceGetCount(int *);

static const char *path;
static dlrt_net *net;
static void *expected; /* the context that every call must leave current */

static int say(const char *what, dlrt_status status) {
  void *current = 0;
  printf("%s: %d %s\n", what, (int)status, dlrt_net_message(net));
  if (expected && (cuCtxGetCurrent(&current) || current != expected))
    printf("the current context was changed\n");
  return status != DLRT_OK;
}

enum { ROWS = 100 };
static float x[2 * ROWS], y[2 * ROWS]; /* also enough for a program whose numbers are f64 */
static int wide;

static address upload(const float *values) {
  address memory = 0;
  size_t bytes = (wide ? 2 : 1) * ROWS * sizeof(float);
  if (cuMemAlloc_v2(&memory, bytes) || cuMemcpyHtoD_v2(memory, values, bytes))
    exit(1);
  return memory;
}

/* Rows and predictions as the device has them, against the same as the host has them. */
static void compare(address dx, address dy, address out) {
  float inPlace[ROWS], copied[ROWS], before[ROWS], weight;
  const void *host[] = {x, y}, *device[] = {(void *)dx, (void *)dy};
  void *place;
  double losses[2];
  say("init", dlrt_net_init(net, 3, 10));
  for (int step = 0; step < 3; ++step)
    say("train", dlrt_net_train(net, host, dlrt_net_batch(net), &losses[0]));
  say("predict", dlrt_net_predict(net, host, ROWS, copied));

  say("memory", dlrt_net_set_memory(net, DLRT_DEVICE));
  say("init", dlrt_net_init(net, 3, 10));
  for (int step = 0; step < 3; ++step)
    say("train", dlrt_net_train(net, device, dlrt_net_batch(net), step < 2 ? 0 : &losses[1]));
  device[1] = 0;
  say("predict", dlrt_net_predict(net, device, ROWS, (float *)out));
  cuMemcpyDtoH_v2(before, out, sizeof(before)); /* in another stream: nothing waited for ours */
  say("synchronize", dlrt_net_synchronize(net));
  cuMemcpyDtoH_v2(inPlace, out, sizeof(inPlace));
  printf("written before the wait: %s\n", memcmp(before, inPlace, sizeof(before)) ? "no" : "yes");
  printf("the same: %d %d\n", losses[0] == losses[1], !memcmp(inPlace, copied, sizeof(copied)));
  say("evaluate", dlrt_net_evaluate(net, device, ROWS, 0));
  device[1] = (void *)dy;
  say("evaluate", dlrt_net_evaluate(net, device, ROWS, 0));
  say("address", dlrt_net_tensor_address(net, 0, &place));
  say("read", dlrt_net_tensor_read(net, 0, copied));
  if (cuMemcpyDtoH_v2(&weight, (address)place, sizeof(weight)))
    weight = *(float *)place; /* of a processor's net */
  printf("in place: %d\n", weight == copied[0]);
}

/* What only a GPU can refuse, and what is refused anywhere. */
static void mistakes(address dx, address out, int onGpu) {
  float host[ROWS], *pinned;
  void *place;
  const void *device[] = {(void *)dx, 0};

  cuMemAllocHost_v2((void **)&pinned, ROWS * sizeof(float));
  const void *wrong[][2] = {
      {x, 0}, {pinned, 0}, {(void *)(dx + 4), 0}, {(void *)(dx + 2), 0}, {0, 0}};
  for (int i = onGpu ? 0 : 4; i < 5; ++i)
    say("wrong", dlrt_net_predict(net, wrong[i], i == 3 ? 10 : ROWS, (float *)out));
  if (onGpu) {
    say("wrong", dlrt_net_predict(net, device, ROWS, host));
    say("wrong", dlrt_net_predict(net, device, ROWS, (float *)(out + 4)));
  }
  say("wrong", dlrt_net_predict(net, device, ROWS, 0));
  say("wrong", dlrt_net_tensor_address(net, 99, &place));
  say("wrong", dlrt_net_tensor_address(net, 0, 0));
  say("wrong", dlrt_net_set_memory(net, (dlrt_memory)7));
  cuMemFreeHost(pinned);
  say("still", dlrt_net_predict(net, device, ROWS, (float *)out));
}

/* A stream and memory of another GPU, whose context is the current one. */
static void otherDevice(address out) {
  void *other, *otherStream;
  cuDevicePrimaryCtxRetain(&other, 1);
  cuCtxSetCurrent(other);
  cuStreamCreate(&otherStream, 1);
  address foreign = upload(x);
  const void *theirs[] = {(void *)foreign, 0};
  void *before = expected;
  expected = other;
  say("other GPU's stream", dlrt_net_set_stream(net, otherStream));
  say("other GPU's memory", dlrt_net_predict(net, theirs, ROWS, (float *)out));
  dlrt_net *first = net;
  say("other GPU's net", dlrt_net_open_on(path, "gpu:1", 1, &net));
  say("other GPU's net", dlrt_net_set_memory(net, DLRT_DEVICE));
  say("other GPU's net", dlrt_net_predict(net, theirs, ROWS, (float *)foreign));
  say("other GPU's net", dlrt_net_predict(net, theirs, ROWS, (float *)out));
  dlrt_net_release(net);
  net = first;
  cuMemFree_v2(foreign);
  cuStreamDestroy_v2(otherStream);
  cuDevicePrimaryCtxRelease_v2(1);
  cuCtxSetCurrent(before);
  expected = before;
}

static void streams(void *stream, address dx, address out) {
  const void *device[] = {(void *)dx, 0};
  void *other, *otherStream, *graph;
  float weight = 0;
  cuCtxCreate_v2(&other, 0, 0);
  cuStreamCreate(&otherStream, 1);
  address foreign = upload(x);
  const void *theirs[] = {(void *)foreign, 0};
  void *before = expected;
  expected = other;
  say("other context", dlrt_net_set_stream(net, otherStream));
  say("other memory", dlrt_net_predict(net, theirs, ROWS, (float *)out));
  say("any current context", dlrt_net_predict(net, device, ROWS, (float *)out));
  cuMemFree_v2(foreign);
  cuStreamDestroy_v2(otherStream);
  cuCtxDestroy_v2(other);
  expected = before;
  say("no stream", dlrt_net_set_stream(net, &other));
  cuStreamBeginCapture_v2(stream, 2);
  say("captured", dlrt_net_predict(net, device, ROWS, (float *)out));
  say("captured", dlrt_net_set_stream(net, 0));
  say("captured", dlrt_net_init(net, 3, 10));
  say("captured", dlrt_net_save(net, "/dev/null"));
  say("captured", dlrt_net_load(net, "/dev/null"));
  say("captured", dlrt_net_tensor_read(net, 0, &weight));
  say("captured", dlrt_net_tensor_write(net, 0, &weight));
  printf("capture: %d\n", cuStreamEndCapture(stream, &graph));
  cuGraphDestroy(graph);
  say("own stream", dlrt_net_set_stream(net, 0));
  say("predict", dlrt_net_predict(net, device, ROWS, (float *)out));
}

int main(int argc, char **argv) {
  void *context = 0, *stream = 0;
  address dx, dy, out;
  int own = argc > 3 && argv[3][0] == 'o'; /* a context that is not the primary one */
  wide = argc > 3 && !own;
  for (int i = 0; i < ROWS; ++i)
    y[i] = 2 * (x[i] = (float)i / ROWS) + 1;
  if (cuInit(0) || (own ? cuCtxCreate_v2(&context, 0, 0) : cuDevicePrimaryCtxRetain(&context, 0)) ||
      cuCtxSetCurrent(context) || cuStreamCreate(&stream, 1))
    return 1;
  expected = context;
  path = argv[1];
  int status = dlrt_net_open_on(path, argv[2], 1, &net);
  if (say("open", status))
    return 1;
  say("stream", dlrt_net_set_stream(net, stream));
  dx = upload(x), dy = upload(y), out = upload(y);
  compare(dx, dy, out);
  int onGpu = argv[2][0] == 'g';
  mistakes(dx, out, onGpu);
  int devices = 0;
  if (onGpu && cuDeviceGetCount(&devices) == 0 && devices > 1)
    otherDevice(out);
  if (onGpu)
    streams(stream, dx, out);
  dlrt_net_release(net);
  cuMemFree_v2(dx), cuMemFree_v2(dy), cuMemFree_v2(out);
  cuStreamDestroy_v2(stream);
  return own ? cuCtxDestroy_v2(context) : cuDevicePrimaryCtxRelease_v2(0);
}

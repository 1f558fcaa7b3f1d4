/* dlrt: train, evaluate and predict with compiled programs, from C and everything that calls C.
 *
 *   dlrt_net *net;
 *   if (dlrt_net_open("net.so", 0, &net) != DLRT_OK)
 *     fprintf(stderr, "%s\n", dlrt_net_message(net));
 *   ...
 *   dlrt_net_release(net);
 *
 * The functions are in libdlrt and in every library that `dlc compile` writes: link either.
 *
 * Ownership. A net is made by dlrt_net_open or dlrt_net_create and given back by dlrt_net_release.
 * Strings and structures that functions hand out belong to the net and live until its release; a
 * message lives until the next call on the net. Arrays that are passed in belong to the caller and
 * are read during the call only.
 *
 * Threads. A net may be used by one thread at a time, not always the same; it has workers of its
 * own, and leaves the threads of the caller as they are. Different nets are independent of each
 * other, also when they come from the same file or save to it. The numbers that come out do not
 * depend on how many threads there are.
 *
 * Errors. Every function that can fail returns a status; what went wrong, and where, says
 * dlrt_net_message. After an error the net is as it was before the call. Nothing prints, exits or
 * aborts.
 *
 * Rows. A program declares fields (dlrt_net_field_info). Rows are passed as one array per field, in
 * the order of the fields: `rows` times the elements of the field's shape, in the field's type, one
 * row after the other. Fields that a function does not read may be null, as targets for
 * predictions. Rows are refused that lack a field which the function reads, or have a class number
 * that is none.
 *
 * GPUs. A net on a GPU works in one context and one stream of CUDA's driver. The context is the one
 * that is current in the thread that opens the net, if it is of that GPU, and has to outlive the
 * net; otherwise the GPU's primary context, which CUDA's runtime and the frameworks on it use. A
 * call leaves the thread's current context as it was. What a call gives to the host it has waited
 * for. Three calls return before the GPU has done their work: dlrt_net_init, dlrt_net_train without
 * `out_loss` and, under dlrt_net_set_memory(net, DLRT_DEVICE) alone, dlrt_net_predict. Their work
 * is enqueued in the stream behind what is there, so whatever is enqueued later sees it.
 * Nothing may be called while the stream is captured.
 */
#ifndef DLRT_DLRT_H
#define DLRT_DLRT_H

#include "dlrt/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a function returns. */
typedef enum dlrt_status {
  DLRT_OK = 0,
  DLRT_INVALID = 1, /* an argument does not fit: a null, a number out of range, an unknown name */
  DLRT_OPEN_FAILED = 2, /* no such program, not a program, or one for another version of the ABI */
  DLRT_FILE_FAILED =
      3, /* a file cannot be read or written, is damaged, or belongs to another program   */
  DLRT_UNSUPPORTED = 4, /* the program has no such function */
  DLRT_OUT_OF_MEMORY = 5,
  DLRT_DEVICE_FAILED = 6 /* the GPU or its driver */
} dlrt_status;

typedef enum dlrt_type {
  DLRT_F32 = 0,
  DLRT_F64 = 1,
  DLRT_I32 = 2,
  DLRT_U8 = 3,
  DLRT_BOOL = 4 /* one byte, 0 or 1 */
} dlrt_type;

/* A program with its weights, memory and workers. */
typedef struct dlrt_net dlrt_net;

/* A field of the data. */
typedef struct dlrt_field {
  const char *name;
  dlrt_type type;
  int64_t rank; /* number of dimensions of one row's value; 0 for a single number */
  const int64_t *shape;
  int64_t elements;   /* product of the shape: array elements in one row */
  int64_t classes;    /* of a class number; 0 for other fields           */
  int64_t predict_in; /* 1 where predictions need it                     */
} dlrt_field;

/* A variable: a parameter, a state, an optimizer's state or a value fitted on the data. */
typedef struct dlrt_tensor {
  const char *name;
  const char *kind; /* "param", "state", "optimizer" or "fitted" */
  dlrt_type type;
  int64_t rank;
  const int64_t *shape;
  int64_t elements;
} dlrt_tensor;

/* Where arrays lie that are passed to a net. */
typedef enum dlrt_memory {
  DLRT_HOST = 0,
  DLRT_DEVICE = 1 /* in the memory of the net's device */
} dlrt_memory;

/* A GPU that the driver shows. */
typedef struct dlrt_device {
  char choice[16]; /* what dlrt_net_open_on takes for it: "gpu:N" */
  char name[128];
  int64_t memory_bytes;
  int64_t multiprocessors;
  int64_t capability_major, capability_minor; /* compute capability */
  int64_t driver_version; /* of CUDA, that the driver serves: 1000 * major + 10 * minor */
} dlrt_device;

/* How many GPUs there are. Where there is none, `reason`, if it is not null, gets why: a text of at
 * most `room` bytes with its 0. */
int64_t dlrt_device_count(char *reason, int64_t room);
/* Describes GPU `index`, from 0. DLRT_INVALID where there is none of that number. */
dlrt_status dlrt_device_info(int64_t index, dlrt_device *out_device);

/* Version of the ABI that this library was built for (DLRT_ABI_VERSION). */
int64_t dlrt_abi_version(void);

/* Loads the program in the shared library `path` with `threads` threads, at most 1024 (0: as many
 * as suit it).
 * `*out_net` is set in any case, after an error to a net that has only a message, and has to be
 * released in any case; it is null only when there is no memory at all. All variables are zero
 * until init, load, or weights of the library's own give them values. */
dlrt_status dlrt_net_open(const char *path, int64_t threads, dlrt_net **out_net);

/* The same at a place that is chosen: "cpu", "gpu" (the first one), "gpu:N", or "auto", as
 * dlrt_net_open does: on a GPU if the library has code for one and one can be used, else on the
 * processor; see dlrt_net_fallback. */
dlrt_status dlrt_net_open_on(const char *path, const char *device, int64_t threads,
                             dlrt_net **out_net);

/* The same for a program that is in memory already; it must stay there until the release. */
dlrt_status dlrt_net_create(const dlrt_program *program, int64_t threads, dlrt_net **out_net);

/* Ends the workers and frees everything. Null is allowed. */
void dlrt_net_release(dlrt_net *net);

/* What went wrong in the last call; "" after a call that succeeded. Never null. */
const char *dlrt_net_message(const dlrt_net *net);

const char *dlrt_net_name(const dlrt_net *net);
/* Where the net runs: "cpu" or "gpu:N"; "" for a net that was not opened. */
const char *dlrt_net_device(const dlrt_net *net);
/* Why it runs on the processor though it has code for a GPU; "" where that is not so. */
const char *dlrt_net_fallback(const dlrt_net *net);
int64_t dlrt_net_parameter_count(const dlrt_net *net);
/* Rows that one training step takes at most. */
int64_t dlrt_net_batch(const dlrt_net *net);

int64_t dlrt_net_field_count(const dlrt_net *net);
dlrt_status dlrt_net_field_info(dlrt_net *net, int64_t index, dlrt_field *out_field);
int64_t dlrt_net_tensor_count(const dlrt_net *net);
dlrt_status dlrt_net_tensor_info(dlrt_net *net, int64_t index, dlrt_tensor *out_tensor);

/* Copies a variable's `elements` values out of the net, or into it: row-major, in its type. */
dlrt_status dlrt_net_tensor_read(dlrt_net *net, int64_t index, void *out_values);
dlrt_status dlrt_net_tensor_write(dlrt_net *net, int64_t index, const void *values);

/* Where a variable lies in the memory of the net's device (of a net on the processor, the host's):
 * `elements` values, row-major, for reading in place, in the stream's order. They are those of the
 * last call that was made. The address stays the same until the net's release. DLRT_UNSUPPORTED
 * where the program keeps the variable in another order, as a processor may. */
dlrt_status dlrt_net_tensor_address(dlrt_net *net, int64_t index, void **out_address);

/* Has all further work done in `stream`, a CUstream or cudaStream_t of the net's context; null goes
 * back to the stream that the net has of its own. Waits for what the net has in the stream of
 * before. The stream has to exist until another one is set or the net is released. */
dlrt_status dlrt_net_set_stream(dlrt_net *net, void *stream);

/* Says where the rows lie that later calls get, and where predictions go; at first, DLRT_HOST. In
 * DLRT_DEVICE:
 * - Fields are read in place, by dlrt_net_fit, _train, _evaluate and _predict. Each is to be
 *   aligned to the largest power of two, up to 16 bytes, that divides the size of its rows, and in
 *   memory of the net's context (cuMemAlloc, cudaMalloc) or managed memory. They have to stay as
 *   they are until the GPU has done the work.
 * - Predictions are written in place as well; the program's numbers have to be f32.
 * - What does not fit is refused: a pointer to the host's memory, memory of another GPU or context,
 *   an array that is too short. Class numbers alone are not looked at: the caller sees to it that
 *   they are less than `classes`.
 * For a net on the processor both are the same, so a program may be written once for both. */
dlrt_status dlrt_net_set_memory(dlrt_net *net, dlrt_memory memory);

/* Waits until all work of the net is done, and says what went wrong in it. */
dlrt_status dlrt_net_synchronize(dlrt_net *net);

/* Gives every parameter and state its first value; `seed` decides the random ones. `steps` is how
 * many steps are planned, for learning rates that depend on it (at least 1). */
dlrt_status dlrt_net_init(dlrt_net *net, uint64_t seed, int64_t steps);

/* Fits what the program fits on its training data (means, deviations) to these rows. Does nothing
 * where the program fits nothing. */
dlrt_status dlrt_net_fit(dlrt_net *net, const void *const *fields, int64_t rows);

/* Does one step on a batch of 1 ... dlrt_net_batch rows. `out_loss` may be null: asking for the
 * loss waits for the step. */
dlrt_status dlrt_net_train(dlrt_net *net, const void *const *fields, int64_t rows,
                           double *out_loss);

/* Computes loss and metrics over any number of rows. `out_loss` may be null. */
dlrt_status dlrt_net_evaluate(dlrt_net *net, const void *const *fields, int64_t rows,
                              double *out_loss);

/* A number of the last evaluation by its name in the program ("accuracy"), or "loss". */
dlrt_status dlrt_net_metric(dlrt_net *net, const char *name, double *out_value);

/* How many numbers a prediction has for each row. */
int64_t dlrt_net_predict_width(const dlrt_net *net);

/* Predicts any number of raw rows: `out_values` gets rows x dlrt_net_predict_width numbers. */
dlrt_status dlrt_net_predict(dlrt_net *net, const void *const *fields, int64_t rows,
                             float *out_values);

/* Writes all variables to `path` (safetensors): to a new file that then takes the old one's place.
 */
dlrt_status dlrt_net_save(dlrt_net *net, const char *path);

/* Reads what dlrt_net_save or `dlc run --save` wrote. A file that is damaged or of another program
 * is refused. Training goes on at its step, with the steps planned that dlrt_net_init was told. */
dlrt_status dlrt_net_load(dlrt_net *net, const char *path);

#ifdef __cplusplus
}
#endif
#endif /* DLRT_DLRT_H */

/* The contract between compiled programs and the runtime: what generated code reads.
 *
 * Layouts here are baked into generated code; any change raises DLRT_ABI_VERSION, and a program
 * that was compiled for another version is refused with both numbers. See docs/RuntimeABI.md. */
#ifndef DLRT_ABI_H
#define DLRT_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DLRT_ABI_VERSION 4

/* Rows of batched buffers and of `indices` are allocated in multiples of this, so that kernels may
 * work on whole register tiles; the rows past the batch hold garbage that nothing reads. */
#define DLRT_ROW_TILE 16

/* Up to this many threads make copies of their own of what each of them reads whole; more share
 * one. The copies, `copy_bytes` of the manifest each, follow the arena: thread t has copy t, or 0.
 */
#define DLRT_MOST_COPIES 4

/* What one call of a compiled function works on. All threads of a call see the same frame. */
typedef struct dlrt_frame {
  uint8_t *arena;            /* 64-byte aligned; `arena_bytes` of the manifest, then the copies */
  const void *const *fields; /* resident data: one array per field, in the manifest's order */
  const int32_t *indices; /* row r of the batch is row indices[r] of the fields; behind them stand
                             DLRT_ROW_TILE + rows more numbers of rows: of the next batch, if any,
                             so that its data can be fetched early */
  int64_t rows;        /* rows of this batch, at most the function's "batch"                      */
  int64_t total_rows;  /* rows of the whole pass (fit, evaluate); `rows` elsewhere                */
  int64_t step;        /* number of this training step, from 1; 0 outside training                */
  int64_t total_steps; /* steps that the whole training will take                                 */
  int64_t epoch;       /* number of this epoch, from 1; 0 outside training                        */
  uint64_t seed;       /* key of all random numbers                                               */
  void (*barrier)(struct dlrt_frame *frame,
                  int64_t thread); /* waits for all threads of this call      */
  void *pool;       /* the runtime's own                                                       */
  double loss_sum;  /* of steps that a device makes by itself: of each the loss times its rows */
  uint32_t arrived; /* blocks of a kernel that have come to its barriers, all of them together */
  uint32_t hung;    /* not 0: a barrier of a kernel was given up */
} dlrt_frame;

/* A compiled function. Called once by each of `threads` threads, `thread` from 0, on the same
 * frame. */
typedef void (*dlrt_function)(dlrt_frame *frame, int64_t thread, int64_t threads);

/* One named function of a program. */
typedef struct dlrt_symbol {
  const char *name; /* as in the manifest */
  dlrt_function function;
} dlrt_symbol;

/* What a compiled program hands to the runtime. A shared library exports
 * `const dlrt_program *dl_program(void)`. Everything in it is static. */
typedef struct dlrt_program {
  int64_t abi_version;
  const char *manifest; /* JSON, see docs/RuntimeABI.md */
  const dlrt_symbol *symbols;
  int64_t symbol_count;
  const void *weights; /* a training state, as its file's bytes; null where there is none */
  int64_t weight_bytes;
  const void
      *image; /* of a program for a device: what its driver loads. Its functions are launches,
                 which the manifest lists, and it has no symbols. Null for a processor */
  int64_t image_bytes;
  const struct dlrt_program *other; /* the same program for another place to run at; may be null */
} dlrt_program;

#ifdef __cplusplus
}
#endif
#endif

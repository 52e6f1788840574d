/* engine.h: the calling convention of kernels, the table of an instruction set, the choice between tables. */
#ifndef CNNLITE_ENGINE_H
#define CNNLITE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/parallel.h"
#include "workspace.h"

static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline ptrdiff_t divide_up(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

/* A kernel is cut into at least so many pieces, if it has the work: 4 threads then wait little for the last. */
enum { MINIMUM_PIECES = 16 };

/* At most LONGEST_SUM numbers are added one by one in REAL.  A longer sum is cut into blocks of SUM_BLOCK, whose
 * sums are added in double.  In float32, n equal numbers added one by one are off by up to 1.5e-8 n of their
 * sum. */
enum {
    LONGEST_SUM = 512,
    SUM_BLOCK = 256,
};

/* The operations that follow a product in the same pass, in this order (cnnlite/post_ops.py): an addend of the
 * shape of y, ReLU, and 2x2 max-pooling with stride 2, which writes a byte of argmax for each window.  NULL and 0
 * stand for an operation that is absent. */
enum { STOPPED = 4 };                      /* argmax of a window whose maximum ReLU stopped */
typedef struct {
    const void *addend;
    uint8_t *argmax;
    int relu;
} post_ops;

/* The parallel loop of the module cnnlite._ext.runtime, which has the threads; set when the engine is loaded. */
extern parallel_loop *engine_parallel;

/* Every kernel has this type.  It takes its arguments, a struct from its family's args.h, and the memory that it
 * works in (workspace.h).  The names of all kernels stand in cnnlite/kernel_list.py, from which setup.py writes
 * kernel_list.h.  Each kernel is compiled for every instruction set that the compiler can target, for float ([0])
 * and double ([1]).  Kernels check nothing; the bindings have done so. */
typedef void (*engine_kernel)(void *args, workspace *work);

typedef struct {
    const char *name;                      /* "baseline", "neon", "avx2", "avx512" */
    int lanes[2], mr, nv;                  /* of vectors, and of the micro-kernel's block */
    int fused, pairs;                      /* whether VFMA rounds once; whether there are PAIRS (simd/vec.h) */
    const engine_kernel (*kernels)[2];       /* in the order of the list */
} engine_table;

/* Whether this machine multiplies pairs of bfloat16 numbers in one instruction (AVX512_BF16). */
extern int engine_has_pairs;

/* The names of the kernels in that order, and then NULL. */
extern const char *const engine_names[];

/* NULL where the compiler cannot build the instruction set or this machine cannot run it. */
const engine_table *engine_find(const char *name);

#endif

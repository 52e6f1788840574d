/* kernels.h: all kernels of one instruction set.  engine_<isa>.c says which: it defines ISA_AVX512,
 * ISA_AVX2 or ISA_BASELINE and includes this file, which compiles every template below it twice.
 *
 * The instruction set is chosen by pragma, not by a compiler flag: the rest of the library, and the
 * system headers included before the pragma, stay on what every machine has.
 */
#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>
#include "engine.h"
#include "kernel_list.h"
#include "conv/gradient_args.h"
#include "linear/args.h"
#include "norm/args.h"
#include "pointwise/args.h"
#include "pool/args.h"

#if defined(__GNUC__) && defined(__x86_64__) && !defined(CNNLITE_PLAIN_C)
#include <immintrin.h>
#if defined(ISA_AVX512)
#define TABLE engine_avx512
#define TABLE_NAME "avx512"
#define TARGET
#elif defined(ISA_AVX2)
#define TABLE engine_avx2
#define TABLE_NAME "avx2"
#define TARGET
#endif
#endif

#if defined(ISA_BASELINE)
#define TABLE engine_baseline
#define TABLE_NAME "baseline"
#endif

#if !defined(TABLE)                        /* not this architecture, or not this compiler */
#if defined(ISA_AVX512)
const engine_table *const engine_avx512 = NULL;
#else
const engine_table *const engine_avx2 = NULL;
#endif
#else

#if defined(TARGET) && defined(__clang__)
#if defined(ISA_AVX512)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl"))), \
                             apply_to = function)
#else
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#endif
#elif defined(TARGET)
#pragma GCC push_options
#if defined(ISA_AVX512)
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#else
#pragma GCC target("avx2,fma")
#endif
#endif

#define REAL float
#define REAL_BYTES 4
#include "templates.h" /* every kernel for one REAL: setup.py writes it from kernel_list.py */
#undef REAL
#undef REAL_BYTES
#define REAL double
#define REAL_BYTES 8
#include "templates.h"

#if defined(TARGET) && defined(__clang__)
#pragma clang attribute pop
#elif defined(TARGET)
#pragma GCC pop_options
#endif

#define ENTRY(kernel) {kernel##_f32, kernel##_f64},
static const engine_kernel kernels[][2] = {KERNEL_LIST(ENTRY)};
static const engine_table table = {.name = TABLE_NAME,
                                   .mr = MR,
                                   .nv = NV,
                                   .fused = FUSED,
                                   .kernels = kernels,
                                   .lanes = {sizeof(vec_f32) / sizeof(float), sizeof(vec_f64) / sizeof(double)}};
const engine_table *const TABLE = &table;
#endif

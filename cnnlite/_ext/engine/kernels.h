/* kernels.h: all kernels of one instruction set.  engine_<isa>.c says which: it defines ISA (avx512, avx2, neon or
 * baseline) and ISA_<ISA>, and includes this file, which compiles every template below it twice.
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
#include "simd/compiler.h"

#if X86_VECTORS
#include <immintrin.h>
#elif ARM_VECTORS
#include <arm_neon.h>
#endif

#define TABLE PASTE(engine_, ISA)
#if X86_VECTORS && (defined(ISA_AVX512) || defined(ISA_AVX2))
#define TARGET
#endif

#if !defined(ISA_BASELINE) && !defined(TARGET) && !(ARM_VECTORS && defined(ISA_NEON))
const engine_table *const TABLE = NULL; /* not this architecture, or not this compiler */
#else

#if defined(TARGET) && defined(__clang__)
#if defined(ISA_AVX512)
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,avx512bf16"))), \
                             apply_to = function)
#else
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#endif
#elif defined(TARGET)
#pragma GCC push_options
#if defined(ISA_AVX512) && PAIRED_PRODUCTS
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,avx512bf16")
#elif defined(ISA_AVX512)
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")
#else
#pragma GCC target("avx2,fma")
#endif
#endif

#define REAL float
#define REAL_BYTES 4
#include "templates.h" /* every kernel for one REAL: setup.py writes it from kernel_list.py */
enum { CAN_PAIR = PAIRS };                 /* of float32 */
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
static const engine_table table = {.name = TEXT(ISA),
                                   .mr = MR,
                                   .nv = NV,
                                   .fused = FUSED,
                                   .pairs = CAN_PAIR,
                                   .kernels = kernels,
                                   .lanes = {sizeof(vec_f32) / sizeof(float), sizeof(vec_f64) / sizeof(double)}};
const engine_table *const TABLE = &table;
#endif

/* vec.h: the vector vocabulary of the engine, for one instruction set and one REAL.
 *
 * Included once for REAL = float and once for REAL = double by every engine_<isa>.c, after that file
 * has chosen its instruction set (ISA_AVX512, ISA_AVX2, or neither: what every machine of the
 * architecture has).  Kernels are written once, in terms of
 *
 *     V          a vector of VL REALs; + - * and unary minus work on it as on a REAL
 *     MASK       what comparing two V gives: all bits set where true
 *     VLOAD(p)  VSTORE(p, v)  VSET1(x)  VZERO        p needs no alignment
 *     VLOADN(p, n)  VSTOREN(p, v, n)                 the first n of VL lanes only (0 < n <= VL)
 *     VLOADR(p, begin, end)                          lanes begin .. end; zero in the others
 *     VFMA(a, b, c)                                  a * b + c, rounded once where the machine can
 *     VSELECT(mask, a, b)  VRELU(v)                  mask ? a : b;  v <= 0 ? 0 : v (NaN stays NaN, -0 becomes 0)
 *
 * and of MR and NV, the shape of the micro-kernel's block of accumulators (microkernel.h).
 * A compiler without vector extensions gets vectors of one lane: the same source as plain C loops.
 */

#ifndef CNNLITE_VEC_ONCE
#define CNNLITE_VEC_ONCE

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(CNNLITE_PLAIN_C)  /* the macro: to test the other path */
#define VECTORS 1
#define INLINE static inline __attribute__((always_inline, unused))
#define KERNEL static __attribute__((noinline, unused))
#define RESTRICT __restrict__
#define ALIGN64 __attribute__((aligned(64)))
#define PREFETCH(p) __builtin_prefetch(p)
#else
#define VECTORS 0
#define INLINE static __inline
#define KERNEL static
#define RESTRICT
#define ALIGN64
#define PREFETCH(p) ((void)(p))
#endif

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 64")
#else
#define UNROLL
#endif
#define UNROLL_FOR(...) UNROLL for (__VA_ARGS__)

/* Registers decide MR x NV: 8 x 3 accumulators, three vectors of B and a broadcast fill a file of 32,
 * 4 x 3 one of 16.  MR divides the channel counts that networks have; 12 x 2 and 14 x 2 do not. */
#if defined(ISA_AVX512)
#include <immintrin.h>
#define VBYTES 64
#define MR 8
#define NV 3
#elif defined(ISA_AVX2)
#include <immintrin.h>
#define VBYTES 32
#define MR 4
#define NV 3
#elif VECTORS && defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define VBYTES 16
#define MR 8
#define NV 3
#elif VECTORS                              /* SSE2, or whatever sixteen bytes become */
#define VBYTES 16
#define MR 4
#define NV 2                               /* a product without FMA needs a register of its own */
#else
#define MR 4
#define NV 8
#endif

#if NV == 2
#define EACH_NV(f) f(1) f(2)
#elif NV == 3
#define EACH_NV(f) f(1) f(2) f(3)
#else
#define EACH_NV(f) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8)
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#endif  /* CNNLITE_VEC_ONCE */

/* T(name) is the name of a function or type of this REAL: name_f32, name_f64. */
#undef T
#undef V
#undef MASK
#undef VL
#undef NR
#undef VFMA
#if REAL_BYTES == 4
#define T(name) PASTE(name, _f32)
#else
#define T(name) PASTE(name, _f64)
#endif
#define V T(vec)
#define MASK T(mask)
#define NR (NV * VL)                       /* columns of a full micro-tile */

#if VECTORS
#define VL (VBYTES / REAL_BYTES)
typedef REAL V __attribute__((vector_size(VBYTES)));
typedef REAL T(vec_unaligned) __attribute__((vector_size(VBYTES), aligned(REAL_BYTES), may_alias));
#if REAL_BYTES == 4
typedef int32_t MASK __attribute__((vector_size(VBYTES)));
#else
typedef int64_t MASK __attribute__((vector_size(VBYTES)));
#endif
INLINE V T(vset1)(REAL x)
{
    V zero = {0};
    return x - zero;
}   /* compilers make it one broadcast */
INLINE V T(vselect)(MASK m, V a, V b) { return (V)((m & (MASK)a) | (~m & (MASK)b)); }
INLINE V T(vrelu)(V v)
{
    V zero = {0};
    return (V)((MASK)v & ~(MASK)(v <= zero));
}
#define VZERO ((V){0})
#define VLOAD(p) ((V) * (const T(vec_unaligned) *)(p))
#define VSTORE(p, v) (*(T(vec_unaligned) *)(p) = (T(vec_unaligned))(v))
#else
#define VL 1
typedef REAL V;
typedef int MASK;
INLINE V T(vset1)(REAL x) { return x; }
INLINE V T(vselect)(MASK m, V a, V b) { return m ? a : b; }
INLINE V T(vrelu)(V v) { return v <= 0 ? 0 : v; }
#define VZERO ((V)0)
#define VLOAD(p) (*(p))
#define VSTORE(p, v) (*(p) = (v))
#endif
#define VSET1(x) T(vset1)(x)
#define VSELECT(m, a, b) T(vselect)(m, a, b)
#define VRELU(v) T(vrelu)(v)

#if defined(ISA_AVX512) && REAL_BYTES == 4
#define VFMA(a, b, c) ((V)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    return (V)_mm512_maskz_loadu_ps((__mmask16)((1u << end) - (1u << begin)), p);
}
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif defined(ISA_AVX512)
#define VFMA(a, b, c) ((V)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return (V)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    return (V)_mm512_maskz_loadu_pd((__mmask8)((1u << end) - (1u << begin)), p);
}
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#else
#if defined(ISA_AVX2) && REAL_BYTES == 4
#define VFMA(a, b, c) ((V)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#elif defined(ISA_AVX2)
#define VFMA(a, b, c) ((V)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#elif defined(__ARM_NEON) && defined(__aarch64__) && REAL_BYTES == 4
#define VFMA(a, b, c) ((V)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define VFMA(a, b, c) ((V)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#else
#define VFMA(a, b, c) ((a) * (b) + (c))
#endif
#if defined(ISA_AVX2)
/* n lanes of ones, then zeros: a window into eight ones and eight zeros. */
INLINE __m256i T(first_lanes)(ptrdiff_t n)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(ones + 8 - n * (REAL_BYTES / 4)));
}
INLINE __m256i T(lanes_between)(ptrdiff_t begin, ptrdiff_t end)
{
    return _mm256_andnot_si256(T(first_lanes)(begin), T(first_lanes)(end));
}
#if REAL_BYTES == 4
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return (V)_mm256_maskload_ps(p, T(first_lanes)(n)); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    return (V)_mm256_maskload_ps(p, T(lanes_between)(begin, end));
}
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { _mm256_maskstore_ps(p, T(first_lanes)(n), (__m256)v); }
#else
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return (V)_mm256_maskload_pd(p, T(first_lanes)(n)); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    return (V)_mm256_maskload_pd(p, T(lanes_between)(begin, end));
}
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { _mm256_maskstore_pd(p, T(first_lanes)(n), (__m256d)v); }
#endif
#else
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    REAL lanes[VL] = {0};
    for (ptrdiff_t i = begin; i < end; i++) lanes[i] = p[i];
    return VLOAD(lanes);
}
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return T(vloadr)(p, 0, n); }
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n)
{
    REAL lanes[VL];
    VSTORE(lanes, v);
    for (ptrdiff_t i = 0; i < n; i++) p[i] = lanes[i];
}
#endif
#endif
/* p[0], p[2], p[4] ...: nothing beyond the last of them is read. */
INLINE V T(vload_evens)(const REAL *p)
{
#if VECTORS && !defined(__clang__)
    MASK lane;
    for (int i = 0; i < (int)VL; i++) lane[i] = 2 * i + (2 * i >= (int)VL);
    return __builtin_shuffle(VLOAD(p), VLOAD(p + VL - 1), lane);
#else
    REAL lanes[VL];
    for (ptrdiff_t i = 0; i < VL; i++) lanes[i] = p[2 * i];
    return VLOAD(lanes);
#endif
}
/* p[0], p[2], p[4] ... = the lanes of v.  What lies between is read and written as it was. */
INLINE void T(vstore_evens)(REAL *p, V v)
{
#if VECTORS && !defined(__clang__)
    MASK low, high;                        /* two vectors that meet in the odd element VL - 1 */
    for (int i = 0; i < (int)VL; i++) {
        low[i] = i % 2 ? (int)VL + i : i / 2;
        high[i] = i % 2 ? ((int)VL - 1 + i) / 2 : (int)VL + i;
    }
    const V first = __builtin_shuffle(v, VLOAD(p), low);
    const V second = __builtin_shuffle(v, VLOAD(p + VL - 1), high);
    VSTORE(p, first);
    VSTORE(p + VL - 1, second);
#else
    REAL lanes[VL];
    VSTORE(lanes, v);
    for (ptrdiff_t i = 0; i < VL; i++) p[2 * i] = lanes[i];
#endif
}
#define VLOADN(p, n) T(vloadn)(p, n)
#define VLOADR(p, begin, end) T(vloadr)(p, begin, end)
#define VSTOREN(p, v, n) T(vstoren)(p, v, n)

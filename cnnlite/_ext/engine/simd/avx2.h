/* avx2.h: vectors of 32 bytes, 16 registers, FMA, and masks that are vectors of integers. */
#define VBYTES 32
#define MR 4
#define NV 3
#define TILE_ROWS 4
#define PANEL 3
#define BY_LANE 0
#define FUSED 1
#define SUM_PART 2
#define EACH_NV(f) f(1) f(2) f(3)
#include "vectors.h"

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

#undef VFMA
#if REAL_BYTES == 4
#define VFMA(a, b, c) ((V)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return (V)_mm256_maskload_ps(p, T(first_lanes)(n)); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    return (V)_mm256_maskload_ps(p, T(lanes_between)(begin, end));
}
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { _mm256_maskstore_ps(p, T(first_lanes)(n), (__m256)v); }
#else
#define VFMA(a, b, c) ((V)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return (V)_mm256_maskload_pd(p, T(first_lanes)(n)); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    return (V)_mm256_maskload_pd(p, T(lanes_between)(begin, end));
}
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { _mm256_maskstore_pd(p, T(first_lanes)(n), (__m256d)v); }
#endif
#include "shuffle.h"

/* avx512.h: vectors of 64 bytes, 32 registers, a mask for each load and store. */
#define VBYTES 64
#define MR 8
#define NV 3
#define TILE_ROWS 8
#define PANEL 3
#define BY_LANE 0
#define FUSED 1
#define SUM_PART 1
#define EACH_NV(f) f(1) f(2) f(3)
#include "vectors.h"

#undef VFMA
#if REAL_BYTES == 4
#if PAIRED_PRODUCTS
#undef PAIRS
#undef VDOT
#define PAIRS 1
#define VDOT(a, b, c) ((V)_mm512_dpbf16_ps((__m512)(c), (__m512bh)(a), (__m512bh)(b)))
INLINE V T(pair_second)(V v) { return (V)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh((__m512)v)); }
INLINE V T(pair_first)(V v) { return (V)_mm512_slli_epi32((__m512i)T(pair_second)(v), 16); }
INLINE void T(store_pairs)(REAL *p, V v)
{
    const __m256i both = (__m256i)_mm512_cvtneps_pbh((__m512)v);
    _mm256_storeu_si256((__m256i *)p, _mm256_rol_epi32(both, 16));
}
#endif
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
#else
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
#endif
#include "shuffle.h"

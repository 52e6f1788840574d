/* neon.h: vectors of 16 bytes, 32 registers, FMA, whose first factor may be one lane of a vector (64-bit ARM).
 *
 * Winograd's products have 4 x 4 accumulators: four pipes with a latency of four cycles want 16, and a block of
 * channels has only 4 lanes. */
#define VBYTES 16
#define MR 8
#define NV 3
#define TILE_ROWS 4
#define PANEL 4
#define BY_LANE 1
#define FUSED 1
#define SUM_PART 4
#define EACH_NV(f) f(1) f(2) f(3)
#include "vectors.h"

#undef VFMA
#if REAL_BYTES == 4
#define VFMA(a, b, c) ((V)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#else
#define VFMA(a, b, c) ((V)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#endif
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return T(load_lanes)(p, 0, n); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end) { return T(load_lanes)(p, begin, end); }
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { T(store_lanes)(p, v, n); }
#include "shuffle.h"

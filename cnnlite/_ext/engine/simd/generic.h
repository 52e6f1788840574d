/* generic.h: vectors of 16 bytes on any machine: SSE2 where there is nothing better, and 16 registers. */
#define VBYTES 16
#define MR 4
#define NV 2 /* a product without FMA needs a register of its own */
#define TILE_ROWS 4
#define PANEL 2
#define BY_LANE 0
#define FUSED 0
#define SUM_PART 2
#define EACH_NV(f) f(1) f(2)
#include "vectors.h"

#undef VFMA
#define VFMA(a, b, c) ((a) * (b) + (c))
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return T(load_lanes)(p, 0, n); }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end) { return T(load_lanes)(p, begin, end); }
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { T(store_lanes)(p, v, n); }
#include "shuffle.h"

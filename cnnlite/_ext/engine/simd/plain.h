/* plain.h: vectors of one lane, for a compiler that has none: the kernels become loops over numbers. */
#define MR 8
#define NV 8
#define TILE_ROWS MR
#define PANEL STRIP
#define STRIP 4       /* of the loops of plain_kernel.h: rows of a block, */
#define MOST_ROWS 32  /* rows that take what is copied once, */
#define DEPTH 64      /* steps in depth that are copied at a time */
#define BY_LANE 0
#define FUSED 0
#define SUM_PART 4
#define EACH_NV(f) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8)
#define VL 1
typedef REAL V;
typedef int MASK;
#define VZERO ((V)0)
#define VLOAD(p) (*(p))
#define VSTORE(p, v) (*(p) = (v))
#define VFMA(a, b, c) ((a) * (b) + (c))
INLINE V T(vset1)(REAL x) { return x; }
INLINE V T(vselect)(MASK m, V a, V b) { return m ? a : b; }
INLINE V T(vrelu)(V v) { return v <= 0 ? 0 : v; }
INLINE V T(vloadn)(const REAL *p, ptrdiff_t n) { return n > 0 ? *p : 0; }
INLINE V T(vloadr)(const REAL *p, ptrdiff_t begin, ptrdiff_t end) { return begin < end ? *p : 0; }
INLINE void T(vstoren)(REAL *p, V v, ptrdiff_t n) { *p = n > 0 ? v : *p; }

#define SHUFFLE(a, b, l0) ((l0) ? (b) : (a))
INLINE V T(vpick)(V a, V b, MASK index) { return index == 0 ? a : index == 1 ? b : 0; }
INLINE V T(vor)(V a, V b) { return a ? a : b; }
#define EVENS 0
#define ODDS 1
#define LOWS 0
#define HIGHS 1
INLINE V T(vload_evens)(const REAL *p) { return *p; }
INLINE void T(vstore_evens)(REAL *p, V v) { *p = v; }
INLINE V T(vload_every_3)(const REAL *p, ptrdiff_t n) { return n > 0 ? *p : 0; }
INLINE V T(vload_every_4)(const REAL *p, ptrdiff_t n) { return n > 0 ? *p : 0; }
INLINE V T(vload_evens_between)(const REAL *p, ptrdiff_t begin, ptrdiff_t end) { return begin < end ? *p : 0; }
INLINE void T(transpose)(V v[VL]) { (void)v; }

INLINE MASK T(select_index)(MASK mask, MASK a, MASK b) { return mask ? a : b; }
INLINE MASK T(load_bytes)(const uint8_t *p, ptrdiff_t n) { return n > 0 ? *p : 0; }
INLINE void T(store_bytes)(uint8_t *p, MASK index, ptrdiff_t n) { *p = n > 0 ? (uint8_t)index : *p; }

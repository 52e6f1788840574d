/* simd/microkernel.h: the one loop in which a convolution's time is spent.
 *
 *     acc (MR x NV*VL)  +=  sum over k of  a[k][MR] (outer) b[k][NV*VL]
 *
 * a and b are packed: element k of every row of the block lies together, so both are read once, from
 * beginning to end.  The accumulators never leave the registers while the sum runs.  For each k the
 * kernel loads NV vectors and broadcasts MR numbers, and does MR * NV multiply-adds with them: 11 loads
 * for 24 products at 8 x 3.  The machine does two of each in a cycle, so products are the limit, as
 * they should be.  MR * NV must also exceed latency times throughput of an FMA (4 cycles times 2).
 */

/* sums = sums + n numbers of a block (without `more`, the numbers alone), in double. */
INLINE void T(add_block)(const REAL *RESTRICT block, ptrdiff_t n, double *RESTRICT sums, int more)
{
    if (more)
        for (ptrdiff_t i = 0; i < n; i++) sums[i] += (double)block[i];
    else
        for (ptrdiff_t i = 0; i < n; i++) sums[i] = (double)block[i];
}

/* n numbers of a block = sums, rounded. */
INLINE void T(take_sums)(const double *RESTRICT sums, ptrdiff_t n, REAL *RESTRICT block)
{
    for (ptrdiff_t i = 0; i < n; i++) block[i] = (REAL)sums[i];
}

#if VECTORS
/* The products of one k: acc[i][j] += a[i * a_row + at] * row[j], for `rows` rows of acc, acc_row vectors apart. */
INLINE void T(add_outer)(const REAL *a, ptrdiff_t a_row, ptrdiff_t at, const int rows, const V *row, const int nv,
                         V *acc, const int acc_row)
{
#if BY_LANE
    if (__builtin_constant_p(a_row) && a_row == 1 && rows % VL == 0) {
        UNROLL_FOR(int i = 0; i < rows; i++) {
            const V x = VLOAD(a + at + i / VL * VL);
            UNROLL_FOR(int j = 0; j < nv; j++)
                acc[i * acc_row + j] = VFMA(VSET1(x[i % VL]), row[j], acc[i * acc_row + j]);
        }
        return;
    }
#endif
    UNROLL_FOR(int i = 0; i < rows; i++) {
        const V x = VSET1(a[i * a_row + at]);
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i * acc_row + j] = VFMA(x, row[j], acc[i * acc_row + j]);
        if (FUSED && nv > 1)
            UNROLL_FOR(int j = 0; j < nv; j++) IN_ORDER(acc[i * acc_row + j]);
    }
}

/* acc += that sum.  Row i of a at depth k is a[i * a_row + k * a_step] (packed: a_row 1, a_step MR), row k
 * of b starts at b + k * b_step (packed: b_step nv * VL).  nv (1 .. NV) is a constant where this is called:
 * each value becomes code of its own. */
INLINE void T(micro_sum)(ptrdiff_t depth, const REAL *RESTRICT a, ptrdiff_t a_row, ptrdiff_t a_step,
                         const REAL *RESTRICT b, ptrdiff_t b_step, V acc[MR][NV], const int nv)
{
    for (ptrdiff_t k = 0; k < depth; k++, a += a_step, b += b_step) {
        V row[NV];
        UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(b + j * VL);
        T(add_outer)(a, a_row, 0, MR, row, nv, acc[0], NV);
    }
}

/* c[i][j] (row stride ldc) = the sum, or with `accumulate` c[i][j] + the sum, in the order of one long sum; then ReLU,
 * if asked. */
INLINE void T(micro_tile)(ptrdiff_t depth, const REAL *RESTRICT a, ptrdiff_t a_row, ptrdiff_t a_step,
                          const REAL *RESTRICT b, ptrdiff_t b_step, REAL *RESTRICT c, ptrdiff_t ldc,
                          int accumulate, int relu, const int nv)
{
    V acc[MR][NV];
    UNROLL_FOR(int i = 0; i < MR; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = accumulate ? VLOAD(c + i * ldc + j * VL) : VZERO;
    T(micro_sum)(depth, a, a_row, a_step, b, b_step, acc, nv);
    UNROLL_FOR(int i = 0; i < MR; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) VSTORE(c + i * ldc + j * VL, relu ? VRELU(acc[i][j]) : acc[i][j]);
}

/* MR x nv*VL for nv = 1 .. NV, b packed in panels of that width; a_row or a_step is 1. */
KERNEL void T(micro_packed)(ptrdiff_t nv, ptrdiff_t depth, const REAL *RESTRICT a, ptrdiff_t a_row,
                            ptrdiff_t a_step, const REAL *RESTRICT b, REAL *RESTRICT c, ptrdiff_t ldc,
                            int accumulate, int relu)
{
    switch (nv) {
#define CASE(nv) \
    case nv: \
        if (a_step == 1) T(micro_tile)(depth, a, a_row, 1, b, nv * VL, c, ldc, accumulate, relu, nv); \
        else T(micro_tile)(depth, a, 1, a_step, b, nv * VL, c, ldc, accumulate, relu, nv); \
        break;
        EACH_NV(CASE)
    }
}

/* acc = start (no start: 0) or with `accumulate` c, + the same sum where rows of b are not packed but lie where
 * they are: the j-th vector of row k at b[j] + offset[k].  With stride and dilation in the table of offsets, this
 * is convolution. */
INLINE void T(micro_gather)(ptrdiff_t depth, const REAL *RESTRICT a, ptrdiff_t a_row, ptrdiff_t a_step,
                            const REAL *const *b, const ptrdiff_t *RESTRICT offset, const REAL *RESTRICT c,
                            ptrdiff_t ldc, const REAL *start, int accumulate, V acc[MR][NV], const int nv)
{
    const REAL *column[NV];
    UNROLL_FOR(int j = 0; j < nv; j++) column[j] = b[j];
    UNROLL_FOR(int i = 0; i < MR; i++)
        UNROLL_FOR(int j = 0; j < nv; j++)
            acc[i][j] = accumulate ? VLOAD(c + i * ldc + j * VL) : start ? VSET1(start[i]) : VZERO;
    for (ptrdiff_t k = 0; k < depth; k++, a += a_step) {
        V row[NV];
        UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(column[j] + offset[k]);
        T(add_outer)(a, a_row, 0, MR, row, nv, acc[0], NV);
    }
}

/* Packed a: forward passes and input gradients. */
INLINE void T(micro_gather_packed)(ptrdiff_t depth, const REAL *RESTRICT a, const REAL *const *b,
                                   const ptrdiff_t *RESTRICT offset, REAL *RESTRICT c, ptrdiff_t ldc,
                                   const REAL *start, int accumulate, int relu, const int nv)
{
    V acc[MR][NV];
    T(micro_gather)(depth, a, 1, MR, b, offset, c, ldc, start, accumulate, acc, nv);
    UNROLL_FOR(int i = 0; i < MR; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) VSTORE(c + i * ldc + j * VL, relu ? VRELU(acc[i][j]) : acc[i][j]);
}

KERNEL void T(micro_gathered)(int nv, ptrdiff_t depth, const REAL *RESTRICT a, const REAL *const *b,
                              const ptrdiff_t *RESTRICT offset, REAL *RESTRICT c, ptrdiff_t ldc, const REAL *start,
                              int accumulate, int relu)
{
    switch (nv) {
#undef CASE
#define CASE(nv) \
    case nv: T(micro_gather_packed)(depth, a, b, offset, c, ldc, start, accumulate, relu, nv); break;
        EACH_NV(CASE)
    }
}

/* Rows of a that are a_row apart, consecutive in depth: weight gradients, which sum over pixels.  With `add`,
 * c + the sum, which is a block of a longer one. */
INLINE void T(micro_gather_rows)(ptrdiff_t depth, const REAL *RESTRICT a, ptrdiff_t a_row, const REAL *const *b,
                                 const ptrdiff_t *RESTRICT offset, REAL *RESTRICT c, ptrdiff_t ldc, int add,
                                 const int nv)
{
    V acc[MR][NV];
    T(micro_gather)(depth, a, a_row, 1, b, offset, NULL, ldc, NULL, 0, acc, nv);
    UNROLL_FOR(int i = 0; i < MR; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) {
            REAL *to = c + i * ldc + j * VL;
            VSTORE(to, add ? VLOAD(to) + acc[i][j] : acc[i][j]);
        }
}

KERNEL void T(micro_rows)(int nv, ptrdiff_t depth, const REAL *RESTRICT a, ptrdiff_t a_row, const REAL *const *b,
                          const ptrdiff_t *RESTRICT offset, REAL *RESTRICT c, ptrdiff_t ldc, int add)
{
    switch (nv) {
#undef CASE
#define CASE(nv) \
    case nv: T(micro_gather_rows)(depth, a, a_row, b, offset, c, ldc, add, nv); break;
        EACH_NV(CASE)
    }
#undef CASE
}
#else
#include "plain_kernel.h"
#endif

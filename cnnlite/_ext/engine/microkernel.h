/* microkernel.h: the one loop in which a convolution's time is spent.
 *
 *     acc (MR x NV*VL)  +=  sum over k of  a[k][MR] (outer) b[k][NV*VL]
 *
 * a and b are packed: element k of every row of the block lies together, so both are read once, from
 * beginning to end.  The accumulators never leave the registers while the sum runs.  For each k the
 * kernel loads NV vectors and broadcasts MR numbers, and does MR * NV multiply-adds with them: 11 loads
 * for 24 products at 8 x 3.  The machine does two of each in a cycle, so products are the limit, as
 * they should be.  MR * NV must also exceed latency times throughput of an FMA (4 cycles times 2).
 */

/* c[i][j] (row stride ldc) = that sum; with `accumulate`, it is added to what c holds.
 * nv (1 .. NV) is a constant where this is called: each value becomes code of its own. */
INLINE void T(micro_tile)(ptrdiff_t depth, const REAL *RESTRICT a, const REAL *RESTRICT b,
                          REAL *RESTRICT c, ptrdiff_t ldc, int accumulate, const int nv)
{
    V acc[MR][NV];
    UNROLL for (int i = 0; i < MR; i++)
        UNROLL for (int j = 0; j < nv; j++) acc[i][j] = VZERO;

    for (ptrdiff_t k = 0; k < depth; k++, a += MR, b += nv * VL) {
        V row[NV];
        UNROLL for (int j = 0; j < nv; j++) row[j] = VLOAD(b + j * VL);
        UNROLL for (int i = 0; i < MR; i++) {
            V x = VSET1(a[i]);
            UNROLL for (int j = 0; j < nv; j++) acc[i][j] = VFMA(x, row[j], acc[i][j]);
        }
    }
    UNROLL for (int i = 0; i < MR; i++)
        UNROLL for (int j = 0; j < nv; j++) {
            REAL *out = c + i * ldc + j * VL;
            VSTORE(out, accumulate ? acc[i][j] + VLOAD(out) : acc[i][j]);
        }
}

/* A full block, MR x NR. */
KERNEL void T(micro_kernel)(ptrdiff_t depth, const REAL *RESTRICT a, const REAL *RESTRICT b,
                            REAL *RESTRICT c, ptrdiff_t ldc, int accumulate)
{
    T(micro_tile)(depth, a, b, c, ldc, accumulate, NV);
}

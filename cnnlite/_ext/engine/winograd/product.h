/* winograd/product.h: the matrix products of Winograd's convolution.
 *
 * The transforms leave their results as [element of the tile][block of VL channels][tile][VL]:
 * each is written once, by whole vectors, and is already what the products read, so nothing is
 * packed.  The two kernels differ from microkernel.h only in where their operands lie.
 */
#if !defined(CNNLITE_WINOGRAD_PRODUCT_ONCE)
#define CNNLITE_WINOGRAD_PRODUCT_ONCE
/* As many accumulators as microkernel.h has: TILE_ROWS (or ADJOINT_ROWS) x PANEL. */
#define TILE_ROWS MR
#define PANEL (NV < 3 ? NV : 3)

/* How many of the blocks that are left go into the next panel: 4 = 2 + 2, not 3 + 1. */
static inline ptrdiff_t panel_width(ptrdiff_t left) { return left == 4 ? 2 : smaller(left, PANEL); }
#endif
#undef ADJOINT_ROWS
#define ADJOINT_ROWS (MR < VL ? MR : VL)   /* divides VL */

/* products[j][tile][VL] = sum over channels c of inputs[c / VL][tile][c % VL] * weights[c][j][VL],
 * for TILE_ROWS tiles and nv blocks j of output channels.  `block` REALs lie between two blocks. */
INLINE void T(forward_tile)(const REAL *RESTRICT inputs, ptrdiff_t block, const REAL *RESTRICT weights,
                            REAL *RESTRICT products, ptrdiff_t channels, const int nv)
{
    V acc[TILE_ROWS][PANEL];
    UNROLL_FOR(int i = 0; i < TILE_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VZERO;
    for (; channels > 0; channels -= VL, inputs += block) {
        const ptrdiff_t depth = channels < VL ? channels : VL;
        for (ptrdiff_t k = 0; k < depth; k++, weights += nv * VL) {
            V row[PANEL];
            UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(weights + j * VL);
            UNROLL_FOR(int i = 0; i < TILE_ROWS; i++) {
                V x = VSET1(inputs[i * VL + k]);
                UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VFMA(x, row[j], acc[i][j]);
            }
        }
    }
    UNROLL_FOR(int i = 0; i < TILE_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) VSTORE(products + j * block + i * VL, acc[i][j]);
}

/* sums[i][j] (rows `ld` apart) += sum over tiles of outputs[tile][i] * inputs[j][tile][VL], for
 * ADJOINT_ROWS output channels i and nv blocks j of input channels; with `begin`, = not +=. */
INLINE void T(adjoint_tile)(const REAL *RESTRICT outputs, const REAL *RESTRICT inputs, ptrdiff_t block,
                            REAL *RESTRICT sums, ptrdiff_t ld, ptrdiff_t tiles, int begin, const int nv)
{
    V acc[ADJOINT_ROWS][PANEL];
    UNROLL_FOR(int i = 0; i < ADJOINT_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VZERO;
    for (ptrdiff_t t = 0; t < tiles; t++) {
        V row[PANEL];
        UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(inputs + j * block + t * VL);
        UNROLL_FOR(int i = 0; i < ADJOINT_ROWS; i++) {
            V x = VSET1(outputs[t * VL + i]);
            UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VFMA(x, row[j], acc[i][j]);
        }
    }
    UNROLL_FOR(int i = 0; i < ADJOINT_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) {
            REAL *sum = sums + i * ld + j * VL;
            VSTORE(sum, begin ? acc[i][j] : VLOAD(sum) + acc[i][j]);
        }
}

/* The same for more than LONGEST_SUM channels: blocks of them are added in double. */
KERNEL void T(deep_tile)(int nv, const REAL *inputs, ptrdiff_t block, const REAL *weights, REAL *products,
                         ptrdiff_t channels)
{
    double sums[PANEL][TILE_ROWS * VL];
    for (ptrdiff_t c = 0; c < channels; c += SUM_BLOCK) {
        const REAL *in = inputs + c / VL * block, *weight = weights + c * nv * VL;
        const ptrdiff_t depth = smaller(SUM_BLOCK, channels - c);
        if (nv == 1) T(forward_tile)(in, block, weight, products, depth, 1);
        else if (nv == 2) T(forward_tile)(in, block, weight, products, depth, 2);
        else T(forward_tile)(in, block, weight, products, depth, PANEL);
        for (int j = 0; j < nv; j++) T(add_block)(products + j * block, TILE_ROWS * VL, sums[j], c > 0);
    }
    for (int j = 0; j < nv; j++) T(take_sums)(sums[j], TILE_ROWS * VL, products + j * block);
}

/* One element of the tile: products (blocks_out) = inputs (channels) * weights, for all tiles. */
KERNEL void T(forward_product)(const REAL *inputs, ptrdiff_t block, const REAL *weights, REAL *products,
                               ptrdiff_t channels, ptrdiff_t blocks_out, ptrdiff_t tiles)
{
    for (ptrdiff_t j = 0, nv; j < blocks_out; j += nv, weights += nv * VL * channels) {
        nv = panel_width(blocks_out - j);
        for (ptrdiff_t t = 0; t < tiles; t += TILE_ROWS) {
            const REAL *in = inputs + t * VL;
            REAL *out = products + j * block + t * VL;
            if (channels > LONGEST_SUM) T(deep_tile)((int)nv, in, block, weights, out, channels);
            else if (nv == 1) T(forward_tile)(in, block, weights, out, channels, 1);
            else if (nv == 2) T(forward_tile)(in, block, weights, out, channels, 2);
            else T(forward_tile)(in, block, weights, out, channels, PANEL);
        }
    }
}

/* One element of the tile: sums (blocks_out, blocks_in blocks of VL) += outputs^T * inputs. */
KERNEL void T(adjoint_product)(const REAL *outputs, const REAL *inputs, ptrdiff_t block, REAL *sums,
                               ptrdiff_t blocks_out, ptrdiff_t blocks_in, ptrdiff_t tiles, int begin)
{
    const ptrdiff_t ld = blocks_in * VL;
    for (ptrdiff_t j = 0, nv; j < blocks_in; j += nv) {
        nv = panel_width(blocks_in - j);
        for (ptrdiff_t i = 0; i < blocks_out * VL; i += ADJOINT_ROWS) {
            const REAL *rows = outputs + i / VL * block + i % VL, *columns = inputs + j * block;
            REAL *sum = sums + i * ld + j * VL;
            if (nv == 1) T(adjoint_tile)(rows, columns, block, sum, ld, tiles, begin, 1);
            else if (nv == 2) T(adjoint_tile)(rows, columns, block, sum, ld, tiles, begin, 2);
            else T(adjoint_tile)(rows, columns, block, sum, ld, tiles, begin, PANEL);
        }
    }
}

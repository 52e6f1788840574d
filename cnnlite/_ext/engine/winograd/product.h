/* winograd/product.h: the matrix products of Winograd's convolution.
 *
 * The transforms leave their results as [element of the tile][block of VL channels][tile][VL]:
 * each is written once, by whole vectors, and is already what the products read, so nothing is
 * packed.  The two kernels differ from microkernel.h only in where their operands lie.
 */
#if !defined(CNNLITE_WINOGRAD_PRODUCT_ONCE)
#define CNNLITE_WINOGRAD_PRODUCT_ONCE
/* How many of the blocks that are left go into the next panel: 4 = 2 + 2, not 3 + 1. */
static inline ptrdiff_t panel_width(ptrdiff_t left) { return divide_up(left, divide_up(left, PANEL)); }

/* The panel that block number `block` of so many is in: its first block, and in *width how many it has.  Panel i
 * holds block i * PANEL. */
static inline ptrdiff_t panel_of(ptrdiff_t blocks, ptrdiff_t block, ptrdiff_t *width)
{
    ptrdiff_t first = 0;
    *width = panel_width(blocks);
    while (first + *width <= block) first += *width, *width = panel_width(blocks - first);
    return first;
}
#endif
#undef ADJOINT_ROWS
#define ADJOINT_ROWS (MR < VL ? MR : VL)   /* divides VL */

/* `product`(arguments, nv) with nv as a constant. */
#undef WITH_WIDTH
#if PANEL > 3
#define WITH_WIDTH(nv, product, ...) \
    if (nv == 1) product(__VA_ARGS__, 1); \
    else if (nv == 2) product(__VA_ARGS__, 2); \
    else if (nv == 3) product(__VA_ARGS__, 3); \
    else product(__VA_ARGS__, PANEL)
#else
#define WITH_WIDTH(nv, product, ...) \
    if (nv == 1) product(__VA_ARGS__, 1); \
    else if (nv == 2) product(__VA_ARGS__, 2); \
    else product(__VA_ARGS__, PANEL)
#endif

#if VECTORS
/* add_outer (microkernel.h), or with `paired`, where there are PAIRS, the same of pairs of bfloat16 numbers. */
INLINE void T(add_products)(const REAL *a, ptrdiff_t a_row, ptrdiff_t at, const int rows, const V *row,
                            const int nv, V *acc, const int acc_row, const int paired)
{
    if (!paired) {
        T(add_outer)(a, a_row, at, rows, row, nv, acc, acc_row);
        return;
    }
    UNROLL_FOR(int i = 0; i < rows; i++) {
        const V x = VSET1(a[i * a_row + at]);
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i * acc_row + j] = VDOT(x, row[j], acc[i * acc_row + j]);
        if (nv > 1)
            UNROLL_FOR(int j = 0; j < nv; j++) IN_ORDER(acc[i * acc_row + j]);
    }
}

/* products[j][tile][VL] = sum over channels c of inputs[c / VL][tile][c % VL] * weights[c][j][VL],
 * for TILE_ROWS tiles and nv blocks j of output channels.  `block` REALs lie between two blocks.
 * With `paired`, two channels are one number.  `next`: what is prefetched meanwhile, a vector for
 * each channel or pair; it may lie behind the weights' end. */
INLINE void T(forward_tile)(const REAL *RESTRICT inputs, ptrdiff_t block, const REAL *RESTRICT weights,
                            const REAL *next, REAL *RESTRICT products, ptrdiff_t channels, const int paired,
                            const int nv)
{
    V acc[TILE_ROWS][PANEL];
    UNROLL_FOR(int i = 0; i < TILE_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VZERO;
    for (; channels > 0; channels -= VL, inputs += block) {
        const ptrdiff_t left = channels < VL ? channels : VL, depth = paired ? (left + 1) / 2 : left;
#if BY_LANE
        V x[TILE_ROWS];
        UNROLL_FOR(int i = 0; i < TILE_ROWS; i++) x[i] = VLOAD(inputs + i * VL);
        UNROLL_FOR(int k = 0; k < VL; k++)
            if (k < depth) {
                UNROLL_FOR(int j = 0; j < nv; j++) {
                    const V row = VLOAD(weights + j * VL);
                    UNROLL_FOR(int i = 0; i < TILE_ROWS; i++) acc[i][j] = VFMA(VSET1(x[i][k]), row, acc[i][j]);
                }
                weights += nv * VL;
                PREFETCH(next + k * VL);
            }
        next += depth * VL;
#else
        for (ptrdiff_t k = 0; k < depth; k++, weights += nv * VL, next += VL) {
            V row[PANEL];
            UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(weights + j * VL);
            PREFETCH(next);
            T(add_products)(inputs, paired ? VL / 2 : VL, k, TILE_ROWS, row, nv, acc[0], PANEL, paired);
        }
#endif
    }
    UNROLL_FOR(int i = 0; i < TILE_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) VSTORE(products + j * block + i * VL, acc[i][j]);
}

/* sums[i][j] (rows `ld` apart) += sum over tiles of outputs[tile][i] * inputs[j][tile][VL], for
 * ADJOINT_ROWS output channels i and nv blocks j of input channels; with `begin`, = not +=.  With `paired`, two
 * tiles are one number, and `tiles` counts pairs. */
INLINE void T(adjoint_tile)(const REAL *RESTRICT outputs, const REAL *RESTRICT inputs, ptrdiff_t block,
                            REAL *RESTRICT sums, ptrdiff_t ld, ptrdiff_t tiles, int begin, const int paired,
                            const int nv)
{
    V acc[ADJOINT_ROWS][PANEL];
    UNROLL_FOR(int i = 0; i < ADJOINT_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) {
            acc[i][j] = VZERO;
            PREFETCH(sums + i * ld + j * VL);
        }
    for (const REAL *end = outputs + tiles * VL; outputs < end; outputs += VL, inputs += VL) {
        V row[PANEL];
        UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(inputs + j * block);
        T(add_products)(outputs, 1, 0, ADJOINT_ROWS, row, nv, acc[0], PANEL, paired);
    }
    UNROLL_FOR(int i = 0; i < ADJOINT_ROWS; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) {
            REAL *sum = sums + i * ld + j * VL;
            VSTORE(sum, begin ? acc[i][j] : VLOAD(sum) + acc[i][j]);
        }
}
#else
/* The lanes are tiles, which are neighbours where VL is 1. */
INLINE void T(forward_tile)(const REAL *inputs, ptrdiff_t block, const REAL *weights, const REAL *next,
                            REAL *products, ptrdiff_t channels, const int paired, const int nv)
{
    REAL sums[PANEL][MR] = {{0}};
    const REAL *x[PANEL];
    for (int j = 0; j < PANEL; j++) x[j] = weights + (j < nv ? j : 0);
    (void)paired, (void)next;
    T(sum_outer)(STRIP, channels, x, nv, inputs, block, sums[0]);
    for (int j = 0; j < nv; j++) memcpy(products + j * block, sums[j], sizeof sums[j]);
}

/* sums (MOST_ROWS x MR) of output channels i .. i + rows and input channels j .. j + columns. */
INLINE void T(adjoint_tile)(const REAL *outputs, const REAL *inputs, ptrdiff_t block, REAL *sums, ptrdiff_t ld,
                            ptrdiff_t tiles, int begin, int rows, int columns)
{
    REAL acc[MOST_ROWS][MR] = {{0}};
    const REAL *x[MOST_ROWS], *from[MR];
    for (int i = 0; i < MOST_ROWS; i++) x[i] = outputs + (i < rows ? i : 0) * block;
    for (int j = 0; j < MR; j++) from[j] = inputs + (j < columns ? j : 0) * block;
    T(sum_gathered)((int)divide_up(rows, STRIP) * STRIP, tiles, x, from, columns, NULL, acc[0]);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            REAL *sum = sums + i * ld + j;
            *sum = begin ? acc[i][j] : *sum + acc[i][j];
        }
}
#endif

/* The same for more than LONGEST_SUM channels: blocks of them are added in double. */
KERNEL void T(deep_tile)(int nv, const REAL *inputs, ptrdiff_t block, const REAL *weights, const REAL *next,
                         REAL *products, ptrdiff_t channels, int paired)
{
    double sums[PANEL][TILE_ROWS * VL];
    for (ptrdiff_t c = 0; c < channels; c += SUM_BLOCK) {
        const ptrdiff_t done = paired ? c / 2 : c, depth = smaller(SUM_BLOCK, channels - c);
        const REAL *in = inputs + c / VL * block, *weight = weights + done * nv * VL, *ahead = next + done * VL;
        if (PAIRS && paired) WITH_WIDTH(nv, T(forward_tile), in, block, weight, ahead, products, depth, 1);
        else WITH_WIDTH(nv, T(forward_tile), in, block, weight, ahead, products, depth, 0);
        for (int j = 0; j < nv; j++) T(add_block)(products + j * block, TILE_ROWS * VL, sums[j], c > 0);
    }
    for (int j = 0; j < nv; j++) T(take_sums)(sums[j], TILE_ROWS * VL, products + j * block);
}

/* One element of the tile: products (blocks_out) = inputs (channels) * weights, for all tiles.  Weights of many
 * channels come from the third-level cache.  So while TILE_ROWS tiles are multiplied with a panel, a vector for each
 * channel is prefetched from `ahead` REALs after it on: of what is multiplied next, which if `ahead` is 0 lies behind
 * the panel. */
KERNEL void T(forward_product)(const REAL *inputs, ptrdiff_t block, const REAL *weights, REAL *products,
                               ptrdiff_t channels, ptrdiff_t blocks_out, ptrdiff_t tiles, int paired,
                               ptrdiff_t ahead)
{
    const ptrdiff_t depth = paired ? divide_up(channels, 2) : channels;
    for (ptrdiff_t j = 0, nv; j < blocks_out; j += nv, weights += nv * VL * depth) {
        nv = panel_width(blocks_out - j);
        const REAL *next = weights + (ahead ? ahead : nv * VL * depth);
        for (ptrdiff_t t = 0; t < tiles; t += TILE_ROWS, next += VL * depth) {
            const REAL *in = inputs + (paired ? t * VL / 2 : t * VL);
            REAL *out = products + j * block + t * VL;
            if (channels > LONGEST_SUM) T(deep_tile)((int)nv, in, block, weights, next, out, channels, paired);
            else if (PAIRS && paired) WITH_WIDTH(nv, T(forward_tile), in, block, weights, next, out, channels, 1);
            else WITH_WIDTH(nv, T(forward_tile), in, block, weights, next, out, channels, 0);
        }
    }
}

/* One element of the tile: sums (blocks_out, blocks_in blocks of VL) += outputs^T * inputs. */
KERNEL void T(adjoint_product)(const REAL *outputs, const REAL *inputs, ptrdiff_t block, REAL *sums,
                               ptrdiff_t blocks_out, ptrdiff_t blocks_in, ptrdiff_t tiles, int begin, int paired)
{
    const ptrdiff_t ld = blocks_in * VL;
#if VECTORS
    for (ptrdiff_t j = 0, nv; j < blocks_in; j += nv) {
        nv = panel_width(blocks_in - j);
        for (ptrdiff_t i = 0; i < blocks_out * VL; i += ADJOINT_ROWS) {
            const REAL *rows = outputs + i / VL * block + i % VL, *columns = inputs + j * block;
            REAL *sum = sums + i * ld + j * VL;
            if (PAIRS && paired) WITH_WIDTH(nv, T(adjoint_tile), rows, columns, block, sum, ld, tiles, begin, 1);
            else WITH_WIDTH(nv, T(adjoint_tile), rows, columns, block, sum, ld, tiles, begin, 0);
        }
    }
#else
    (void)paired;
    for (ptrdiff_t j = 0; j < blocks_in; j += MR)
        for (ptrdiff_t i = 0; i < blocks_out; i += MOST_ROWS)
            T(adjoint_tile)(outputs + i * block, inputs + j * block, block, sums + i * ld + j, ld, tiles, begin,
                            (int)smaller(MOST_ROWS, blocks_out - i), (int)smaller(MR, blocks_in - j));
#endif
}

/* winograd/large_product.h: the matrix products of large.h, where one operand is read number by number and the other
 * in vectors of filters.  The forward pass sums over channels and parts, its adjoint over tiles.
 */

/* The operands of c[i][j] = sum over k of x[row[i] + column[k]] * b[k * b_step + j * b_block], a vector for each
 * j; c is c_step and c_block apart.  With `add`, c + the sum. */
typedef struct {
    const REAL *x, *b;
    const ptrdiff_t *row, *column;
    ptrdiff_t depth, b_step, b_block, c_step, c_block;
    REAL *c;
    int add;
} T(large_product);

/* `rows` rows and nv vectors of it. */
INLINE void T(large_tile)(const T(large_product) *k, const int rows, const int nv)
{
    const REAL *x[MR], *b = k->b;
    V acc[MR][PANEL];
    UNROLL_FOR(int i = 0; i < rows; i++) {
        x[i] = k->x + k->row[i];
        UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VZERO;
    }
    for (ptrdiff_t d = 0; d < k->depth; d++, b += k->b_step) {
        const ptrdiff_t at = k->column[d];
        V row[PANEL];
        UNROLL_FOR(int j = 0; j < nv; j++) row[j] = VLOAD(b + j * k->b_block);
        UNROLL_FOR(int i = 0; i < rows; i++) {
            const V v = VSET1(x[i][at]);
            UNROLL_FOR(int j = 0; j < nv; j++) acc[i][j] = VFMA(v, row[j], acc[i][j]);
        }
    }
    UNROLL_FOR(int i = 0; i < rows; i++)
        UNROLL_FOR(int j = 0; j < nv; j++) {
            REAL *c = k->c + i * k->c_step + j * k->c_block;
            VSTORE(c, k->add ? VLOAD(c) + acc[i][j] : acc[i][j]);
        }
}

/* The same where `rows` are more than LONGEST_SUM products deep: blocks of them are added in double. */
KERNEL void T(large_deep_tile)(const T(large_product) *given, int nv)
{
    double sums[PANEL * VL] = {0};
    T(large_product) k = *given;
    REAL block[PANEL * VL];
    k.c = block, k.c_block = VL, k.add = 0;
    for (ptrdiff_t d = 0; d < given->depth; d += SUM_BLOCK) {
        k.depth = smaller(SUM_BLOCK, given->depth - d);
        WITH_WIDTH(nv, T(large_tile), &k, 1);
        T(add_block)(block, nv * VL, sums, d > 0);
        k.column += SUM_BLOCK, k.b += SUM_BLOCK * k.b_step;
    }
    T(take_sums)(sums, nv * VL, block);
    for (int j = 0; j < nv; j++) VSTORE(given->c + j * given->c_block, VLOAD(block + j * VL));
}

/* All `rows` rows of it, in steps of MR, 4 and 1. */
INLINE void T(large_rows)(T(large_product) k, ptrdiff_t rows, const int nv)
{
    for (ptrdiff_t step; rows > 0; rows -= step, k.row += step, k.c += step * k.c_step) {
        step = k.depth > LONGEST_SUM ? 1 : rows >= MR ? MR : rows >= 4 && MR > 4 ? 4 : 1;
        if (k.depth > LONGEST_SUM) T(large_deep_tile)(&k, nv);
        else if (step == MR) T(large_tile)(&k, MR, nv);
        else if (step == 4) T(large_tile)(&k, MR < 4 ? MR : 4, nv);
        else T(large_tile)(&k, 1, nv);
    }
}

/* All of its columns, which are `blocks` vectors.  With `packed`, b is cut into panels. */
KERNEL void T(large_multiply)(T(large_product) k, ptrdiff_t rows, ptrdiff_t blocks, int packed)
{
    for (ptrdiff_t j = 0, nv; j < blocks; j += nv) {
        nv = panel_width(blocks - j);
        if (packed) k.b_step = nv * VL;
        WITH_WIDTH(nv, T(large_rows), k, rows);
        k.b += packed ? nv * VL * k.depth : nv * k.b_block;
        k.c += nv * k.c_block;
    }
}

/* Inputs and products of the block (by, bx); `memory` is that of a thread. */
KERNEL void T(large_products)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t by,
                              ptrdiff_t bx, const REAL *weights, REAL *memory, V *squares)
{
    const T(large_memory) m = T(large_layout)(p, memory);
    const ptrdiff_t tiles = T(large_inputs)(p, k, group, by, bx, memory, m.inputs, m.slot, squares);
    T(large_offsets)(p, m.offset);
    for (ptrdiff_t e = 0; e < p->area; e++) {
        const T(large_product) product = {.x = m.inputs + e * p->inputs,
                                          .row = m.slot,
                                          .column = m.offset,
                                          .b = weights + (group * p->area + e) * p->weights,
                                          .depth = p->depth,
                                          .b_block = VL,
                                          .c = m.products + e * p->products,
                                          .c_step = VL,
                                          .c_block = p->tiles * VL};
        T(large_multiply)(product, tiles, p->f_blocks, 1);
    }
}

/* What the block (by, bx) adds to dU (element, channel and part, filters), whose transformed gradients are in
 * `memory`; with `begin` it is the first. */
KERNEL void T(large_adjoint)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t by,
                             ptrdiff_t bx, REAL *memory, REAL *sums, int begin)
{
    const T(large_memory) m = T(large_layout)(p, memory);
    V squares; /* not used: the gradient itself is examined */
    const ptrdiff_t tiles = T(large_inputs)(p, k, group, by, bx, memory, m.inputs, m.slot, &squares);
    T(large_offsets)(p, m.offset);
    for (ptrdiff_t e = 0; e < p->area; e++) {
        const T(large_product) product = {.x = m.inputs + e * p->inputs,
                                          .row = m.offset,
                                          .column = m.slot,
                                          .b = m.products + e * p->products,
                                          .depth = tiles,
                                          .b_step = VL,
                                          .b_block = p->tiles * VL,
                                          .c = sums + e * T(gradient_element)(p),
                                          .c_step = p->f_blocks * VL,
                                          .c_block = VL,
                                          .add = !begin};
        T(large_multiply)(product, p->depth, p->f_blocks, 0);
    }
}

/* dW = G^T (sum of `parts` dU, `step` REALs apart) G for VL output channels from f on. */
KERNEL void T(large_weight_gradient)(const winograd_plan *p, const conv_shape *s, ptrdiff_t f, const REAL *sums,
                                     ptrdiff_t parts, ptrdiff_t step, REAL *dweight)
{
    const ptrdiff_t kernel_parts = p->parts_h * p->parts_w, all = s->kh * s->kw;
    for (ptrdiff_t d = 0; d < p->depth; d++) {
        const ptrdiff_t part = d % kernel_parts;
        REAL total[TILE_MAX * TILE_MAX * VL], taps[16 * VL];
        V o[TILE_MAX * TILE_MAX];
        for (int e = 0; e < 49; e++) {
            const REAL *from = sums + e * T(gradient_element)(p) + d * p->f_blocks * VL + f;
            V sum = VLOAD(from);
            for (ptrdiff_t i = 1; i < parts; i++) sum += VLOAD(from + i * step);
            VSTORE(total + e * VL, sum);
        }
        T(weight_adjoint_2d)(7, total, 7 * VL, VL, o);
        UNROLL_FOR(int t = 0; t < 16; t++) VSTORE(taps + t * VL, o[t]);
        for (ptrdiff_t i = 0; i < smaller(VL, p->f - f); i++)
            for (int t = 0; t < 16; t++) {
                const ptrdiff_t y = part / p->parts_w * PART + t / 4, x = part % p->parts_w * PART + t % 4;
                if (y < s->kh && x < s->kw)
                    dweight[((f + i) * p->c + d / kernel_parts) * all + y * s->kw + x] = taps[t * VL + i];
            }
    }
}

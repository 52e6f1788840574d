/* conv/transpose.h: x with the channels of a position side by side, padded, for weight gradients.
 *
 *     plain:        [row][column][channel]
 *     interleaved:  [output row][column][row of the patch][channel], where too few channels fill no vector,
 *                   or where the rows of a patch lie so far apart that what is between them is not copied
 *
 * Rows and columns are grouped by their remainder modulo the stride, as in gather.h.
 */

/* Zeros in a row of the copy: from run[0] to run[1], and so on for `runs` runs. */
INLINE void T(clear_runs)(const ptrdiff_t *run, ptrdiff_t runs, REAL *to)
{
    for (; runs > 0; runs--, run += 2)
        for (ptrdiff_t i = run[0]; i < run[1]; i += VL) VSTORE(to + i, VZERO);
}

/* to[place[j] + i] = from[i][j * step] (place NULL: to[j * depth + i]) for `columns` values of j and `rows`
 * values of i, a multiple of VL that is at least depth.
 *
 * A position is a row of depth numbers, written in whole vectors, so its last vector writes into the next
 * position. Of VL positions the last vectors are therefore stored first: with depth 6 and vectors of 4 (. not
 * yet written,
 * - to be overwritten),
 *
 *     i = 4:  . . . . 4 5 | - - . . 4 5 | - - . . 4 5 | - -
 *     i = 0:  0 1 2 3 4 5 | 0 1 2 3 4 5 | 0 1 2 3 4 5 | - -
 *
 * The next VL positions begin where the last one ends, and overwrite what it stored too much.  After the last
 * position of a phase there is room for a vector. */
INLINE void T(transpose_rows)(const REAL *const *from, ptrdiff_t rows, ptrdiff_t step, ptrdiff_t columns, REAL *to,
                              ptrdiff_t depth, const ptrdiff_t *place)
{
    for (ptrdiff_t q = 0; q < columns; q += VL) {
        const ptrdiff_t count = smaller(VL, columns - q);
        for (ptrdiff_t i = rows - VL; i >= 0; i -= VL) {
            V row[VL];
            UNROLL_FOR(int u = 0; u < VL; u++) {
                const REAL *x = from[i + u] + q * step;
                if (step == 1 && count == VL) {
                    row[u] = VLOAD(x);
                    PREFETCH(x + 8 * VL);
                } else if (step == 1) row[u] = VLOADN(x, count);
                else if (step == 2 && count == VL) row[u] = T(vload_evens)(x);
                else {
                    REAL lanes[VL] = {0};
                    for (ptrdiff_t j = 0; j < count; j++) lanes[j] = x[j * step];
                    row[u] = VLOAD(lanes);
                }
            }
            T(transpose)(row);
            REAL *out = to + i;
            if (count == VL)
                UNROLL_FOR(int j = 0; j < VL; j++) VSTORE(out + (place ? place[q + j] : (q + j) * depth), row[j]);
            else
                for (ptrdiff_t j = 0; j < count; j++)
                    VSTORE(out + (place ? place[q + j] : (q + j) * depth), row[j]);
        }
    }
}

/* Copy channels c .. c + count of `rows` output rows' input, of one image; x is the group's first plane.
 * Rows outside of x are read from `zeros`. */
KERNEL void T(transpose_image)(const weight_gradient *k, const REAL *x, ptrdiff_t c, ptrdiff_t count,
                               ptrdiff_t row, ptrdiff_t rows, const REAL *zeros, const REAL **from, REAL *to)
{
    const conv_shape *s = &k->s;
    const ptrdiff_t plane = s->h * s->w, slots = k->interleaved ? rows : k->phases_h * k->phase_rows;
    const ptrdiff_t lines = k->interleaved ? s->kh : 1, all = divide_up(k->depth, VL) * VL;
    for (ptrdiff_t slot = 0; slot < slots; slot++, to += k->row_size) {
        ptrdiff_t y = (row + slot) * s->stride_h - s->top;
        if (!k->interleaved) y = (row + slot % k->phase_rows) * s->stride_h + slot / k->phase_rows - s->top;
        const REAL **line = from;
        for (ptrdiff_t i = 0; i < lines; i++, y += s->dilation_h, line += k->block_channels) {
            const ptrdiff_t inside = y >= 0 && y < s->h ? count : 0;
            const REAL *at = x + c * plane + y * s->w + k->first_column;
            for (ptrdiff_t j = 0; j < inside; j++, at += plane) line[j] = at;
            for (ptrdiff_t j = inside; j < k->block_channels; j++) line[j] = zeros;
        }
        for (ptrdiff_t i = k->depth; i < all; i++) from[i] = zeros;
        T(clear_runs)(k->outside, k->phases_w, to);
        if (k->phases_w > 1) T(transpose_rows)(from, all, 1, k->columns, to, k->depth, k->place);
        else T(transpose_rows)(from, all, k->column_step, k->columns, to + k->first_place, k->depth, NULL);
        T(clear_runs)(k->outside + 2 * k->phases_w, k->phases_w, to);
    }
}

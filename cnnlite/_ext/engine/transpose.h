/* transpose.h: x with the channels of a position side by side, padded, for weight gradients.
 *
 *     plain:        [row][column][channel]
 *     interleaved:  [output row][column][row of the patch][channel], where too few channels fill no vector,
 *                   or where the rows of a patch lie so far apart that what is between them is not copied
 *
 * Rows and columns are sorted by their remainder modulo the stride, as in gather.h.
 */

#if VECTORS
#if VL == 16
#define LOWS 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGHS 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VL == 8
#define LOWS 0, 8, 1, 9, 2, 10, 3, 11
#define HIGHS 4, 12, 5, 13, 6, 14, 7, 15
#elif VL == 4
#define LOWS 0, 4, 1, 5
#define HIGHS 2, 6, 3, 7
#else
#define LOWS 0, 2
#define HIGHS 1, 3
#endif
#if defined(__clang__)
#define INTERLEAVE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define INTERLEAVE(a, b, ...) __builtin_shuffle(a, b, (MASK){__VA_ARGS__})
#endif

/* Transpose VL x VL: each round interleaves the halves, as one shuffles cards; log2(VL) rounds do it. */
INLINE void T(transpose)(V row[VL])
{
    UNROLL for (int round = 1; round < VL; round *= 2) {
        V next[VL];
        UNROLL for (int i = 0; i < VL / 2; i++) {
            next[2 * i] = INTERLEAVE(row[i], row[i + VL / 2], LOWS);
            next[2 * i + 1] = INTERLEAVE(row[i], row[i + VL / 2], HIGHS);
        }
        UNROLL for (int i = 0; i < VL; i++) row[i] = next[i];
    }
}
#undef LOWS
#undef HIGHS
#undef INTERLEAVE
#else
INLINE void T(transpose)(V row[VL]) { (void)row; }
#endif

/* to[q * depth + i] = from[i][q * step] for begin <= q < end, else 0, for `rows` values of i, a multiple of
 * VL.  Stores run over the end of a position into the next one, which is written later: hence the last
 * rows come first. */
INLINE void T(transpose_rows)(const REAL *const *from, ptrdiff_t rows, ptrdiff_t step, ptrdiff_t begin,
                              ptrdiff_t end, ptrdiff_t size, REAL *to, ptrdiff_t depth)
{
    for (ptrdiff_t q = 0; q < size; q += VL) {
        const ptrdiff_t count = smaller(VL, size - q);
        const ptrdiff_t first = larger(begin - q, 0), last = smaller(end - q, count);
        const int whole = first == 0 && last == VL;
        for (ptrdiff_t i = rows - VL; i >= 0; i -= VL) {
            V row[VL];
            if (whole && step == 1)
                UNROLL for (int j = 0; j < VL; j++) {
                    row[j] = VLOAD(from[i + j] + q);
                    PREFETCH(from[i + j] + q + 8 * VL);
                }
            else if (whole && step == 2)
                UNROLL for (int j = 0; j < VL; j++) row[j] = T(vload_evens)(from[i + j] + 2 * q);
            else if (step == 1 && first < last)
                UNROLL for (int j = 0; j < VL; j++) row[j] = VLOADR(from[i + j] + q, first, last);
            else
                UNROLL for (int j = 0; j < VL; j++) {
                    REAL lanes[VL] = {0};
                    for (ptrdiff_t u = first; u < last; u++) lanes[u] = from[i + j][(q + u) * step];
                    row[j] = VLOAD(lanes);
                }
            T(transpose)(row);
            REAL *out = to + q * depth + i;
            if (count == VL)
                UNROLL for (int u = 0; u < VL; u++) VSTORE(out + u * depth, row[u]);
            else
                for (ptrdiff_t u = 0; u < count; u++) VSTORE(out + u * depth, row[u]);
        }
    }
}

/* Copy channels c .. c + count of `rows` output rows' input, of one image; x is the group's first plane.
 * Rows outside of x read `zeros`. */
KERNEL void T(transpose_image)(const weight_gradient *k, const REAL *x, ptrdiff_t c, ptrdiff_t count,
                               ptrdiff_t row, ptrdiff_t rows, const REAL *zeros, const REAL **from,
                               REAL *to)
{
    const conv_shape *s = &k->s;
    const ptrdiff_t plane = s->h * s->w, slots = k->interleaved ? rows : k->phases_h * k->phase_rows;
    const ptrdiff_t lines = k->interleaved ? s->kh : 1, all = divide_up(k->depth, VL) * VL;
    for (ptrdiff_t slot = 0; slot < slots; slot++, to += k->row_size) {
        ptrdiff_t y = (row + slot) * s->stride_h - s->top;
        if (!k->interleaved)
            y = (row + slot % k->phase_rows) * s->stride_h + slot / k->phase_rows - s->top;
        const REAL **line = from;
        for (ptrdiff_t i = 0; i < lines; i++, y += s->dilation_h, line += k->block_channels) {
            const ptrdiff_t inside = y >= 0 && y < s->h ? count : 0;
            const REAL *at = x + c * plane + y * s->w - s->left;
            for (ptrdiff_t j = 0; j < inside; j++, at += plane) line[j] = at;
            for (ptrdiff_t j = inside; j < k->block_channels; j++) line[j] = zeros - s->left;
        }
        for (ptrdiff_t i = k->depth; i < all; i++) from[i] = zeros - s->left;
        for (ptrdiff_t phase = 0; phase < k->phases_w; phase++) {
            const ptrdiff_t u = phase - s->left, room = s->w - u;
            const ptrdiff_t begin = u < 0 ? smaller(k->phase_columns, divide_up(-u, s->stride_w)) : 0;
            const ptrdiff_t end = room > 0 ? smaller(k->phase_columns, divide_up(room, s->stride_w)) : 0;
            T(transpose_rows)(from, all, s->stride_w, begin, end, k->phase_columns,
                              to + phase * k->phase_columns * k->depth, k->depth);
            for (ptrdiff_t i = 0; i < all; i++) from[i]++;
        }
    }
}

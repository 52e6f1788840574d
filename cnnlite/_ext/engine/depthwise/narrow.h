/* depthwise/narrow.h: planes whose rows are shorter than half a vector (window.h calls them merged).
 *
 * Two to four rows of outputs are the lanes of one vector.  What a tap sees of them lies in as many rows of the
 * plane: each is loaded once for all columns of the kernel, and a shuffle takes a tap's columns from two of them, with
 * zeros for those outside.  Of a plane with rows of 8 and left = 1, tap column 0 takes
 *
 *     two rows       a0 a1 a2 a3 a4 a5 a6 a7    b0 b1 b2 b3 b4 b5 b6 b7
 *     a vector       0 a0 a1 a2 a3 a4 a5 a6 0 b0 b1 b2 b3 b4 b5 b6
 */

/* What tap column j takes from a pair of rows. */
INLINE MASK T(pick_at)(const T(window) *w, ptrdiff_t pair, ptrdiff_t j)
{
    return (MASK)VLOAD((const REAL *)(w->picks + (pair * w->taps_w + j) * VL));
}

/* Rows from[0], from[step_h] ... `count` of them; zero from there on, in `pairs` pairs (1 or 2). */
INLINE void T(load_rows)(const T(window) *w, const REAL *const *from, ptrdiff_t count, const int pairs,
                         V row[MOST_MERGED])
{
    UNROLL_FOR(int m = 0; m < 2 * pairs; m++)
        row[m] = VLOADN(m < count ? from[m * w->step_h] : w->zeros, w->given_w);
}

/* What a tap sees of the rows. */
INLINE V T(pick_tap)(const V row[MOST_MERGED], MASK first, MASK second, const int pairs)
{
    const V x = VPICK(row[0], row[1], first);
    return pairs == 1 ? x : VOR(x, VPICK(row[2], row[3], second));
}

/* Output rows of the vector r. */
INLINE ptrdiff_t T(rows_of)(const T(window) *w, ptrdiff_t r)
{
    return smaller(w->merged, w->out_h - r * w->merged);
}

/* The same for the three columns of a 3x3 kernel. */
INLINE void T(load_narrow_3)(const T(window) *w, const REAL *const *from, ptrdiff_t count, const int pairs,
                             const MASK pick[2][3], V x[3])
{
    V row[MOST_MERGED];
    T(load_rows)(w, from, count, pairs, row);
    UNROLL_FOR(int j = 0; j < 3; j++) x[j] = T(pick_tap)(row, pick[0][j], pick[1][j], pairs);
}

INLINE void T(find_picks_3)(const T(window) *w, const int pairs, MASK pick[2][3])
{
    UNROLL_FOR(int i = 0; i < 2; i++)
        UNROLL_FOR(int j = 0; j < 3; j++) pick[i][j] = T(pick_at)(w, i < pairs ? i : 0, j);
}

/* Run `call` with constants: how many pairs of rows there are, and whether the last row of taps sees what the first
 * one sees of the next vector (`rolls`). */
#define NARROW(w, call, ...) \
    { \
        if ((w)->merged > 2) T(call)(__VA_ARGS__, 2, 0); \
        else if ((w)->merged == 2 && (w)->step_h == 1) T(call)(__VA_ARGS__, 1, 1); \
        else T(call)(__VA_ARGS__, 1, 0); \
    }

/* The same where the next vector is not the one that follows. */
#define NARROW_APART(w, call, ...) \
    { \
        if ((w)->merged > 2) T(call)(__VA_ARGS__, 2, 0); \
        else T(call)(__VA_ARGS__, 1, 0); \
    }

/* Move the rows in a table to the next plane. */
INLINE void T(next_plane)(const T(window) *w, ptrdiff_t rows, const REAL **from)
{
    const REAL *const zeros = w->zeros;
    for (ptrdiff_t i = 0; i < rows; i++) from[i] = from[i] == zeros ? zeros : from[i] + w->given_h * w->given_w;
}

/* Planes first .. last: 3x3, one plane of x for each.  `vectors` at a time, because each is a chain of nine
 * additions. */
INLINE void T(sum_planes_3x3)(const T(depthwise) *plan, ptrdiff_t first, ptrdiff_t last, const REAL **table,
                              const int pairs, const int rolls, const int vectors)
{
    const T(depthwise) k = *plan; /* a copy, which no store can change */
    const T(window) *w = &k.window;
    const ptrdiff_t count = rolls ? 2 : w->merged, apart = rolls ? 2 : w->merged * w->step_h;
    const ptrdiff_t size = w->given_h * w->given_w, seen = T(rows_seen)(w, w->rows);
    ptrdiff_t f = first % k.channels;
    MASK pick[2][3];
    T(find_picks_3)(w, pairs, pick);
    T(find_rows)(w, k.x + first / k.shared * size, NULL, -w->top, seen, table);
    for (ptrdiff_t plane = first; plane < last; plane++, f = f + 1 < k.channels ? f + 1 : 0) {
        const REAL *weight = k.weight + 9 * f;
        REAL *y = k.y + plane * w->out_h * w->out_w;
        const V start = k.bias ? VSET1(k.bias[f]) : VZERO;
        V tap[9];
        if (plane > first && (k.shared == 1 || plane % k.shared == 0)) T(next_plane)(w, seen, table);
        if (k.rotated && !T(all_finite)(weight, 9)) {
            T(gradient_by_definition)(plan, k.x + plane * size, weight, y);
            continue;
        }
        UNROLL_FOR(int t = 0; t < 9; t++) tap[t] = T(weight_at)(&k, weight, t, 9);
        for (ptrdiff_t i = 0; i < w->rows; i += vectors) {
            const ptrdiff_t r = smaller(i, w->rows - vectors); /* the last vectors overlap those before */
            const REAL *const *from = table + r * apart;
            V acc[MR], x[3];
            UNROLL_FOR(int v = 0; v < vectors; v++) acc[v] = start;
            if (rolls)
                UNROLL_FOR(int row = 0; row <= 2 * vectors; row++) {
                    T(load_narrow_3)(w, from + row, count, pairs, pick, x);
                    UNROLL_FOR(int t = 0; t < 9; t++)
                        if (row >= t / 3 && (row - t / 3) % 2 == 0 && (row - t / 3) / 2 < vectors)
                            acc[(row - t / 3) / 2] = VFMA(tap[t], x[t % 3], acc[(row - t / 3) / 2]);
                }
            else
                UNROLL_FOR(int t = 0; t < 3; t++)
                    UNROLL_FOR(int v = 0; v < vectors; v++) {
                        T(load_narrow_3)(w, from + v * apart + t, count, pairs, pick, x);
                        UNROLL_FOR(int j = 0; j < 3; j++) acc[v] = VFMA(tap[3 * t + j], x[j], acc[v]);
                    }
            UNROLL_FOR(int v = 0; v < vectors; v++) T(store_rows)(&k, acc + v, y, r + v, 0, 1);
        }
    }
}

INLINE void T(sum_narrow_3x3)(const T(depthwise) *k, ptrdiff_t first, ptrdiff_t last, const REAL **table,
                              const int pairs, const int rolls)
{
    if (k->window.rows >= MR / 2) T(sum_planes_3x3)(k, first, last, table, pairs, rolls, MR / 2);
    else T(sum_planes_3x3)(k, first, last, table, pairs, rolls, 1);
}

KERNEL void T(planes_narrow_3x3)(const T(depthwise) *k, ptrdiff_t first, ptrdiff_t last,
                                 const REAL **table){NARROW(&k->window, sum_narrow_3x3, k, first, last, table)}

/* Sums of a plane, any kernel. */
INLINE void T(sum_narrow)(const T(depthwise_plane) *p, const int pairs, const int rolls)
{
    const T(window) *w = &p->k->window;
    const ptrdiff_t taps = w->taps_h * w->taps_w;
    (void)rolls;
    for (ptrdiff_t r = 0; r < w->rows; r++) {
        V acc = p->start;
        for (ptrdiff_t s = 0; s < p->k->sums; s++)
            for (ptrdiff_t i = 0; i < w->taps_h; i++) {
                V row[MOST_MERGED];
                T(load_rows)(w, p->from + s * p->from_size + r * w->merged * w->step_h + i * w->gap_h, w->merged,
                             pairs, row);
                for (ptrdiff_t j = 0; j < w->taps_w; j++) {
                    const V tap = T(weight_at)(p->k, p->weight + s * taps, i * w->taps_w + j, taps);
                    acc = VFMA(tap, T(pick_tap)(row, T(pick_at)(w, 0, j), T(pick_at)(w, 1, j), pairs), acc);
                }
            }
        T(store_rows)(p->k, &acc, p->y, r, 0, 1);
    }
}

KERNEL void T(plane_narrow)(const T(depthwise_plane) *p)
{
    const T(window) *w = &p->k->window;
    NARROW(w, sum_narrow, p)
}

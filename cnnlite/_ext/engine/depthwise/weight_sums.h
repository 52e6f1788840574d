/* depthwise/weight_sums.h: what one plane adds to the sums of dweight and dbias. */

#define TAPS 9                             /* whose sums are in registers at once */
#define SUMS (TAPS + 1)                    /* and that of dy, for dbias */

typedef struct {
    T(window) window;
    ptrdiff_t images, filters, shared;     /* filters for one plane of x */
    ptrdiff_t piece_filters, filter_blocks, parts, chunks;          /* chunks of TAPS taps */
    ptrdiff_t shared_rows, slots, wide;    /* where sums go (weight_gradient.h) */
    const REAL *x, *dy;
    double *totals;                        /* of every filter, part and tap, and of dy */
    char *const *own;
} T(depthwise_gradient);

/* What a thread works on: x as row_at reads it, and dy. */
typedef struct {
    const T(depthwise_gradient) *k;
    REAL *sums;                            /* of every filter of the piece: gradient_sums REALs */
    double *totals;                        /* of sums */
    const REAL **from;
    const REAL *x, *dy;
} T(depthwise_state);

/* REALs that hold the sums of a filter. */
INLINE ptrdiff_t T(gradient_sums)(const T(depthwise_gradient) *k)
{
    return k->slots * k->wide * k->chunks * SUMS * VL;
}

INLINE ptrdiff_t T(gradient_rows)(const T(window) *w) { return smaller(w->rows, SUM_BLOCK); }

INLINE void T(gradient_scratch)(const T(depthwise_gradient) *k, arena *memory, T(depthwise_state) *state)
{
    const T(window) *w = &k->window;
    const ptrdiff_t sums = k->piece_filters * T(gradient_sums)(k);
    state->sums = arena_take(memory, (size_t)sums * REAL_BYTES);
    state->totals = arena_take(memory, (size_t)sums * sizeof(double));
    state->from = arena_take(memory, (size_t)T(rows_seen)(w, T(gradient_rows)(w)) * sizeof(REAL *));
}

/* sums += taps first .. first + TAPS of every slots-th row from begin to end, VL outputs of each: any kernel.  The last chunk may have
 * fewer taps; it adds up its last one again, and nobody reads that. */
KERNEL void T(add_taps)(const T(depthwise_state) *state, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t q, ptrdiff_t n,
                        ptrdiff_t chunk, REAL *sums)
{
    const T(window) *w = &state->k->window;
    const ptrdiff_t last = w->taps_h * w->taps_w - 1;
    const int inside = n == (ptrdiff_t)VL && T(is_inside)(w, q);
    ptrdiff_t row[TAPS], column[TAPS];
    T(lanes) lanes[TAPS];
    V acc[SUMS];
    for (int t = 0; t < TAPS; t++) {
        const ptrdiff_t tap = smaller(chunk * TAPS + t, last), j = tap % w->taps_w;
        row[t] = tap / w->taps_w * w->gap_h - w->top;
        column[t] = q * w->step_w + j * w->gap_w - w->left;
        lanes[t] = T(lanes_of)(w, q, n, j);
    }
    UNROLL_FOR(int t = 0; t < SUMS; t++) acc[t] = VLOAD(sums + t * VL);
    for (ptrdiff_t r = begin; r < end; r += state->k->slots) {
        const REAL *at = state->dy + r * w->columns + q;
        const V dy = n == (ptrdiff_t)VL ? VLOAD(at) : VLOADN(at, n);
        UNROLL_FOR(int t = 0; t < TAPS; t++) {
            const REAL *x = T(row_at)(w, state->x, r * w->step_h + row[t]) + column[t];
            acc[t] = VFMA(dy, T(load_tap)(x, w->step_w, lanes[t], inside), acc[t]);
        }
        acc[TAPS] = acc[TAPS] + dy;
    }
    UNROLL_FOR(int t = 0; t < SUMS; t++) VSTORE(sums + t * VL, acc[t]);
}

/* acc += what one row of x gives with the rows of dy that see it by tap rows first .. last. */
INLINE void T(add_row)(const REAL *row, const T(lanes) lanes[4], const int step, const int inside, const V dy[3],
                       V acc[SUMS], const int first, const int last)
{
    V x[3];
    T(load_3)(row, lanes, step, inside, x);
    UNROLL_FOR(int j = 0; j < 3; j++)
        UNROLL_FOR(int i = first; i <= last; i++) acc[3 * i + j] = VFMA(dy[i], x[j], acc[3 * i + j]);
}

#define NEXT_DY \
    { \
        const V next = inside ? VLOAD(at) : VLOADN(at, n); \
        at += next_row; \
        acc[TAPS] = acc[TAPS] + next; \
        dy[2] = dy[1], dy[1] = dy[0], dy[0] = next; \
    }
#define NEXT_ROW(first, last) T(add_row)(*from++ + left, lanes, step, inside, dy, acc, first, last);

/* The same for 3x3 taps of `rows` rows of outputs (at least 2), `next_row` numbers apart, that see rows of x which
 * are `jump` apart.  With `rolls`, where that is 1, each row of x is loaded once for the three rows of dy that see
 * it. */
INLINE void T(add_3x3)(const T(depthwise_state) *state, const REAL *const *from, ptrdiff_t rows, const REAL *at,
                       ptrdiff_t q, ptrdiff_t n, REAL *sums, const int rolls, const int step, const int inside)
{
    const T(window) *w = &state->k->window;
    const ptrdiff_t left = q * step - w->left, slots = state->k->slots;
    const ptrdiff_t next_row = slots * w->columns, jump = slots * step;
    T(lanes) lanes[4];
    V acc[SUMS], dy[3] = {VZERO, VZERO, VZERO};
    T(lanes_3)(w, q, n, step, lanes);
    UNROLL_FOR(int t = 0; t < SUMS; t++) acc[t] = VLOAD(sums + t * VL);
    if (!rolls)
        for (ptrdiff_t r = 0; r < rows; r++, from += jump - 3) {
            NEXT_DY
            dy[2] = dy[1] = dy[0];
            NEXT_ROW(0, 0)
            NEXT_ROW(1, 1)
            NEXT_ROW(2, 2)
        }
    else {
        NEXT_DY
        NEXT_ROW(0, 0)
        NEXT_DY
        NEXT_ROW(0, 1)
        for (ptrdiff_t r = 2; r < rows; r++) {
            NEXT_DY
            NEXT_ROW(0, 2)
        }
        dy[2] = dy[1], dy[1] = dy[0];
        NEXT_ROW(1, 2)
        dy[2] = dy[1];
        NEXT_ROW(2, 2)
    }
    UNROLL_FOR(int t = 0; t < SUMS; t++) VSTORE(sums + t * VL, acc[t]);
}
#undef NEXT_ROW
#undef NEXT_DY

#define ADD_3X3(name, rolls, step) \
    KERNEL void T(name)(const T(depthwise_state) *state, const REAL *const *from, ptrdiff_t rows, const REAL *at, \
                        ptrdiff_t q, ptrdiff_t n, REAL *sums) \
    { \
        if (n == (ptrdiff_t)VL && T(is_inside)(&state->k->window, q)) \
            T(add_3x3)(state, from, rows, at, q, n, sums, rolls, step, 1); \
        else T(add_3x3)(state, from, rows, at, q, n, sums, rolls, step, 0); \
    }
ADD_3X3(add_plain, 1, 1)
ADD_3X3(add_every_other, 0, 1)
ADD_3X3(add_half, 0, 2)

/* The same for a plane of merged rows (narrow.h): every slots-th vector from `first` on. */
INLINE void T(add_narrow_3x3)(const T(depthwise_state) *state, ptrdiff_t first, REAL *sums, const int pairs,
                              const int rolls)
{
    const T(window) copy = state->k->window, *w = &copy;
    const ptrdiff_t slots = state->k->slots, jump = w->merged * w->step_h;
    const REAL *const *from = state->from + first * jump;
    const REAL *at = state->dy + first * w->columns;
    MASK pick[2][3];
    V acc[SUMS], x[3][3];
    T(find_picks_3)(w, pairs, pick);
    UNROLL_FOR(int t = 0; t < SUMS; t++) acc[t] = VLOAD(sums + t * VL);
    if (rolls) T(load_narrow_3)(w, from, 2, pairs, pick, x[0]);
    for (ptrdiff_t r = first; r < w->rows; r += slots, at += slots * w->columns, from += slots * jump) {
        const ptrdiff_t rows = T(rows_of)(w, r);
        const V dy = VLOADN(at, rows * w->out_w);
        if (!rolls || rows < w->merged) T(load_narrow_3)(w, from, rows, pairs, pick, x[0]);
        UNROLL_FOR(int i = 1; i < 3; i++) T(load_narrow_3)(w, from + i, rows, pairs, pick, x[i]);
        UNROLL_FOR(int t = 0; t < TAPS; t++) acc[t] = VFMA(dy, x[t / 3][t % 3], acc[t]);
        acc[TAPS] = acc[TAPS] + dy;
        if (rolls)
            UNROLL_FOR(int j = 0; j < 3; j++) x[0][j] = x[2][j];
    }
    UNROLL_FOR(int t = 0; t < SUMS; t++) VSTORE(sums + t * VL, acc[t]);
}

/* Any kernel. */
INLINE void T(add_narrow_taps)(const T(depthwise_state) *state, ptrdiff_t first, ptrdiff_t chunk, REAL *sums,
                               const int pairs, const int rolls)
{
    const T(window) *w = &state->k->window;
    const ptrdiff_t last = w->taps_h * w->taps_w - 1;
    (void)rolls;
    for (ptrdiff_t r = first; r < w->rows; r += state->k->slots) {
        const ptrdiff_t rows = T(rows_of)(w, r);
        const V dy = VLOADN(state->dy + r * w->columns, rows * w->out_w);
        for (ptrdiff_t t = 0; t < TAPS; t++) {
            const ptrdiff_t tap = smaller(chunk * TAPS + t, last), j = tap % w->taps_w;
            V row[MOST_MERGED];
            T(load_rows)(w, state->from + r * w->merged * w->step_h + tap / w->taps_w * w->gap_h, rows, pairs,
                         row);
            const V x = T(pick_tap)(row, T(pick_at)(w, 0, j), T(pick_at)(w, 1, j), pairs);
            VSTORE(sums + t * VL, VFMA(dy, x, VLOAD(sums + t * VL)));
        }
        VSTORE(sums + TAPS * VL, VLOAD(sums + TAPS * VL) + dy);
    }
}

KERNEL void T(add_narrow)(const T(depthwise_state) *state, ptrdiff_t first, REAL *sums)
{
    const T(depthwise_gradient) *k = state->k;
    const T(window) *w = &k->window;
    if (w->is_3x3 && k->slots > 1) NARROW_APART(w, add_narrow_3x3, state, first, sums)
    else if (w->is_3x3) NARROW(w, add_narrow_3x3, state, first, sums)
    else
        for (ptrdiff_t chunk = 0; chunk < k->chunks; chunk++, sums += SUMS * VL)
            NARROW(w, add_narrow_taps, state, first, chunk, sums)
}

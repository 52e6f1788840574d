/* depthwise/weight_gradient.h: dweight and dbias, sums over all pixels of the batch.
 *
 * The lanes are neighbouring outputs, as in forward.h: a vector of dy is multiplied with what each tap sees, and
 * added to that tap's vector of sums.  A lane adds at most SUM_BLOCK numbers in REAL; then the sums go to others in
 * double.  A piece is a few filters and a part of the batch; the parts are added in their order. */

#define TAPS 9                             /* whose sums are in registers at once */
#define SUMS (TAPS + 1)                    /* and that of dy, for dbias */
#define PIECE_FILTERS 8

typedef struct {
    T(window) window;
    ptrdiff_t images, filters, shared;     /* filters for one plane of x */
    ptrdiff_t piece_filters, filter_blocks, parts, chunks;          /* chunks of TAPS taps */
    const REAL *x, *dy;
    double *totals;                        /* of every filter, part and tap, and of dy */
    char *const *own;
} T(depthwise_gradient);

/* What a thread works on: x as row_at reads it, and dy. */
typedef struct {
    const T(depthwise_gradient) *k;
    REAL *sums;                            /* of every filter of the piece: chunks * SUMS vectors */
    double *totals;                        /* of sums */
    const REAL **from;
    const REAL *x, *dy;
} T(depthwise_state);

INLINE ptrdiff_t T(gradient_rows)(const T(window) *w) { return smaller(w->rows, SUM_BLOCK); }

INLINE void T(gradient_scratch)(const T(depthwise_gradient) *k, arena *memory, T(depthwise_state) *state)
{
    const T(window) *w = &k->window;
    const ptrdiff_t sums = k->piece_filters * k->chunks * SUMS * VL;
    state->sums = arena_take(memory, (size_t)sums * REAL_BYTES);
    state->totals = arena_take(memory, (size_t)sums * sizeof(double));
    state->from = arena_take(memory, (size_t)T(rows_seen)(w, T(gradient_rows)(w)) * sizeof(REAL *));
}

/* sums += taps first .. first + TAPS of rows begin .. end, VL outputs of each: any kernel.  The last chunk may have
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
    for (ptrdiff_t r = begin; r < end; r++) {
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
INLINE void T(add_row)(const REAL *row, const T(lanes) lanes[4], const int step, const int inside,
                       const V dy[3], V acc[SUMS], const int first, const int last)
{
    V x[3];
    T(load_3)(row, lanes, step, inside, x);
    UNROLL_FOR(int j = 0; j < 3; j++)
        UNROLL_FOR(int i = first; i <= last; i++) acc[3 * i + j] = VFMA(dy[i], x[j], acc[3 * i + j]);
}

#define NEXT_DY \
    { \
        const V next = inside ? VLOAD(at) : VLOADN(at, n); \
        at += w->columns; \
        acc[TAPS] = acc[TAPS] + next; \
        dy[2] = dy[1], dy[1] = dy[0], dy[0] = next; \
    }
#define NEXT_ROW(first, last) T(add_row)(*from++ + left, lanes, step, inside, dy, acc, first, last);

/* The same for 3x3 taps of `rows` rows of outputs (at least 2) that are `apart` rows apart.  Where that is 1, each
 * row of x is loaded once for the three rows of dy that see it. */
INLINE void T(add_3x3)(const T(depthwise_state) *state, const REAL *const *from, ptrdiff_t rows, const REAL *at,
                       ptrdiff_t q, ptrdiff_t n, REAL *sums, const int apart, const int step, const int inside)
{
    const T(window) *w = &state->k->window;
    const ptrdiff_t left = q * step - w->left;
    T(lanes) lanes[4];
    V acc[SUMS], dy[3] = {VZERO, VZERO, VZERO};
    T(lanes_3)(w, q, n, step, lanes);
    UNROLL_FOR(int t = 0; t < SUMS; t++) acc[t] = VLOAD(sums + t * VL);
    if (apart == 2)
        for (ptrdiff_t r = 0; r < rows; r++, from--) {
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

#define ADD_3X3(name, apart, step) \
    KERNEL void T(name)(const T(depthwise_state) *state, const REAL *const *from, ptrdiff_t rows, const REAL *at, \
                        ptrdiff_t q, ptrdiff_t n, REAL *sums) \
    { \
        if (n == (ptrdiff_t)VL && T(is_inside)(&state->k->window, q)) \
            T(add_3x3)(state, from, rows, at, q, n, sums, apart, step, 1); \
        else T(add_3x3)(state, from, rows, at, q, n, sums, apart, step, 0); \
    }
ADD_3X3(add_plain, 1, 1)
ADD_3X3(add_half, 2, 2)

/* The same for a plane of merged rows (narrow.h). */
INLINE void T(add_narrow_3x3)(const T(depthwise_state) *state, REAL *sums, const int pairs, const int rolls)
{
    const T(window) copy = state->k->window, *w = &copy;
    const REAL *const *from = state->from;
    const REAL *at = state->dy;
    MASK pick[2][3];
    V acc[SUMS], x[3][3];
    T(find_picks_3)(w, pairs, pick);
    UNROLL_FOR(int t = 0; t < SUMS; t++) acc[t] = VLOAD(sums + t * VL);
    if (rolls) T(load_narrow_3)(w, from, 2, pairs, pick, x[0]);
    for (ptrdiff_t r = 0; r < w->rows; r++, at += w->columns, from += w->merged * w->step_h) {
        const ptrdiff_t rows = T(rows_of)(w, r);
        const V dy = VLOADN(at, rows * w->out_w);
        if (!rolls || rows < w->merged) T(load_narrow_3)(w, from, rows, pairs, pick, x[0]);
        UNROLL_FOR(int i = 1; i < 3; i++) T(load_narrow_3)(w, from + i, rows, pairs, pick, x[i]);
        UNROLL_FOR(int t = 0; t < TAPS; t++) acc[t] = VFMA(dy, x[t / 3][t % 3], acc[t]);
        acc[TAPS] = acc[TAPS] + dy;
        if (rolls) UNROLL_FOR(int j = 0; j < 3; j++) x[0][j] = x[2][j];
    }
    UNROLL_FOR(int t = 0; t < SUMS; t++) VSTORE(sums + t * VL, acc[t]);
}

/* Any kernel. */
INLINE void T(add_narrow_taps)(const T(depthwise_state) *state, ptrdiff_t chunk, REAL *sums, const int pairs,
                               const int rolls)
{
    const T(window) *w = &state->k->window;
    const ptrdiff_t last = w->taps_h * w->taps_w - 1;
    (void)rolls;
    for (ptrdiff_t r = 0; r < w->rows; r++) {
        const ptrdiff_t rows = T(rows_of)(w, r);
        const V dy = VLOADN(state->dy + r * w->columns, rows * w->out_w);
        for (ptrdiff_t t = 0; t < TAPS; t++) {
            const ptrdiff_t tap = smaller(chunk * TAPS + t, last), j = tap % w->taps_w;
            V row[MOST_MERGED];
            T(load_rows)(w, state->from + r * w->merged * w->step_h + tap / w->taps_w * w->gap_h, rows, pairs, row);
            const V x = T(pick_tap)(row, T(pick_at)(w, 0, j), T(pick_at)(w, 1, j), pairs);
            VSTORE(sums + t * VL, VFMA(dy, x, VLOAD(sums + t * VL)));
        }
        VSTORE(sums + TAPS * VL, VLOAD(sums + TAPS * VL) + dy);
    }
}

KERNEL void T(add_narrow)(const T(depthwise_state) *state, REAL *sums)
{
    const T(window) *w = &state->k->window;
    T(find_rows)(w, state->x, NULL, -w->top, T(rows_seen)(w, w->rows), state->from);
    if (w->is_3x3) NARROW(w, add_narrow_3x3, state, sums)
    else
        for (ptrdiff_t chunk = 0; chunk < state->k->chunks; chunk++, sums += SUMS * VL)
            NARROW(w, add_narrow_taps, state, chunk, sums)
}

/* Rows begin .. end, n of the VL outputs from q on. */
INLINE void T(add_rows_of)(const T(depthwise_state) *state, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t q,
                           ptrdiff_t n, int table, REAL *sums)
{
    const T(window) *w = &state->k->window;
    const REAL *at = state->dy + begin * w->columns + q;
    if (!table)
        for (ptrdiff_t chunk = 0; chunk < state->k->chunks; chunk++)
            T(add_taps)(state, begin, end, q, n, chunk, sums + chunk * SUMS * VL);
    else if (w->step_h == 2) T(add_half)(state, state->from, end - begin, at, q, n, sums);
    else T(add_plain)(state, state->from, end - begin, at, q, n, sums);
}

/* Add what one plane gives to the sums of its filter, each lane of which has added up `done` numbers since they were
 * moved to the totals; return how many it has then. */
INLINE ptrdiff_t T(add_plane)(T(depthwise_state) *state, REAL *sums, double *totals, ptrdiff_t done)
{
    const T(depthwise_gradient) *k = state->k;
    const T(window) *w = &k->window;
    const ptrdiff_t size = k->chunks * SUMS * VL, most = T(gradient_rows)(w);
    for (ptrdiff_t begin = 0; begin < w->rows; begin += most) {
        const ptrdiff_t end = smaller(w->rows, begin + most), rows = end - begin;
        const int table = w->is_3x3 && rows >= 2;
        if (table && w->merged == 1)
            T(find_rows)(w, state->x, NULL, begin * w->step_h - w->top, T(rows_seen)(w, rows), state->from);
        for (ptrdiff_t q = 0; q < w->columns; q += VL) {
            const ptrdiff_t n = smaller(VL, w->columns - q);
            if (done + rows > SUM_BLOCK) {
                T(add_block)(sums, size, totals, 1);
                memset(sums, 0, (size_t)size * REAL_BYTES);
                done = 0;
            }
            done += rows;
            if (w->merged > 1) T(add_narrow)(state, sums);
            else T(add_rows_of)(state, begin, end, q, n, table, sums);
        }
    }
    return done;
}

KERNEL void T(depthwise_gradient_piece)(void *context, ptrdiff_t piece, int thread)
{
    const T(depthwise_gradient) *k = context;
    const T(window) *w = &k->window;
    const ptrdiff_t part = piece % k->parts, first = piece / k->parts * k->piece_filters;
    const ptrdiff_t count = smaller(k->piece_filters, k->filters - first), taps = w->taps_h * w->taps_w;
    const ptrdiff_t begin = part * k->images / k->parts, end = (part + 1) * k->images / k->parts;
    const ptrdiff_t size = k->chunks * SUMS * VL;
    arena memory = {k->own[thread], 0};
    T(depthwise_state) state = {.k = k};
    T(gradient_scratch)(k, &memory, &state);
    memset(state.sums, 0, (size_t)(count * size) * REAL_BYTES);
    memset(state.totals, 0, (size_t)(count * size) * sizeof(double));
    ptrdiff_t done = 0;
    for (ptrdiff_t image = begin; image < end; image++) {
        const ptrdiff_t before = done;     /* the same for all filters */
        const ptrdiff_t plane = image * k->filters + first, given = w->given_h * w->given_w;
        for (ptrdiff_t i = 0; i < count; i++) {
            state.x = k->x + (k->shared == 1 ? plane + i : (plane + i) / k->shared) * given;
            state.dy = k->dy + (plane + i) * w->out_h * w->out_w;
            done = T(add_plane)(&state, state.sums + i * size, state.totals + i * size, before);
        }
    }
    T(add_block)(state.sums, count * size, state.totals, 1);
    for (ptrdiff_t i = 0; i < count; i++)
        for (ptrdiff_t t = 0; t <= taps; t++) {
            const ptrdiff_t at = t < taps ? t / TAPS * SUMS + t % TAPS : TAPS;
            const double *lanes = state.totals + i * size + at * VL;
            double sum = 0;
            for (ptrdiff_t lane = 0; lane < VL; lane++) sum += lanes[lane];
            k->totals[((first + i) * k->parts + part) * (taps + 1) + t] = sum;
        }
}

/* dweight and, unless NULL, dbias. */
KERNEL void T(conv2d_depthwise_weight_gradient)(void *args, workspace *work)
{
    const conv_args *a = args;
    const conv_shape *s = &a->shape;
    const ptrdiff_t taps = s->kh * s->kw;
    T(depthwise_gradient) k = {.window = T(forward_window)(s), .images = s->n, .filters = s->f};
    T(depthwise_state) unused;
    arena shared = {work->shared, 0}, own = {NULL, 0};
    k.shared = s->f / s->c, k.x = a->x.data, k.dy = a->dy.data;
    k.chunks = divide_up(taps, TAPS);
    k.piece_filters = larger(1, smaller(PIECE_FILTERS / k.chunks, s->f / MINIMUM_PIECES));
    k.filter_blocks = divide_up(s->f, k.piece_filters);
    k.parts = smaller(s->n, divide_up(MINIMUM_PIECES, k.filter_blocks));
    T(take_window)(&k.window, &shared);
    k.totals = arena_take(&shared, (size_t)(s->f * k.parts * (taps + 1)) * sizeof(double));
    T(gradient_scratch)(&k, &own, &unused);
    if (!workspace_ready(work, shared.used, own.used)) return;
    k.own = work->own;
    engine_parallel(k.filter_blocks * k.parts, work->threads, T(depthwise_gradient_piece), &k);
    for (ptrdiff_t f = 0; f < s->f; f++)
        for (ptrdiff_t t = 0; t <= taps; t++) {
            double sum = 0;
            for (ptrdiff_t part = 0; part < k.parts; part++)
                sum += k.totals[(f * k.parts + part) * (taps + 1) + t];
            if (t < taps) ((REAL *)a->dweight)[f * taps + t] = (REAL)sum;
            else if (a->dbias) ((REAL *)a->dbias)[f] = (REAL)sum;
        }
}

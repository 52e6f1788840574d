/* depthwise/weight_gradient.h: dweight and dbias, sums over all pixels of the batch.
 *
 * The lanes are neighbouring outputs, as in forward.h: a vector of dy is multiplied with what each tap sees, and
 * added to that tap's vector of sums.  A lane adds at most SUM_BLOCK numbers in REAL; then the sums go to others in
 * double.  A piece is a few filters and a part of the batch; the parts are added in their order.
 *
 * A tap has SUM_LANES sums (simd/vec.h).  Column q of a row goes to number q % SUM_LANES.  Of rows shorter than half
 * of that, `shared_rows` have sums of their own, side by side: row r's are those of slot r % shared_rows.  A vector
 * with fewer lanes takes them one after the other: `slots` slots, each of as many rows as it can merge (narrow.h),
 * of `wide` vectors. */

#define PIECE_FILTERS 8

/* Every slots-th row from begin to end, n of the VL outputs from q on. */
INLINE void T(add_rows_of)(const T(depthwise_state) *state, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t first,
                           ptrdiff_t q, int table, REAL *sums)
{
    const T(depthwise_gradient) *k = state->k;
    const T(window) *w = &k->window;
    const ptrdiff_t n = smaller(VL, w->columns - q), rows = divide_up(end - begin - first, k->slots);
    const REAL *at = state->dy + (begin + first) * w->columns + q;
    const REAL *const *from = state->from + first * w->step_h;
    if (!table)
        for (ptrdiff_t chunk = 0; chunk < k->chunks; chunk++)
            T(add_taps)(state, begin + first, end, q, n, chunk, sums + chunk * SUMS * VL);
    else if (w->step_h == 2) T(add_half)(state, from, rows, at, q, n, sums);
    else if (k->slots > 1) T(add_every_other)(state, from, rows, at, q, n, sums);
    else T(add_plain)(state, from, rows, at, q, n, sums);
}

/* Add what one plane gives to the sums of its filter, each lane of which has added up `done` numbers since they were
 * moved to the totals; return how many it has then. */
INLINE ptrdiff_t T(add_plane)(T(depthwise_state) *state, REAL *sums, double *totals, ptrdiff_t done)
{
    const T(depthwise_gradient) *k = state->k;
    const T(window) *w = &k->window;
    const ptrdiff_t size = T(gradient_sums)(k), most = T(gradient_rows)(w);
    for (ptrdiff_t begin = 0; begin < w->rows; begin += most) {
        const ptrdiff_t end = smaller(w->rows, begin + most), rows = divide_up(end - begin, k->slots);
        const int table = w->is_3x3 && (rows >= 2 || w->merged > 1);
        if (table || w->merged > 1)
            T(find_rows)(w, state->x, NULL, begin * w->step_h - w->top, T(rows_seen)(w, end - begin), state->from);
        for (ptrdiff_t q = 0; q < w->columns; q += SUM_LANES) {
            REAL *to = sums;
            if (done + rows > SUM_BLOCK) {
                T(add_block)(sums, size, totals, 1);
                memset(sums, 0, (size_t)size * REAL_BYTES);
                done = 0;
            }
            done += rows;
            for (ptrdiff_t slot = 0; slot < k->slots; slot++)
                for (ptrdiff_t v = 0; v < k->wide; v++, to += k->chunks * SUMS * VL)
                    if (w->merged > 1) T(add_narrow)(state, slot, to);
                    else if (q + v * VL < w->columns)
                        T(add_rows_of)(state, begin, end, slot, q + v * VL, table, to);
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
    const ptrdiff_t size = T(gradient_sums)(k), apart = k->chunks * SUMS * VL;
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
            for (ptrdiff_t v = 0; v < k->slots * k->wide; v++, lanes += apart)
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
    k.shared_rows = T(merged_rows)(&k.window, 1, SUM_LANES);
    if (k.shared_rows % k.window.merged) T(merge_rows)(&k.window, 1);
    k.slots = k.shared_rows / k.window.merged;
    k.wide = k.shared_rows > 1 ? divide_up(k.window.columns, VL) : WIDE;
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

/* pool/pool2x2.h: max-pooling with a 2x2 window and stride 2, the one that networks have.
 *
 * Two rows are read as vectors and split into even and odd columns; the four members of VL windows are
 * then compared at once, in the order in which a loop over the window would (first maximum wins, NaN
 * wins over all).  An odd last row or column is left out, as pooling without ceil_mode does.
 *
 * argmax, a byte for each window, says which pixel the gradient goes to (engine.h). */

/* Two rows of a plane, at most VL windows wide: evens and odds of each, in the window's order. */
#if VECTORS
INLINE void T(window_members)(const REAL *top, const REAL *bottom, ptrdiff_t n, V member[4])
{
    V t0, t1 = VZERO, b0, b1 = VZERO;
    if (n == VL) {
        t0 = VLOAD(top), t1 = VLOAD(top + VL);
        b0 = VLOAD(bottom), b1 = VLOAD(bottom + VL);
    } else {
        ptrdiff_t low = 2 * n < (ptrdiff_t)VL ? 2 * n : (ptrdiff_t)VL;
        t0 = VLOADN(top, low);
        b0 = VLOADN(bottom, low);
        if (2 * n > low) {
            t1 = VLOADN(top + VL, 2 * n - low);
            b1 = VLOADN(bottom + VL, 2 * n - low);
        }
    }
    member[0] = SHUFFLE(t0, t1, EVENS), member[1] = SHUFFLE(t0, t1, ODDS);
    member[2] = SHUFFLE(b0, b1, EVENS), member[3] = SHUFFLE(b0, b1, ODDS);
}

/* The reverse: writes the members of n windows into two rows. */
INLINE void T(window_store)(REAL *row, V even, V odd, ptrdiff_t n)
{
    V low = SHUFFLE(even, odd, LOWS), high = SHUFFLE(even, odd, HIGHS);
    if (n == VL) {
        VSTORE(row, low);
        VSTORE(row + VL, high);
    } else {
        ptrdiff_t width = 2 * n < (ptrdiff_t)VL ? 2 * n : (ptrdiff_t)VL;
        VSTOREN(row, low, width);
        if (2 * n > width) VSTOREN(row + VL, high, 2 * n - width);
    }
}

/* n (at most VL) windows in a row. */
INLINE void T(pool_windows)(const REAL *top, const REAL *bottom, ptrdiff_t n, REAL *y, uint8_t *argmax, int relu)
{
    V member[4];
    T(window_members)(top, bottom, n, member);
    V best = member[0];
    MASK index = (MASK)VZERO;
    UNROLL_FOR(int i = 1; i < 4; i++) {
        MASK better = (MASK)(member[i] > best) | (MASK)(member[i] != member[i]);
        best = VSELECT(better, member[i], best);
        index = T(select_index)(better, (MASK)VZERO + i, index);
    }
    if (relu) {
        index = T(select_index)((MASK)(best <= VZERO), (MASK)VZERO + STOPPED, index);
        best = VRELU(best);
    }
    if (n == VL) VSTORE(y, best);
    else VSTOREN(y, best, n);
    T(store_bytes)(argmax, index, n);
}

/* Row 0 or 1 of n windows in a row: g where argmax points to, 0 elsewhere. */
INLINE void T(unpool_windows)(V g, const uint8_t *argmax, int row, ptrdiff_t n, REAL *to)
{
    MASK member = T(load_bytes)(argmax, n) - 2 * row;
    T(window_store)(to, VSELECT((MASK)(member == 0), g, VZERO), VSELECT((MASK)(member == 1), g, VZERO), n);
}
#else
INLINE void T(pool_windows)(const REAL *top, const REAL *bottom, ptrdiff_t n, REAL *y, uint8_t *argmax, int relu)
{
    const REAL member[4] = {top[0], top[1], bottom[0], bottom[1]};
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (member[i] > member[best] || member[i] != member[i]) best = i;
    *y = relu ? VRELU(member[best]) : member[best];
    *argmax = (uint8_t)(relu && member[best] <= 0 ? STOPPED : best);
    (void)n;
}

INLINE void T(unpool_windows)(V g, const uint8_t *argmax, int row, ptrdiff_t n, REAL *to)
{
    to[0] = *argmax == 2 * row ? g : 0;
    to[1] = *argmax == 2 * row + 1 ? g : 0;
    (void)n;
}
#endif

/* One plane (h, w) -> (h/2, w/2); with `relu`, of max(0, x). */
INLINE void T(pool2x2_plane)(const REAL *x, ptrdiff_t h, ptrdiff_t w, REAL *y, uint8_t *argmax, int relu)
{
    const ptrdiff_t rows = h / 2, columns = w / 2;
    for (ptrdiff_t r = 0; r < rows; r++, y += columns, argmax += columns)
        for (ptrdiff_t j = 0; j < columns; j += VL) {
            ptrdiff_t at = 2 * r * w + 2 * j, n = columns - j;
            T(pool_windows)(x + at, x + at + w, n < (ptrdiff_t)VL ? n : (ptrdiff_t)VL, y + j, argmax + j, relu);
        }
}

/* Row r of the gradient of a plane (h, w) from dy and argmax (h/2, w/2). */
INLINE void T(unpool_row)(const REAL *dy, const uint8_t *argmax, ptrdiff_t h, ptrdiff_t w, ptrdiff_t r, REAL *row)
{
    const ptrdiff_t columns = w / 2, first = r / 2 * columns;
    if (r / 2 == h / 2) {                  /* the odd last row is in no window */
        memset(row, 0, (size_t)w * sizeof(REAL));
        return;
    }
    for (ptrdiff_t j = 0; j < columns; j += VL) {
        const ptrdiff_t n = columns - j < (ptrdiff_t)VL ? columns - j : (ptrdiff_t)VL, at = first + j;
        V g = n == VL ? VLOAD(dy + at) : VLOADN(dy + at, n);
        T(unpool_windows)(g, argmax + at, (int)(r % 2), n, row + 2 * j);
    }
    if (w % 2) row[w - 1] = 0;
}

/* How many planes a piece has: enough to be worth giving to a thread. */
INLINE ptrdiff_t T(piece_planes)(const pool2x2_args *k) { return larger(1, MAP_PIECE / larger(1, k->h * k->w)); }

KERNEL void T(max_pool2x2_forward_piece)(void *context, ptrdiff_t piece, int thread)
{
    const pool2x2_args *k = context;
    const ptrdiff_t size = k->h * k->w, pooled = (k->h / 2) * (k->w / 2);
    const ptrdiff_t first = piece * T(piece_planes)(k), end = first + T(piece_planes)(k);
    for (ptrdiff_t p = first; p < end && p < k->planes; p++)
        T(pool2x2_plane)((const REAL *)k->x + p * size, k->h, k->w, (REAL *)k->y + p * pooled,
                         k->post.argmax + p * pooled, k->post.relu);
    (void)thread;
}

KERNEL void T(max_pool2x2_backward_piece)(void *context, ptrdiff_t piece, int thread)
{
    const pool2x2_args *k = context;
    const ptrdiff_t size = k->h * k->w, pooled = (k->h / 2) * (k->w / 2);
    const ptrdiff_t first = piece * T(piece_planes)(k), end = first + T(piece_planes)(k);
    for (ptrdiff_t p = first; p < end && p < k->planes; p++)
        for (ptrdiff_t r = 0; r < k->h; r++)
            T(unpool_row)((const REAL *)k->dy + p * pooled, k->argmax + p * pooled, k->h, k->w, r,
                          (REAL *)k->dx + p * size + r * k->w);
    (void)thread;
}

KERNEL void T(max_pool2x2_forward)(void *args, workspace *work)
{
    const pool2x2_args *k = args;
    if (workspace_ready(work, 0, 0))
        engine_parallel(divide_up(k->planes, T(piece_planes)(k)), work->threads, T(max_pool2x2_forward_piece),
                        args);
}

KERNEL void T(max_pool2x2_backward)(void *args, workspace *work)
{
    const pool2x2_args *k = args;
    if (workspace_ready(work, 0, 0))
        engine_parallel(divide_up(k->planes, T(piece_planes)(k)), work->threads, T(max_pool2x2_backward_piece),
                        args);
}

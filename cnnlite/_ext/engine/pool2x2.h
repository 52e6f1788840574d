/* pool2x2.h: max-pooling with a 2x2 window and stride 2, the one that networks have.
 *
 * Two rows are read as vectors and split into even and odd columns; the four members of VL windows are
 * then compared at once, in the order in which a loop over the window would (first maximum wins, NaN
 * wins over all).  An odd last row or column is left out, as pooling without ceil_mode does. */

#if VECTORS
typedef int32_t T(indices) __attribute__((vector_size(VL * 4), aligned(4), may_alias));

INLINE MASK T(window_numbers)(ptrdiff_t first)
{
    int32_t lane[VL];
    for (int i = 0; i < (int)VL; i++) lane[i] = (int32_t)(first + 2 * i);
    return __builtin_convertvector(*(T(indices) *)lane, MASK);
}
#endif

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

/* n (at most VL) windows beginning at plane position `at`. */
INLINE void T(pool_windows)(const REAL *top, const REAL *bottom, ptrdiff_t w, ptrdiff_t at,
                            ptrdiff_t n, REAL *y, int32_t *argmax, int relu)
{
    V member[4];
    T(window_members)(top, bottom, n, member);
    const int32_t offset[4] = {0, 1, (int32_t)w, (int32_t)w + 1};
    MASK first = T(window_numbers)(at), index = first;
    V best = member[0];
    UNROLL for (int i = 1; i < 4; i++) {
        MASK better = (MASK)(member[i] > best) | (MASK)(member[i] != member[i]);
        best = VSELECT(better, member[i], best);
        index = (better & (first + offset[i])) | (~better & index);
    }
    if (relu) best = VRELU(best);
    T(indices) found = __builtin_convertvector(index, T(indices));
    if (n == VL) {
        VSTORE(y, best);
        *(T(indices) *)argmax = found;
    } else {
        VSTOREN(y, best, n);
        memcpy(argmax, &found, (size_t)n * sizeof(int32_t));
    }
}

/* One of the two rows of n windows: g where its position is argmax, 0 elsewhere.  The row's first pixel
 * has position `at`. */
INLINE void T(unpool_windows)(V g, const int32_t *argmax, ptrdiff_t at, ptrdiff_t n, REAL *row)
{
    T(indices) found = {0};
    if (n == VL) found = *(const T(indices) *)argmax;
    else memcpy(&found, argmax, (size_t)n * sizeof(int32_t));
    MASK member = __builtin_convertvector(found, MASK) - T(window_numbers)(at);
    T(window_store)(row, VSELECT((MASK)(member == 0), g, VZERO),
                    VSELECT((MASK)(member == 1), g, VZERO), n);
}
#else
INLINE void T(pool_windows)(const REAL *top, const REAL *bottom, ptrdiff_t w, ptrdiff_t at,
                            ptrdiff_t n, REAL *y, int32_t *argmax, int relu)
{
    const REAL member[4] = {top[0], top[1], bottom[0], bottom[1]};
    const ptrdiff_t offset[4] = {0, 1, w, w + 1};
    int best = 0;
    for (int i = 1; i < 4; i++)
        if (member[i] > member[best] || member[i] != member[i]) best = i;
    *y = relu ? VRELU(member[best]) : member[best];
    *argmax = (int32_t)(at + offset[best]);
    (void)n;
}

INLINE void T(unpool_windows)(V g, const int32_t *argmax, ptrdiff_t at, ptrdiff_t n, REAL *row)
{
    row[0] = *argmax == at ? g : 0;
    row[1] = *argmax == at + 1 ? g : 0;
    (void)n;
}
#endif

/* One plane (h, w) -> (h/2, w/2); with `relu`, of max(0, x). */
INLINE void T(pool2x2_plane)(const REAL *x, ptrdiff_t h, ptrdiff_t w, REAL *y, int32_t *argmax,
                             int relu)
{
    const ptrdiff_t rows = h / 2, columns = w / 2;
    for (ptrdiff_t r = 0; r < rows; r++, y += columns, argmax += columns)
        for (ptrdiff_t j = 0; j < columns; j += VL) {
            ptrdiff_t at = 2 * r * w + 2 * j, n = columns - j;
            T(pool_windows)(x + at, x + at + w, w, at, n < (ptrdiff_t)VL ? n : (ptrdiff_t)VL, y + j,
                            argmax + j, relu);
        }
}

/* Row r of the gradient of a plane (h, w) from dy, argmax and, with ReLU, y (h/2, w/2): dy where the
 * maximum was, 0 elsewhere; with y, 0 where y is 0 too. */
INLINE void T(unpool_row)(const REAL *dy, const REAL *y, const int32_t *argmax, ptrdiff_t h, ptrdiff_t w,
                          ptrdiff_t r, REAL *row)
{
    const ptrdiff_t columns = w / 2, first = r / 2 * columns;
    if (r / 2 == h / 2) {                  /* the odd last row is in no window */
        memset(row, 0, (size_t)w * sizeof(REAL));
        return;
    }
    for (ptrdiff_t j = 0; j < columns; j += VL) {
        const ptrdiff_t n = columns - j < (ptrdiff_t)VL ? columns - j : (ptrdiff_t)VL, at = first + j;
        V g = n == VL ? VLOAD(dy + at) : VLOADN(dy + at, n);
        if (y) g = T(relu_mask)(g, n == VL ? VLOAD(y + at) : VLOADN(y + at, n));
        T(unpool_windows)(g, argmax + at, r * w + 2 * j, n, row + 2 * j);
    }
    if (w % 2) row[w - 1] = 0;
}

KERNEL void T(max_pool2x2_forward)(void *context, ptrdiff_t piece, int thread)
{
    const pool2x2_args *k = context;
    const ptrdiff_t size = k->h * k->w, pooled = (k->h / 2) * (k->w / 2);
    const ptrdiff_t first = piece * k->piece_planes, end = first + k->piece_planes;
    for (ptrdiff_t p = first; p < end && p < k->planes; p++)
        T(pool2x2_plane)((const REAL *)k->x + p * size, k->h, k->w, (REAL *)k->y + p * pooled,
                         k->argmax + p * pooled, k->relu);
    (void)thread;
}

KERNEL void T(max_pool2x2_backward)(void *context, ptrdiff_t piece, int thread)
{
    const pool2x2_args *k = context;
    const ptrdiff_t size = k->h * k->w, pooled = (k->h / 2) * (k->w / 2);
    const ptrdiff_t first = piece * k->piece_planes, end = first + k->piece_planes;
    for (ptrdiff_t p = first; p < end && p < k->planes; p++)
        for (ptrdiff_t r = 0; r < k->h; r++)
            T(unpool_row)((const REAL *)k->dy + p * pooled,
                          k->y_in ? (const REAL *)k->y_in + p * pooled : NULL,
                          k->argmax_in + p * pooled, k->h, k->w, r, (REAL *)k->dx + p * size + r * k->w);
    (void)thread;
}

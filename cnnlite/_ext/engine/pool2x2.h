/* pool2x2.h: max-pooling with a 2x2 window and stride 2, the one that networks have.
 *
 * Two rows are read as vectors and split into even and odd columns; the four members of VL windows are
 * then compared at once, in the order in which a loop over the window would (first maximum wins, NaN
 * wins over all).  An odd last row or column is left out, as pooling without ceil_mode does. */

#if VECTORS
#if VL == 16
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOWS 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGHS 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif VL == 8
#define EVENS 0, 2, 4, 6, 8, 10, 12, 14
#define ODDS 1, 3, 5, 7, 9, 11, 13, 15
#define LOWS 0, 8, 1, 9, 2, 10, 3, 11
#define HIGHS 4, 12, 5, 13, 6, 14, 7, 15
#elif VL == 4
#define EVENS 0, 2, 4, 6
#define ODDS 1, 3, 5, 7
#define LOWS 0, 4, 1, 5
#define HIGHS 2, 6, 3, 7
#else
#define EVENS 0, 2
#define ODDS 1, 3
#define LOWS 0, 2
#define HIGHS 1, 3
#endif
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (MASK){__VA_ARGS__})
#endif

typedef int32_t T(indices) __attribute__((vector_size(VL * 4), aligned(4), may_alias));

INLINE MASK T(window_numbers)(ptrdiff_t first)
{
    int32_t lane[VL];
    for (int i = 0; i < (int)VL; i++) lane[i] = (int32_t)(first + 2 * i);
    return __builtin_convertvector(*(T(indices) *)lane, MASK);
}
#endif

/* One window, for the columns that fill no vector. */
INLINE void T(pool_window)(const REAL *x, ptrdiff_t w, ptrdiff_t at, REAL *y, int32_t *argmax)
{
    const ptrdiff_t member[4] = {at, at + 1, at + w, at + w + 1};
    ptrdiff_t best = at;
    for (int i = 1; i < 4; i++)
        if (x[member[i]] > x[best] || x[member[i]] != x[member[i]]) best = member[i];
    *y = x[best];
    *argmax = (int32_t)best;
}

/* One plane (h, w) -> (h/2, w/2); with `relu`, of max(0, x). */
INLINE void T(pool2x2_plane)(const REAL *x, ptrdiff_t h, ptrdiff_t w, REAL *y, int32_t *argmax,
                             int relu)
{
    const ptrdiff_t rows = h / 2, columns = w / 2;
    for (ptrdiff_t r = 0; r < rows; r++, y += columns, argmax += columns) {
        const REAL *top = x + 2 * r * w, *bottom = top + w;
        ptrdiff_t j = 0;
#if VECTORS
        for (; j + VL <= columns; j += VL) {
            V t0 = VLOAD(top + 2 * j), t1 = VLOAD(top + 2 * j + VL);
            V b0 = VLOAD(bottom + 2 * j), b1 = VLOAD(bottom + 2 * j + VL);
            V member[4] = {SHUFFLE(t0, t1, EVENS), SHUFFLE(t0, t1, ODDS),
                           SHUFFLE(b0, b1, EVENS), SHUFFLE(b0, b1, ODDS)};
            MASK first = T(window_numbers)(2 * r * w + 2 * j), index = first;
            const int32_t offset[4] = {0, 1, (int32_t)w, (int32_t)w + 1};
            V best = member[0];
            UNROLL for (int i = 1; i < 4; i++) {
                MASK better = (MASK)(member[i] > best) | (MASK)(member[i] != member[i]);
                best = VSELECT(better, member[i], best);
                index = (better & (first + offset[i])) | (~better & index);
            }
            VSTORE(y + j, relu ? VRELU(best) : best);
            *(T(indices) *)(argmax + j) = __builtin_convertvector(index, T(indices));
        }
#endif
        for (; j < columns; j++) {
            T(pool_window)(x, w, 2 * r * w + 2 * j, y + j, argmax + j);
            if (relu && y[j] <= 0) y[j] = 0;
        }
    }
}

/* dx (h, w) of one plane: dy where the maximum was, 0 elsewhere. */
INLINE void T(pool2x2_plane_backward)(const REAL *dy, const REAL *y, const int32_t *argmax, REAL *dx,
                                      ptrdiff_t h, ptrdiff_t w)
{
    const ptrdiff_t rows = h / 2, columns = w / 2;
    for (ptrdiff_t r = 0; r < rows; r++, dy += columns, argmax += columns) {
        REAL *top = dx + 2 * r * w, *bottom = top + w;
        ptrdiff_t j = 0;
#if VECTORS
        for (; j + VL <= columns; j += VL) {
            V g = VLOAD(dy + j);
            if (y) g = T(relu_mask)(g, VLOAD(y + j));
            MASK at = __builtin_convertvector(*(const T(indices) *)(argmax + j), MASK);
            at -= T(window_numbers)(2 * r * w + 2 * j);
            V t0 = VSELECT((MASK)(at == 0), g, VZERO), t1 = VSELECT((MASK)(at == 1), g, VZERO);
            V b0 = VSELECT((MASK)(at == (int32_t)w), g, VZERO);
            V b1 = VSELECT((MASK)(at == (int32_t)w + 1), g, VZERO);
            VSTORE(top + 2 * j, SHUFFLE(t0, t1, LOWS));
            VSTORE(top + 2 * j + VL, SHUFFLE(t0, t1, HIGHS));
            VSTORE(bottom + 2 * j, SHUFFLE(b0, b1, LOWS));
            VSTORE(bottom + 2 * j + VL, SHUFFLE(b0, b1, HIGHS));
        }
#endif
        for (; j < columns; j++) {
            const REAL g = y && y[j] <= 0 ? 0 : dy[j];
            const ptrdiff_t at = argmax[j] - (2 * r * w + 2 * j);
            top[2 * j] = at == 0 ? g : 0;
            top[2 * j + 1] = at == 1 ? g : 0;
            bottom[2 * j] = at == w ? g : 0;
            bottom[2 * j + 1] = at == w + 1 ? g : 0;
        }
        if (w % 2) top[w - 1] = bottom[w - 1] = 0;
        if (y) y += columns;
    }
    if (h % 2) memset(dx + (h - 1) * w, 0, (size_t)w * sizeof(REAL));
}

KERNEL void T(max_pool2x2_forward)(void *context, ptrdiff_t plane, int thread)
{
    const pool2x2_args *k = context;
    ptrdiff_t out = plane * (k->h / 2) * (k->w / 2);
    T(pool2x2_plane)((const REAL *)k->x + plane * k->h * k->w, k->h, k->w, (REAL *)k->y + out,
                     k->argmax + out, k->relu);
    (void)thread;
}

KERNEL void T(max_pool2x2_backward)(void *context, ptrdiff_t plane, int thread)
{
    const pool2x2_args *k = context;
    ptrdiff_t out = plane * (k->h / 2) * (k->w / 2);
    const REAL *y = k->y_in ? (const REAL *)k->y_in + out : NULL;
    T(pool2x2_plane_backward)((const REAL *)k->dy + out, y, k->argmax_in + out,
                              (REAL *)k->dx + plane * k->h * k->w, k->h, k->w);
    (void)thread;
}
#undef EVENS
#undef ODDS
#undef LOWS
#undef HIGHS
#undef SHUFFLE

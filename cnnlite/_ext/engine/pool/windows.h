/* pool/windows.h: the maximum or the mean of windows of any kind, without what a backward pass needs. */

/* The taps of window `o` that lie in the plane along one axis: first .. end. */
INLINE void T(taps_inside)(const window_axis *a, ptrdiff_t o, ptrdiff_t *first, ptrdiff_t *end)
{
    const ptrdiff_t start = o * a->stride - a->before;
    *first = start < 0 ? smaller(a->kernel, divide_up(-start, a->dilation)) : 0;
    *end = start < a->size ? smaller(a->kernel, divide_up(a->size - start, a->dilation)) : 0;
}

/* How many pixels of an axis the mean of window `o` counts; at least 1, to divide by. */
INLINE ptrdiff_t T(pixels_counted)(const window_axis *a, ptrdiff_t o, int count_padding)
{
    const ptrdiff_t start = o * a->stride - a->before, end = smaller(start + a->kernel, a->size + a->after);
    return count_padding ? larger(end - start, 1) : larger(smaller(end, a->size) - larger(start, 0), 1);
}

/* The first maximum of a window, or the first NaN; -infinity of none. */
INLINE REAL T(window_max)(const windows_args *k, const REAL *x, ptrdiff_t i, ptrdiff_t iend, ptrdiff_t j,
                          ptrdiff_t jend)
{
    REAL best = -INFINITY;
    for (; i < iend; i++)
        for (ptrdiff_t u = j; u < jend; u++) {
            const REAL v = x[i * k->rows.dilation * k->columns.size + u * k->columns.dilation];
            if (v > best || v != v) best = v;
            if (v != v) return v;
        }
    return best;
}

/* The sum of a window, in double; of whole rows by SUM_LANES partial sums. */
INLINE double T(window_sum)(const windows_args *k, const REAL *x, ptrdiff_t i, ptrdiff_t iend, ptrdiff_t j,
                            ptrdiff_t jend)
{
    double sum = 0;
    if (jend - j == k->columns.size && (iend - i) * k->columns.size >= SUM_LANES) {
        const REAL *from = x + i * k->columns.size + j;
        const ptrdiff_t count = (iend - i) * k->columns.size;
        double sums[SUM_LANES] = {0};
        ptrdiff_t at = 0;
        for (; at + SUM_LANES <= count; at += SUM_LANES)
            for (ptrdiff_t lane = 0; lane < SUM_LANES; lane++) sums[lane] += (double)from[at + lane];
        for (; at < count; at++) sum += (double)from[at];
        for (ptrdiff_t lane = 0; lane < SUM_LANES; lane++) sum += sums[lane];
        return sum;
    }
    for (; i < iend; i++)
        for (ptrdiff_t u = j; u < jend; u++) sum += (double)x[i * k->columns.size + u];
    return sum;
}

/* Every stride-th pixel of a row. */
INLINE void T(strided_row)(const REAL *x, ptrdiff_t stride, REAL *y, ptrdiff_t count)
{
    ptrdiff_t u = 0;
    for (; stride == 2 && u + VL <= count; u += VL) VSTORE(y + u, T(vload_evens)(x + 2 * u));
    for (; u < count; u++) y[u] = x[u * stride];
}

/* A plane of y; those after the channels of x become 0. */
INLINE void T(windows_plane)(const windows_args *k, ptrdiff_t plane, const int mean)
{
    const window_axis *rows = &k->rows, *columns = &k->columns;
    const ptrdiff_t image = plane / k->more, c = plane % k->more;
    REAL *y = (REAL *)k->y + plane * rows->outputs * columns->outputs;
    if (c >= k->channels) {
        memset(y, 0, (size_t)(rows->outputs * columns->outputs) * REAL_BYTES);
        return;
    }
    const REAL *x = (const REAL *)k->x + (image * k->channels + c) * rows->size * columns->size;
    if (k->every_pixel) {
        for (ptrdiff_t o = 0; o < rows->outputs; o++, y += columns->outputs)
            T(strided_row)(x + o * rows->stride * columns->size, columns->stride, y, columns->outputs);
        return;
    }
    for (ptrdiff_t o = 0; o < rows->outputs; o++)
        for (ptrdiff_t u = 0; u < columns->outputs; u++, y++) {
            ptrdiff_t i, iend, j, jend;
            T(taps_inside)(rows, o, &i, &iend);
            T(taps_inside)(columns, u, &j, &jend);
            const REAL *at = x + (o * rows->stride - rows->before) * columns->size + u * columns->stride
                - columns->before;
            if (mean)
                *y = (REAL)(T(window_sum)(k, at, i, iend, j, jend)
                            / ((double)T(pixels_counted)(rows, o, k->count_padding)
                               * (double)T(pixels_counted)(columns, u, k->count_padding)));
            else *y = T(window_max)(k, at, i, iend, j, jend);
        }
}

KERNEL void T(windows_piece)(void *context, ptrdiff_t piece, int thread)
{
    const windows_args *k = context;
    const ptrdiff_t planes = k->images * k->more, pieces = smaller(planes, WINDOW_PIECES);
    for (ptrdiff_t plane = piece * planes / pieces; plane < (piece + 1) * planes / pieces; plane++)
        if (k->mean) T(windows_plane)(k, plane, 1);
        else T(windows_plane)(k, plane, 0);
    (void)thread;
}

KERNEL void T(windows_forward)(void *args, workspace *work)
{
    const windows_args *k = args;
    if (workspace_ready(work, 0, 0))
        engine_parallel(smaller(k->images * k->more, WINDOW_PIECES), work->threads, T(windows_piece), args);
}

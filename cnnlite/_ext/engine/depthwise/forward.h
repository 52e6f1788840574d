/* depthwise/forward.h: y = x * weight + bias, and dx, which is the same sum over dy with the weights rotated by
 * 180 degrees, and with zeros between its pixels where there was a stride. */

#define DEPTHWISE_PIXELS 8192 /* of outputs, in a piece */

/* Rows of x that one piece of a plane reads by a table, where it does. */
INLINE ptrdiff_t T(table_rows)(const T(depthwise) *k)
{
    const T(window) *w = &k->window;
    const int table = w->merged > 1 || (w->is_3x3 && k->sums * 9 <= LONGEST_SUM);
    return table ? T(rows_seen)(w, k->piece_rows) : 0;
}

INLINE void T(depthwise_scratch)(const T(depthwise) *k, arena *memory, REAL **copy, const REAL ***from)
{
    *copy = arena_take(memory, (size_t)(k->sums * k->window.scratch_size) * REAL_BYTES);
    *from = arena_take(memory, (size_t)(k->sums * T(table_rows)(k)) * sizeof(REAL *));
}

/* Rows begin .. end of a plane. */
INLINE void T(depthwise_rows)(T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end)
{
    const T(window) *w = &p->k->window;
    if (p->k->half) {
        T(gradient_half)(p, begin, end);
        return;
    }
    if (!p->from_size) {
        T(plane_any)(p, begin, end);
        return;
    }
    for (ptrdiff_t s = 0; s < p->k->sums; s++)
        T(find_rows)(w, p->x + s * p->size, p->before ? p->before + s * p->size : NULL, begin * w->step_h - w->top,
                     T(rows_seen)(w, end - begin), p->from + s * p->from_size);
    p->before = p->x;
    if (w->merged > 1) T(plane_narrow)(p);
    else if (w->step_h == 1) T(plane_3x3)(p, begin, end);
    else T(plane_3x3_half)(p, begin, end);
}

KERNEL void T(depthwise_piece)(void *context, ptrdiff_t piece, int thread)
{
    const T(depthwise) *k = context;
    const T(window) *w = &k->window;
    const ptrdiff_t begin = piece % k->row_blocks * k->piece_rows, end = smaller(w->rows, begin + k->piece_rows);
    const ptrdiff_t first = piece / k->row_blocks * k->piece_planes, size = w->given_h * w->given_w;
    const ptrdiff_t weights = k->sums * w->taps_h * w->taps_w;
    arena memory = {k->own[thread], 0};
    REAL *copy;
    T(depthwise_plane) p = {.k = k, .from_size = T(table_rows)(k), .size = size};
    T(depthwise_scratch)(k, &memory, &copy, &p.from);
    if (w->scratch_size) memset(copy, 0, (size_t)(k->sums * w->scratch_size) * REAL_BYTES);
    const ptrdiff_t last = smaller(k->planes, first + k->piece_planes);
    ptrdiff_t f = first % k->channels;
    if (w->merged > 1 && w->is_3x3 && k->sums == 1) {
        T(planes_narrow_3x3)(k, first, last, p.from);
        return;
    }
    for (ptrdiff_t plane = first; plane < last; plane++, f = f + 1 < k->channels ? f + 1 : 0) {
        const REAL *x = k->x + (k->shared == 1 ? plane : plane / k->shared) * k->sums * size;
        p.weight = k->weight + f * weights;
        p.y = k->y + plane * w->out_h * w->out_w;
        p.x = x;
        if (w->scratch_size) {
            for (ptrdiff_t s = 0; s < k->sums; s++) T(copy_plane)(w, x + s * size, copy + s * w->scratch_size);
            p.size = w->scratch_size;
            p.x = copy;
        }
        p.start = k->bias ? VSET1(k->bias[f]) : VZERO;
        if (!k->rotated || T(all_finite)(p.weight, weights)) T(depthwise_rows)(&p, begin, end);
        else if (begin == 0) T(gradient_by_definition)(k, x, p.weight, p.y);
    }
}

/* Cut the work by its shape, and do it. */
INLINE void T(depthwise_planes)(T(depthwise) *k, workspace *work)
{
    const T(window) *w = &k->window;
    arena shared = {work->shared, 0}, own = {NULL, 0};
    REAL *copy;
    const REAL **from;
    const ptrdiff_t plane = w->out_h * w->out_w, share = k->planes * plane / MINIMUM_PIECES;
    const ptrdiff_t pixels = smaller(DEPTHWISE_PIXELS, larger(DEPTHWISE_PIXELS / 8, share));
    k->piece_planes = larger(1, pixels / plane);
    k->piece_rows = w->rows;
    if (plane > 2 * pixels && w->merged == 1)
        k->piece_rows = divide_up(divide_up(w->rows, plane / pixels), MR) * MR;
    k->row_blocks = divide_up(w->rows, k->piece_rows);
    T(take_window)(&k->window, &shared);
    T(depthwise_scratch)(k, &own, &copy, &from);
    if (!workspace_ready(work, shared.used, own.used)) return;
    k->own = work->own;
    engine_parallel(divide_up(k->planes, k->piece_planes) * k->row_blocks, work->threads, T(depthwise_piece), k);
}

/* The window of a forward pass, and of a weight gradient. */
INLINE T(window) T(forward_window)(const conv_shape *s)
{
    /* clang-format off */
    T(window) w = {
        .given_h = s->h, .given_w = s->w, .spread_h = 1, .spread_w = 1, .taps_h = s->kh, .taps_w = s->kw,
        .gap_h = s->dilation_h, .gap_w = s->dilation_w, .step_h = s->stride_h, .step_w = s->stride_w,
        .top = s->top, .left = s->left, .out_h = s->oh, .out_w = s->ow,
    };
    /* clang-format on */
    T(plan_window)(&w, 1);
    return w;
}

KERNEL void T(conv2d_depthwise_forward)(void *args, workspace *work)
{
    const conv_args *a = args;
    const conv_shape *s = &a->shape;
    T(depthwise) k = {.window = T(forward_window)(s), .planes = s->n * s->f, .channels = s->f};
    k.shared = s->f / s->c, k.sums = 1;
    k.x = a->x.data, k.weight = a->weight, k.bias = a->bias, k.y = a->y, k.relu = a->post.relu;
    T(depthwise_planes)(&k, work);
}

KERNEL void T(conv2d_depthwise_input_gradient)(void *args, workspace *work)
{
    const conv_args *a = args;
    const conv_shape *s = &a->shape;
    /* clang-format off */
    T(window) w = {
        .given_h = s->oh, .given_w = s->ow, .spread_h = s->stride_h, .spread_w = s->stride_w,
        .taps_h = s->kh, .taps_w = s->kw, .gap_h = s->dilation_h, .gap_w = s->dilation_w, .step_h = 1,
        .step_w = 1, .top = (s->kh - 1) * s->dilation_h - s->top,
        .left = (s->kw - 1) * s->dilation_w - s->left, .out_h = s->h, .out_w = s->w,
    };
    /* clang-format on */
    T(plan_window)(&w, s->f / s->c);
    T(depthwise) k = {.window = w, .planes = s->n * s->c, .channels = s->c, .shared = 1};
    k.sums = s->f / s->c, k.rotated = 1;
    k.half = w.is_3x3 && s->stride_h == 2 && s->stride_w == 2 && s->top <= 2 && s->left <= 2
        && k.sums * 9 <= LONGEST_SUM;
    if (k.half) k.window.scratch_size = 0;
    k.x = a->dy.data, k.weight = a->weight, k.y = a->dx;
    T(depthwise_planes)(&k, work);
}

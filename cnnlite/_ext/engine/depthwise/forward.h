/* depthwise/forward.h: y = x * weight + bias, and dx, which is the same sum over dy with the weights rotated by
 * 180 degrees, and with zeros between its pixels where there was a stride. */

#define DEPTHWISE_PIXELS 8192 /* of outputs, in a piece */

typedef struct {
    T(window) window;
    ptrdiff_t planes, channels; /* of y: all, of an image */
    ptrdiff_t shared, sums; /* planes of y for one of x; planes of x whose sums are added for one of y */
    ptrdiff_t piece_planes, piece_rows, row_blocks;
    const REAL *x, *weight, *bias;
    REAL *y;
    int relu, rotated, half; /* half: dx of a 3x3 with stride 2 */
    char *const *own;
} T(depthwise);

/* One plane of y: the planes of x that it sees, `size` apart, as row_at reads them, and their weights. */
typedef struct {
    const T(depthwise) *k;
    const REAL *x, *weight, *before; /* before: the planes that `from` is of */
    ptrdiff_t size;
    const REAL **from; /* of 3x3: the rows of x from the first row of the piece on, ... */
    ptrdiff_t from_size; /* ... of each of those planes */
    V start;
    REAL *y;
} T(depthwise_plane);

INLINE V T(weight_at)(const T(depthwise) *k, const REAL *weight, ptrdiff_t tap, ptrdiff_t taps)
{
    return VSET1(weight[k->rotated ? taps - 1 - tap : tap]);
}

INLINE void T(store_rows)(const T(depthwise) *k, V *acc, REAL *y, ptrdiff_t r, ptrdiff_t q, const int rows)
{
    const ptrdiff_t columns = k->window.columns, at = r * columns + q;
    const ptrdiff_t left = k->window.out_h * k->window.out_w - at - (rows - 1) * columns, n = columns - q;
    if (k->relu)
        UNROLL_FOR(int i = 0; i < rows; i++) acc[i] = VRELU(acc[i]);
    y += at;
    if (n >= (ptrdiff_t)VL && left >= (ptrdiff_t)VL) {
        UNROLL_FOR(int i = 0; i < rows; i++) VSTORE(y + i * columns, acc[i]);
        return;
    }
    UNROLL_FOR(int i = 0; i < rows - 1; i++) VSTOREN(y + i * columns, acc[i], smaller(VL, n));
    VSTOREN(y + (rows - 1) * columns, acc[rows - 1], smaller(VL, smaller(n, left)));
}

/* Rows r .. r + rows, VL outputs of each: any kernel. */
INLINE void T(sum_any)(const T(depthwise_plane) *p, ptrdiff_t r, ptrdiff_t q, const int rows)
{
    const T(depthwise) *k = p->k;
    const T(window) *w = &k->window;
    const ptrdiff_t taps = w->taps_h * w->taps_w;
    const int inside = T(is_inside)(w, q), deep = k->sums * taps > LONGEST_SUM;
    const REAL *planes = p->x, *weight = p->weight;
    REAL block[MR * VL];
    double totals[MR * VL] = {0};
    ptrdiff_t done = 0;
    V acc[MR];
    UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = p->start;
    for (ptrdiff_t s = 0; s < k->sums; s++, planes += p->size, weight += taps)
        for (ptrdiff_t i = 0; i < w->taps_h; i++) {
            const REAL *row[MR];
            for (int v = 0; v < rows; v++)
                row[v] = T(row_at)(w, planes, (r + v) * w->merged * w->step_h + i * w->gap_h - w->top)
                    + q * w->step_w;
            for (ptrdiff_t j = 0; j < w->taps_w; j++) {
                const V tap = T(weight_at)(k, weight, i * w->taps_w + j, taps);
                const ptrdiff_t column = T(column_of)(w, j);
                const T(lanes) lanes = T(lanes_of)(w, q, smaller(VL, w->columns - q), j);
                UNROLL_FOR(int v = 0; v < rows; v++)
                    acc[v] = VFMA(tap, T(load_tap)(row[v] + column, w->step_w, lanes, inside), acc[v]);
                if (!deep || ++done % SUM_BLOCK) continue;
                UNROLL_FOR(int v = 0; v < rows; v++) VSTORE(block + v * VL, acc[v]);
                T(add_block)(block, rows * VL, totals, 1);
                UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = VZERO;
            }
        }
    if (deep) {
        UNROLL_FOR(int v = 0; v < rows; v++) VSTORE(block + v * VL, acc[v]);
        T(add_block)(block, rows * VL, totals, 1);
        T(take_sums)(totals, rows * VL, block);
        UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = VLOAD(block + v * VL);
    }
    T(store_rows)(k, acc, p->y, r, q, rows);
}

/* The lanes of the loads in load_3 that are inside of the plane, and that n outputs from q on see. */
INLINE void T(lanes_3)(const T(window) *w, ptrdiff_t q, ptrdiff_t n, const int step, T(lanes) lanes[4])
{
    for (int i = 0; i < 4; i++) {
        const ptrdiff_t far = step == 2 ? i % 2 * (ptrdiff_t)VL : 0;
        const ptrdiff_t first = q * step - w->left + (step == 2 ? i / 2 * 2 : i) + far;
        const ptrdiff_t end = smaller(w->merged > 1 ? VL : w->width - first, step * n - far);
        lanes[i].begin = w->merged > 1 ? 0 : smaller(VL, larger(0, -first));
        lanes[i].end = larger(lanes[i].begin, smaller(VL, end));
    }
}

/* What the three columns of the kernel see of a row.  With step 2, the even and odd columns of two vectors. */
INLINE void T(load_3)(const REAL *row, const ptrdiff_t column[3], const T(lanes) lanes[4], const int step,
                      const int inside, V x[3])
{
    if (step == 1) {
        UNROLL_FOR(int j = 0; j < 3; j++)
            x[j] = inside ? VLOAD(row + column[j]) : VLOADR(row + column[j], lanes[j].begin, lanes[j].end);
        return;
    }
    V part[4];
    UNROLL_FOR(int i = 0; i < 4; i++) {
        const REAL *at = row + column[0] + (i / 2) * 2 + i % 2 * (ptrdiff_t)VL;
        part[i] = inside ? VLOAD(at) : VLOADR(at, lanes[i].begin, lanes[i].end);
    }
    x[0] = SHUFFLE(part[0], part[1], EVENS);
    x[1] = SHUFFLE(part[0], part[1], ODDS);
    x[2] = SHUFFLE(part[2], part[3], EVENS);
}

INLINE void T(rows_3x3)(const REAL *const *from, ptrdiff_t q, const V tap[9], const ptrdiff_t column[3],
                        const T(lanes) lanes[4], const int rows, const int apart, const int step, const int inside,
                        V acc[MR])
{
    UNROLL_FOR(int y = 0; y <= (rows - 1) * apart + 2; y++) {
        V x[3];
        T(load_3)(from[y] + q * step, column, lanes, step, inside, x);
        UNROLL_FOR(int j = 0; j < 3; j++)
            UNROLL_FOR(int i = 0; i < 3; i++)
                if (y >= i && (y - i) % apart == 0 && (y - i) / apart < rows)
                    acc[(y - i) / apart] = VFMA(tap[3 * i + j], x[j], acc[(y - i) / apart]);
    }
}

/* Rows begin .. end (at least `rows`), VL outputs of each, of 3x3 taps.  Those of neighbouring rows of outputs are
 * `apart` rows apart (1 or 2): what a row gives is loaded once for all outputs that see it. */
INLINE void T(sum_3x3)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t q, const int rows,
                       const int apart, const int step, const int inside)
{
    const T(depthwise) *k = p->k;
    const T(window) *w = &k->window;
    const ptrdiff_t sums = k->sums;
    const ptrdiff_t column[3] = {T(column_of)(w, 0), T(column_of)(w, 1), T(column_of)(w, 2)};
    T(lanes) lanes[4];
    V tap[9], acc[MR];
    if (!inside) T(lanes_3)(w, q, VL, step, lanes);
    UNROLL_FOR(int t = 0; t < 9; t++) tap[t] = T(weight_at)(k, p->weight, t, 9);
    for (ptrdiff_t i = begin; i < end; i += rows) {
        const ptrdiff_t r = smaller(i, end - rows); /* the last rows overlap those before */
        const REAL *const *from = p->from + (r - begin) * apart;
        UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = p->start;
        T(rows_3x3)(from, q, tap, column, lanes, rows, apart, step, inside, acc);
        for (ptrdiff_t s = 1; s < sums; s++) {
            V more[9];
            UNROLL_FOR(int t = 0; t < 9; t++) more[t] = T(weight_at)(k, p->weight + 9 * s, t, 9);
            T(rows_3x3)(from + s * p->from_size, q, more, column, lanes, rows, apart, step, inside, acc);
        }
        T(store_rows)(k, acc, p->y, r, q, rows);
    }
}

#define PLANE_3X3(name, rows, apart, step) \
    KERNEL void T(name)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end) \
    { \
        const T(window) *w = &p->k->window; \
        for (ptrdiff_t q = 0; q < w->columns; q += VL) \
            if (end - begin < rows) T(sum_3x3)(p, begin, end, q, 1, apart, step, 0); \
            else if (T(is_inside)(w, q)) T(sum_3x3)(p, begin, end, q, rows, apart, step, 1); \
            else T(sum_3x3)(p, begin, end, q, rows, apart, step, 0); \
    }
PLANE_3X3(plane_3x3, MR, 1, 1)
PLANE_3X3(plane_3x3_half, MR, 2, 2)

KERNEL void T(plane_3x3_merged)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end)
{
    if (end - begin < MR / 2) T(sum_3x3)(p, begin, end, 0, 1, 2, 1, 1);
    else T(sum_3x3)(p, begin, end, 0, MR / 2, 2, 1, 1);
}

KERNEL void T(plane_any)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end)
{
    for (ptrdiff_t q = 0; q < p->k->window.columns; q += VL)
        for (ptrdiff_t r = begin; r < end; r += MR)
            if (end - r >= MR) T(sum_any)(p, r, q, MR);
            else
                for (ptrdiff_t i = r; i < end; i++) T(sum_any)(p, i, q, 1);
}

/* Rows begin .. end of dx (begin even), of 3x3 taps with stride 2, from two rows of dy for each two of dx.  With X =
 * x + left, column X of dx sees dy[X / 2] by tap 0 and dy[X / 2 - 1] by tap 2 if X is even, and dy[(X - 1) / 2] by tap
 * 1 if not; rows likewise. */
KERNEL void T(gradient_half)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end)
{
    const T(depthwise) *k = p->k;
    const T(window) *w = &k->window;
    const ptrdiff_t top = 2 - w->top, left = 2 - w->left; /* of the forward pass */
    const int odd_h = (int)(top % 2), odd_w = (int)(left % 2);
    for (ptrdiff_t q = 0; q < w->out_w; q += 2 * VL) {
        const ptrdiff_t c = (q + left) / 2 + odd_w, n = w->out_w - q; /* c: seen by tap 0 */
        T(lanes) lanes[2];
        for (int i = 0; i < 2; i++) {
            lanes[i].begin = smaller(VL, larger(0, i - c));
            lanes[i].end = larger(lanes[i].begin, smaller(VL, w->given_w - c + i));
        }
        for (ptrdiff_t r = begin; r < end; r += 2) {
            const ptrdiff_t e = (r + top) / 2 + odd_h;
            const REAL *planes = p->x, *weight = p->weight;
            V sum[2][2] = {{VZERO, VZERO}, {VZERO, VZERO}}; /* of row and column: even, odd */
            for (ptrdiff_t s = 0; s < k->sums; s++, planes += p->size, weight += 9) {
                V dy[2][2], tap[9];
                for (int i = 0; i < 2; i++) {
                    const REAL *row = e - i >= 0 && e - i < w->given_h ? planes + (e - i) * w->given_w : w->zeros;
                    for (int j = 0; j < 2; j++) dy[i][j] = VLOADR(row + c - j, lanes[j].begin, lanes[j].end);
                }
                UNROLL_FOR(int t = 0; t < 9; t++) tap[t] = VSET1(weight[t]);
                UNROLL_FOR(int i = 0; i < 2; i++)
                    UNROLL_FOR(int j = 0; j < 2; j++) sum[0][0] = VFMA(tap[6 * i + 2 * j], dy[i][j], sum[0][0]);
                UNROLL_FOR(int i = 0; i < 2; i++) {
                    sum[0][1] = VFMA(tap[6 * i + 1], odd_w ? dy[i][1] : dy[i][0], sum[0][1]);
                    sum[1][0] = VFMA(tap[3 + 2 * i], odd_h ? dy[1][i] : dy[0][i], sum[1][0]);
                }
                const V middle = odd_h ? (odd_w ? dy[1][1] : dy[1][0]) : (odd_w ? dy[0][1] : dy[0][0]);
                sum[1][1] = VFMA(tap[4], middle, sum[1][1]);
            }
            for (int i = 0; i < 2 && r + i < end; i++) {
                const V even = sum[i ^ odd_h][odd_w], odd = sum[i ^ odd_h][1 - odd_w];
                const V low = SHUFFLE(even, odd, LOWS), high = SHUFFLE(even, odd, HIGHS);
                REAL *to = p->y + (r + i) * w->out_w + q;
                if (n >= 2 * (ptrdiff_t)VL) {
                    VSTORE(to, low);
                    VSTORE(to + VL, high);
                    continue;
                }
                VSTOREN(to, low, smaller(VL, n));
                if (n > (ptrdiff_t)VL) VSTOREN(to + VL, high, n - VL);
            }
        }
    }
}

/* Rows of x that one piece of a plane reads by a table, where it does. */
INLINE ptrdiff_t T(table_rows)(const T(depthwise) *k)
{
    const T(window) *w = &k->window;
    if (!w->is_3x3 || w->merged > 2 || k->sums * 9 > LONGEST_SUM) return 0;
    return (k->piece_rows - 1) * w->merged * w->step_h + 3;
}

INLINE void T(depthwise_scratch)(const T(depthwise) *k, arena *memory, REAL **copy, const REAL ***from)
{
    const ptrdiff_t copies = k->window.copied * k->sums;
    *copy = arena_take(memory, (size_t)(copies * k->window.scratch_size) * REAL_BYTES);
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
    const ptrdiff_t apart = w->merged * w->step_h;
    for (ptrdiff_t s = 0; s < p->k->sums; s++)
        T(find_rows)(w, p->x + s * p->size, p->before ? p->before + s * p->size : NULL, begin * apart - w->top,
                     (end - begin - 1) * apart + 3, p->from + s * p->from_size);
    p->before = p->x;
    if (w->merged > 1) T(plane_3x3_merged)(p, begin, end);
    else if (w->step_h == 1) T(plane_3x3)(p, begin, end);
    else T(plane_3x3_half)(p, begin, end);
}

/* A plane of dx by its definition, a sum over the outputs that there are.  With finite weights, zeros around dy and
 * between its pixels do not change the sum; an infinite one would make it NaN. */
KERNEL void T(gradient_by_definition)(const T(depthwise) *k, const REAL *dy, const REAL *weight, REAL *dx)
{
    const T(window) *w = &k->window;
    const ptrdiff_t taps = w->taps_h * w->taps_w, size = w->given_h * w->given_w;
    for (ptrdiff_t at = 0; at < w->out_h * w->out_w; at++) {
        double sum = 0;
        for (ptrdiff_t t = 0; t < taps; t++) {
            const ptrdiff_t y = at / w->out_w + t / w->taps_w * w->gap_h - w->top;
            const ptrdiff_t x = at % w->out_w + t % w->taps_w * w->gap_w - w->left;
            if (y < 0 || y >= w->height || y % w->spread_h || x < 0 || x >= w->width || x % w->spread_w) continue;
            const ptrdiff_t place = y / w->spread_h * w->given_w + x / w->spread_w;
            for (ptrdiff_t s = 0; s < k->sums; s++)
                sum += (double)dy[s * size + place] * (double)weight[s * taps + taps - 1 - t];
        }
        dx[at] = (REAL)sum;
    }
}

INLINE int T(all_finite)(const REAL *numbers, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        if (!isfinite(numbers[i])) return 0;
    return 1;
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
    if (w->scratch_size) memset(copy, 0, (size_t)(w->copied * k->sums * w->scratch_size) * REAL_BYTES);
    const ptrdiff_t last = smaller(k->planes, first + k->piece_planes);
    ptrdiff_t f = first % k->channels;
    for (ptrdiff_t plane = first; plane < last; plane++, f = f + 1 < k->channels ? f + 1 : 0) {
        const ptrdiff_t number = (plane - first) % w->copied, given = k->shared == 1 ? plane : plane / k->shared;
        const REAL *x = k->x + given * k->sums * size;
        p.weight = k->weight + f * weights;
        p.y = k->y + plane * w->out_h * w->out_w;
        p.x = x;
        if (w->scratch_size) {
            if (number == 0)
                for (ptrdiff_t i = 0; i < smaller(w->copied, last - plane); i++)
                    for (ptrdiff_t s = 0; s < k->sums; s++)
                        T(copy_plane)(w, k->x + ((plane + i) / k->shared * k->sums + s) * size,
                                      copy + (i * k->sums + s) * w->scratch_size);
            p.size = w->scratch_size;
            p.x = T(copy_of)(w, copy + number * k->sums * p.size);
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
    T(plan_window)(&w);
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
    T(plan_window)(&w);
    T(depthwise) k = {.window = w, .planes = s->n * s->c, .channels = s->c, .shared = 1};
    k.sums = s->f / s->c, k.rotated = 1;
    k.half = w.is_3x3 && s->stride_h == 2 && s->stride_w == 2 && s->top <= 2 && s->left <= 2
        && k.sums * 9 <= LONGEST_SUM;
    if (k.half) k.window.scratch_size = 0;
    k.x = a->dy.data, k.weight = a->weight, k.y = a->dx;
    T(depthwise_planes)(&k, work);
}

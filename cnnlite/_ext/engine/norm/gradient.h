/* norm/gradient.h: the backward pass of batch normalisation. */

/* Set dy to zero where ReLU stopped the output; NaN passes, as it does in the forward pass. */
INLINE V T(through_relu)(V dy, V x, V m, V s, V b, int relu)
{
    return relu ? VSELECT((MASK)(VFMA(x - m, s, b) <= VZERO), VZERO, dy) : dy;
}

/* The part of dy that passed the ReLU, at most VL numbers of it: by the ReLU's output y, which is also written to
 * dsum, or (y NULL) by x, which a ReLU without an addend stopped. */
INLINE V T(passed)(const REAL *dy, V x, const REAL *y, REAL *dsum, V m, V s, V b, int relu, ptrdiff_t n)
{
    const V g = n < VL ? VLOADN(dy, n) : VLOAD(dy);
    if (!y) return T(through_relu)(g, x, m, s, b, relu);
    const V part = T(relu_mask)(g, n < VL ? VLOADN(y, n) : VLOAD(y));
    if (n < VL) VSTOREN(dsum, part, n);
    else VSTORE(dsum, part);
    return part;
}

/* Add g to partial sums of[0], g (x - mean) to of[1], g the part of dy that passed the ReLU: SUM_PART vectors of
 * them from `first` on; one plane. */
INLINE void T(part_gradients)(const REAL *dy, const REAL *x, const REAL *y, REAL *dsum, ptrdiff_t size, REAL mean,
                              REAL scale, REAL shift, int relu, int first, T(partial_sums) *sums)
{
    V s[CHAINS][SUM_PART], p[CHAINS][SUM_PART];
    const V m = VSET1(mean), a = VSET1(scale), b = VSET1(shift);
    ptrdiff_t i = first * VL;
    UNROLL_FOR(int u = 0; u < CHAINS; u++)
        UNROLL_FOR(int w = 0; w < SUM_PART; w++) s[u][w] = p[u][w] = VZERO;
#define PASSED(at, x, n) T(passed)(dy + (at), x, y ? y + (at) : NULL, y ? dsum + (at) : NULL, m, a, b, relu, n)
    for (; i - first * VL + CHAINS * SUM_LANES <= size; i += CHAINS * SUM_LANES)
        UNROLL_FOR(int u = 0; u < CHAINS; u++)
            UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
                const ptrdiff_t at = i + u * SUM_LANES + w * VL;
                V xi = VLOAD(x + at), g = PASSED(at, xi, VL);
                s[u][w] += g;
                p[u][w] = VFMA(g, xi - m, p[u][w]);
            }
    for (; i - first * VL + SUM_LANES <= size; i += SUM_LANES)
        UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
            const ptrdiff_t at = i + w * VL;
            V xi = VLOAD(x + at), g = PASSED(at, xi, VL);
            s[1][w] += g;
            p[1][w] = VFMA(g, xi - m, p[1][w]);
        }
    UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
        const ptrdiff_t at = i + w * VL, n = smaller(VL, size - at);
        if (n <= 0) continue;
        V xi = n < VL ? VLOADN(x + at, n) : VLOAD(x + at), g = PASSED(at, xi, n);
        s[1][w] += g;
        p[1][w] = VFMA(g, xi - m, p[1][w]);
    }
#undef PASSED
    UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
        sums->of[0][first + w] += s[0][w] + s[1][w];
        sums->of[1][first + w] += p[0][w] + p[1][w];
    }
}

INLINE void T(plane_gradients)(const REAL *dy, const REAL *x, const REAL *y, REAL *dsum, ptrdiff_t size, REAL mean,
                               REAL scale, REAL shift, int relu, T(partial_sums) *sums)
{
    for (int first = 0; first < WIDE; first += SUM_PART)
        T(part_gradients)(dy, x, y, dsum, size, mean, scale, shift, relu, first, sums);
}

KERNEL void T(gradient_sums_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const ptrdiff_t channels = k->args.channels, size = k->args.size;
    const REAL *x = k->args.x, *y = k->args.y, *mean = k->args.mean, *scale = k->scale, *bias = k->bias;
    const REAL *dy = k->args.dy;
    REAL *dsum = k->args.dsum;
    const int relu = k->args.post.relu;
    T(partial_sums) *lanes = (T(partial_sums) *)k->own[thread];
    double *sums = T(sums_of)(k, range);
    T(begin_sums)(range, sums, lanes);
    for (ptrdiff_t first = range.channel; first < range.end; first += SUM_CHANNELS)
        for (ptrdiff_t n = 0; n < range.images; n++) {
            const ptrdiff_t first_run = T(runs_before)(n, size), end = smaller(range.end, first + SUM_CHANNELS);
            for (ptrdiff_t c = first; c < end; c++) {
                const ptrdiff_t at = ((range.image + n) * channels + c) * size;
                for (ptrdiff_t i = at, run = first_run; i < at + size; i += RUN) {
                    const ptrdiff_t count = smaller(RUN, at + size - i);
                    if (dsum)
                        T(plane_gradients)(dy + i, x + i, y + i, dsum + i, count, mean[c], scale[c], bias[c], 0,
                                           lanes + c);
                    else
                        T(plane_gradients)(dy + i, x + i, NULL, NULL, count, mean[c], scale[c], bias[c], relu,
                                           lanes + c);
                    if (++run == SUM_RUNS) {
                        T(empty_lanes)(sums + 2 * c, lanes + c);
                        run = 0;
                    }
                }
            }
        }
    T(end_sums)(range, sums, lanes);
}

/* The two sums of channel c where they overflow in REAL. */
KERNEL void T(careful_gradients)(const norm_plan *k, ptrdiff_t c, double sums[2])
{
    const REAL *mean = k->args.mean, *scale = k->scale, *bias = k->bias;
    const REAL *from = k->args.dsum ? k->args.dsum : k->args.dy;
    sums[0] = sums[1] = 0;
    for (ptrdiff_t n = 0; n < k->args.images; n++) {
        const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
        const REAL *x = (const REAL *)k->args.x + at, *dy = from + at;
        for (ptrdiff_t i = 0; i < k->args.size; i++) {
            REAL y[VL];
            VSTORE(y, VFMA(VSET1(x[i]) - VSET1(mean[c]), VSET1(scale[c]), VSET1(bias[c])));
            const double g = k->args.post.relu && y[0] <= 0 ? 0 : (double)dy[i];
            sums[0] += g;
            sums[1] += g * ((double)x[i] - (double)mean[c]);
        }
    }
}

/* One plane of dx = scale * (g - offset - (x - mean) * slope), g the part of dy that passed the ReLU. */
INLINE void T(plane_gradient)(const REAL *dy, const REAL *x, REAL *dx, ptrdiff_t size, REAL mean, REAL scale,
                              REAL shift, REAL offset, REAL slope, int relu)
{
    const V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift), o = VSET1(offset), p = VSET1(slope);
    ptrdiff_t i = 0;
    for (; i + 4 * VL <= size; i += 4 * VL) {
        V d[4], g[4];
        UNROLL_FOR(int u = 0; u < 4; u++) {
            d[u] = VLOAD(x + i + u * VL);
            g[u] = T(through_relu)(VLOAD(dy + i + u * VL), d[u], m, s, b, relu);
        }
        UNROLL_FOR(int u = 0; u < 4; u++) VSTORE(dx + i + u * VL, s * (g[u] - o - (d[u] - m) * p));
    }
    for (; i + VL <= size; i += VL) {
        V xi = VLOAD(x + i), g = T(through_relu)(VLOAD(dy + i), xi, m, s, b, relu);
        VSTORE(dx + i, s * (g - o - (xi - m) * p));
    }
    if (i < size) {
        V xi = VLOADN(x + i, size - i);
        V g = T(through_relu)(VLOADN(dy + i, size - i), xi, m, s, b, relu);
        VSTOREN(dx + i, s * (g - o - (xi - m) * p), size - i);
    }
}

/* The same with the running statistics: dx = scale * g.  0 times an x that is not finite would be NaN. */
INLINE void T(plane_scaled)(const REAL *dy, const REAL *x, REAL *dx, ptrdiff_t size, REAL mean, REAL scale,
                            REAL shift, int relu)
{
    const V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift);
    for (ptrdiff_t i = 0; i < size; i += VL) {
        const ptrdiff_t n = size - i < (ptrdiff_t)VL ? size - i : (ptrdiff_t)VL;
        const V g = T(through_relu)(VLOADN(dy + i, n), VLOADN(x + i, n), m, s, b, relu);
        VSTOREN(dx + i, s * g, n);
    }
}

/* From the end, as the array that the sums have read first has left the cache. */
KERNEL void T(gradient_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, from_the_end(piece, k->groups * k->blocks, k->threads));
    const ptrdiff_t channels = k->args.channels, size = k->args.size;
    const REAL *x = k->args.x, *dy = k->args.dsum ? k->args.dsum : k->args.dy;
    const REAL *mean = k->args.mean, *scale = k->scale, *bias = k->bias, *offset = k->offset, *slope = k->slope;
    REAL *dx = k->args.dx;
    const int relu = k->args.post.relu, train = k->args.train;
    for (ptrdiff_t n = range.image; n < range.image + range.images; n++)
        for (ptrdiff_t c = range.channel; c < range.end; c++) {
            const ptrdiff_t at = (n * channels + c) * size;
            if (train)
                T(plane_gradient)(dy + at, x + at, dx + at, size, mean[c], scale[c], bias[c], offset[c], slope[c],
                                  relu);
            else T(plane_scaled)(dy + at, x + at, dx + at, size, mean[c], scale[c], bias[c], relu);
        }
    (void)thread;
}

/* dbeta = sum dy, dgamma = sum dy xhat, dx = scale * (dy - mean(dy) - xhat * mean(dy xhat)) with the
 * batch's statistics, scale * dy with the running ones.  dx may be NULL; it may be dy itself. */
KERNEL void T(batch_norm_backward)(void *args, workspace *work)
{
    norm_plan plan = {.args = *(const norm_args *)args}, *k = &plan;
    if (!T(norm_memory)(k, work)) return;
    const REAL *inverse_std = k->args.inverse_std;
    const double count = (double)k->args.images * (double)k->args.size;
    T(affine)(k);
    engine_parallel(k->groups * k->blocks, work->threads, T(gradient_sums_piece), k);
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        const double s = (double)inverse_std[c], rest = T(rest_of)(k, c);
        double sums[2];
        T(channel_sums)(k, c, sums);
        if (!(sums[0] - sums[0] == 0 && sums[1] - sums[1] == 0)) T(careful_gradients)(k, c, sums);
        sums[1] -= rest * sums[0];
        const double slope = k->args.train ? sums[1] * s * s / count : 0;
        ((REAL *)k->args.dbeta)[c] = (REAL)sums[0];
        ((REAL *)k->args.dgamma)[c] = (REAL)(sums[1] * s);
        ((REAL *)k->offset)[c] = k->args.train ? (REAL)(sums[0] / count - rest * slope) : (REAL)0;
        ((REAL *)k->slope)[c] = (REAL)slope;
    }
    if (k->args.dx) engine_parallel(k->groups * k->blocks, work->threads, T(gradient_piece), k);
}

/* norm/batch_norm.h: batch normalisation of x (images, channels, size), forward and backward.
 *
 * Memory is the limit, so it is read in its own order: a piece is a few images with all their channels, not one
 * channel of all images, whose planes lie far apart.  A first pass over x computes the sums of each piece for each
 * channel.  They are added in the order of the pieces, so the bits do not depend on the number of threads.  A
 * second pass writes.
 *
 * A sum has three levels: the lanes of SUM_VECTORS vectors (a run), SUM_RUNS runs in REAL, and the rest in double.
 * Squares are taken around the mean of the first piece.  So one pass gives both sums, and a mean that is large
 * against the deviation costs no digits (Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
 * 1983, section 3: shifted data).  Channels for which that is not enough are recognised by their sums and summed
 * again, slowly (careful_moments).
 *
 * With `relu`, y = max(0, norm(x)).  The backward pass needs no copy of y, because it recomputes the sign from x.
 * With an addend, y = max(0, norm(x) + addend), the end of a residual block.  There the backward pass reads y and
 * writes the part of dy that passed the ReLU, which is the gradient of the addend. */

/* The lanes, added in a fixed order. */
INLINE double T(lanes_sum)(V sum)
{
    REAL lanes[VL];
    VSTORE(lanes, sum);
    for (int width = (int)VL / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    return (double)lanes[0];
}

/* n lanes of ones, then zeros. */
INLINE V T(ones)(ptrdiff_t n)
{
    REAL lanes[VL] = {0};
    for (ptrdiff_t i = 0; i < n; i++) lanes[i] = 1;
    return VLOAD(lanes);
}

/* Adds to sums[0] the lanes of x - shift, to sums[1] those of its squares; one plane.  `last` is the
 * shift in those lanes of the last vector that hold data. */
INLINE void T(plane_moments)(const REAL *x, ptrdiff_t size, REAL shift, V last, V sums[2])
{
    V s[4] = {VZERO, VZERO, VZERO, VZERO}, q[4] = {VZERO, VZERO, VZERO, VZERO};
    const V k = VSET1(shift);
    ptrdiff_t i = 0;
    for (; i + 4 * VL <= size; i += 4 * VL)
        UNROLL_FOR(int u = 0; u < 4; u++) {
            V d = VLOAD(x + i + u * VL) - k;
            s[u] += d;
            q[u] = VFMA(d, d, q[u]);
        }
    for (; i + VL <= size; i += VL) {
        V d = VLOAD(x + i) - k;
        s[0] += d;
        q[0] = VFMA(d, d, q[0]);
    }
    if (i < size) {
        V d = VLOADN(x + i, size - i) - last;
        s[1] += d;
        q[1] = VFMA(d, d, q[1]);
    }
    sums[0] += (s[0] + s[1]) + (s[2] + s[3]);
    sums[1] += (q[0] + q[1]) + (q[2] + q[3]);
}

/* The images and channels of a piece. */
typedef struct {
    ptrdiff_t image, images, channel, end;
} T(norm_range);

INLINE T(norm_range) T(range_of)(const norm_plan *k, ptrdiff_t piece)
{
    const ptrdiff_t image = piece / k->blocks * k->group, block = piece % k->blocks;
    const T(norm_range) range = {image, smaller(k->group, k->args.images - image),
                                 block * k->args.channels / k->blocks, (block + 1) * k->args.channels / k->blocks};
    return range;
}

/* The two sums of channel c in a piece. */
INLINE double *T(sums_of)(const norm_plan *k, T(norm_range) range, ptrdiff_t c)
{
    return k->sums + 2 * (range.image / k->group * k->args.channels + c);
}

/* Add what the lanes of a channel hold to its sums, and empty them. */
INLINE void T(empty_lanes)(double *sums, V *lanes)
{
    for (int i = 0; i < 2; i++) {
        sums[i] += T(lanes_sum)(lanes[i]);
        lanes[i] = VZERO;
    }
}

/* Before and after the runs of a piece. */
INLINE void T(begin_sums)(const norm_plan *k, T(norm_range) range, V *lanes)
{
    for (ptrdiff_t i = 2 * range.channel; i < 2 * range.end; i++) lanes[i] = VZERO;
    memset(T(sums_of)(k, range, range.channel), 0, (size_t)(range.end - range.channel) * 2 * sizeof(double));
}

INLINE void T(end_sums)(const norm_plan *k, T(norm_range) range, V *lanes)
{
    for (ptrdiff_t c = range.channel; c < range.end; c++) T(empty_lanes)(T(sums_of)(k, range, c), lanes + 2 * c);
}

KERNEL void T(moments_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const REAL *x = k->args.x, *shift = k->shift;
    const V last = T(ones)(k->args.size % VL);
    const ptrdiff_t runs = divide_up(k->args.size, SUM_VECTORS * VL);
    V *lanes = (V *)k->own[thread];
    T(begin_sums)(k, range, lanes);
    for (ptrdiff_t n = range.image; n < range.image + range.images; n++)
        for (ptrdiff_t c = range.channel; c < range.end; c++)
            for (ptrdiff_t i = 0, run = (n - range.image) * runs; i < k->args.size; i += SUM_VECTORS * VL) {
                T(plane_moments)(x + (n * k->args.channels + c) * k->args.size + i,
                                 smaller(SUM_VECTORS * VL, k->args.size - i), shift[c], shift[c] * last,
                                 lanes + 2 * c);
                if (++run % SUM_RUNS == 0) T(empty_lanes)(T(sums_of)(k, range, c), lanes + 2 * c);
            }
    T(end_sums)(k, range, lanes);
}

/* y = (x - mean) * scale + shift (+ addend, unless NULL), then ReLU if asked; one plane. */
INLINE void T(plane_normalize)(const REAL *x, const REAL *addend, REAL *y, ptrdiff_t size, REAL mean, REAL scale,
                               REAL shift, int relu)
{
    const V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift);
    ptrdiff_t i = 0;
    for (; i + VL <= size; i += VL) {
        V v = VFMA(VLOAD(x + i) - m, s, b);
        if (addend) v += VLOAD(addend + i);
        VSTORE(y + i, relu ? VRELU(v) : v);
    }
    if (i < size) {
        V v = VFMA(VLOADN(x + i, size - i) - m, s, b);
        if (addend) v += VLOADN(addend + i, size - i);
        VSTOREN(y + i, relu ? VRELU(v) : v, size - i);
    }
}

KERNEL void T(normalize_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const REAL *mean = k->args.mean, *scale = k->scale, *bias = k->bias, *addend = k->args.post.addend;
    for (ptrdiff_t n = range.image; n < range.image + range.images; n++)
        for (ptrdiff_t c = range.channel; c < range.end; c++) {
            const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
            T(plane_normalize)((const REAL *)k->args.x + at, addend ? addend + at : NULL, (REAL *)k->args.y + at,
                               k->args.size, mean[c], scale[c], bias[c], k->args.post.relu);
        }
    (void)thread;
}

/* The two sums of a channel over all images. */
INLINE void T(channel_sums)(const norm_plan *k, ptrdiff_t c, double sums[2])
{
    sums[0] = sums[1] = 0;
    for (ptrdiff_t g = 0; g < k->groups; g++) {
        sums[0] += k->sums[2 * (g * k->args.channels + c)];
        sums[1] += k->sums[2 * (g * k->args.channels + c) + 1];
    }
}

/* The mean of channel c in the first images, by a sum that cannot overflow; 0 where it is not finite. */
KERNEL REAL T(careful_shift)(const norm_plan *k, ptrdiff_t c, ptrdiff_t images)
{
    const double count = (double)images * (double)k->args.size;
    double mean = 0;
    for (ptrdiff_t n = 0; n < images; n++) {
        const REAL *x = (const REAL *)k->args.x + (n * k->args.channels + c) * k->args.size;
        for (ptrdiff_t i = 0; i < k->args.size; i++) mean += (double)x[i] / count;
    }
    return mean - mean == 0 ? (REAL)mean : 0;
}

/* The moments of d = x - shift in a channel: its mean is offset * peak, its variance is variance * peak^2. */
typedef struct {
    double offset, variance, peak;
} T(moments);

/* Those of channel c where squares overflow or underflow, or where the deviation is nothing beside the
 * distance of shift from the mean (all x are equal, or nearly): the sums are of d / peak, in double.  Returns
 * whether x is finite. */
KERNEL int T(careful_moments)(const norm_plan *k, ptrdiff_t c, double shift, T(moments) *m)
{
    double count = (double)k->args.images * (double)k->args.size, sum = 0, squares = 0;
    *m = (T(moments)){0, 0, 0};
    for (int pass = 0; pass < (m->peak > 0 ? 2 : 1); pass++)
        for (ptrdiff_t n = 0; n < k->args.images; n++) {
            const REAL *x = (const REAL *)k->args.x + (n * k->args.channels + c) * k->args.size;
            for (ptrdiff_t i = 0; i < k->args.size; i++) {
                const double d = (double)x[i] - shift;
                if (!(d - d == 0)) return 0;
                if (pass == 0) m->peak = fabs(d) > m->peak ? fabs(d) : m->peak;
                else sum += d / m->peak, squares += d / m->peak * (d / m->peak);
            }
        }
    m->offset = sum / count;
    m->variance = squares / count - m->offset * m->offset;
    if (m->variance < 0) m->variance = 0;
    return 1;
}

/* Mean and (biased) variance of every channel.  Where all x are equal and eps is 0, inverse_std is 0: y = beta,
 * dx = 0. */
INLINE void T(batch_statistics)(norm_plan *k, int threads)
{
    REAL *mean = k->args.mean, *variance = k->args.variance, *inverse_std = k->args.inverse_std, *shift = k->shift;
    REAL *rest = k->args.rest;
    const double count = (double)k->args.images * (double)k->args.size;
    const double tiny = REAL_BYTES == 4 ? 1e-30 : 1e-280, most = REAL_BYTES == 4 ? FLT_MAX : DBL_MAX;
    const ptrdiff_t images = smaller(k->group, k->args.images);
    double sums[2];
    memset(shift, 0, (size_t)k->args.channels * REAL_BYTES);
    for (ptrdiff_t piece = 0; piece < k->blocks; piece++) T(moments_piece)(k, piece, 0);
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        shift[c] = (REAL)(k->sums[2 * c] / ((double)images * (double)k->args.size));
        if (!(shift[c] - shift[c] == 0)) shift[c] = T(careful_shift)(k, c, images);
    }
    engine_parallel(k->groups * k->blocks, threads, T(moments_piece), k);
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        T(channel_sums)(k, c, sums);
        const double square = sums[1] / count;
        double offset = sums[0] / count, v = square - offset * offset, inverse = 1.0 / sqrt(v + k->args.eps);
        T(moments) m;
        if ((!(square <= most) || v < 1e-4 * square || square + k->args.eps < tiny)
            && T(careful_moments)(k, c, (double)shift[c], &m)) {
            const double unit = m.peak > 0 ? m.peak : 1, root = sqrt(m.variance + k->args.eps / unit / unit);
            offset = m.offset * m.peak;
            v = m.variance * m.peak * m.peak;
            inverse = root > 0 ? 1.0 / root / unit : 0;
            if (inverse > most) inverse = most;
        }
        mean[c] = (REAL)((double)shift[c] + offset);
        if (rest) rest[c] = mean[c] - mean[c] == 0 ? (REAL)((double)shift[c] - (double)mean[c] + offset) : 0;
        variance[c] = (REAL)v;
        inverse_std[c] = (REAL)inverse;
    }
}

/* What the mean of channel c is more than mean[c]. */
INLINE double T(rest_of)(const norm_plan *k, ptrdiff_t c)
{
    return k->args.rest ? (double)((const REAL *)k->args.rest)[c] : 0;
}

/* What the passes that write multiply by and add: y = (x - mean) * scale + bias. */
INLINE void T(affine)(const norm_plan *k)
{
    const REAL *gamma = k->args.gamma, *beta = k->args.beta, *inverse_std = k->args.inverse_std;
    REAL *scale = k->scale, *bias = k->bias;
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        scale[c] = gamma[c] * inverse_std[c];
        bias[c] = (REAL)((double)beta[c] - T(rest_of)(k, c) * (double)scale[c]);
    }
}

/* How the work is cut, and where its sums lie; returns whether there is memory for them. */
INLINE int T(norm_memory)(norm_plan *k, workspace *work)
{
    arena memory = {work->shared, 0};
    const size_t row = (size_t)k->args.channels * REAL_BYTES;
    k->group = smaller(SUM_RUN / larger(1, k->args.size), k->args.images / MINIMUM_PIECES);
    k->group = larger(1, k->group);
    k->groups = divide_up(k->args.images, k->group);
    k->blocks = smaller(k->args.channels, divide_up(MINIMUM_PIECES, larger(1, k->groups)));
    k->sums = arena_take(&memory, (size_t)(k->groups * k->args.channels) * 2 * sizeof(double));
    k->shift = arena_take(&memory, row);
    k->scale = arena_take(&memory, row);
    k->bias = arena_take(&memory, row);
    k->offset = arena_take(&memory, row);
    k->slope = arena_take(&memory, row);
    k->own = work->own;
    return workspace_ready(work, memory.used, (size_t)k->args.channels * 2 * sizeof(V));
}

/* train: writes mean, rest and inverse_std (channels) from the batch, and gives the biased variance too, for
 * the running statistics; otherwise takes the first three as they are. */
KERNEL void T(batch_norm_forward)(void *args, workspace *work)
{
    norm_plan plan = {.args = *(const norm_args *)args}, *k = &plan;
    if (!T(norm_memory)(k, work)) return;
    if (k->args.train) T(batch_statistics)(k, work->threads);
    T(affine)(k);
    engine_parallel(k->groups * k->blocks, work->threads, T(normalize_piece), k);
}

/* Set dy to zero where ReLU stopped the output; NaN passes, as it does in the forward pass. */
INLINE V T(through_relu)(V dy, V x, V m, V s, V b, int relu)
{
    return relu ? VSELECT((MASK)(VFMA(x - m, s, b) <= VZERO), VZERO, dy) : dy;
}

/* Adds to sums[0] the lanes of g, to sums[1] those of g (x - mean), g the part of dy that passed the ReLU. */
INLINE void T(plane_gradients)(const REAL *dy, const REAL *x, ptrdiff_t size, REAL mean, REAL scale, REAL shift,
                               int relu, V sums[2])
{
    V s[4] = {VZERO, VZERO, VZERO, VZERO}, p[4] = {VZERO, VZERO, VZERO, VZERO};
    const V m = VSET1(mean), a = VSET1(scale), b = VSET1(shift);
    ptrdiff_t i = 0;
    for (; i + 4 * VL <= size; i += 4 * VL)
        UNROLL_FOR(int u = 0; u < 4; u++) {
            V xi = VLOAD(x + i + u * VL);
            V g = T(through_relu)(VLOAD(dy + i + u * VL), xi, m, a, b, relu);
            s[u] += g;
            p[u] = VFMA(g, xi - m, p[u]);
        }
    for (; i < size; i += VL) {
        const ptrdiff_t left = size - i;
        V xi = left < (ptrdiff_t)VL ? VLOADN(x + i, left) : VLOAD(x + i);
        V g = left < (ptrdiff_t)VL ? VLOADN(dy + i, left) : VLOAD(dy + i);
        g = T(through_relu)(g, xi, m, a, b, relu);
        s[1] += g;
        p[1] = VFMA(g, xi - m, p[1]);
    }
    sums[0] += (s[0] + s[1]) + (s[2] + s[3]);
    sums[1] += (p[0] + p[1]) + (p[2] + p[3]);
}

KERNEL void T(gradient_sums_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const REAL *mean = k->args.mean, *scale = k->scale, *bias = k->bias;
    /* dsum is written plane by plane just before it is read, so it is still in the cache. */
    const REAL *dy = k->args.dsum ? k->args.dsum : k->args.dy;
    const ptrdiff_t runs = divide_up(k->args.size, SUM_VECTORS * VL);
    V *lanes = (V *)k->own[thread];
    T(begin_sums)(k, range, lanes);
    for (ptrdiff_t n = range.image; n < range.image + range.images; n++)
        for (ptrdiff_t c = range.channel; c < range.end; c++) {
            const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
            if (k->args.dsum)
                T(relu_mask_run)((const REAL *)k->args.dy + at, (const REAL *)k->args.y + at, k->args.size,
                                 (REAL *)k->args.dsum + at);
            for (ptrdiff_t i = 0, run = (n - range.image) * runs; i < k->args.size; i += SUM_VECTORS * VL) {
                T(plane_gradients)(dy + at + i, (const REAL *)k->args.x + at + i,
                                   smaller(SUM_VECTORS * VL, k->args.size - i), mean[c], scale[c], bias[c],
                                   k->args.post.relu, lanes + 2 * c);
                if (++run % SUM_RUNS == 0) T(empty_lanes)(T(sums_of)(k, range, c), lanes + 2 * c);
            }
        }
    T(end_sums)(k, range, lanes);
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

KERNEL void T(gradient_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const REAL *mean = k->args.mean, *scale = k->scale, *bias = k->bias;
    const REAL *offset = k->offset, *slope = k->slope, *dy = k->args.dsum ? k->args.dsum : k->args.dy;
    for (ptrdiff_t n = range.image; n < range.image + range.images; n++)
        for (ptrdiff_t c = range.channel; c < range.end; c++) {
            const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
            if (!k->args.train)
                T(plane_scaled)(dy + at, (const REAL *)k->args.x + at, (REAL *)k->args.dx + at, k->args.size,
                                mean[c], scale[c], bias[c], k->args.post.relu);
            else
                T(plane_gradient)(dy + at, (const REAL *)k->args.x + at, (REAL *)k->args.dx + at, k->args.size,
                                  mean[c], scale[c], bias[c], offset[c], slope[c], k->args.post.relu);
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

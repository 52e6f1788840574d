/* norm/batch_norm.h: batch normalisation of x (images, channels, size), forward and backward.
 *
 * The limit is memory, so memory is read in its own order: a piece of work is a few images and all of
 * their channels, not a channel of all images, whose planes lie far apart.  A first pass over x gives each
 * piece's sums for each channel; they are added in the order of the pieces, so the bits do not depend on
 * the number of threads; a second pass writes.
 *
 * Sums run in the lanes of vectors, over SUM_VECTORS of them and then from one such run to the next, and
 * go on in double from piece to piece.  Squares are taken around the mean of the first piece, so one pass gives
 * both sums, and a mean that is large against the deviation costs no digits (Chan, Golub and LeVeque,
 * "Algorithms for computing the sample variance", 1983, section 3: shifted data).
 * With `relu`, y = max(0, norm(x)); backward needs no copy of y: it recomputes the sign from x.
 * With an addend, y = max(0, norm(x) + addend), the end of a residual block; there backward reads y, and
 * writes what of dy came through, which is the gradient of the addend. */

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
        UNROLL for (int u = 0; u < 4; u++) {
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
} T(norm_part);

INLINE T(norm_part) T(part_of)(const norm_plan *k, ptrdiff_t piece)
{
    const ptrdiff_t image = piece / k->blocks * k->group, block = piece % k->blocks;
    const T(norm_part) part = {image, smaller(k->group, k->args.images - image),
                               block * k->args.channels / k->blocks, (block + 1) * k->args.channels / k->blocks};
    return part;
}

/* Writes the two sums of each channel of a piece, which the lanes hold. */
INLINE void T(write_sums)(const norm_plan *k, T(norm_part) part, const V *lanes)
{
    double *sums = k->sums + 2 * (part.image / k->group) * k->args.channels;
    for (ptrdiff_t i = 2 * part.channel; i < 2 * part.end; i++) sums[i] = T(lanes_sum)(lanes[i]);
}

KERNEL void T(moments_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_part) part = T(part_of)(k, piece);
    const REAL *x = k->args.x, *shift = k->shift;
    const V last = T(ones)(k->args.size % VL);
    V *lanes = (V *)k->own[thread];
    for (ptrdiff_t i = 2 * part.channel; i < 2 * part.end; i++) lanes[i] = VZERO;
    for (ptrdiff_t n = part.image; n < part.image + part.images; n++)
        for (ptrdiff_t c = part.channel; c < part.end; c++)
            for (ptrdiff_t i = 0; i < k->args.size; i += SUM_VECTORS * VL)
                T(plane_moments)(x + (n * k->args.channels + c) * k->args.size + i,
                                 smaller(SUM_VECTORS * VL, k->args.size - i), shift[c], shift[c] * last,
                                 lanes + 2 * c);
    T(write_sums)(k, part, lanes);
}

/* y = (x - mean) * scale + shift (+ addend, unless NULL), then ReLU if asked; one plane. */
INLINE void T(plane_normalize)(const REAL *x, const REAL *addend, REAL *y, ptrdiff_t size, REAL mean,
                               REAL scale, REAL shift, int relu)
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
    const T(norm_part) part = T(part_of)(k, piece);
    const REAL *mean = k->args.mean, *scale = k->scale, *beta = k->args.beta, *addend = k->args.post.addend;
    for (ptrdiff_t n = part.image; n < part.image + part.images; n++)
        for (ptrdiff_t c = part.channel; c < part.end; c++) {
            const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
            T(plane_normalize)((const REAL *)k->args.x + at, addend ? addend + at : NULL, (REAL *)k->args.y + at,
                               k->args.size, mean[c], scale[c], beta[c], k->args.post.relu);
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

/* Mean and (biased) variance of every channel. */
INLINE void T(batch_statistics)(norm_plan *k, int threads)
{
    REAL *mean = k->args.mean, *variance = k->args.variance, *inverse_std = k->args.inverse_std, *shift = k->shift;
    const double count = (double)k->args.images * (double)k->args.size;
    double sums[2];
    memset(shift, 0, (size_t)k->args.channels * REAL_BYTES);
    for (ptrdiff_t piece = 0; piece < k->blocks; piece++) T(moments_piece)(k, piece, 0);
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        shift[c] = (REAL)(k->sums[2 * c] / ((double)smaller(k->group, k->args.images) * (double)k->args.size));
        if (!(shift[c] - shift[c] == 0)) shift[c] = 0; /* not finite: the sums shall say it */
    }
    engine_parallel(k->groups * k->blocks, threads, T(moments_piece), k);
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        T(channel_sums)(k, c, sums);
        const double offset = sums[0] / count;
        double v = sums[1] / count - offset * offset;
        if (v < 0) v = 0;                  /* by rounding, where all x are equal */
        mean[c] = (REAL)((double)shift[c] + offset);
        variance[c] = (REAL)v;
        inverse_std[c] = (REAL)(1.0 / sqrt(v + k->args.eps));
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
    k->offset = arena_take(&memory, row);
    k->slope = arena_take(&memory, row);
    k->own = work->own;
    return workspace_ready(work, memory.used, (size_t)k->args.channels * 2 * sizeof(V));
}

/* train: writes mean and inverse_std (channels) from the batch, and gives the biased variance too, for
 * the running statistics; otherwise takes mean and inverse_std as they are. */
KERNEL void T(batch_norm_forward)(void *args, workspace *work)
{
    norm_plan plan = {.args = *(const norm_args *)args}, *k = &plan;
    if (!T(norm_memory)(k, work)) return;
    if (k->args.train) T(batch_statistics)(k, work->threads);
    for (ptrdiff_t c = 0; c < k->args.channels; c++)
        ((REAL *)k->scale)[c] = ((const REAL *)k->args.gamma)[c] * ((const REAL *)k->args.inverse_std)[c];
    engine_parallel(k->groups * k->blocks, work->threads, T(normalize_piece), k);
}

/* Where ReLU let nothing through, dy counts as zero (NaN goes through, as in the forward pass). */
INLINE V T(through_relu)(V dy, V x, V m, V s, V b, int relu)
{
    return relu ? VSELECT((MASK)(VFMA(x - m, s, b) <= VZERO), VZERO, dy) : dy;
}

/* Adds to sums[0] the lanes of g, to sums[1] those of g (x - mean), g what of dy came through. */
INLINE void T(plane_gradients)(const REAL *dy, const REAL *x, ptrdiff_t size, REAL mean, REAL scale,
                               REAL shift, int relu, V sums[2])
{
    V s[4] = {VZERO, VZERO, VZERO, VZERO}, p[4] = {VZERO, VZERO, VZERO, VZERO};
    const V m = VSET1(mean), a = VSET1(scale), b = VSET1(shift);
    ptrdiff_t i = 0;
    for (; i + 4 * VL <= size; i += 4 * VL)
        UNROLL for (int u = 0; u < 4; u++) {
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
    const T(norm_part) part = T(part_of)(k, piece);
    const REAL *mean = k->args.mean, *scale = k->scale, *beta = k->args.beta;
    const REAL *dy = k->args.dsum ? k->args.dsum : k->args.dy; /* dsum is written plane by plane, and read in cache */
    V *lanes = (V *)k->own[thread];
    for (ptrdiff_t i = 2 * part.channel; i < 2 * part.end; i++) lanes[i] = VZERO;
    for (ptrdiff_t n = part.image; n < part.image + part.images; n++)
        for (ptrdiff_t c = part.channel; c < part.end; c++) {
            const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
            if (k->args.dsum)
                T(relu_mask_run)((const REAL *)k->args.dy + at, (const REAL *)k->args.y + at, k->args.size,
                                 (REAL *)k->args.dsum + at);
            for (ptrdiff_t i = 0; i < k->args.size; i += SUM_VECTORS * VL)
                T(plane_gradients)(dy + at + i, (const REAL *)k->args.x + at + i,
                                   smaller(SUM_VECTORS * VL, k->args.size - i), mean[c], scale[c], beta[c],
                                   k->args.post.relu, lanes + 2 * c);
        }
    T(write_sums)(k, part, lanes);
}

/* One plane of dx = scale * (g - offset - (x - mean) * slope), g what of dy came through ReLU. */
INLINE void T(plane_gradient)(const REAL *dy, const REAL *x, REAL *dx, ptrdiff_t size, REAL mean,
                              REAL scale, REAL shift, REAL offset, REAL slope, int relu)
{
    const V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift), o = VSET1(offset), p = VSET1(slope);
    ptrdiff_t i = 0;
    for (; i + 4 * VL <= size; i += 4 * VL) {
        V d[4], g[4];
        UNROLL for (int u = 0; u < 4; u++) {
            d[u] = VLOAD(x + i + u * VL);
            g[u] = T(through_relu)(VLOAD(dy + i + u * VL), d[u], m, s, b, relu);
        }
        UNROLL for (int u = 0; u < 4; u++) VSTORE(dx + i + u * VL, s * (g[u] - o - (d[u] - m) * p));
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
INLINE void T(plane_scaled)(const REAL *dy, const REAL *x, REAL *dx, ptrdiff_t size, REAL mean,
                            REAL scale, REAL shift, int relu)
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
    const T(norm_part) part = T(part_of)(k, piece);
    const REAL *mean = k->args.mean, *scale = k->scale, *beta = k->args.beta;
    const REAL *offset = k->offset, *slope = k->slope, *dy = k->args.dsum ? k->args.dsum : k->args.dy;
    for (ptrdiff_t n = part.image; n < part.image + part.images; n++)
        for (ptrdiff_t c = part.channel; c < part.end; c++) {
            const ptrdiff_t at = (n * k->args.channels + c) * k->args.size;
            if (!k->args.train)
                T(plane_scaled)(dy + at, (const REAL *)k->args.x + at, (REAL *)k->args.dx + at, k->args.size, mean[c],
                                scale[c], beta[c], k->args.post.relu);
            else
                T(plane_gradient)(dy + at, (const REAL *)k->args.x + at, (REAL *)k->args.dx + at, k->args.size,
                                  mean[c], scale[c], beta[c], offset[c], slope[c], k->args.post.relu);
        }
    (void)thread;
}

/* dbeta = sum dy, dgamma = sum dy xhat, dx = scale * (dy - mean(dy) - xhat * mean(dy xhat)) with the
 * batch's statistics, scale * dy with the running ones.  dx may be NULL; it may be dy itself. */
KERNEL void T(batch_norm_backward)(void *args, workspace *work)
{
    norm_plan plan = {.args = *(const norm_args *)args}, *k = &plan;
    if (!T(norm_memory)(k, work)) return;
    const REAL *gamma = k->args.gamma, *inverse_std = k->args.inverse_std;
    const double count = (double)k->args.images * (double)k->args.size;
    for (ptrdiff_t c = 0; c < k->args.channels; c++) ((REAL *)k->scale)[c] = gamma[c] * inverse_std[c];
    engine_parallel(k->groups * k->blocks, work->threads, T(gradient_sums_piece), k);
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        const double s = (double)inverse_std[c];
        double sums[2];
        T(channel_sums)(k, c, sums);
        ((REAL *)k->args.dbeta)[c] = (REAL)sums[0];
        ((REAL *)k->args.dgamma)[c] = (REAL)(sums[1] * s);
        ((REAL *)k->offset)[c] = k->args.train ? (REAL)(sums[0] / count) : (REAL)0;
        ((REAL *)k->slope)[c] = k->args.train ? (REAL)(sums[1] * s * s / count) : (REAL)0;
    }
    if (k->args.dx) engine_parallel(k->groups * k->blocks, work->threads, T(gradient_piece), k);
}

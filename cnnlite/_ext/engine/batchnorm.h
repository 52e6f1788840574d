/* batchnorm.h: batch normalisation of x (images, channels, size), forward and backward.
 *
 * A channel is a piece of work: no thread shares a sum with another, so the bits do not depend on how
 * many there are.  Both passes over a channel follow each other at once, the second out of cache where
 * the batch's share of one channel fits there: memory then sees x read once and y written once.
 *
 * Sums run in VL lanes over one image's plane and go on in double from plane to plane (after Chan,
 * Golub and LeVeque 1983: the squares are taken around each plane's own mean, so that a mean which is
 * large against the deviation costs no digits).
 * With `relu`, y = max(0, norm(x)); backward needs no copy of y: it recomputes the sign from x. */

/* The lane sums of one plane, added in a fixed order. */
INLINE REAL T(lanes_sum)(V v)
{
    REAL lanes[VL];
    VSTORE(lanes, v);
    for (int width = (int)VL / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    return lanes[0];
}

INLINE REAL T(plane_sum)(const REAL *x, ptrdiff_t size)
{
    V a = VZERO, b = VZERO, c = VZERO, d = VZERO;
    ptrdiff_t i = 0;
    for (; i + 4 * VL <= size; i += 4 * VL) {
        a += VLOAD(x + i);
        b += VLOAD(x + i + VL);
        c += VLOAD(x + i + 2 * VL);
        d += VLOAD(x + i + 3 * VL);
    }
    for (; i + VL <= size; i += VL) a += VLOAD(x + i);
    if (i < size) b += VLOADN(x + i, size - i);
    return T(lanes_sum)((a + b) + (c + d));
}

INLINE REAL T(plane_squares)(const REAL *x, REAL mean, ptrdiff_t size)
{
    V a = VZERO, b = VZERO, m = VSET1(mean);
    ptrdiff_t i = 0;
    for (; i + 2 * VL <= size; i += 2 * VL) {
        V u = VLOAD(x + i) - m, v = VLOAD(x + i + VL) - m;
        a = VFMA(u, u, a);
        b = VFMA(v, v, b);
    }
    REAL rest = 0;
    for (; i < size; i++) rest += (x[i] - mean) * (x[i] - mean);
    return T(lanes_sum)(a + b) + rest;
}

/* Mean and biased variance of one channel over all images. */
INLINE void T(channel_statistics)(const REAL *x, ptrdiff_t images, ptrdiff_t image_stride,
                                  ptrdiff_t size, double *mean, double *variance)
{
    double count = 0, m = 0, squares = 0;
    for (ptrdiff_t n = 0; n < images; n++, x += image_stride) {
        REAL plane_mean = T(plane_sum)(x, size) / (REAL)size;
        double delta = (double)plane_mean - m, total = count + (double)size;
        squares += (double)T(plane_squares)(x, plane_mean, size)
                   + delta * delta * (count * (double)size / total);
        m += delta * ((double)size / total);
        count = total;
    }
    *mean = m;
    *variance = squares / count;
}

/* y = (x - mean) * scale + shift, then ReLU if asked; one plane. */
INLINE void T(plane_normalize)(const REAL *x, REAL *y, ptrdiff_t size, REAL mean, REAL scale,
                               REAL shift, int relu)
{
    V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift);
    ptrdiff_t i = 0;
    for (; i + VL <= size; i += VL) {
        V v = VFMA(VLOAD(x + i) - m, s, b);
        VSTORE(y + i, relu ? VRELU(v) : v);
    }
    if (i < size) {
        V v = VFMA(VLOADN(x + i, size - i) - m, s, b);
        VSTOREN(y + i, relu ? VRELU(v) : v, size - i);
    }
}

/* train: writes mean and inverse_std (channels) from the batch, and gives the biased variance too, for
 * the running statistics; otherwise takes mean and inverse_std as they are. */
KERNEL void T(batch_norm_forward)(void *context, ptrdiff_t c, int thread)
{
    const norm_args *k = context;
    const ptrdiff_t stride = k->channels * k->size;
    const REAL *x = (const REAL *)k->x + c * k->size;
    REAL *y = (REAL *)k->y + c * k->size, *mean = k->mean, *inverse_std = k->inverse_std;
    const REAL *gamma = k->gamma, *beta = k->beta;
    if (k->train) {
        double m, variance;
        T(channel_statistics)(x, k->images, stride, k->size, &m, &variance);
        mean[c] = (REAL)m;
        ((REAL *)k->variance)[c] = (REAL)variance;
        inverse_std[c] = (REAL)(1.0 / sqrt(variance + k->eps));
    }
    for (ptrdiff_t n = 0; n < k->images; n++, x += stride, y += stride)
        T(plane_normalize)(x, y, k->size, mean[c], gamma[c] * inverse_std[c], beta[c], k->relu);
    (void)thread;
}

/* Where ReLU let nothing through, dy counts as zero (NaN goes through, as in the forward pass). */
INLINE V T(through_relu)(V dy, V x, V m, V s, V b, int relu)
{
    return relu ? VSELECT((MASK)(VFMA(x - m, s, b) <= VZERO), VZERO, dy) : dy;
}

/* One channel's gradients: dbeta = sum dy, dgamma = sum dy (x - mean) inverse_std. */
INLINE void T(channel_gradients)(const REAL *dy, const REAL *x, ptrdiff_t images, ptrdiff_t stride,
                                 ptrdiff_t size, REAL mean, REAL scale, REAL shift, int relu,
                                 double *sum_dy, double *sum_dy_x)
{
    V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift);
    *sum_dy = *sum_dy_x = 0;
    for (ptrdiff_t n = 0; n < images; n++, x += stride, dy += stride) {
        V s0 = VZERO, s1 = VZERO, p0 = VZERO, p1 = VZERO;
        ptrdiff_t i = 0;
        for (; i + 2 * VL <= size; i += 2 * VL) {
            V x0 = VLOAD(x + i), x1 = VLOAD(x + i + VL);
            V g0 = T(through_relu)(VLOAD(dy + i), x0, m, s, b, relu);
            V g1 = T(through_relu)(VLOAD(dy + i + VL), x1, m, s, b, relu);
            s0 += g0;
            s1 += g1;
            p0 = VFMA(g0, x0 - m, p0);
            p1 = VFMA(g1, x1 - m, p1);
        }
        for (; i < size; i += VL) {
            ptrdiff_t left = size - i < (ptrdiff_t)VL ? size - i : (ptrdiff_t)VL;
            V x0 = VLOADN(x + i, left);
            V g0 = T(through_relu)(VLOADN(dy + i, left), x0, m, s, b, relu);
            s0 += g0;
            p0 = VFMA(g0, x0 - m, p0);
        }
        *sum_dy += (double)T(lanes_sum)(s0 + s1);
        *sum_dy_x += (double)T(lanes_sum)(p0 + p1);
    }
}

/* One plane of dx = scale * (g - offset - (x - mean) * slope), g what of dy came through ReLU. */
INLINE void T(plane_gradient)(const REAL *dy, const REAL *x, REAL *dx, ptrdiff_t size, REAL mean,
                              REAL scale, REAL shift, REAL offset, REAL slope, int relu)
{
    V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift), o = VSET1(offset), p = VSET1(slope);
    ptrdiff_t i = 0;
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

/* dx = scale * (dy - mean(dy) - xhat * mean(dy xhat)) with the batch's statistics, scale * dy with the
 * running ones.  dx may be NULL; it may be dy itself. */
KERNEL void T(batch_norm_backward)(void *context, ptrdiff_t c, int thread)
{
    const norm_args *k = context;
    const ptrdiff_t stride = k->channels * k->size;
    const REAL *dy = (const REAL *)k->dy + c * k->size, *x = (const REAL *)k->x + c * k->size;
    const REAL mean = ((const REAL *)k->mean)[c], shift = ((const REAL *)k->beta)[c];
    const double inverse_std = (double)((const REAL *)k->inverse_std)[c];
    const REAL scale = ((const REAL *)k->gamma)[c] * (REAL)inverse_std;
    double sum_dy, sum_dy_x;
    T(channel_gradients)(dy, x, k->images, stride, k->size, mean, scale, shift, k->relu, &sum_dy,
                         &sum_dy_x);
    ((REAL *)k->dbeta)[c] = (REAL)sum_dy;
    ((REAL *)k->dgamma)[c] = (REAL)(sum_dy_x * inverse_std);
    (void)thread;
    if (!k->dx) return;

    const double count = (double)k->images * (double)k->size;
    REAL *dx = (REAL *)k->dx + c * k->size;
    REAL offset = k->train ? (REAL)(sum_dy / count) : (REAL)0;
    REAL slope = k->train ? (REAL)(sum_dy_x * inverse_std * inverse_std / count) : (REAL)0;
    for (ptrdiff_t n = 0; n < k->images; n++, x += stride, dy += stride, dx += stride)
        T(plane_gradient)(dy, x, dx, k->size, mean, scale, shift, offset, slope, k->relu);
}

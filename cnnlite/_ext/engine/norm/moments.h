/* norm/moments.h: the mean and the variance of each channel. */

/* Add x - shift to partial sums of[0], its squares to of[1]: SUM_PART vectors of them from `first` on; one plane.
 * `last` is the shift in those lanes of the last vector that hold data. */
INLINE void T(part_moments)(const REAL *x, ptrdiff_t size, REAL shift, V last, int first, T(partial_sums) *sums)
{
    V s[CHAINS][SUM_PART], q[CHAINS][SUM_PART];
    const V k = VSET1(shift);
    const REAL *from = x + first * VL;
    ptrdiff_t i = 0;
    UNROLL_FOR(int u = 0; u < CHAINS; u++)
        UNROLL_FOR(int w = 0; w < SUM_PART; w++) s[u][w] = q[u][w] = VZERO;
    for (; i + CHAINS * SUM_LANES <= size; i += CHAINS * SUM_LANES)
        UNROLL_FOR(int u = 0; u < CHAINS; u++)
            UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
                V d = VLOAD(from + i + u * SUM_LANES + w * VL) - k;
                s[u][w] += d;
                q[u][w] = VFMA(d, d, q[u][w]);
            }
    for (; i + SUM_LANES <= size; i += SUM_LANES)
        UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
            V d = VLOAD(from + i + w * VL) - k;
            s[0][w] += d;
            q[0][w] = VFMA(d, d, q[0][w]);
        }
    UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
        const ptrdiff_t n = size - i - (first + w) * VL;
        if (n <= 0) continue;
        V d = n < VL ? VLOADN(from + i + w * VL, n) - last : VLOAD(from + i + w * VL) - k;
        s[1][w] += d;
        q[1][w] = VFMA(d, d, q[1][w]);
    }
    UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
        sums->of[0][first + w] += s[0][w] + s[1][w];
        sums->of[1][first + w] += q[0][w] + q[1][w];
    }
}

INLINE void T(plane_moments)(const REAL *x, ptrdiff_t size, REAL shift, V last, T(partial_sums) *sums)
{
    for (int first = 0; first < WIDE; first += SUM_PART) T(part_moments)(x, size, shift, last, first, sums);
}

KERNEL void T(moments_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const ptrdiff_t channels = k->args.channels, size = k->args.size;
    const REAL *x = k->args.x, *shift = k->shift;
    const V last = T(ones)(size % VL);
    T(partial_sums) *lanes = (T(partial_sums) *)k->own[thread];
    double *sums = T(sums_of)(k, range);
    T(begin_sums)(range, sums, lanes);
    for (ptrdiff_t first = range.channel; first < range.end; first += SUM_CHANNELS)
        for (ptrdiff_t n = 0; n < range.images; n++) {
            const REAL *plane = x + ((range.image + n) * channels + first) * size;
            const ptrdiff_t first_run = T(runs_before)(n, size), end = smaller(range.end, first + SUM_CHANNELS);
            for (ptrdiff_t c = first; c < end; c++, plane += size)
                for (ptrdiff_t i = 0, run = first_run; i < size; i += RUN) {
                    T(plane_moments)(plane + i, smaller(RUN, size - i), shift[c], shift[c] * last, lanes + c);
                    if (++run == SUM_RUNS) {
                        T(empty_lanes)(sums + 2 * c, lanes + c);
                        run = 0;
                    }
                }
        }
    T(end_sums)(range, sums, lanes);
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

/* The running statistics instead of the batch's. */
INLINE void T(take_running)(const norm_plan *k)
{
    const REAL *running_mean = k->args.running_mean, *running_var = k->args.running_var;
    REAL *mean = k->args.mean, *rest = k->args.rest, *inverse_std = k->args.inverse_std;
    const double most = REAL_BYTES == 4 ? FLT_MAX : DBL_MAX;
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        const double root = sqrt((double)running_var[c] + k->args.eps), inverse = root == 0 ? 0 : 1.0 / root;
        mean[c] = running_mean[c];
        if (rest) rest[c] = 0;
        inverse_std[c] = (REAL)(inverse > most ? most : inverse);
    }
}

/* running = (1 - momentum) * running + momentum * batch's, with the unbiased variance. */
INLINE void T(move_running)(const norm_plan *k)
{
    REAL *running_mean = k->args.running_mean, *running_var = k->args.running_var;
    const REAL *mean = k->args.mean, *variance = k->args.variance;
    const double count = (double)k->args.images * (double)k->args.size, momentum = k->args.momentum;
    const REAL kept = (REAL)(1 - momentum), moved = (REAL)momentum;
    const REAL unbiased = (REAL)(momentum * count / (count - 1));
    for (ptrdiff_t c = 0; c < k->args.channels; c++) {
        running_mean[c] = running_mean[c] * kept + moved * mean[c];
        running_var[c] = running_var[c] * kept + unbiased * variance[c];
    }
}

/* norm/sums.h: how batch normalisation is cut into pieces, and the two sums of each channel. */

#define RUN (SUM_TERMS * (ptrdiff_t)SUM_LANES) /* elements of a run */

/* The partial sums of a channel: SUM_LANES of each of the two sums. */
typedef struct {
    V of[2][WIDE];
} T(partial_sums);

/* SUM_LANES partial sums, added in a fixed order. */
INLINE double T(lanes_sum)(const V sum[WIDE])
{
    REAL lanes[SUM_LANES];
    for (int w = 0; w < WIDE; w++) VSTORE(lanes + w * VL, sum[w]);
    for (int width = SUM_LANES / 2; width > 0; width /= 2)
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

/* The sums of a piece: two for each channel, from channel 0 on. */
INLINE double *T(sums_of)(const norm_plan *k, T(norm_range) range)
{
    return k->sums + 2 * (range.image / k->group * k->args.channels);
}

/* Add what the lanes of a channel hold to its sums, and empty them.  Called seldom, and not inlined: the loops
 * around it then keep their values in registers. */
KERNEL void T(empty_lanes)(double sums[2], T(partial_sums) *lanes)
{
    for (int i = 0; i < 2; i++) sums[i] += T(lanes_sum)(lanes->of[i]);
    memset(lanes, 0, sizeof *lanes);
}

/* Before and after the runs of a piece. */
INLINE void T(begin_sums)(T(norm_range) range, double *sums, T(partial_sums) *lanes)
{
    const ptrdiff_t channels = range.end - range.channel;
    memset(lanes + range.channel, 0, (size_t)channels * sizeof *lanes);
    memset(sums + 2 * range.channel, 0, (size_t)(2 * channels) * sizeof *sums);
}

INLINE void T(end_sums)(T(norm_range) range, double *sums, T(partial_sums) *lanes)
{
    for (ptrdiff_t c = range.channel; c < range.end; c++) T(empty_lanes)(sums + 2 * c, lanes + c);
}

/* How many runs of a channel have been added since its lanes were empty, before the n-th image of a piece. */
INLINE ptrdiff_t T(runs_before)(ptrdiff_t n, ptrdiff_t size) { return n * divide_up(size, RUN) % SUM_RUNS; }

/* The two sums of a channel over all images. */
INLINE void T(channel_sums)(const norm_plan *k, ptrdiff_t c, double sums[2])
{
    sums[0] = sums[1] = 0;
    for (ptrdiff_t g = 0; g < k->groups; g++) {
        sums[0] += k->sums[2 * (g * k->args.channels + c)];
        sums[1] += k->sums[2 * (g * k->args.channels + c) + 1];
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
    k->own = work->own, k->threads = work->threads;
    return workspace_ready(work, memory.used, (size_t)k->args.channels * sizeof(T(partial_sums)));
}

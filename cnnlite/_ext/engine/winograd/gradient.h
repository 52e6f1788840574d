/* winograd/gradient.h: the weight gradient of Winograd's convolution.
 *
 * The forward pass is linear in the transformed weights U, one matrix product for each element of
 * the tile, so its adjoint is one too:
 *
 *     dU = sum over tiles of (A dY A^T) (B^T d B),        dW = G^T dU G
 *
 * The sum over tiles is cut by shape, in one of two ways:
 * shares: each share of the blocks has a dU of its own, in which its blocks are added one after the
 *     other; then the shares are added in their order.  Transformed tiles stay with one thread.
 * waves: where channels are many, so many dU would not fit into any cache.  There is one: a wave of
 *     blocks is transformed, then multiplied at once, one element of the tile after the other.
 */
#if !defined(CNNLITE_WINOGRAD_GRADIENT_ONCE)
#define CNNLITE_WINOGRAD_GRADIENT_ONCE
enum {
    GRADIENT_SHARES = 12,                  /* divides well by 1, 2, 3 and 4 threads */
    GRADIENT_TILES = 128,                  /* a share has as many, or there are only 4 */
    GRADIENT_SHARE_BYTES = 3 << 20,        /* a dU larger than that: waves */
    GRADIENT_WAVE_BYTES = 6 << 20,         /* transformed tiles of a wave */
};
#endif

typedef struct {
    winograd_plan plan;
    const conv_args *args;
    REAL *sums, *tiles;                                    /* tiles: of a wave */
    double *bias_sums;
    char *const *own;                                      /* memory of each thread */
    ptrdiff_t shares, share_size, bias_parts, bias_size;
    ptrdiff_t group, wave_first, wave_end;                 /* of a wave: its group, its blocks */
} T(gradient_job);

/* One dU: area x (f_blocks * VL) x (c_blocks * VL). */
INLINE ptrdiff_t T(gradient_element)(const winograd_plan *p) { return (p->f_blocks * p->c_blocks * VL + 1) * VL; }

/* Transform m x m output gradients to outputs[element][tile]; returns the sum of all of them, tile by tile. */
INLINE V T(output_adjoint_tiles)(const winograd_plan *p, const int m, const REAL *pixels, ptrdiff_t rows,
                                 REAL *outputs)
{
    V sum = VZERO;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, outputs += VL) {
            const REAL *in = pixels + (r * p->pitch + c) * m * VL;
            V o[TILE_MAX * TILE_MAX], tile = VZERO;
            UNROLL_FOR(int i = 0; i < m; i++)
                UNROLL_FOR(int j = 0; j < m; j++) tile += VLOAD(in + (i * p->pitch + j) * VL);
            sum += tile;
            T(output_adjoint_2d)(m, in, p->pitch * VL, VL, o);
            UNROLL_FOR(int e = 0; e < (m + 2) * (m + 2); e++) VSTORE(outputs + e * p->products, o[e]);
        }
    return sum;
}

/* A dY A^T of the block (by, bx): channel blocks first .. end - 1 of the group, to
 * outputs[element][block][tile][VL]; the sum of each strip is added to bias_sums[block][VL]. */
KERNEL void T(gradient_outputs)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t by,
                                ptrdiff_t bx, ptrdiff_t first, ptrdiff_t end, REAL *pixels, REAL *outputs,
                                double *bias_sums)
{
    const conv_shape *s = &k->shape;
    const ptrdiff_t x0 = bx * p->columns * p->m, height = winograd_height(p, s->n, by);
    winograd_strip strip;
    for (ptrdiff_t row = 0; row < height; row += strip.rows) {
        strip = winograd_next(p, s->n, by, row);
        for (ptrdiff_t b = first; b < end; b++) {
            const ptrdiff_t plane = strip.image * s->f + group * p->f + b * VL;
            REAL *to = outputs + (b * p->tiles + strip.first) * VL;
            REAL sums[VL];
            T(winograd_fetch)(&k->dy, s->oh, s->ow, plane, (int)smaller(p->f - b * VL, VL), strip.row * p->m, x0,
                              strip.rows * p->m, p->columns * p->m, pixels, p->pitch, p->pixels);
            if (p->m == 4) VSTORE(sums, T(output_adjoint_tiles)(p, 4, pixels, strip.rows, to));
            else VSTORE(sums, T(output_adjoint_tiles)(p, 2, pixels, strip.rows, to));
            T(add_block)(sums, VL, bias_sums + b * VL, 1);
        }
    }
}

/* Piece = (share, group). */
static void T(gradient_share)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_job) *job = context;
    const winograd_plan *p = &job->plan;
    const ptrdiff_t group = piece % p->groups, share = piece / p->groups;
    const ptrdiff_t blocks = p->blocks_y * p->blocks_x;
    const ptrdiff_t first = share * blocks / job->shares, end = (share + 1) * blocks / job->shares;
    REAL *sums = job->sums + piece * job->share_size;
    REAL *pixels = (REAL *)job->own[thread];
    REAL *inputs = pixels + 3 * p->pixels, *outputs = inputs + p->area * p->inputs;
    V squares;                             /* not asked for here: the result is looked at */

    if (first == end) memset(sums, 0, (size_t)job->share_size * sizeof(REAL));      /* no images */
    for (ptrdiff_t block = first; block < end; block++) {
        const ptrdiff_t by = block / p->blocks_x, bx = block % p->blocks_x;
        const ptrdiff_t tiles = T(winograd_inputs)(p, job->args, group, by, bx, 0, p->c_blocks, pixels, inputs,
                                                   &squares);
        T(gradient_outputs)(p, job->args, group, by, bx, 0, p->f_blocks, pixels, outputs,
                            job->bias_sums + piece * job->bias_size);
        for (ptrdiff_t e = 0; e < p->area; e++)
            T(adjoint_product)(outputs + e * p->products, inputs + e * p->inputs, p->tiles * VL,
                               sums + e * T(gradient_element)(p), p->f_blocks, p->c_blocks, tiles, block == first);
    }
}

/* Transforms of a wave; piece = (block of the wave, block of channels of x or dy). */
static void T(gradient_transform)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_job) *job = context;
    const winograd_plan *p = &job->plan;
    const ptrdiff_t channels = p->c_blocks + p->f_blocks, b = piece % channels;
    const ptrdiff_t part = piece / channels, block = job->wave_first + part;
    const ptrdiff_t by = block / p->blocks_x, bx = block % p->blocks_x, f = b - p->c_blocks;
    REAL *inputs = job->tiles + part * p->rows * p->columns * VL;
    REAL *outputs = inputs + p->area * p->inputs;
    REAL *pixels = (REAL *)job->own[thread];
    V squares;
    if (b < p->c_blocks) T(winograd_inputs)(p, job->args, job->group, by, bx, b, b + 1, pixels, inputs, &squares);
    else
        T(gradient_outputs)(p, job->args, job->group, by, bx, f, f + 1, pixels, outputs,
                            job->bias_sums + (part * p->groups + job->group) * job->bias_size);
}

/* Products of a wave; piece = element of the tile. */
static void T(gradient_multiply)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_job) *job = context;
    const winograd_plan *p = &job->plan;
    const REAL *inputs = job->tiles + piece * p->inputs;
    const REAL *outputs = job->tiles + p->area * p->inputs + piece * p->products;
    const ptrdiff_t last = job->wave_end - 1, before = last - job->wave_first;
    const ptrdiff_t rows = winograd_height(p, job->args->shape.n, last / p->blocks_x);
    (void)thread;
    T(adjoint_product)(outputs, inputs, p->tiles * VL,
                       job->sums + job->group * job->share_size + piece * T(gradient_element)(p), p->f_blocks,
                       p->c_blocks, (before * p->rows + rows) * p->columns, job->wave_first == 0);
}

/* dW = G^T (sum of the shares) G for one output channel; piece = (group, output channel). */
static void T(gradient_weights)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_job) *job = context;
    const winograd_plan *p = &job->plan;
    const ptrdiff_t group = piece / p->f, f = piece % p->f, step = job->share_size * p->groups;
    const REAL *sums = job->sums + group * job->share_size;
    REAL *dweight = (REAL *)job->args->dweight + piece * p->c * 9, *dbias = job->args->dbias;
    REAL total[TILE_MAX * TILE_MAX * VL], taps[9 * VL];
    V o[TILE_MAX * TILE_MAX], zero = VZERO;                /* NaN unless all is finite */
    for (ptrdiff_t b = 0; b < p->c_blocks; b++) {
        for (int e = 0; e < p->area; e++) {
            const REAL *from = sums + e * T(gradient_element)(p) + (f * p->c_blocks + b) * VL;
            V sum = VLOAD(from);
            for (ptrdiff_t share = 1; share < job->shares; share++) sum += VLOAD(from + share * step);
            VSTORE(total + e * VL, sum);
        }
        if (p->m == 4) T(weight_adjoint_2d)(4, total, 6 * VL, VL, o);
        else T(weight_adjoint_2d)(2, total, 4 * VL, VL, o);
        UNROLL_FOR(int t = 0; t < 9; t++) {
            VSTORE(taps + t * VL, o[t]);
            zero += o[t] - o[t];
        }
        for (ptrdiff_t i = 0; i < smaller(VL, p->c - b * VL); i++)
            for (int t = 0; t < 9; t++) dweight[(b * VL + i) * 9 + t] = taps[t * VL + i];
    }
    if (T(any_large)(zero)) T(mend_weights)(p, job->args, group, f, dweight, job->own[thread]);
    if (dbias) {
        double sum = 0;
        for (ptrdiff_t part = 0; part < job->bias_parts; part++)
            sum += job->bias_sums[(part * p->groups + group) * job->bias_size + f];
        dbias[piece] = (REAL)sum;
    }
}

KERNEL void T(conv2d_winograd_weight_gradient)(void *args, workspace *work)
{
    const conv_args *k = args;
    T(gradient_job) job = {.args = k, .own = work->own};
    job.plan = T(winograd_cut)(&k->shape, k->tile, 4);
    winograd_plan *p = &job.plan;
    const ptrdiff_t blocks = p->blocks_y * p->blocks_x, tiles = p->rows * p->columns;
    const ptrdiff_t block_bytes = p->area * (p->inputs + p->products) * REAL_BYTES;
    ptrdiff_t wave = 0, wave_size = 0;
    size_t own = T(winograd_bytes)(p);
    job.share_size = p->area * T(gradient_element)(p);
    job.bias_size = p->f_blocks * VL;
    job.shares = larger(1, smaller(GRADIENT_SHARES, blocks * tiles / GRADIENT_TILES) / 4) * 4;
    job.shares = job.bias_parts = larger(1, smaller(job.shares, blocks));
    if (job.share_size * REAL_BYTES > GRADIENT_SHARE_BYTES && blocks > 0) {
        wave = smaller(blocks, larger(1, GRADIENT_WAVE_BYTES / block_bytes));
        T(winograd_sizes)(p, wave * tiles);                     /* its tiles lie together */
        wave_size = p->area * (p->inputs + p->products);
        job.shares = 1, job.bias_parts = wave;
        own = (size_t)(3 * p->pixels) * sizeof(REAL);
    }
    if (own < T(mend_bytes)(p)) own = T(mend_bytes)(p);
    const ptrdiff_t sums = job.shares * p->groups * job.share_size;
    const ptrdiff_t bias_sums = job.bias_parts * p->groups * job.bias_size;
    arena memory = {work->shared, 0};
    job.sums = arena_take(&memory, (size_t)sums * sizeof(REAL));
    job.bias_sums = arena_take(&memory, (size_t)bias_sums * sizeof(double));
    job.tiles = arena_take(&memory, (size_t)wave_size * sizeof(REAL));
    if (!workspace_ready(work, memory.used, own)) return;
    memset(job.bias_sums, 0, (size_t)bias_sums * sizeof(double));
    if (!wave) engine_parallel(job.shares * p->groups, work->threads, T(gradient_share), &job);
    for (job.group = 0; wave && job.group < p->groups; job.group++)
        for (job.wave_first = 0; job.wave_first < blocks; job.wave_first = job.wave_end) {
            job.wave_end = smaller(job.wave_first + wave, blocks);
            engine_parallel((job.wave_end - job.wave_first) * (p->c_blocks + p->f_blocks), work->threads,
                            T(gradient_transform), &job);
            engine_parallel(p->area, work->threads, T(gradient_multiply), &job);
        }
    engine_parallel(p->groups * p->f, work->threads, T(gradient_weights), &job);
}

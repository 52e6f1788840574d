/* winograd_gradient.h: the weight gradient of Winograd's convolution.
 *
 * The forward pass is linear in the transformed weights U, one matrix product for each element of
 * the tile, so its adjoint is one too:
 *
 *     dU = sum over tiles of (A dY A^T) (B^T d B),        dW = G^T dU G
 *
 * The sum over tiles is cut by shape into shares.  Each has a dU of its own, in which its blocks
 * are added up one after the other; then the shares are added in their order.
 */
#if !defined(CNNLITE_WINOGRAD_GRADIENT_ONCE)
#define CNNLITE_WINOGRAD_GRADIENT_ONCE
enum {
    GRADIENT_SHARES = 12,                  /* at most; fewer if one would have fewer tiles than */
    GRADIENT_TILES = 128,                  /* this, or if all their sums would take more than */
    GRADIENT_BYTES = 24 << 20,             /* this; but a multiple of */
    GRADIENT_THREADS = 4,
};
#endif

typedef struct {
    winograd_plan plan;
    const winograd_args *args;
    REAL *sums, *scratch;
    ptrdiff_t shares, share_size, scratch_size;
} T(gradient_job);

/* One share's sums: area x (f_blocks * VL) x (c_blocks * VL), and f_blocks * VL for the bias. */
INLINE ptrdiff_t T(gradient_element)(const winograd_plan *p)
{
    return (p->f_blocks * p->c_blocks * VL + 1) * VL;
}

INLINE ptrdiff_t T(gradient_size)(const winograd_plan *p)
{
    return p->area * T(gradient_element)(p) + p->f_blocks * VL;
}

INLINE ptrdiff_t T(gradient_shares)(const winograd_plan *p)
{
    const ptrdiff_t blocks = p->blocks_y * p->blocks_x, tiles = blocks * p->rows * p->columns;
    ptrdiff_t shares = GRADIENT_BYTES / (p->groups * T(gradient_size)(p) * REAL_BYTES);
    shares = smaller(smaller(shares, GRADIENT_SHARES), tiles / GRADIENT_TILES);
    shares = larger(1, shares / GRADIENT_THREADS) * GRADIENT_THREADS;
    return larger(1, smaller(shares, blocks));
}

/* Transform m x m output gradients to outputs[element][tile]; returns the sum of all of them. */
INLINE V T(output_adjoint_tiles)(const winograd_plan *p, const int m, const REAL *pixels,
                                 ptrdiff_t rows, V sum, REAL *outputs)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, outputs += VL) {
            const REAL *in = pixels + (r * p->pitch + c) * m * VL;
            V o[TILE_MAX * TILE_MAX];
            UNROLL for (int i = 0; i < m; i++)
                UNROLL for (int j = 0; j < m; j++) sum += VLOAD(in + (i * p->pitch + j) * VL);
            T(output_adjoint_2d)(m, in, p->pitch * VL, VL, o);
            UNROLL for (int e = 0; e < (m + 2) * (m + 2); e++)
                VSTORE(outputs + e * p->products, o[e]);
        }
    return sum;
}

/* Add the block (by, bx) to a share's sums, or begin them with it. */
static void T(gradient_block)(const T(gradient_job) *job, ptrdiff_t group, ptrdiff_t by,
                              ptrdiff_t bx, int begin, REAL *sums, REAL *bias_sums, REAL *pixels)
{
    const winograd_plan *p = &job->plan;
    const conv_shape *s = &job->args->shape;
    const ptrdiff_t x0 = bx * p->columns * p->m, height = winograd_height(p, s->n, by);
    REAL *inputs = pixels + 3 * p->pixels, *outputs = inputs + p->area * p->inputs;
    winograd_strip strip;
    ptrdiff_t tiles = 0;

    for (ptrdiff_t row = 0; row < height; row += strip.rows) {
        strip = winograd_next(p, s->n, by, row);
        tiles = strip.first + strip.rows * p->columns;
        T(winograd_inputs)(p, job->args, group, strip, x0, pixels, inputs);
        for (ptrdiff_t b = 0; b < p->f_blocks; b++) {
            const ptrdiff_t plane = strip.image * s->f + group * p->f + b * VL;
            REAL *to = outputs + (b * p->tiles + strip.first) * VL;
            T(winograd_fetch)(&job->args->dy, s->oh, s->ow, plane, (int)smaller(p->f - b * VL, VL),
                              strip.row * p->m, x0, strip.rows * p->m, p->columns * p->m,
                              pixels, p->pitch, p->pixels);
            V sum = VLOAD(bias_sums + b * VL);
            if (p->m == 4) sum = T(output_adjoint_tiles)(p, 4, pixels, strip.rows, sum, to);
            else sum = T(output_adjoint_tiles)(p, 2, pixels, strip.rows, sum, to);
            VSTORE(bias_sums + b * VL, sum);
        }
    }
    for (ptrdiff_t e = 0; e < p->area; e++)
        T(adjoint_product)(outputs + e * p->products, inputs + e * p->inputs, p->tiles * VL,
                           sums + e * T(gradient_element)(p), p->f_blocks, p->c_blocks, tiles,
                           begin);
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
    REAL *bias_sums = sums + job->share_size - p->f_blocks * VL;
    memset(bias_sums, 0, (size_t)(p->f_blocks * VL) * sizeof(REAL));
    if (first == end) memset(sums, 0, (size_t)job->share_size * sizeof(REAL));      /* no images */
    for (ptrdiff_t b = first; b < end; b++)
        T(gradient_block)(job, group, b / p->blocks_x, b % p->blocks_x, b == first, sums, bias_sums,
                          job->scratch + thread * job->scratch_size);
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
    V o[TILE_MAX * TILE_MAX];
    (void)thread;
    for (ptrdiff_t b = 0; b < p->c_blocks; b++) {
        for (int e = 0; e < p->area; e++) {
            const REAL *from = sums + e * T(gradient_element)(p) + (f * p->c_blocks + b) * VL;
            V sum = VLOAD(from);
            for (ptrdiff_t share = 1; share < job->shares; share++)
                sum += VLOAD(from + share * step);
            VSTORE(total + e * VL, sum);
        }
        if (p->m == 4) T(weight_adjoint_2d)(4, total, 6 * VL, VL, o);
        else T(weight_adjoint_2d)(2, total, 4 * VL, VL, o);
        UNROLL for (int t = 0; t < 9; t++) VSTORE(taps + t * VL, o[t]);
        for (ptrdiff_t i = 0; i < smaller(VL, p->c - b * VL); i++)
            for (int t = 0; t < 9; t++) dweight[(b * VL + i) * 9 + t] = taps[t * VL + i];
    }
    if (dbias) {
        const REAL *from = sums + job->share_size - p->f_blocks * VL + f;
        REAL sum = 0;
        for (ptrdiff_t share = 0; share < job->shares; share++) sum += from[share * step];
        dbias[piece] = sum;
    }
}

static size_t T(winograd_gradient)(const winograd_args *k)
{
    T(gradient_job) job = {.args = k, .sums = k->workspace};
    job.plan = T(winograd_cut)(&k->shape, k->tile, GRADIENT_THREADS);
    const winograd_plan *p = &job.plan;
    job.shares = T(gradient_shares)(p);
    job.share_size = T(gradient_size)(p);
    job.scratch_size = T(winograd_scratch)(p);
    const ptrdiff_t sums = job.shares * p->groups * job.share_size;
    if (k->workspace) {
        job.scratch = job.sums + sums;
        engine_parallel(job.shares * p->groups, k->threads, T(gradient_share), &job);
        engine_parallel(p->groups * p->f, k->threads, T(gradient_weights), &job);
    }
    return (size_t)(sums + k->threads * job.scratch_size) * sizeof(REAL);
}

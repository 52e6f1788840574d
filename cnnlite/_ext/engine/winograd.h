/* winograd.h: 3 x 3 convolution with stride 1 by F(4 x 4, 3 x 3) or F(2 x 2, 3 x 3): the forward pass.
 *
 * The work is cut into blocks of some rows of tiles.  A block's inputs are transformed, multiplied and
 * transformed back while they lie in the second-level cache; the transformed weights are read once for
 * each block.  The input gradient is the same pass over dy, with the weights turned by half a turn and
 * their channels exchanged.  A block's results depend on nothing but the shape, so neither can the bits.
 */
#if !defined(CNNLITE_WINOGRAD_ONCE)
#define CNNLITE_WINOGRAD_ONCE

/* How a shape is cut; a block is `rows` rows of tiles (over all images) by `columns` tiles. */
typedef struct {
    int m, area;                           /* side of an output tile; (m + 2)^2 elements of a tile */
    ptrdiff_t tiles_y, tiles_x, rows, columns, blocks_y, blocks_x, tiles;
    ptrdiff_t groups, c, f, c_blocks, f_blocks, f_chunk;   /* per group; f_chunk blocks at a time */
    ptrdiff_t pitch, pixels, inputs, products, weights;    /* sizes in REALs; pitch in pixels */
} winograd_plan;

static ptrdiff_t winograd_ceil(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
#endif

#ifndef WINOGRAD_BYTES                     /* of inputs and products of a block: most of a 1 MB cache */
#define WINOGRAD_BYTES (640 * 1024)
#endif
#ifndef WINOGRAD_TILES_MIN
#define WINOGRAD_TILES_MIN 32
#endif
#ifndef WINOGRAD_TILES_MAX
#define WINOGRAD_TILES_MAX 64
#endif

/* The distance of two elements of the tile is odd in cache lines: a power of two would send all of a
 * tile's stores to one set of the first-level cache. */
KERNEL winograd_plan T(winograd_cut)(const conv_shape *s, int m, int adjoint)
{
    winograd_plan p = {.m = m, .area = (m + 2) * (m + 2), .groups = s->groups};
    p.c = s->c / s->groups, p.f = s->f / s->groups;
    p.c_blocks = winograd_ceil(p.c, VL), p.f_blocks = winograd_ceil(p.f, VL);
    p.tiles_y = winograd_ceil(s->oh, m), p.tiles_x = winograd_ceil(s->ow, m);
    ptrdiff_t most = WINOGRAD_BYTES / (p.area * (p.c_blocks + p.f_blocks) * VL * REAL_BYTES);
    most = most > WINOGRAD_TILES_MAX ? WINOGRAD_TILES_MAX : most < WINOGRAD_TILES_MIN ? WINOGRAD_TILES_MIN : most;
    p.columns = winograd_ceil(p.tiles_x, winograd_ceil(p.tiles_x, most));
    p.blocks_x = winograd_ceil(p.tiles_x, p.columns);
    p.rows = p.blocks_x > 1 ? 1 : most / p.columns;
    if (p.rows > p.tiles_y) p.rows = p.rows / p.tiles_y * p.tiles_y;
    p.blocks_y = winograd_ceil(s->n * p.tiles_y, p.rows);
    p.tiles = winograd_ceil(p.rows * p.columns, TILE_ROWS) * TILE_ROWS;
    p.f_chunk = p.f_blocks;
    ptrdiff_t images = winograd_ceil(p.rows, p.tiles_y) + 1;      /* that a block can touch */
    (void)images; (void)adjoint;
    p.pitch = m * p.columns + 2;
    p.pixels = (m * (p.rows < p.tiles_y ? p.rows : p.tiles_y) + 2) * p.pitch * VL;
    p.inputs = (p.c_blocks * p.tiles + 1) * VL;
    p.products = (p.f_blocks * p.tiles + 1) * VL;
    p.weights = (p.f_blocks * p.c + 1) * VL;
    return p;
}

/* A run of tile rows of one image inside a block. */
typedef struct { ptrdiff_t image, row, rows, first; } winograd_strip;

/* The strip of block `by` that begins at its row `done`; `first` is its first tile in the block. */
INLINE winograd_strip T(winograd_next)(const winograd_plan *p, ptrdiff_t n, ptrdiff_t by, ptrdiff_t done)
{
    ptrdiff_t row = by * p->rows + done, end = (by + 1) * p->rows;
    if (end > n * p->tiles_y) end = n * p->tiles_y;
    winograd_strip strip = {row / p->tiles_y, row % p->tiles_y, end - row, done * p->columns};
    if (strip.rows > p->tiles_y - strip.row) strip.rows = p->tiles_y - strip.row;
    return strip;
}

/* Pixels [y, y + rows) x [x, x + columns) of the planes into `pixels`, zeros where there is no image. */
KERNEL void T(winograd_fetch)(const REAL *planes, ptrdiff_t h, ptrdiff_t w, int lanes, ptrdiff_t y, ptrdiff_t x,
                              ptrdiff_t rows, ptrdiff_t columns, REAL *pixels, ptrdiff_t pitch)
{
    ptrdiff_t y0 = y < 0 ? 0 : y, y1 = y + rows > h ? h : y + rows;
    ptrdiff_t x0 = x < 0 ? 0 : x, x1 = x + columns > w ? w : x + columns;
    if (y0 >= y1 || x0 >= x1) y0 = y1 = y + rows;        /* no image at all */
    for (ptrdiff_t r = 0; r < rows; r++) {
        REAL *row = pixels + r * pitch * VL;
        if (y + r < y0 || y + r >= y1) {
            memset(row, 0, (size_t)(columns * VL) * sizeof(REAL));
            continue;
        }
        for (ptrdiff_t j = 0; j < x0 - x; j++) VSTORE(row + j * VL, VZERO);
        for (ptrdiff_t j = x1 - x; j < columns; j++) VSTORE(row + j * VL, VZERO);
    }
    if (y0 < y1)
        T(gather)(planes, h, w, lanes, y0, x0, y1 - y0, x1 - x0,
                  pixels + ((y0 - y) * pitch + x0 - x) * VL, pitch);
}

/* Transform the tiles of one block of VL channels: from `pixels` to inputs[element][tile]. */
INLINE void T(input_tiles)(const winograd_plan *p, const int m, const REAL *pixels, ptrdiff_t rows, REAL *inputs)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, inputs += VL) {
            V o[TILE_MAX * TILE_MAX];
            T(input_2d)(m, pixels + (r * p->pitch + c) * m * VL, p->pitch * VL, VL, o);
            UNROLL for (int e = 0; e < (m + 2) * (m + 2); e++) VSTORE(inputs + e * p->inputs, o[e]);
        }
}

/* B^T d B of a strip of one image: all channels of the group, from x to inputs[element][block][tile][VL]. */
KERNEL void T(winograd_inputs)(const winograd_plan *p, const conv_shape *s, const REAL *x, ptrdiff_t group,
                               winograd_strip strip, ptrdiff_t x0, REAL *pixels, REAL *inputs)
{
    for (ptrdiff_t b = 0; b < p->c_blocks; b++) {
        const ptrdiff_t c = group * p->c + b * VL;
        const int lanes = (int)(p->c - b * VL < VL ? p->c - b * VL : VL);
        T(winograd_fetch)(x + (strip.image * s->c + c) * s->h * s->w, s->h, s->w, lanes,
                          strip.row * p->m - s->top, x0 - s->left, strip.rows * p->m + 2, p->pitch,
                          pixels, p->pitch);
        REAL *to = inputs + (b * p->tiles + strip.first) * VL;
        if (p->m == 4) T(input_tiles)(p, 4, pixels, strip.rows, to);
        else T(input_tiles)(p, 2, pixels, strip.rows, to);
    }
}

/* The inverse: products[element][tile] to pixels, with bias and ReLU. */
INLINE void T(output_tiles)(const winograd_plan *p, const int m, const REAL *products, ptrdiff_t rows,
                            V bias, int relu, REAL *pixels)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, products += VL) {
            V o[TILE_MAX * TILE_MAX];
            T(output_2d)(m, products, (m + 2) * p->products, p->products, o);
            REAL *out = pixels + (r * p->pitch + c) * m * VL;
            UNROLL for (int i = 0; i < m; i++)
                UNROLL for (int j = 0; j < m; j++) {
                    V y = o[i * m + j] + bias;
                    VSTORE(out + (i * p->pitch + j) * VL, relu ? VRELU(y) : y);
                }
        }
}

typedef struct {
    winograd_plan plan;
    const conv_shape *s;
    const REAL *x, *weight, *bias;
    REAL *y, *u, *scratch;
    ptrdiff_t scratch_size;
    int turned, relu;
} T(winograd_job);

/* G g G^T for VL output channels: piece = (group, block of output channels). */
static void T(winograd_weights)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_job) *job = context;
    const winograd_plan *p = &job->plan;
    const ptrdiff_t group = piece / p->f_blocks, block = piece % p->f_blocks;
    const ptrdiff_t left = p->f_blocks - block / PANEL * PANEL, nv = left < PANEL ? left : PANEL;
    const ptrdiff_t f_step = job->turned ? 9 : p->c * 9, c_step = job->turned ? p->f * 9 : 9;
    const int lanes = (int)(p->f - block * VL < VL ? p->f - block * VL : VL);
    const REAL *from = job->weight + group * p->f * p->c * 9 + block * VL * f_step;
    REAL *to = job->u + group * p->area * p->weights + block / PANEL * PANEL * VL * p->c + block % PANEL * VL;
    (void)thread;
    for (ptrdiff_t c = 0; c < p->c; c++, from += c_step, to += nv * VL) {
        REAL taps[9 * VL];
        V o[TILE_MAX * TILE_MAX];
        for (int i = 0; i < VL; i++)
            for (int t = 0; t < 9; t++)
                taps[t * VL + i] = i < lanes ? from[i * f_step + (job->turned ? 8 - t : t)] : 0;
        if (p->m == 4) {
            T(weight_2d)(4, taps, 3 * VL, VL, o);
            UNROLL for (int e = 0; e < 36; e++) VSTORE(to + e * p->weights, o[e]);
        } else {
            T(weight_2d)(2, taps, 3 * VL, VL, o);
            UNROLL for (int e = 0; e < 16; e++) VSTORE(to + e * p->weights, o[e]);
        }
    }
}

/* Piece = (block of tiles, group). */
static void T(winograd_block)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_job) *job = context;
    const winograd_plan *p = &job->plan;
    const conv_shape *s = job->s;
    const ptrdiff_t group = piece % p->groups, bx = piece / p->groups % p->blocks_x;
    const ptrdiff_t by = piece / p->groups / p->blocks_x, x0 = bx * p->columns * p->m;
    REAL *pixels = job->scratch + thread * job->scratch_size;
    REAL *inputs = pixels + p->pixels, *products = inputs + p->area * p->inputs;
    winograd_strip strip;
    ptrdiff_t tiles = 0;

    for (ptrdiff_t done = 0; done < p->rows && by * p->rows + done < s->n * p->tiles_y; done += strip.rows) {
        strip = T(winograd_next)(p, s->n, by, done);
        tiles = strip.first + strip.rows * p->columns;
        T(winograd_inputs)(p, s, job->x, group, strip, x0, pixels, inputs);
    }
    const ptrdiff_t padded = winograd_ceil(tiles, TILE_ROWS) * TILE_ROWS;
    for (ptrdiff_t e = 0; e < p->area && padded > tiles; e++)
        for (ptrdiff_t b = 0; b < p->c_blocks; b++)
            memset(inputs + e * p->inputs + (b * p->tiles + tiles) * VL, 0,
                   (size_t)((padded - tiles) * VL) * sizeof(REAL));

    for (ptrdiff_t e = 0; e < p->area; e++)
        T(forward_product)(inputs + e * p->inputs, p->tiles * VL,
                           job->u + (group * p->area + e) * p->weights,
                           products + e * p->products, p->c, p->f_blocks, padded);

    for (ptrdiff_t done = 0; done < p->rows && by * p->rows + done < s->n * p->tiles_y; done += strip.rows) {
        strip = T(winograd_next)(p, s->n, by, done);
        const ptrdiff_t y0 = strip.row * p->m;
        const ptrdiff_t height = s->oh - y0 < strip.rows * p->m ? s->oh - y0 : strip.rows * p->m;
        const ptrdiff_t width = s->ow - x0 < p->columns * p->m ? s->ow - x0 : p->columns * p->m;
        for (ptrdiff_t b = 0; b < p->f_blocks; b++) {
            const ptrdiff_t f = group * p->f + b * VL;
            const int lanes = (int)(p->f - b * VL < VL ? p->f - b * VL : VL);
            const V bias = job->bias ? VLOADN(job->bias + f, lanes) : VZERO;
            const REAL *from = products + (b * p->tiles + strip.first) * VL;
            if (p->m == 4) T(output_tiles)(p, 4, from, strip.rows, bias, job->relu, pixels);
            else T(output_tiles)(p, 2, from, strip.rows, bias, job->relu, pixels);
            T(scatter)(job->y + (strip.image * s->f + f) * s->oh * s->ow, s->oh, s->ow, lanes,
                       y0, x0, height, width, pixels, p->pitch);
        }
    }
}

/* REALs one thread needs: pixels, transformed inputs, products. */
INLINE ptrdiff_t T(winograd_scratch)(const winograd_plan *p)
{
    return p->pixels + p->area * (p->inputs + p->products);
}

static size_t T(winograd_forward_bytes)(const conv_shape *s, int m, int threads)
{
    const winograd_plan p = T(winograd_cut)(s, m, 0);
    return (size_t)(p.groups * p.area * p.weights + threads * T(winograd_scratch)(&p)) * sizeof(REAL);
}

/* y = x * weight (+ bias) (ReLU).  `turned`: x is dy, y is dx, and the shape says so: s->c are the
 * channels of dy, s->f those of dx, and top, left are 2 - padding. */
static void T(winograd_forward)(const conv_shape *s, int m, const REAL *x, const REAL *weight,
                                const REAL *bias, REAL *y, int turned, int relu,
                                REAL *workspace, int threads)
{
    T(winograd_job) job = {T(winograd_cut)(s, m, 0), s, x, weight, bias, y, workspace, NULL, 0, turned, relu};
    const winograd_plan *p = &job.plan;
    job.scratch = workspace + p->groups * p->area * p->weights;
    job.scratch_size = T(winograd_scratch)(p);
    engine_parallel(p->groups * p->f_blocks, threads, T(winograd_weights), &job);
    engine_parallel(p->blocks_y * p->blocks_x * p->groups, threads, T(winograd_block), &job);
}

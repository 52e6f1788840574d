/* winograd/gradient.h: the weight gradient of Winograd's convolution.
 *
 * The forward pass is linear in the transformed weights U, one matrix product for each element of
 * the tile, so its adjoint is one too:
 *
 *     dU = sum over tiles of (A dY A^T) (B^T d B),        dW = G^T dU G
 *
 * The sum over tiles is cut by shape, in one of two ways:
 * parts: the blocks are divided into parts.  Each part has its own dU, to which its blocks are added one after
 *     the other; then the parts are added in their order.  Transformed tiles stay with one thread.
 * waves: if channels are many, so many dU would not fit into any cache, and there is only one.  A wave is as many
 *     blocks as are transformed before their products are computed, one element of the tile after the other.
 */
#if !defined(CNNLITE_WINOGRAD_GRADIENT_ONCE)
#define CNNLITE_WINOGRAD_GRADIENT_ONCE
enum {
    GRADIENT_PARTS = 12,                  /* divides well by 1, 2, 3 and 4 threads */
    GRADIENT_TILES = 128,                  /* of a part; if there are fewer, there are 4 parts */
    GRADIENT_PART_BYTES = 3 << 20,        /* a dU larger than that: waves */
    GRADIENT_WAVE_BYTES = 12 << 20,        /* transformed tiles of a wave */
};
#endif

typedef struct {
    winograd_plan plan;
    const conv_args *args;
    REAL *sums, *tiles;                                    /* tiles: of a wave */
    double *bias_sums;
    char *const *own;                                      /* memory of each thread */
    ptrdiff_t parts, part_size, bias_parts, bias_size;
    ptrdiff_t group, wave_first, wave_end;                 /* of a wave: its group, its blocks */
} T(gradient_call);

/* Transform m x m output gradients to outputs[element][tile], from tile `number` on; returns the sum of all of them,
 * tile by tile. */
INLINE V T(output_adjoint_tiles)(const winograd_plan *p, const int side, const int bfloat16, const REAL *pixels,
                                 ptrdiff_t rows, REAL *outputs, ptrdiff_t number)
{
    const int m = TILE_OUTPUTS(side);
    V sum = VZERO;
    REAL *to = outputs + number * VL;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, number++, to += VL) {
            const REAL *in = pixels + (r * p->pitch + c) * m * VL;
            V o[TILE_MAX * TILE_MAX], tile = VZERO;
            UNROLL_FOR(int i = 0; i < m; i++)
                UNROLL_FOR(int j = 0; j < m; j++) tile += VLOAD(in + (i * p->pitch + j) * VL);
            sum += tile;
            T(output_adjoint_2d)(side, in, p->pitch * VL, VL, o);
            if (bfloat16) {
                T(store_across)(p->form, o, side * side, outputs, number, p->products);
                continue;
            }
            UNROLL_FOR(int e = 0; e < side * side; e++) VSTORE(to + e * p->products, o[e]);
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
    const ptrdiff_t x0 = bx * p->columns * p->m;
    for (EACH_STRIP(strip, p, s->n, by))
        for (ptrdiff_t b = first; b < end; b++) {
            const ptrdiff_t plane = strip.image * s->f + group * p->f + b * VL;
            REAL *to = outputs + b * p->tiles * VL;
            REAL sums[VL];
            T(winograd_fetch)(&k->dy, s->oh, s->ow, plane, (int)smaller(p->f - b * VL, VL), strip.row * p->m, x0,
                              strip.rows * p->m, p->columns * p->m, pixels, p->pitch, p->pixels);
#define TILES(side, bfloat16) \
    VSTORE(sums, T(output_adjoint_tiles)(p, side, bfloat16, pixels, strip.rows, to, strip.first))
            if (p->side == 7) TILES(7, 0);
            else BY_FORM(p, TILES);
#undef TILES
            T(add_block)(sums, VL, bias_sums + b * VL, 1);
        }
}

/* Piece = (part, group). */
static void T(gradient_part)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_call) *call = context;
    const winograd_plan *p = &call->plan;
    const ptrdiff_t group = piece % p->groups, part = piece / p->groups;
    const ptrdiff_t blocks = p->blocks_y * p->blocks_x;
    const ptrdiff_t first = part * blocks / call->parts, end = (part + 1) * blocks / call->parts;
    REAL *sums = call->sums + piece * call->part_size;
    REAL *pixels = (REAL *)call->own[thread];
    REAL *inputs = pixels + 3 * p->pixels, *outputs = inputs + p->area * p->inputs;
    V squares;                             /* not used: the gradient itself is examined */

    if (first == end) memset(sums, 0, (size_t)call->part_size * sizeof(REAL));      /* no images */
    for (ptrdiff_t block = first; block < end; block++) {
        const ptrdiff_t by = block / p->blocks_x, bx = block % p->blocks_x;
        T(gradient_outputs)(p, call->args, group, by, bx, 0, p->f_blocks, pixels, outputs,
                            call->bias_sums + piece * call->bias_size);
        if (p->side == 7) {
            T(large_adjoint)(p, call->args, group, by, bx, pixels, sums, block == first);
            continue;
        }
        const ptrdiff_t tiles = T(winograd_inputs)(p, call->args, group, by, bx, 0, p->c_blocks, pixels, inputs, 0,
                                                   &squares);
        for (ptrdiff_t e = 0; e < p->area; e++)
            T(adjoint_product)(outputs + e * p->products, inputs + e * p->inputs, p->tiles * VL,
                               sums + e * T(gradient_element)(p), p->f_blocks, p->c_blocks,
                               numbers_of(p->form, tiles), block == first, p->form == PAIRED);
    }
}

/* Transforms of a wave; piece = (block of the wave, block of channels of x or dy). */
static void T(gradient_transform)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_call) *call = context;
    const winograd_plan *p = &call->plan;
    const ptrdiff_t channels = p->c_blocks + p->f_blocks, b = piece % channels;
    const ptrdiff_t number = piece / channels, block = call->wave_first + number;
    const ptrdiff_t by = block / p->blocks_x, bx = block % p->blocks_x, f = b - p->c_blocks;
    REAL *inputs = call->tiles + number * numbers_of(p->form, p->rows * p->columns) * VL;
    REAL *outputs = inputs + p->area * p->inputs;
    REAL *pixels = (REAL *)call->own[thread];
    V squares;
    if (b < p->c_blocks)
        T(winograd_inputs)(p, call->args, call->group, by, bx, b, b + 1, pixels, inputs, 0, &squares);
    else
        T(gradient_outputs)(p, call->args, call->group, by, bx, f, f + 1, pixels, outputs,
                            call->bias_sums + (number * p->groups + call->group) * call->bias_size);
}

/* Products of a wave; piece = element of the tile. */
static void T(gradient_multiply)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_call) *call = context;
    const winograd_plan *p = &call->plan;
    const REAL *inputs = call->tiles + piece * p->inputs;
    const REAL *outputs = call->tiles + p->area * p->inputs + piece * p->products;
    const ptrdiff_t last = call->wave_end - 1, before = last - call->wave_first;
    const ptrdiff_t rows = winograd_height(p, call->args->shape.n, last / p->blocks_x);
    (void)thread;
    T(adjoint_product)(outputs, inputs, p->tiles * VL,
                       call->sums + call->group * call->part_size + piece * T(gradient_element)(p), p->f_blocks,
                       p->c_blocks,
                       before * numbers_of(p->form, p->rows * p->columns) + numbers_of(p->form, rows * p->columns),
                       call->wave_first == 0, p->form == PAIRED);
}

/* dbias of output channel f of a group, if it is asked for. */
INLINE void T(gradient_bias)(const T(gradient_call) *call, ptrdiff_t group, ptrdiff_t f)
{
    const winograd_plan *p = &call->plan;
    REAL *dbias = call->args->dbias;
    double sum = 0;
    for (ptrdiff_t part = 0; part < call->bias_parts; part++)
        sum += call->bias_sums[(part * p->groups + group) * call->bias_size + f];
    if (dbias) dbias[group * p->f + f] = (REAL)sum;
}

/* The same for VL output channels and a large kernel; piece = (group, block of output channels). */
static void T(gradient_large_weights)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_call) *call = context;
    const winograd_plan *p = &call->plan;
    const conv_shape *s = &call->args->shape;
    const ptrdiff_t group = piece / p->f_blocks, f = piece % p->f_blocks * VL, size = p->c * s->kh * s->kw;
    REAL *dweight = (REAL *)call->args->dweight + group * p->f * size;
    T(large_weight_gradient)(p, s, f, call->sums + group * call->part_size, call->parts,
                             call->part_size * p->groups, dweight);
    for (ptrdiff_t i = f; i < smaller(f + VL, p->f); i++) {
        int mend = 0;
        for (ptrdiff_t j = 0; j < size; j++) mend |= !isfinite(dweight[i * size + j]);
        if (mend) T(mend_weights)(p, call->args, group, i, dweight + i * size, call->own[thread]);
        T(gradient_bias)(call, group, i);
    }
}

/* dW = G^T (sum of the parts) G for one output channel; piece = (group, output channel). */
static void T(gradient_weights)(void *context, ptrdiff_t piece, int thread)
{
    const T(gradient_call) *call = context;
    const winograd_plan *p = &call->plan;
    const ptrdiff_t group = piece / p->f, f = piece % p->f, step = call->part_size * p->groups;
    const ptrdiff_t element = T(gradient_element)(p);
    const REAL *sums = call->sums + group * call->part_size;
    REAL *dweight = (REAL *)call->args->dweight + piece * p->c * 9;
    REAL total[TILE_MAX * TILE_MAX * VL], taps[9 * VL];
    V o[TILE_MAX * TILE_MAX], zero = VZERO;                /* NaN unless all is finite */
    for (ptrdiff_t b = 0; b < p->c_blocks; b++) {
        for (int e = 0; e < p->area; e++) {
            const REAL *from = sums + e * element + (f * p->c_blocks + b) * VL;
            V sum = VLOAD(from);
            for (ptrdiff_t part = 1; part < call->parts; part++) sum += VLOAD(from + part * step);
            VSTORE(total + e * VL, sum);
        }
        if (p->side == 6) T(weight_adjoint_2d)(6, total, 6 * VL, VL, o);
        else T(weight_adjoint_2d)(4, total, 4 * VL, VL, o);
        UNROLL_FOR(int t = 0; t < 9; t++) {
            VSTORE(taps + t * VL, o[t]);
            zero += o[t] - o[t];
        }
        for (ptrdiff_t i = 0; i < smaller(VL, p->c - b * VL); i++)
            for (int t = 0; t < 9; t++) dweight[(b * VL + i) * 9 + t] = taps[t * VL + i];
    }
    if (T(any_large)(zero)) T(mend_weights)(p, call->args, group, f, dweight, call->own[thread]);
    T(gradient_bias)(call, group, f);
}

KERNEL void T(conv2d_winograd_weight_gradient)(void *args, workspace *work)
{
    const conv_args *k = args;
    T(gradient_call) call = {.args = k, .own = work->own};
    call.plan = T(winograd_cut)(&k->shape, k->tile, 4);
    winograd_plan *p = &call.plan;
    p->form = T(winograd_form)(k);
    const ptrdiff_t blocks = p->blocks_y * p->blocks_x, tiles = p->rows * p->columns;
    const ptrdiff_t inputs = T(filled_up)(p->c), outputs = T(filled_up)(p->f);
    const ptrdiff_t block_bytes = p->area * tiles * (inputs + outputs) * REAL_BYTES;
    ptrdiff_t wave = 0, wave_size = 0;
    size_t own = T(winograd_bytes)(p);
    call.part_size = p->area * T(gradient_element)(p);
    call.bias_size = p->f_blocks * VL;
    call.parts = larger(1, smaller(GRADIENT_PARTS, blocks * tiles / GRADIENT_TILES) / 4) * 4;
    call.parts = call.bias_parts = larger(1, smaller(call.parts, blocks));
    if (p->side != 7 && p->area * inputs * outputs * REAL_BYTES > GRADIENT_PART_BYTES && blocks > 0) {
        wave = smaller(blocks, larger(1, GRADIENT_WAVE_BYTES / larger(1, block_bytes)));
        T(winograd_sizes)(p, wave * tiles);                     /* its tiles lie together */
        wave_size = p->area * (p->inputs + p->products);
        call.parts = 1, call.bias_parts = wave;
        own = (size_t)(3 * p->pixels) * sizeof(REAL);
    }
    if (own < T(mend_bytes)(p, &k->shape)) own = T(mend_bytes)(p, &k->shape);
    const ptrdiff_t sums = call.parts * p->groups * call.part_size;
    const ptrdiff_t bias_sums = call.bias_parts * p->groups * call.bias_size;
    arena memory = {work->shared, 0};
    call.sums = arena_take(&memory, (size_t)sums * sizeof(REAL));
    call.bias_sums = arena_take(&memory, (size_t)bias_sums * sizeof(double));
    call.tiles = arena_take(&memory, (size_t)wave_size * sizeof(REAL));
    if (!workspace_ready(work, memory.used, own)) return;
    memset(call.bias_sums, 0, (size_t)bias_sums * sizeof(double));
    if (!wave) engine_parallel(call.parts * p->groups, work->threads, T(gradient_part), &call);
    for (call.group = 0; wave && call.group < p->groups; call.group++)
        for (call.wave_first = 0; call.wave_first < blocks; call.wave_first = call.wave_end) {
            call.wave_end = smaller(call.wave_first + wave, blocks);
            engine_parallel((call.wave_end - call.wave_first) * (p->c_blocks + p->f_blocks), work->threads,
                            T(gradient_transform), &call);
            engine_parallel(p->area, work->threads, T(gradient_multiply), &call);
        }
    if (p->side == 7) engine_parallel(p->groups * p->f_blocks, work->threads, T(gradient_large_weights), &call);
    else engine_parallel(p->groups * p->f, work->threads, T(gradient_weights), &call);
}

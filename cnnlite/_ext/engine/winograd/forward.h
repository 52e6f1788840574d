/* winograd/forward.h: convolution with stride 1 by F(4 x 4, 3 x 3) or F(2 x 2, 3 x 3), or of a larger kernel
 * (large.h): the forward pass.
 *
 * A block's inputs are transformed, multiplied and transformed back while they lie in the
 * second-level cache; the transformed weights are read once for each block.  Of a few tiles and many
 * weights the filters are cut instead (cuts_filters).  The input gradient is the same pass over dy, with
 * the weights rotated by 180 degrees and their channels exchanged.  No sum is cut, so the bits depend
 * on nothing but the shape.
 */
/* Transform the taps of VL output channels and one input channel, `second` of its pair or first. */
INLINE void T(weight_tile)(const winograd_plan *p, const int side, const int bfloat16, const REAL *taps, REAL *to,
                           int second)
{
    V o[TILE_MAX * TILE_MAX];
    T(weight_2d)(side, taps, 3 * VL, VL, o);
    if (bfloat16) T(store_bfloat16)(p->form, o, side * side, to, p->weights, second);
    else
        UNROLL_FOR(int e = 0; e < side * side; e++) VSTORE(to + e * p->weights, o[e]);
}

/* G g G^T for VL output channels: piece = (group, block of output channels). */
static void T(winograd_weights)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_call) *call = context;
    const winograd_plan *p = &call->plan;
    const int rotated = p->rotated;
    const ptrdiff_t group = piece / p->f_blocks, block = piece % p->f_blocks;
    ptrdiff_t nv;
    const ptrdiff_t panel = panel_of(p->f_blocks, block, &nv); /* of nv blocks that lie together */
    const ptrdiff_t f_step = rotated ? 9 : p->c * 9, c_step = rotated ? p->f * 9 : 9;
    const ptrdiff_t lanes = smaller(VL, p->f - block * VL);
    const REAL *from = call->args->weight;
    const int paired = p->form == PAIRED;
    REAL *to = call->weights + group * p->area * p->weights
        + (panel * (paired ? divide_up(p->c, 2) : p->c) + block - panel) * VL;
    V squares = VSET1(1);
    from += group * p->f * p->c * 9 + block * VL * f_step;
    (void)thread;
    for (ptrdiff_t c = 0; c < p->c; c++, from += c_step) {
        REAL taps[9 * VL];
        for (ptrdiff_t i = 0; i < VL; i++)
            for (int t = 0; t < 9; t++)
                taps[t * VL + i] = i < lanes ? from[i * f_step + (rotated ? 8 - t : t)] : 0;
        UNROLL_FOR(int t = 0; t < 9; t++) squares = VFMA(VLOAD(taps + t * VL), VLOAD(taps + t * VL), squares);
#define WEIGHT_TILE(side, bfloat16) T(weight_tile)(p, side, bfloat16, taps, to, c % 2)
        BY_FORM(p, WEIGHT_TILE);
#undef WEIGHT_TILE
        if (!paired || c % 2) to += nv * VL;
    }
    call->large[piece] = (uint8_t)T(any_large)(squares);
}

/* The inverse transform: products[element][tile] to pixels, with bias and ReLU. */
INLINE void T(output_tiles)(const winograd_plan *p, const int side, const REAL *products, ptrdiff_t rows, V bias,
                            int relu, REAL *pixels)
{
    const int m = TILE_OUTPUTS(side);
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, products += VL) {
            V o[TILE_MAX * TILE_MAX];
            T(output_2d)(side, products, side * p->products, p->products, o);
            REAL *out = pixels + (r * p->pitch + c) * m * VL;
            UNROLL_FOR(int i = 0; i < m; i++)
                UNROLL_FOR(int j = 0; j < m; j++) {
                    V y = o[i * m + j] + bias;
                    VSTORE(out + (i * p->pitch + j) * VL, relu ? VRELU(y) : y);
                }
        }
}

/* The same with 2x2 max-pooling: a tile holds whole windows. */
INLINE void T(output_pooled_tiles)(const winograd_plan *p, const int side, const REAL *products, ptrdiff_t rows,
                                   V bias, int relu, REAL *pixels, REAL *found)
{
    const int m = TILE_OUTPUTS(side);
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, products += VL) {
            V o[TILE_MAX * TILE_MAX];
            T(output_2d)(side, products, side * p->products, p->products, o);
            UNROLL_FOR(int i = 0; i < m / 2; i++)
                UNROLL_FOR(int j = 0; j < m / 2; j++) {
                    const ptrdiff_t out = ((r * m / 2 + i) * p->pitch + c * m / 2 + j) * VL;
                    const V *first = o + 2 * i * m + 2 * j;
                    T(pool_pixels)(first[0] + bias, first[1] + bias, first[m] + bias, first[m + 1] + bias, relu,
                                   pixels + out, found + out);
                }
        }
}

/* From a strip's products to y: `blocks` blocks of the group's filters, from number `first` on.  `spare`, unless NULL,
 * is room for mending (mend.h). */
KERNEL void T(winograd_outputs)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t first,
                                ptrdiff_t blocks, winograd_strip strip, ptrdiff_t x0, const REAL *products,
                                REAL *pixels, REAL *spare)
{
    const conv_shape *s = &k->shape;
    const ptrdiff_t y0 = strip.row * p->m;
    const ptrdiff_t rows = smaller(s->oh - y0, strip.rows * p->m);
    const ptrdiff_t columns = smaller(s->ow - x0, p->columns * p->m);
    REAL *found = pixels + p->pixels;
    const int added = k->post.addend != NULL, relu = k->post.relu && !added;
    for (ptrdiff_t b = first; b < first + blocks; b++) {
        const ptrdiff_t f = group * p->f + b * VL, plane = strip.image * s->f + f;
        const int lanes = (int)smaller(p->f - b * VL, VL);
        const V bias = k->bias ? VLOADN((const REAL *)k->bias + f, lanes) : VZERO;
        const REAL *from = products + ((b - first) * p->tiles + strip.first) * VL;
        const T(winograd_place) place = {k, group, b, strip.image, y0, x0, spare};
#define POOLED(side) T(output_pooled_tiles)(p, side, from, strip.rows, bias, k->post.relu, pixels, found)
#define PLAIN(side) T(output_tiles)(p, side, from, strip.rows, bias, relu, pixels)
        if (spare) T(mended_tiles)(p, &place, from, strip.rows, bias, pixels, found);
        else if (k->post.argmax) BY_SIDE(p->side, POOLED);
        else BY_SIDE(p->side, PLAIN);
#undef POOLED
#undef PLAIN
        if (k->post.argmax) {
            const ptrdiff_t h = s->oh / 2, w = s->ow / 2;
            T(lanes_scatter)((REAL *)k->y + plane * h * w, NULL, 0, h, w, lanes, y0 / 2, x0 / 2, rows / 2,
                             columns / 2, pixels, p->pitch, 0);
            T(lanes_scatter)(k->post.argmax + plane * h * w, NULL, 0, h, w, lanes, y0 / 2, x0 / 2, rows / 2,
                             columns / 2, found, p->pitch, 1);
        } else {
            const ptrdiff_t at = plane * s->oh * s->ow;
            T(lanes_scatter)((REAL *)k->y + at, added ? (const REAL *)k->post.addend + at : NULL, k->post.relu,
                             s->oh, s->ow, lanes, y0, x0, rows, columns, pixels, p->pitch, 0);
        }
    }
}

/* Fill up one element's tiles to whole TILE_ROWS with zeros: blocks first .. end - 1 of channels.  Returns how many
 * tiles there are then. */
INLINE ptrdiff_t T(fill_tiles)(const winograd_plan *p, REAL *element, ptrdiff_t first, ptrdiff_t end,
                               ptrdiff_t tiles)
{
    const ptrdiff_t padded = T(whole_tiles)(tiles);
    const ptrdiff_t size = p->form == PAIRED ? VL / 2 : VL;            /* of a tile */
    for (ptrdiff_t b = first; b < end && padded > tiles; b++)
        memset(element + b * p->tiles * VL + tiles * size, 0, (size_t)((padded - tiles) * size) * sizeof(REAL));
    return padded;
}

/* Inputs and products of the block (by, bx) of a 3 x 3 kernel; `memory` is that of a thread. */
INLINE void T(small_products)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t by,
                              ptrdiff_t bx, const REAL *weights, REAL *memory, V *squares)
{
    REAL *inputs = memory + 3 * p->pixels, *products = inputs + p->area * p->inputs;
    const ptrdiff_t tiles = T(winograd_inputs)(p, k, group, by, bx, 0, p->c_blocks, memory, inputs, 1, squares);
    const int paired = p->form == PAIRED;
    for (ptrdiff_t e = 0; e < p->area; e++) {
        REAL *in = inputs + e * p->inputs;
        const ptrdiff_t padded = T(fill_tiles)(p, in, 0, p->c_blocks, tiles);
        T(forward_product)(in, p->tiles * VL, weights + (group * p->area + e) * p->weights,
                           products + e * p->products, p->c, p->f_blocks, padded, paired, 0);
    }
}

/* Piece = (block of tiles, group). */
static void T(winograd_block)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_call) *call = context;
    const winograd_plan *p = &call->plan;
    const ptrdiff_t images = call->args->shape.n;
    const ptrdiff_t group = piece % p->groups, bx = piece / p->groups % p->blocks_x;
    const ptrdiff_t by = piece / p->groups / p->blocks_x, x0 = bx * p->columns * p->m;
    REAL *pixels = (REAL *)call->own[thread];
    REAL *inputs = pixels + 3 * p->pixels, *products = inputs + p->area * p->inputs;
    V squares;
    if (p->side == 7) T(large_products)(p, call->args, group, by, bx, call->weights, pixels, &squares);
    else T(small_products)(p, call->args, group, by, bx, call->weights, pixels, &squares);
    int large = T(any_large)(squares);
    for (ptrdiff_t b = 0; b < p->f_blocks; b++) large |= call->large[group * p->f_blocks + b];
    REAL *spare = large ? inputs : NULL; /* the inputs are no longer needed: room for a patch */
    for (EACH_STRIP(strip, p, images, by))
        T(winograd_outputs)(p, call->args, group, 0, p->f_blocks, strip, x0, products, pixels, spare);
}

/* Whether to cut the filters and not the tiles: of a few tiles, weights are most of what is read.  Then the tiles are
 * one block, whose inputs are transformed for all threads, and each weight is read once. */
INLINE int T(cuts_filters)(const conv_shape *s, int m)
{
    const ptrdiff_t tiles = s->n * divide_up(s->oh, m) * divide_up(s->ow, m), filters = s->f / s->groups;
    const ptrdiff_t weights = (m + 2) * (m + 2) * (s->c / s->groups) * s->f * REAL_BYTES;
    return s->kh == 3 && s->kw == 3 && 0 < tiles && tiles <= WINOGRAD_FEW && weights >= WINOGRAD_HEAVY
        && filters >= WINOGRAD_FILTERS;
}

/* REALs that a thread needs for pixels and mending, before its products. */
INLINE ptrdiff_t T(panel_room)(const winograd_plan *p) { return T(filled_up)(3 * p->pixels + 9 * p->c); }

/* The inputs where the filters are cut: piece = (group, block of channels). */
static void T(shared_inputs)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_call) *call = context;
    const winograd_plan *p = &call->plan;
    const ptrdiff_t group = piece / p->c_blocks, block = piece % p->c_blocks;
    REAL *inputs = call->inputs + group * p->area * p->inputs;
    V squares;
    const ptrdiff_t tiles = T(winograd_inputs)(p, call->args, group, 0, 0, block, block + 1,
                                               (REAL *)call->own[thread], inputs, 1, &squares);
    for (ptrdiff_t e = 0; e < p->area; e++) T(fill_tiles)(p, inputs + e * p->inputs, block, block + 1, tiles);
    call->large_inputs[piece] = (uint8_t)T(any_large)(squares);
}

/* Products and outputs where the filters are cut: piece = (group, panel). */
static void T(shared_products)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_call) *call = context;
    const winograd_plan *p = &call->plan;
    const ptrdiff_t images = call->args->shape.n, panels = divide_up(p->f_blocks, PANEL), group = piece / panels;
    ptrdiff_t width;
    const ptrdiff_t first = panel_of(p->f_blocks, piece % panels * PANEL, &width);
    const int paired = p->form == PAIRED;
    const ptrdiff_t at = first * VL * (paired ? divide_up(p->c, 2) : p->c);
    const ptrdiff_t tiles = T(whole_tiles)(winograd_height(p, images, 0) * p->columns);
    REAL *pixels = (REAL *)call->own[thread], *products = pixels + T(panel_room)(p);
    for (ptrdiff_t e = 0; e < p->area; e++) {
        const ptrdiff_t element = group * p->area + e;
        T(forward_product)(call->inputs + element * p->inputs, p->tiles * VL,
                           call->weights + element * p->weights + at, products + e * p->products, p->c, width,
                           tiles, paired, p->weights);
    }
    int large = 0;
    for (ptrdiff_t b = 0; b < p->c_blocks; b++) large |= call->large_inputs[group * p->c_blocks + b];
    for (ptrdiff_t b = 0; b < p->f_blocks; b++) large |= call->large[group * p->f_blocks + b];
    REAL *spare = large ? pixels + 3 * p->pixels : NULL;
    for (EACH_STRIP(strip, p, images, 0))
        T(winograd_outputs)(p, call->args, group, first, width, strip, 0, products, pixels, spare);
}

/* The pass whose filters are cut. */
INLINE void T(shared_pass)(T(winograd_call) *call, workspace *work)
{
    const winograd_plan *p = &call->plan;
    engine_parallel(p->groups * p->c_blocks, work->threads, T(shared_inputs), call);
    engine_parallel(p->groups * divide_up(p->f_blocks, PANEL), work->threads, T(shared_products), call);
}

static void T(winograd_pass)(const conv_args *k, int rotated, workspace *work)
{
    T(winograd_call) call = {.args = k, .weights = (REAL *)work->kept, .own = work->own};
    const int cuts_filters = T(cuts_filters)(&k->shape, k->tile);
    call.plan = T(winograd_cut)(&k->shape, k->tile, cuts_filters ? 1 : WINOGRAD_PIECES);
    call.plan.rotated = rotated;
    call.plan.form = T(winograd_form)(k);
    if (cuts_filters) call.plan.products = T(odd_vectors)(PANEL * call.plan.tiles);
    const winograd_plan *p = &call.plan;
    const ptrdiff_t weights = p->groups * p->area * p->weights, pieces = p->groups * p->f_blocks;
    const size_t kept = (size_t)weights * sizeof(REAL) + (size_t)pieces;
    const ptrdiff_t inputs = cuts_filters ? p->groups * p->area * p->inputs : 0;
    const ptrdiff_t blocks = cuts_filters ? p->groups * p->c_blocks : 0;
    const size_t shared = (size_t)inputs * sizeof(REAL) + (size_t)blocks;
    const size_t panel = (size_t)(T(panel_room)(p) + p->area * p->products) * sizeof(REAL);
    if (!workspace_ready_kept(work, kept, shared, cuts_filters ? panel : T(winograd_bytes)(p))) return;
    call.large = (uint8_t *)(call.weights + weights);
    call.inputs = (REAL *)work->shared, call.large_inputs = (uint8_t *)(call.inputs + inputs);
    if (!work->prepared)
        engine_parallel(pieces, work->threads, p->side == 7 ? T(large_weights) : T(winograd_weights), &call);
    if (work->prepare_only) return;
    if (cuts_filters) T(shared_pass)(&call, work);
    else engine_parallel(p->blocks_y * p->blocks_x * p->groups, work->threads, T(winograd_block), &call);
}

KERNEL void T(conv2d_winograd_forward)(void *args, workspace *work) { T(winograd_pass)(args, 0, work); }

/* The forward pass from dy to dx. */
KERNEL void T(conv2d_winograd_input_gradient)(void *args, workspace *work)
{
    const conv_args *given = args;
    const conv_shape *s = &given->shape;
    conv_args k = {.shape = *s,
                   .x = given->dy,
                   .weight = given->weight,
                   .y = given->dx,
                   .tile = given->tile,
                   .bfloat16 = given->bfloat16};
    k.shape.c = s->f, k.shape.f = s->c;
    k.shape.h = s->oh, k.shape.oh = s->h;
    k.shape.w = s->ow, k.shape.ow = s->w;
    k.shape.top = s->kh - 1 - s->top, k.shape.left = s->kw - 1 - s->left;
    T(winograd_pass)(&k, 1, work);
}

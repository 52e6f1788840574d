/* conv/weight_gradient.h: dweight and dbias, sums over all pixels of the batch (gradient_args.h).
 *
 * So that float32 keeps its digits, a sum has three levels: the pixels of a step are added in registers, up to
 * STEPS of steps in REAL, and those sums, where a part of the batch has more steps, in double. */

/* The memory of the thread that does a piece. */
typedef struct {
    const weight_gradient *k;
    REAL *copy, *rows, *zeros, *sums, *bias_sums;
    double *totals, *bias_totals;          /* of sums and bias_sums, where there are more than STEPS steps */
    const REAL **from;
} T(weight_state);

INLINE void T(weight_scratch)(const weight_gradient *k, arena *memory, T(weight_state) *state)
{
    const ptrdiff_t pixels = k->step_images * k->step_rows * k->s.ow;
    state->copy = arena_take(memory, (size_t)(k->step_images * k->image_size + 2 * VL) * REAL_BYTES);
    state->rows = arena_take(memory, (size_t)(MR * pixels) * REAL_BYTES);
    state->zeros = arena_take(memory, (size_t)k->s.w * REAL_BYTES);
    state->from = arena_take(memory, (size_t)(k->depth + VL) * sizeof(REAL *));
    const ptrdiff_t totals = k->part_steps > STEPS, filters = k->filter_panels * MR;
    state->totals = arena_take(memory, (size_t)(totals * k->sums_size) * sizeof(double));
    state->bias_totals = arena_take(memory, (size_t)(totals * filters * SUM_LANES) * sizeof(double));
}

/* sums[i * SUM_LANES ..] = (with `add`, sums +) rows of dy, lane by lane. */
INLINE void T(add_rows)(const REAL *dy, ptrdiff_t next, ptrdiff_t count, ptrdiff_t pixels, REAL *sums, int add)
{
    for (ptrdiff_t i = 0; i < count; i++, dy += next)
        for (ptrdiff_t first = 0; first < SUM_LANES; first += SUM_PART * VL, sums += SUM_PART * VL) {
            V sum[SUM_PART];
            ptrdiff_t p = first;
            UNROLL_FOR(int w = 0; w < SUM_PART; w++) sum[w] = VZERO;
            for (; p + SUM_PART * VL <= pixels; p += SUM_LANES)
                UNROLL_FOR(int w = 0; w < SUM_PART; w++) sum[w] = sum[w] + VLOAD(dy + p + w * VL);
            UNROLL_FOR(int w = 0; w < SUM_PART; w++) {
                const ptrdiff_t n = smaller(VL, pixels - p - w * VL);
                if (n > 0) sum[w] = sum[w] + VLOADN(dy + p + w * VL, n);
                VSTORE(sums + w * VL, add ? VLOAD(sums + w * VL) + sum[w] : sum[w]);
            }
        }
}

/* Move the sums of panel f of filters to the totals, or, at the end, the totals to the sums. */
KERNEL void T(weight_totals)(const T(weight_state) *state, ptrdiff_t f, int more, int end)
{
    const ptrdiff_t size = MR * state->k->vectors * VL;
    T(add_block)(state->sums + f * size, size, state->totals + f * size, more);
    if (end) T(take_sums)(state->totals + f * size, size, state->sums + f * size);
    if (!state->bias_sums) return;
    const ptrdiff_t lanes = MR * SUM_LANES;
    T(add_block)(state->bias_sums + f * lanes, lanes, state->bias_totals + f * lanes, more);
    if (end) T(take_sums)(state->bias_totals + f * lanes, lanes, state->bias_sums + f * lanes);
}

/* Rows row .. row + rows of one plane of dy, as the convolution's own output has them. */
INLINE void T(fetch_rows)(const weight_gradient *k, ptrdiff_t plane, ptrdiff_t row, ptrdiff_t rows, REAL *to)
{
    const conv_source *dy = &k->dy;
    const ptrdiff_t h = k->s.oh, w = k->s.ow, at = dy->argmax ? plane * (h / 2) * (w / 2) : (plane * h + row) * w;
    const REAL *data = (const REAL *)dy->data + at, *y = dy->relu_y ? (const REAL *)dy->relu_y + at : NULL;
    if (dy->argmax)
        for (ptrdiff_t r = 0; r < rows; r++) T(unpool_row)(data, dy->argmax + at, h, w, row + r, to + r * w);
    else if (y) T(relu_mask_run)(data, y, rows * w, to);
    else memcpy(to, data, (size_t)(rows * w) * REAL_BYTES);
}

/* Add what `rows` rows from `row` of `images` images from `image` give, whose input is in state->copy; `done`
 * steps of the piece came before.  A row of more than STEP_PIXELS pixels takes several steps. */
INLINE void T(weight_step)(const T(weight_state) *state, ptrdiff_t group, ptrdiff_t image, ptrdiff_t images,
                           ptrdiff_t row, ptrdiff_t rows, ptrdiff_t done)
{
    const weight_gradient *k = state->k;
    const ptrdiff_t plane = k->s.oh * k->s.ow, size = rows * k->s.ow, pixels = images * size;
    const int undo = k->dy.relu_y || k->dy.argmax;
    for (ptrdiff_t f = 0; f < k->filter_panels; f++) {
        const ptrdiff_t count = smaller(MR, k->filters - f * MR);
        const ptrdiff_t number = image * k->s.f + group * k->filters + f * MR;
        const REAL *a = (const REAL *)k->dy.data + number * plane + row * k->s.ow;
        ptrdiff_t next = plane;
        if (images > 1 || count < MR || undo) {      /* copied, unless they are MR unbroken rows */
            memset(state->rows + count * pixels, 0, (size_t)((MR - count) * pixels) * REAL_BYTES);
            for (ptrdiff_t i = 0; i < images * count; i++)
                T(fetch_rows)(k, number + i / count * k->s.f + i % count, row, rows,
                              state->rows + i % count * pixels + i / count * size);
            a = state->rows;
            next = pixels;
        }
        for (ptrdiff_t p = 0, step = done; p < pixels; p += STEP_PIXELS, step++) {
            const ptrdiff_t size = smaller(STEP_PIXELS, pixels - p);
            const int add = step % STEPS != 0;
            REAL *sums = state->sums + f * MR * k->vectors * VL;
            if (!add && step) T(weight_totals)(state, f, step > STEPS, 0);
            if (state->bias_sums)
                T(add_rows)(a + p, next, count, size, state->bias_sums + f * MR * SUM_LANES, add);
            for (ptrdiff_t j = 0, v = 0; j < k->panels; j++) {
                const ptrdiff_t nv = k->vectors / k->panels + (j < k->vectors % k->panels);
                const REAL *b[NV];
                for (ptrdiff_t i = 0; i < nv; i++) b[i] = state->copy + T(vector_offset)(k, v + i);
                T(micro_rows)((int)nv, size, a + p, next, b, k->offset + p, sums, nv * VL, add);
                sums += MR * nv * VL;
                v += nv;
            }
        }
    }
}

KERNEL void T(weight_piece)(void *context, ptrdiff_t number, int thread)
{
    const weight_gradient *k = context;
    const conv_shape *s = &k->s;
    arena memory = {k->own[thread], 0};
    T(weight_state) state = {.k = k, .sums = (REAL *)k->sums + number * k->sums_size};
    const ptrdiff_t part = number % k->parts, block = number / k->parts % k->channel_blocks;
    const ptrdiff_t group = number / k->parts / k->channel_blocks, c = block * k->block_channels;
    const ptrdiff_t begin = part * s->n / k->parts, end = (part + 1) * s->n / k->parts;
    T(weight_scratch)(k, &memory, &state);
    memset(state.zeros, 0, (size_t)s->w * REAL_BYTES);
    if (k->dbias && block == 0) {
        const ptrdiff_t size = k->filter_panels * MR * SUM_LANES;
        state.bias_sums = (REAL *)k->bias_sums + (group * k->parts + part) * size;
        memset(state.bias_sums, 0, (size_t)size * REAL_BYTES); /* filters that no panel has, too */
    }
    ptrdiff_t steps = 0;
    for (ptrdiff_t image = begin; image < end; image += k->step_images)
        for (ptrdiff_t row = 0; row < s->oh; row += k->step_rows) {
            const ptrdiff_t images = smaller(k->step_images, end - image);
            const ptrdiff_t rows = smaller(k->step_rows, s->oh - row);
            for (ptrdiff_t i = 0; i < images; i++)
                T(transpose_image)(k,
                                   (const REAL *)k->x + ((image + i) * s->c + group * k->channels) * s->h * s->w,
                                   c, smaller(k->block_channels, k->channels - c), row, rows, state.zeros,
                                   state.from, state.copy + i * k->image_size);
            T(weight_step)(&state, group, image, images, row, rows, steps);
            steps += divide_up(images * rows * s->ow, STEP_PIXELS);
        }
    for (ptrdiff_t f = 0; steps > STEPS && f < k->filter_panels; f++) T(weight_totals)(&state, f, 1, 1);
}

/* Add the parts of the batch, in their order, for one panel of filters; number: (group, block, panel). */
KERNEL void T(weight_sum)(void *context, ptrdiff_t number, int thread)
{
    const weight_gradient *k = context;
    const ptrdiff_t f = number % k->filter_panels, block = number / k->filter_panels % k->channel_blocks;
    const ptrdiff_t group = number / k->filter_panels / k->channel_blocks;
    const ptrdiff_t count = smaller(MR, k->filters - f * MR);
    const ptrdiff_t weights = k->channels * k->s.kh * k->s.kw;
    const REAL *sums = (const REAL *)k->sums + f * MR * k->vectors * VL
        + (group * k->channel_blocks + block) * k->parts * k->sums_size;
    REAL *dweight = (REAL *)k->dweight + (group * k->filters + f * MR) * weights;
    for (ptrdiff_t j = 0, v = 0; j < k->panels; j++) {
        const ptrdiff_t nv = k->vectors / k->panels + (j < k->vectors % k->panels);
        for (ptrdiff_t i = 0; i < nv; i++, v++) {
            ptrdiff_t place[VL];
            for (ptrdiff_t lane = 0; lane < VL; lane++)
                place[lane] = T(weight_place)(k, v / k->run_vectors, v % k->run_vectors * VL + lane, block);
            for (ptrdiff_t r = 0; r < count; r++) {
                REAL lanes[VL];
                V sum = VZERO;
                for (ptrdiff_t part = 0; part < k->parts; part++)
                    sum = sum + VLOAD(sums + part * k->sums_size + (r * nv + i) * VL);
                VSTORE(lanes, sum);
                for (ptrdiff_t lane = 0; lane < VL; lane++)
                    if (place[lane] >= 0) dweight[r * weights + place[lane]] = lanes[lane];
            }
        }
        sums += MR * nv * VL;
    }
    if (k->dbias && block == 0)
        for (ptrdiff_t r = 0; r < count; r++) {
            const ptrdiff_t size = k->filter_panels * MR * SUM_LANES;
            const REAL *lanes = (const REAL *)k->bias_sums + group * k->parts * size + (f * MR + r) * SUM_LANES;
            double sum = 0;
            for (ptrdiff_t part = 0; part < k->parts; part++, lanes += size)
                for (ptrdiff_t lane = 0; lane < SUM_LANES; lane++) sum += (double)lanes[lane];
            ((REAL *)k->dbias)[group * k->filters + f * MR + r] = (REAL)sum;
        }
    (void)thread;
}

/* dweight and, unless NULL, dbias. */
KERNEL void T(conv2d_tiled_weight_gradient)(void *args, workspace *work)
{
    const conv_args *a = args;
    const conv_shape flat = a->dy.argmax ? a->shape : flattened(a->shape, STEP_PIXELS), *s = &flat;
    weight_gradient k = {.s = flat, .x = a->x.data, .dy = a->dy, .dweight = a->dweight, .dbias = a->dbias};
    arena memory = {work->shared, 0}, thread = {NULL, 0};
    T(weight_state) unused;
    T(plan_gradient)(&k);
    T(weight_scratch)(&k, &thread, &unused);
    const ptrdiff_t pixels = k.step_images * k.step_rows * s->ow;
    k.sums = arena_take(&memory, (size_t)(k.pieces * k.sums_size) * REAL_BYTES);
    k.bias_sums = arena_take(&memory,
                             (size_t)(s->groups * k.parts * k.filter_panels * MR * SUM_LANES) * REAL_BYTES);
    k.offset = arena_take(&memory, (size_t)pixels * sizeof(ptrdiff_t));
    k.place = arena_take(&memory, (size_t)k.columns * sizeof(ptrdiff_t));
    k.outside = arena_take(&memory, (size_t)(4 * k.phases_w) * sizeof(ptrdiff_t));
    k.own = work->own;
    if (!workspace_ready(work, memory.used, thread.used)) return;
    T(place_columns)(&k);
    for (ptrdiff_t p = 0; p < pixels; p++)
        k.offset[p] = p / (k.step_rows * s->ow) * k.image_size + p / s->ow % k.step_rows * k.row_size
            + p % s->ow * k.depth;
    engine_parallel(k.pieces, work->threads, T(weight_piece), &k);
    engine_parallel(s->groups * k.channel_blocks * k.filter_panels, work->threads, T(weight_sum), &k);
}

/* correlate.h: convolution as a product of packed weights and packed patches (implicit GEMM).
 *
 *     weights, packed once a call:  [panel of MR filters][channel, tap][MR]
 *     patches, packed by piece:     [panel of pixels]    [channel, tap][nv * VL]
 *
 * The full matrix of patches never exists: a piece packs BLOCK_DEPTH rows of it for PIECE_PIXELS pixels,
 * multiplies them with all its filters while they are in the cache, and forgets them.  Each output is one
 * sum in the order of (channel, tap), however it is cut.
 */

KERNEL void T(pack_weight)(void *context, ptrdiff_t number, int thread)
{
    const correlation *k = context;
    const ptrdiff_t panels = divide_up(k->filters, MR), depth = k->channels * k->taps_h * k->taps_w;
    const ptrdiff_t group = number / panels, first = number % panels * MR;
    const ptrdiff_t count = smaller(MR, k->filters - first);
    const REAL *weight = (const REAL *)k->weight + group * k->weight_group + first * k->weight_filter;
    const REAL *bias = (const REAL *)k->bias + group * k->filters + first;
    REAL *start = (REAL *)k->packed_bias + number * MR;
    for (ptrdiff_t i = 0; i < MR; i++) {
        REAL *to = (REAL *)k->packed_weight + number * MR * depth + i;
        start[i] = k->bias && i < count ? bias[i] : 0;
        for (ptrdiff_t c = 0; c < k->channels; c++) {
            const REAL *from = weight + i * k->weight_filter + c * k->weight_channel;
            for (ptrdiff_t t = 0; t < k->taps_h; t++)
                for (ptrdiff_t u = 0; u < k->taps_w; u++, to += MR)
                    *to = i < count ? from[t * k->weight_i + u * k->weight_j] : 0;
        }
    }
    (void)thread;
}

/* Write pixels begin .. end of `count` rows of a tile to their places in y. */
KERNEL void T(write_tile)(const T(piece) *p, const REAL *tile, ptrdiff_t ldt, ptrdiff_t filter,
                          ptrdiff_t count, ptrdiff_t begin, ptrdiff_t end)
{
    const correlation *k = p->k;
    const ptrdiff_t image_pixels = p->rows * p->columns;
    REAL *y = (REAL *)k->y + p->image * k->y_image + (p->group * k->filters + filter) * k->y_plane
        + p->row * k->y_row + p->column * k->y_column;
    for (ptrdiff_t pixel = begin, run; pixel < end; pixel += run) {
        const ptrdiff_t image = pixel / image_pixels, row = pixel % image_pixels / p->columns;
        const ptrdiff_t column = pixel % p->columns;
        run = smaller(end - pixel, p->columns - column);
        for (ptrdiff_t i = 0; i < count; i++) {
            const REAL *from = tile + i * ldt + pixel;
            REAL *to = y + image * k->y_image + i * k->y_plane + row * k->y_row + column * k->y_column;
            if (k->y_column == 1) {
                ptrdiff_t u = 0;
                for (; u + VL <= run; u += VL) VSTORE(to + u, VLOAD(from + u));
                if (u < run) VSTOREN(to + u, VLOADN(from + u, run - u), run - u);
            } else
                for (ptrdiff_t u = 0; u < run; u++) to[u * k->y_column] = from[u];
        }
    }
}

/* The same for y that is max-pooled 2x2: every pair of rows becomes one. */
KERNEL void T(pool_tile)(const T(piece) *p, const REAL *tile, ptrdiff_t ldt, ptrdiff_t filter,
                         ptrdiff_t count)
{
    const correlation *k = p->k;
    for (ptrdiff_t image = 0; image < p->images; image++)
        for (ptrdiff_t i = 0; i < count; i++) {
            const ptrdiff_t plane = (p->image + image) * k->groups * k->filters
                + p->group * k->filters + filter + i;
            for (ptrdiff_t r = 0; r + 1 < p->rows; r += 2) {
                const REAL *top = tile + i * ldt + (image * p->rows + r) * p->columns;
                const ptrdiff_t to = (plane * (k->out_h / 2) + (p->row + r) / 2) * (k->out_w / 2)
                    + p->column / 2;
                for (ptrdiff_t j = 0; j < p->columns / 2; j += VL)
                    T(pool_windows)(top + 2 * j, top + p->columns + 2 * j, k->out_w,
                                    (p->row + r) * k->out_w + p->column + 2 * j,
                                    smaller(VL, p->columns / 2 - j), (REAL *)k->y + to + j,
                                    k->argmax + to + j, k->relu);
            }
        }
}

/* One panel of filters times all panels of pixels, for `depth` rows of patches from row k0. */
INLINE void T(multiply_panels)(const T(piece) *p, ptrdiff_t number, ptrdiff_t k0, ptrdiff_t depth)
{
    const correlation *k = p->k;
    const ptrdiff_t panels = divide_up(k->filters, MR), whole = k->channels * k->taps_h * k->taps_w;
    const ptrdiff_t filter = number * MR, count = smaller(MR, k->filters - filter);
    const REAL *weight = (const REAL *)k->packed_weight
        + (p->group * panels + number) * MR * whole + k0 * MR;
    const REAL *start = (const REAL *)k->packed_bias + (p->group * panels + number) * MR;
    const ptrdiff_t ldt = divide_up(p->pixels, VL) * VL;
    REAL *tile = p->tile + (depth == whole ? 0 : (number - p->first_panel) * MR * ldt);
    const int last = k0 + depth == whole, pool = k->argmax != NULL;

    /* Where the piece's pixels lie in y as in the tile, full blocks go straight to their place. */
    const int straight = depth == whole && !pool && count == MR && k->y_column == 1 && p->images == 1
        && (p->rows == 1 || (p->columns == k->out_w && k->y_row == k->out_w));
    REAL *y = (REAL *)k->y + p->image * k->y_image + (p->group * k->filters + filter) * k->y_plane
        + p->row * k->y_row + p->column;
    ptrdiff_t written = 0;
    for (const panel *j = p->panel; j < p->panel + p->panels; j++) {
        const REAL *patches = p->packed + j->base;
        const ptrdiff_t end = j->column + j->nv * VL;
        const int direct = straight && end <= p->pixels;
        if (direct) written = end;
        T(micro_packed)((int)j->nv, depth, weight, patches, direct ? y + j->column : tile + j->column,
                        direct ? k->y_plane : ldt, start, k0 > 0, last && k->relu && !pool);
    }
    if (last && pool) T(pool_tile)(p, tile, ldt, filter, count);
    else if (last && written < p->pixels)
        T(write_tile)(p, tile, ldt, filter, count, written, p->pixels);
}

KERNEL void T(correlate_piece)(void *context, ptrdiff_t number, int thread)
{
    correlation *k = context;
    T(piece) p = {.k = k};
    arena memory = {k->thread_memory + (size_t)thread * k->thread_bytes, 0};
    T(piece_scratch)(k, &memory, &p);

    p.row = number % k->row_blocks * k->piece_rows, number /= k->row_blocks;
    p.column = number % k->column_blocks * k->piece_columns, number /= k->column_blocks;
    p.first_panel = number % k->filter_blocks * k->block_filters, number /= k->filter_blocks;
    p.image = number % k->image_blocks * k->piece_images;
    p.group = number / k->image_blocks;
    p.rows = smaller(k->piece_rows, k->out_h - p.row);
    p.columns = smaller(k->piece_columns, k->out_w - p.column);
    p.images = smaller(k->piece_images, k->images - p.image);
    p.last_panel = smaller(p.first_panel + k->block_filters, divide_up(k->filters, MR));
    p.pixels = p.images * p.rows * p.columns;
    const ptrdiff_t taps = k->taps_h * k->taps_w;
    p.depth = k->block_channels * taps;
    T(piece_panels)(&p);
    if (!k->unpadded)
        memset(p.copy, 0, (size_t)(k->piece_images * k->pad_image + VL) * REAL_BYTES);

    for (ptrdiff_t c = 0; c < k->channels; c += k->block_channels) {
        const ptrdiff_t count = smaller(k->block_channels, k->channels - c);
        T(pack_patches)(&p, c, count);
        for (ptrdiff_t i = p.first_panel; i < p.last_panel; i++)
            T(multiply_panels)(&p, i, c * taps, count * taps);
    }
}

/* Compute y; with scratch NULL, return how many bytes of it are needed. */
KERNEL size_t T(correlate)(correlation *k, void *scratch, int threads)
{
    const ptrdiff_t panels = k->groups * divide_up(k->filters, MR), depth = k->channels * k->taps_h * k->taps_w;
    arena memory = {scratch, 0}, thread = {NULL, 0};
    T(piece) unused;
    T(plan_pieces)(k);
    T(plan_copy)(k);
    T(piece_scratch)(k, &thread, &unused);
    k->packed_weight = arena_take(&memory, (size_t)(panels * MR * depth) * REAL_BYTES);
    k->packed_bias = arena_take(&memory, (size_t)(panels * MR) * REAL_BYTES);
    k->thread_bytes = thread.used;
    k->thread_memory = arena_take(&memory, thread.used * (size_t)threads);
    if (!scratch) return memory.used;
    engine_parallel(panels, threads, T(pack_weight), k);
    engine_parallel(k->groups * k->image_blocks * k->filter_blocks * k->column_blocks * k->row_blocks,
                    threads, T(correlate_piece), k);
    return memory.used;
}

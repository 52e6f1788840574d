/* conv/correlate.h: convolution as a product of packed weights and gathered patches (implicit GEMM).
 *
 *     weights, packed once a call:  [panel of MR filters][channel, tap][MR]
 *     patches, never written out:   row (channel, tap), read at an offset from where the pixels are
 *
 * A piece copies its input with the padding it needs (gather.h), and multiplies it with all its filters
 * while it is in the cache.  Each output is one sum in the order of (channel, tap), however it is cut; a deep
 * one has blocks of SUM_BLOCK products, from the first on, whose sums are added in double.
 */

KERNEL void T(pack_weight)(void *context, ptrdiff_t number, int thread)
{
    const correlation *k = context;
    const ptrdiff_t panels = divide_up(k->filters, MR);
    const output_phase *phase = &k->out_phase[number / (panels * k->groups)];
    const ptrdiff_t depth = k->channels * phase->taps;
    number %= panels * k->groups;
    const ptrdiff_t group = number / panels, first = number % panels * MR;
    const ptrdiff_t count = smaller(MR, k->filters - first);
    const REAL *weight = (const REAL *)phase->weight + group * k->weight_group + first * k->weight_filter;
    const REAL *bias = (const REAL *)k->bias + group * k->filters + first;
    REAL *start = (REAL *)k->packed_bias + number * MR;
    for (ptrdiff_t i = 0; i < MR; i++) {
        REAL *to = (REAL *)phase->packed_weight + number * MR * depth + i;
        if (phase == k->out_phase) start[i] = k->bias && i < count ? bias[i] : 0;
        for (ptrdiff_t c = 0; c < k->channels; c++) {
            const REAL *from = weight + i * k->weight_filter + c * k->weight_channel;
            for (ptrdiff_t t = 0; t < phase->taps_h; t++)
                for (ptrdiff_t u = 0; u < phase->taps_w; u++, to += MR)
                    *to = i < count ? from[t * k->weight_i + u * k->weight_j] : 0;
        }
    }
    (void)thread;
}

/* Interleave two phases of columns into one row of n numbers: even[0], odd[0], even[1] ... */
INLINE void T(interleave)(const REAL *even, const REAL *odd, ptrdiff_t n, REAL *to)
{
    for (; n > 0; n -= 2 * VL, even += VL, odd += VL, to += 2 * VL) {
        const V a = VLOAD(even), b = VLOAD(odd), low = SHUFFLE(a, b, LOWS), high = SHUFFLE(a, b, HIGHS);
        if (n >= VL) VSTORE(to, low);
        else VSTOREN(to, low, n);
        if (n >= 2 * VL) VSTORE(to + VL, high);
        else if (n > VL) VSTOREN(to + VL, high, n - VL);
    }
}

/* Write pixels begin .. end of `count` rows of a strip's tile to their places in y.  `phase` is 0 or 1 where rows
 * have two phases, else 0. */
KERNEL void T(write_tile)(const T(piece) *p, const REAL *tile, ptrdiff_t ldt, ptrdiff_t filter, ptrdiff_t count,
                          ptrdiff_t phase, ptrdiff_t strip, ptrdiff_t begin, ptrdiff_t end)
{
    const correlation *k = p->k;
    const ptrdiff_t width = k->piece_columns, y_column = k->y_column;
    const int paired = k->out_phases_w == 2;
    REAL *y = (REAL *)k->y + (p->image + strip) * k->y_image + (p->group * k->filters + filter) * k->y_plane
        + p->row * k->y_row + p->column * k->y_column + phase * k->y_width;
    for (ptrdiff_t pixel = begin, next; pixel < end; pixel = next) {
        const ptrdiff_t image = pixel / (p->rows * width), row = pixel / width % p->rows;
        const ptrdiff_t column = pixel % width, size = smaller(p->columns - column, end - pixel);
        next = pixel - column + width;
        if (phase && 2 * (p->row + row) + 1 >= k->y_height) continue;
        for (ptrdiff_t i = 0; i < count; i++) {
            const REAL *from = tile + i * ldt + pixel;
            REAL *to = y + image * k->y_image + i * k->y_plane + row * k->y_row + column * y_column;
            ptrdiff_t u = 0;
            if (paired) {
                const ptrdiff_t left = k->y_width - 2 * (p->column + column);
                T(interleave)(from, from + p->tile_size, smaller(2 * size, left), to);
                continue;
            }
            if (y_column == 1) {
                for (; u + VL <= size; u += VL) VSTORE(to + u, VLOAD(from + u));
                if (u < size) VSTOREN(to + u, VLOADN(from + u, size - u), size - u), u = size;
            } else if (y_column == 2)
                for (; u + VL <= size; u += VL) T(vstore_evens)(to + 2 * u, VLOAD(from + u));
            for (; u < size; u++) to[u * y_column] = from[u];
        }
    }
}

/* The same for y that is max-pooled 2x2: every pair of rows becomes one. */
KERNEL void T(pool_tile)(const T(piece) *p, const REAL *tile, ptrdiff_t ldt, ptrdiff_t filter, ptrdiff_t count)
{
    const correlation *k = p->k;
    const ptrdiff_t width = k->piece_columns, windows = p->columns / 2;
    const ptrdiff_t image_columns = p->strips > 1 ? p->strip_columns : p->rows * width;
    for (ptrdiff_t image = 0; image < p->images; image++)
        for (ptrdiff_t i = 0; i < count; i++) {
            const ptrdiff_t plane = ((p->image + image) * k->groups + p->group) * k->filters + filter + i;
            for (ptrdiff_t r = 0; r + 1 < p->rows; r += 2) {
                const REAL *top = tile + i * ldt + image * image_columns + r * width;
                const ptrdiff_t to = (plane * (k->out_h / 2) + (p->row + r) / 2) * (k->out_w / 2) + p->column / 2;
                for (ptrdiff_t j = 0; j < windows; j += VL)
                    T(pool_windows)(top + 2 * j, top + width + 2 * j, smaller(VL, windows - j),
                                    (REAL *)k->y + to + j, k->post.argmax + to + j, k->post.relu);
            }
        }
}

/* Products first .. end of deep sums, for MR filters and nv vectors of pixels: in `tile` is the sum of the block
 * that is not complete, in `sums` that of those before it; with `last` the whole sum, rounded, in tile. */
KERNEL void T(deep_sums)(int nv, ptrdiff_t first, ptrdiff_t end, const REAL *a, const REAL *const *b,
                         const ptrdiff_t *offset, REAL *tile, double *sums, ptrdiff_t ldt, const REAL *start,
                         int last, int relu)
{
    for (ptrdiff_t k = first, next; k < end; a += (next - k) * MR, offset += next - k, k = next) {
        next = smaller(end, (k / SUM_BLOCK + 1) * SUM_BLOCK);
        T(micro_gathered)(nv, next - k, a, b, offset, tile, ldt, k ? NULL : start, k % SUM_BLOCK != 0, 0);
        const int done = last && next == end;
        if (!done && next % SUM_BLOCK) continue;
        for (ptrdiff_t i = 0; i < MR; i++) {
            T(add_block)(tile + i * ldt, nv * VL, sums + i * ldt, next > SUM_BLOCK);
            if (!done) continue;
            T(take_sums)(sums + i * ldt, nv * VL, tile + i * ldt);
            if (relu)
                for (ptrdiff_t u = 0; u < nv * VL; u += VL)
                    VSTORE(tile + i * ldt + u, VRELU(VLOAD(tile + i * ldt + u)));
        }
    }
}

/* One panel of filters times all panels of pixels, for channels c .. c + channels.  The numbers of phases are
 * given as constants where they are 1, because loops over them would slow short sums by 3%. */
INLINE void T(multiply_panels)(const T(piece) *p, ptrdiff_t number, ptrdiff_t c, ptrdiff_t channels,
                               const int phases_h, const int phases_w)
{
    const correlation *k = p->k;
    const ptrdiff_t panels = divide_up(k->filters, MR);
    const ptrdiff_t filter = number * MR, count = smaller(MR, k->filters - filter);
    const ptrdiff_t packed = p->group * panels + number, ldt = p->strips * p->strip_columns;
    const REAL *start = (const REAL *)k->packed_bias + packed * MR;
    const ptrdiff_t from = (packed * k->channels + c) * MR;
    const int whole = channels == k->channels, last = c + channels == k->channels;
    const int relu = last && k->post.relu && !k->post.argmax;
    REAL *tile = p->tile + (whole ? 0 : (number - p->first_panel) * MR * ldt);

    /* If a strip's pixels lie in y as they lie in the tile, full blocks are written straight to y. */
    const int straight = whole && !k->deep && !k->post.argmax && count == MR && k->y_column == 1
        && k->out_phases_h == 1 && (p->strips > 1 || p->images == 1)
        && (p->rows == 1 || (k->piece_columns == k->out_w && k->y_row == k->out_w));
    const ptrdiff_t limit = p->rows == 1 ? p->columns : p->strip_pixels;
    REAL *y = (REAL *)k->y + p->image * k->y_image + (p->group * k->filters + filter) * k->y_plane
        + p->row * k->y_row + p->column;
    for (const T(panel) *j = p->panel; j < p->panel + p->panels; j++) {
        const REAL *b[NV];
        for (ptrdiff_t v = 0; v < j->nv; v++) b[v] = p->input + j->at[v];
        const ptrdiff_t end = j->column + j->nv * VL, column = j->strip * p->strip_columns + j->column;
        const int direct = straight && end <= limit;
        REAL *to = y + j->strip * k->y_image + j->column;
        const output_phase *phase = k->out_phase;
        for (int row = 0; row < phases_h; row++) {
            REAL *rows = tile + (whole ? 0 : row * phases_w * p->tile_size);
            for (int i = 0; i < phases_w; i++, phase++) {
                const REAL *weight = (const REAL *)phase->packed_weight + from * phase->taps;
                REAL *sum = rows + i * p->tile_size + column;
                if (k->deep)
                    T(deep_sums)((int)j->nv, c * phase->taps, (c + channels) * phase->taps, weight, b,
                                 phase->offset, sum, p->sums + (sum - p->tile), ldt, start, last, relu);
                else
                    T(micro_gathered)((int)j->nv, channels * phase->taps, weight, b, phase->offset,
                                      direct ? to : sum, direct ? k->y_plane : ldt, start, c > 0, relu);
            }
            if (last && !direct && !k->post.argmax)
                T(write_tile)(p, rows + j->strip * p->strip_columns, ldt, filter, count, row, j->strip, j->column,
                              smaller(end, p->strip_pixels));
        }
    }
    if (last && k->post.argmax) T(pool_tile)(p, tile, ldt, filter, count);
}

/* Set y to zero from this piece's first output to the next piece's. */
KERNEL void T(clear_piece)(const T(piece) *p)
{
    const correlation *k = p->k;
    const ptrdiff_t step = k->y_row / k->y_width;
    const ptrdiff_t top = p->row * step, bottom = smaller(top + p->rows * step, k->y_height);
    const ptrdiff_t left = p->column * k->y_column;
    const ptrdiff_t columns = smaller(p->columns * k->y_column, k->y_width - left);
    const ptrdiff_t first = p->first_panel * MR, last = smaller(p->last_panel * MR, k->filters);
    for (ptrdiff_t image = p->image; image < p->image + p->images; image++)
        for (ptrdiff_t filter = first; filter < last; filter++) {
            REAL *y = (REAL *)k->y + image * k->y_image + (p->group * k->filters + filter) * k->y_plane;
            for (ptrdiff_t row = top; row < bottom; row++)
                memset(y + row * k->y_width + left, 0, (size_t)columns * REAL_BYTES);
        }
}

KERNEL void T(correlate_piece)(void *context, ptrdiff_t number, int thread)
{
    correlation *k = context;
    T(piece) p = {.k = k};
    arena memory = {k->own[thread], 0};
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
    if (k->clear) T(clear_piece)(&p);
    T(piece_panels)(&p);
    for (ptrdiff_t c = 0; c < k->channels; c += k->block_channels) {
        const ptrdiff_t count = smaller(k->block_channels, k->channels - c);
        T(gather_input)(&p, c, count);
        for (ptrdiff_t i = p.first_panel; i < p.last_panel; i++)
            if (k->out_phases_h * k->out_phases_w == 1) T(multiply_panels)(&p, i, c, count, 1, 1);
            else T(multiply_panels)(&p, i, c, count, k->out_phases_h, k->out_phases_w);
    }
}

/* Compute y. */
KERNEL void T(correlate)(correlation *k, workspace *work)
{
    if (k->channels == 0) {                /* nothing to sum */
        k->channels = 1, k->taps_h = k->taps_w = 0;
        for (int i = 0; i < k->out_phases_h * k->out_phases_w; i++) k->out_phase[i].taps_h = 0;
    }
    const ptrdiff_t panels = k->groups * divide_up(k->filters, MR);
    arena kept = {work->kept, 0}, memory = {work->shared, 0}, thread = {NULL, 0};
    T(piece) unused;
    T(plan_pieces)(k);
    T(plan_copy)(k);
    k->deep = k->channels * k->taps_h * k->taps_w > LONGEST_SUM;
    T(piece_scratch)(k, &thread, &unused);
    for (output_phase *phase = k->out_phase; phase < k->out_phase + k->out_phases_h * k->out_phases_w; phase++) {
        phase->taps = phase->taps_h * phase->taps_w;
        const ptrdiff_t size = panels * MR * k->channels * phase->taps;
        phase->packed_weight = arena_take(&kept, (size_t)size * REAL_BYTES);
        phase->offset = arena_take(&memory, (size_t)(k->block_channels * phase->taps) * sizeof(ptrdiff_t));
    }
    k->packed_bias = arena_take(&kept, (size_t)(panels * MR) * REAL_BYTES);
    k->own = work->own;
    if (!workspace_ready_kept(work, kept.used, memory.used, thread.used)) return;
    if (!work->prepared)
        engine_parallel(panels * k->out_phases_h * k->out_phases_w, work->threads, T(pack_weight), k);
    if (work->prepare_only) return;
    for (const output_phase *phase = k->out_phase; phase < k->out_phase + k->out_phases_h * k->out_phases_w;
         phase++)
        for (ptrdiff_t c = 0, at = 0; c < k->block_channels; c++)
            for (ptrdiff_t i = 0; i < phase->taps_h; i++)
                for (ptrdiff_t j = 0; j < phase->taps_w; j++)
                    phase->offset[at++] = T(patch_offset)(k, c, phase->shift_h + i, phase->shift_w + j);
    engine_parallel(k->groups * k->image_blocks * k->filter_blocks * k->column_blocks * k->row_blocks,
                    work->threads, T(correlate_piece), k);
}

/* conv/gather.h: the input of a piece, copied so that one vector load reads a patch element of VL neighbouring
 * pixels.  The copy contains the zero padding, and its columns and rows are grouped by their remainder modulo the
 * step.  If the kind is IN_PLACE, x already has that form and nothing is copied.
 */

typedef struct {
    ptrdiff_t strip, column, nv;           /* first pixel and width in vectors */
    ptrdiff_t at[NV];                      /* where the vectors are in the copy */
} T(panel);

/* The piece that a thread works on.  Its pixels are numbered row after row in strips.  A strip is one image, or
 * all images of the piece if the kind is BY_TAP or if an image is a few whole vectors but no full panel. */
typedef struct {
    correlation *k;
    ptrdiff_t group, image, images, row, rows, column, columns;     /* columns: those to be written */
    ptrdiff_t first_panel, last_panel;     /* panels of filters */
    ptrdiff_t strips, strip_pixels, strip_columns, panels;
    const REAL *input;
    REAL *copy, *tile;
    double *sums;                          /* of tile, where the sums are deep */
    ptrdiff_t tile_size;                   /* of one phase of outputs */
    T(panel) *panel;
} T(piece);

INLINE void T(piece_scratch)(const correlation *k, arena *memory, T(piece) *p)
{
    const ptrdiff_t columns = k->piece_images * divide_up(k->piece_rows * k->piece_columns, VL) * VL;
    const ptrdiff_t tiles = k->block_channels < k->channels ? k->block_filters : 1;
    const ptrdiff_t phases = k->out_phases_h * k->out_phases_w;
    const ptrdiff_t copy = k->kind == IN_PLACE ? 0 : k->block_channels * k->channel_size + VL;
    p->copy = arena_take(memory, (size_t)copy * REAL_BYTES);
    p->tile_size = tiles * MR * columns;
    p->tile = arena_take(memory, (size_t)(phases * p->tile_size + VL) * REAL_BYTES);
    p->sums = arena_take(memory, k->deep ? (size_t)(phases * p->tile_size) * sizeof(double) : 0);
    p->panel = arena_take(memory, (size_t)(columns / VL) * sizeof(T(panel)));
}

/* Cut each strip into panels, as even as possible. */
INLINE void T(piece_panels)(T(piece) *p)
{
    const correlation *k = p->k;
    const ptrdiff_t plane = p->rows * k->piece_columns;
    const int few = k->kind == BY_COLUMN && plane % VL == 0 && plane < NR;
    const int together = k->kind == BY_TAP || few;
    p->strips = together ? 1 : p->images;
    p->strip_pixels = plane * (together ? p->images : 1);
    p->strip_columns = divide_up(p->strip_pixels, VL) * VL;
    const ptrdiff_t vectors = p->strip_columns / VL, panels = divide_up(vectors, NV);
    p->panels = 0;
    for (ptrdiff_t strip = 0; strip < p->strips; strip++)
        for (ptrdiff_t j = 0, column = 0; j < panels; j++) {
            const ptrdiff_t nv = vectors / panels + (j < vectors % panels);
            T(panel) *panel = &p->panel[p->panels++];
            panel->strip = strip, panel->column = column, panel->nv = nv;
            for (ptrdiff_t v = 0; v < nv; v++, column += VL) {
                const ptrdiff_t row = column / k->piece_columns, width = k->piece_columns;
                panel->at[v] = strip * k->image_size
                    + (k->pitch == width ? column : column + row * (k->pitch - width));
                if (few) panel->at[v] += column / plane * (k->image_size - plane);
            }
        }
}

/* A block of `rows` rows: to[r * pitch + q] = from[r * next + q * step] for begin <= q < end, else 0.
 *
 * With steps 1 and 2, whole vectors are stored.  The last vector of a row then writes beyond the end of the
 * row, into the beginning of the next one.  So the last vectors of all rows are stored first and the first ones
 * last, which overwrites what was too much.  Three rows of 6 with vectors of 4 (. not yet written, - to be
 * overwritten):
 *
 *     q = 4:  . . . . 4 5 | - - . . 4 5 | - - . . 4 5 | - -
 *     q = 0:  0 1 2 3 4 5 | 0 1 2 3 4 5 | 0 1 2 3 4 5 | - -
 *
 * The block copied next (rows, image, copy or channel) begins after the last row and overwrites what that row
 * stored too much.  After the very last block there is room for a vector (piece_scratch). */
INLINE void T(copy_rows)(const REAL *from, ptrdiff_t next, ptrdiff_t step, ptrdiff_t begin, ptrdiff_t end,
                         REAL *to, ptrdiff_t pitch, ptrdiff_t rows, ptrdiff_t size)
{
    if (step > 2 || (step == 2 && size < 3)) {
        for (ptrdiff_t r = 0; r < rows; r++, from += next, to += pitch) {
            ptrdiff_t q = 0;
            for (; q < begin; q++) to[q] = 0;
            for (; (step == 3 || step == 4) && q < end; q = smaller(end, q + VL)) {
                const ptrdiff_t n = smaller(VL, end - q);
                const V v = step == 3 ? T(vload_every_3)(from + 3 * q, n) : T(vload_every_4)(from + 4 * q, n);
                if (n == VL) VSTORE(to + q, v);
                else VSTOREN(to + q, v, n);
            }
            for (; q < end; q++) to[q] = from[q * step];
            for (; q < size; q++) to[q] = 0;
        }
        return;
    }
    for (ptrdiff_t q = (size - 1) / VL * VL; q >= 0; q -= VL) {
        const ptrdiff_t first = larger(begin - q, 0), last = smaller(end - q, VL);
        const REAL *x = from + q * step;
        REAL *y = to + q;
        if (first >= last)
            for (ptrdiff_t r = 0; r < rows; r++, y += pitch) VSTORE(y, VZERO);
        else if (step == 2)
            for (ptrdiff_t r = 0; r < rows; r++, x += next, y += pitch)
                VSTORE(y, T(vload_evens_between)(x, first, last));
        else if (first == 0 && last == VL)
            for (ptrdiff_t r = 0; r < rows; r++, x += next, y += pitch) VSTORE(y, VLOAD(x));
        else
            for (ptrdiff_t r = 0; r < rows; r++, x += next, y += pitch) VSTORE(y, VLOADR(x, first, last));
    }
}

/* A block of rows whose columns lie in two phases of `size` numbers, side by side: column c at place c / 2 of
 * phase c % 2.  Columns first .. end become 0. */
INLINE void T(clear_columns)(ptrdiff_t first, ptrdiff_t end, REAL *to, ptrdiff_t size, ptrdiff_t rows)
{
    for (ptrdiff_t c = first; c < end; c++)
        for (ptrdiff_t r = 0; r < rows; r++) to[(2 * r + c % 2) * size + c / 2] = 0;
}

/* The same block, for step 2: columns begin .. end are x[begin] .. x[end], the others 0.  Vectors of neighbours
 * become a vector of each phase; the last ones overlap those before them. */
INLINE void T(split_rows)(const REAL *x, ptrdiff_t next, ptrdiff_t begin, ptrdiff_t end, REAL *to, ptrdiff_t size,
                          ptrdiff_t rows)
{
    T(clear_columns)(0, begin, to, size, rows);
    T(clear_columns)(end, 2 * size, to, size, rows);
    for (ptrdiff_t c = begin; c < end; c += 2 * VL) {
        const ptrdiff_t count = smaller(end - begin, 2 * VL), evens = (count + 1) / 2, odds = count / 2;
        const ptrdiff_t at = smaller(c, end - count);
        const REAL *from = x + at;
        REAL *first = to + at % 2 * size + at / 2, *second = to + (at + 1) % 2 * size + (at + 1) / 2;
        for (ptrdiff_t r = 0; r < rows; r++, from += next, first += 2 * size, second += 2 * size)
            if (count == 2 * VL) {
                const V a = VLOAD(from), b = VLOAD(from + VL);
                VSTORE(first, SHUFFLE(a, b, EVENS));
                VSTORE(second, SHUFFLE(a, b, ODDS));
            } else {
                const V a = VLOADN(from, smaller(count, VL));
                const V b = count > VL ? VLOADN(from + VL, count - VL) : VZERO;
                VSTOREN(first, SHUFFLE(a, b, EVENS), evens);
                if (odds) VSTOREN(second, SHUFFLE(a, b, ODDS), odds);
            }
    }
}

/* One copy of one channel of one image: its rows from y on.  x[0] stands for column u.  The caller gives
 * a step of 1 as a constant, because the code for other steps would slow small images by 5%. */
INLINE void T(copy_image)(const correlation *k, const REAL *x, ptrdiff_t y, ptrdiff_t u, ptrdiff_t step_w,
                          REAL *to)
{
    const ptrdiff_t phases_w = k->kind == PADDED ? k->phases_w : 1;
    const ptrdiff_t phases_h = k->kind == BY_TAP ? 1 : k->phases_h;
    const ptrdiff_t rows = k->kind == BY_TAP ? k->slots : k->phase_rows;
    const ptrdiff_t size = k->kind == PADDED ? k->phase_columns : k->pitch;
    for (ptrdiff_t i = 0; i < phases_h; i++, to += rows * k->pitch, y++) {
        const ptrdiff_t above = y < 0 ? smaller(rows, divide_by_step(-y, k->step_h)) : 0;
        const ptrdiff_t until = y < k->height ? smaller(rows, divide_by_step(k->height - y, k->step_h)) : 0;
        const ptrdiff_t inside = larger(until - above, 0), below = rows - above - inside;
        if (phases_w == 2 && step_w == 2) {
            const ptrdiff_t left = smaller(2 * size, larger(0, -u));
            const ptrdiff_t right = larger(left, smaller(2 * size, k->width - u));
            memset(to, 0, (size_t)(above * k->pitch) * REAL_BYTES);
            T(split_rows)(x + (y + above * k->step_h) * k->width + u, k->step_h * k->width, left, right,
                          to + above * k->pitch, size, inside);
            memset(to + (above + inside) * k->pitch, 0, (size_t)(below * k->pitch) * REAL_BYTES);
            continue;
        }
        for (ptrdiff_t j = 0; j < phases_w; j++) {
            const ptrdiff_t v = u + j, room = k->width - v, next = k->step_h * k->width;
            const ptrdiff_t begin = v < 0 ? smaller(size, divide_by_step(-v, step_w)) : 0;
            const ptrdiff_t end = room > 0 ? smaller(size, divide_by_step(room, step_w)) : 0;
            REAL *row = to + j * size;
            T(copy_rows)(x, next, step_w, 0, 0, row, k->pitch, above, size);
            row += above * k->pitch;
            T(copy_rows)(x + (y + above * k->step_h) * k->width + v, next, step_w, begin, end, row, k->pitch,
                         inside, size);
            T(copy_rows)(x, next, step_w, 0, 0, row + inside * k->pitch, k->pitch, below, size);
        }
    }
}

/* All copies of one channel; x is the channel in the piece's first image. */
INLINE void T(copy_channel)(const T(piece) *p, const REAL *x, REAL *to)
{
    const correlation *k = p->k;
    const ptrdiff_t next_image = k->groups * k->channels * k->height * k->width;
    const ptrdiff_t y0 = p->row * k->step_h - k->top, x0 = p->column * k->step_w - k->left;
    const ptrdiff_t step = k->step_w, size = k->image_size;
    const ptrdiff_t lines = k->kind == BY_TAP ? k->taps_h : 1, columns = k->kind == PADDED ? 1 : k->taps_w;
    for (ptrdiff_t i = 0; i < lines; i++)
        for (ptrdiff_t j = 0; j < columns; j++, to += k->copy_size)
            for (ptrdiff_t image = 0; image < p->images; image++) {
                const ptrdiff_t y = y0 + i * k->gap_h, u = x0 + j * k->gap_w;
                if (step == 1) T(copy_image)(k, x + image * next_image, y, u, 1, to + image * size);
                else T(copy_image)(k, x + image * next_image, y, u, step, to + image * size);
            }
}

/* Make channels c .. c + count of the piece readable at p->input. */
KERNEL void T(gather_input)(T(piece) *p, ptrdiff_t c, ptrdiff_t count)
{
    const correlation *k = p->k;
    const ptrdiff_t plane = k->height * k->width;
    const REAL *x = (const REAL *)k->x + ((p->image * k->groups + p->group) * k->channels + c) * plane;
    p->input = p->copy;
    if (k->kind == IN_PLACE) p->input = x + p->row * k->width + p->column;
    else if (k->taps_h)
        for (ptrdiff_t i = 0; i < count; i++) T(copy_channel)(p, x + i * plane, p->copy + i * k->channel_size);
}

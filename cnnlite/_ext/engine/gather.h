/* gather.h: the input of a piece, in a form in which every patch element of VL neighbouring pixels is one
 * vector load.  Its zero padding is written out, its columns and rows are sorted by their remainder modulo
 * the step.  IN_PLACE nothing is copied: x has that form already.
 */

typedef struct {
    ptrdiff_t strip, column, nv;           /* first pixel and width in vectors */
} T(panel);

/* What a thread works on.  Pixels are numbered row after row in strips: a strip is an image, or, BY_TAP,
 * all images of the piece. */
typedef struct {
    correlation *k;
    ptrdiff_t group, image, images, row, rows, column, columns;     /* columns: those to be written */
    ptrdiff_t first_panel, last_panel;     /* panels of filters */
    ptrdiff_t strips, strip_pixels, strip_columns, panels;
    const REAL *input;
    REAL *copy, *tile;
    T(panel) *panel;
} T(piece);

INLINE void T(piece_scratch)(const correlation *k, arena *memory, T(piece) *p)
{
    const ptrdiff_t columns = k->piece_images * divide_up(k->piece_rows * k->piece_columns, VL) * VL;
    const ptrdiff_t tiles = k->block_channels < k->channels ? k->block_filters : 1;
    const ptrdiff_t copy = k->kind == IN_PLACE ? 0 : k->block_channels * k->channel_size + VL;
    p->copy = arena_take(memory, (size_t)copy * REAL_BYTES);
    p->tile = arena_take(memory, (size_t)(tiles * MR * columns) * REAL_BYTES);
    p->panel = arena_take(memory, (size_t)(columns / VL) * sizeof(T(panel)));
}

/* Cut each strip into panels, as even as possible. */
INLINE void T(piece_panels)(T(piece) *p)
{
    const correlation *k = p->k;
    const int together = k->kind == BY_TAP;
    p->strips = together ? 1 : p->images;
    p->strip_pixels = p->rows * k->piece_columns * (together ? p->images : 1);
    p->strip_columns = divide_up(p->strip_pixels, VL) * VL;
    const ptrdiff_t vectors = p->strip_columns / VL, panels = divide_up(vectors, NV);
    p->panels = 0;
    for (ptrdiff_t strip = 0; strip < p->strips; strip++)
        for (ptrdiff_t j = 0, column = 0; j < panels; j++) {
            const ptrdiff_t nv = vectors / panels + (j < vectors % panels);
            p->panel[p->panels++] = (T(panel)){strip, column, nv};
            column += nv * VL;
        }
}

/* to[q] = from[q * step] where first + q * step lies in 0 .. width, else 0. */
INLINE void T(copy_row)(const REAL *from, ptrdiff_t first, ptrdiff_t step, ptrdiff_t width, REAL *to,
                        ptrdiff_t size)
{
    ptrdiff_t begin = first < 0 ? smaller(size, divide_up(-first, step)) : 0, q = 0;
    const ptrdiff_t end = first < width ? larger(begin, smaller(size, divide_up(width - first, step))) : begin;
    for (; q < begin; q++) to[q] = 0;
    if (step == 1) {
        for (; q + VL <= end; q += VL) VSTORE(to + q, VLOAD(from + q));
        if (q < end) VSTOREN(to + q, VLOADN(from + q, end - q), end - q);
    } else
        for (; q < end; q++) to[q] = from[q * step];
    for (q = end; q < size; q++) to[q] = 0;
}

/* All copies of one channel; x is the channel of the piece's first image. */
INLINE void T(copy_channel)(const T(piece) *p, const REAL *x, REAL *to)
{
    const correlation *k = p->k;
    const ptrdiff_t next_image = k->groups * k->channels * k->height * k->width;
    const ptrdiff_t y0 = p->row * k->step_h - k->top, x0 = p->column * k->step_w - k->left;
    for (ptrdiff_t copy = 0; copy < k->copies; copy++)
        for (ptrdiff_t image = 0; image < p->images; image++) {
            REAL *row = to + copy * k->copy_size + image * k->image_size;
            for (ptrdiff_t slot = 0; slot < k->slots; slot++, row += k->pitch) {
                ptrdiff_t y = y0 + slot % k->phase_rows * k->step_h + slot / k->phase_rows, u = x0;
                if (k->kind == BY_TAP) y = y0 + slot * k->step_h + copy / larger(1, k->taps_w) * k->gap_h;
                if (k->kind != PADDED) u += copy % larger(1, k->taps_w) * k->gap_w;
                const REAL *from = x + image * next_image + y * k->width + u;
                if (y < 0 || y >= k->height) memset(row, 0, (size_t)k->pitch * REAL_BYTES);
                else if (k->kind != PADDED) T(copy_row)(from, u, k->step_w, k->width, row, k->pitch);
                else
                    for (ptrdiff_t phase = 0; phase < k->phases_w; phase++)
                        T(copy_row)(from + phase, u + phase, k->step_w, k->width,
                                    row + phase * k->phase_columns, k->phase_columns);
            }
        }
}

/* Make channels c .. c + count of the piece readable at p->input. */
KERNEL void T(gather_input)(T(piece) *p, ptrdiff_t c, ptrdiff_t count)
{
    const correlation *k = p->k;
    const ptrdiff_t plane = k->height * k->width;
    const REAL *x = (const REAL *)k->x
        + ((p->image * k->groups + p->group) * k->channels + c) * plane;
    p->input = p->copy;
    if (k->kind == IN_PLACE) p->input = x + p->row * k->width + p->column;
    else
        for (ptrdiff_t i = 0; i < count; i++)
            T(copy_channel)(p, x + i * plane, p->copy + i * k->channel_size);
}

/* gather.h: patches into panels.
 *
 * A piece's pixels, row after row, are the columns of the panels; a panel holds nv * VL of them for every
 * k = (channel, tap).  Neighbouring pixels of a row read neighbouring inputs, so a panel's row is made of
 * a few segments, each of which is one vector load and one vector store.  The last lanes of a segment may
 * run over its end: the segment after it, or the panel's next row, is written later and mends that.
 */

typedef struct {
    correlation *k;
    ptrdiff_t group, image, images, row, rows, column, columns;     /* what the piece covers */
    ptrdiff_t first_panel, last_panel;     /* panels of filters */
    ptrdiff_t pixels, panels, depth;       /* depth: patch elements packed at a time */
    REAL *copy, *packed, *tile;
    panel *panel;
    segment *segment;
} T(piece);

/* Most vectors, panels and segments a piece can have: pixels fill vectors one after the other, and
 * every row of pixels may begin a new segment. */
INLINE ptrdiff_t T(piece_vectors)(const correlation *k)
{
    return divide_up(k->piece_images * k->piece_rows * k->piece_columns, VL);
}

INLINE void T(piece_scratch)(const correlation *k, arena *memory, T(piece) *p)
{
    const ptrdiff_t vectors = T(piece_vectors)(k), panels = divide_up(vectors, NV);
    const ptrdiff_t depth = k->block_channels * k->taps_h * k->taps_w;
    const ptrdiff_t rows = k->piece_images * k->piece_rows;
    const ptrdiff_t tiles = k->block_channels < k->channels ? k->block_filters : 1;
    const ptrdiff_t copy = k->unpadded ? 0 : k->piece_images * k->pad_image;
    p->copy = arena_take(memory, (size_t)(copy + VL) * REAL_BYTES);
    p->packed = arena_take(memory, (size_t)(depth * vectors + panels) * VL * REAL_BYTES);
    p->tile = arena_take(memory, (size_t)(tiles * MR * vectors) * VL * REAL_BYTES);
    p->panel = arena_take(memory, (size_t)panels * sizeof(panel));
    p->segment = arena_take(memory, (size_t)(2 * vectors + rows + panels) * sizeof(segment));
}

/* Cut the piece's pixels into panels, as even as possible, and each panel's row into segments. */
INLINE void T(piece_panels)(T(piece) *p)
{
    const correlation *k = p->k;
    const ptrdiff_t vectors = divide_up(p->pixels, VL);
    p->panels = divide_up(vectors, NV);
    ptrdiff_t pixel = 0, segments = 0, base = 0, x = 0, y = 0, image = 0;
    for (ptrdiff_t j = 0; j < p->panels; j++) {
        const ptrdiff_t nv = vectors / p->panels + (j < vectors % p->panels);
        const ptrdiff_t end = smaller(pixel + nv * VL, p->pixels), begin = pixel;
        while (pixel < end) {
            const ptrdiff_t size = smaller(VL, smaller(end - pixel, p->columns - x));
            p->segment[segments++] = (segment){
                image * k->pad_image + y * k->pad_row + x, pixel - begin, size};
            pixel += size;
            if ((x += size) == p->columns) {
                x = 0;
                if (++y == p->rows) { y = 0; image++; }
            }
        }
        p->panel[j] = (panel){begin, nv, base, segments};
        base += nv * VL * p->depth + VL;
    }
}

/* One row of x into the copy: from[0] is left of x by as much as the padding says. */
INLINE void T(copy_row)(const correlation *k, const REAL *from, REAL *to, ptrdiff_t x0)
{
    for (ptrdiff_t phase = 0; phase < k->phases_w; phase++, to += k->phase_columns) {
        const ptrdiff_t step = k->step_w, inside = k->width - x0 - phase;
        ptrdiff_t q = x0 + phase < 0 ? divide_up(-x0 - phase, step) : 0;
        const ptrdiff_t end = inside <= 0 ? 0 : smaller(k->phase_columns, divide_up(inside, step));
        if (step == 1) {
            for (; q + VL <= end; q += VL) VSTORE(to + q, VLOAD(from + q));
            if (q < end) VSTOREN(to + q, VLOADN(from + q, end - q), end - q);
        } else
            for (; q < end; q++) to[q] = from[phase + q * step];
    }
}

/* Copy what the piece reads of a channel into its zero padding (zeroed once: only the inside changes). */
INLINE void T(copy_channel)(const T(piece) *p, const REAL *x, ptrdiff_t image_stride)
{
    const correlation *k = p->k;
    const ptrdiff_t y0 = p->row * k->step_h - k->top, x0 = p->column * k->step_w - k->left;
    for (ptrdiff_t image = 0; image < p->images; image++, x += image_stride)
        for (ptrdiff_t r = 0; r < k->phases_h * k->phase_rows; r++) {
            const ptrdiff_t y = y0 + r % k->phase_rows * k->step_h + r / k->phase_rows;
            if (y >= 0 && y < k->height)
                T(copy_row)(k, x + y * k->width + x0, p->copy + image * k->pad_image + r * k->pad_row, x0);
        }
}

/* Pack the patches of one channel: rows row .. row + taps of every panel. */
INLINE void T(pack_channel)(const T(piece) *p, const REAL *copy, ptrdiff_t row, int exact)
{
    const correlation *k = p->k;
    for (ptrdiff_t t = 0; t < k->taps_h * k->taps_w; t++) {
        const ptrdiff_t v = t / k->taps_w * k->gap_h, u = t % k->taps_w * k->gap_w;
        const REAL *from = copy + (v % k->step_h * k->phase_rows + v / k->step_h) * k->pad_row
            + u % k->step_w * k->phase_columns + u / k->step_w;
        const segment *s = p->segment;
        for (const panel *j = p->panel; j < p->panel + p->panels; j++) {
            REAL *to = p->packed + j->base + (row + t) * j->nv * VL;
            const segment *end = p->segment + j->segments;
            if (exact)                     /* the end of x: nothing may be read beyond it */
                for (; s < end; s++)
                    for (ptrdiff_t i = 0; i < s->size; i++) to[s->to + i] = from[s->from + i];
            else
                for (; s < end; s++) VSTORE(to + s->to, VLOAD(from + s->from));
        }
    }
}

/* Pack channels c .. c + count of the piece. */
KERNEL void T(pack_patches)(const T(piece) *p, ptrdiff_t c, ptrdiff_t count)
{
    const correlation *k = p->k;
    const ptrdiff_t plane = k->height * k->width, all = k->groups * k->channels;
    const ptrdiff_t taps = k->taps_h * k->taps_w;
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t channel = p->group * k->channels + c + i;
        const REAL *x = (const REAL *)k->x + (p->image * all + channel) * plane;
        if (k->unpadded) {
            const ptrdiff_t left = (k->images - p->image - p->images + 1) * all - channel - 1;
            const int exact = left * plane < VL;
            const REAL *origin = x + p->row * k->width + p->column;
            T(pack_channel)(p, origin, i * taps, exact);
        } else {
            T(copy_channel)(p, x, all * plane);
            T(pack_channel)(p, p->copy, i * taps, 0);
        }
    }
}

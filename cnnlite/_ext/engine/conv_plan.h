/* conv_plan.h: how a correlation is cut.  By its shape only: any number of threads finds the same pieces. */

INLINE void T(plan_pieces)(correlation *k)
{
    const ptrdiff_t plane = k->out_h * k->out_w, pool = k->argmax ? 2 : 1;
    ptrdiff_t pixels = divide_up(k->images * plane, MINIMUM_PIECES);
    pixels = smaller(PIECE_PIXELS, larger(NR, pixels));
    k->piece_images = smaller(k->images, larger(1, pixels / plane));
    k->piece_rows = k->out_h;
    k->piece_columns = k->out_w;
    if (k->out_w * pool > 2 * pixels) {
        k->piece_rows = pool;
        k->piece_columns = divide_up(k->out_w, divide_up(k->out_w * pool, pixels));
        k->piece_columns = divide_up(k->piece_columns, 2 * VL) * 2 * VL;
    } else if (plane > pixels) {
        ptrdiff_t cuts = (plane + pixels / 2) / pixels;
        k->piece_rows = divide_up(divide_up(k->out_h, cuts), pool) * pool;
    }
    k->image_blocks = divide_up(k->images, k->piece_images);
    k->row_blocks = divide_up(k->out_h, k->piece_rows);
    k->column_blocks = divide_up(k->out_w, k->piece_columns);

    /* Few pieces (one small image): the filters are cut too, and patches packed more than once. */
    ptrdiff_t pieces = k->groups * k->image_blocks * k->row_blocks * k->column_blocks;
    ptrdiff_t panels = divide_up(k->filters, MR);
    ptrdiff_t cuts = smaller(panels, larger(1, MINIMUM_PIECES / 2 / larger(1, pieces)));
    k->block_filters = divide_up(panels, cuts);
    k->filter_blocks = divide_up(panels, k->block_filters);
    k->block_channels = smaller(k->channels, larger(1, BLOCK_DEPTH / larger(1, k->taps_h * k->taps_w)));
}

/* The copy of a channel: the rows and columns that a piece reads, sorted by their remainder modulo the
 * step, so that what neighbouring outputs read through one tap lies together whatever the step. */
INLINE void T(plan_copy)(correlation *k)
{
    const ptrdiff_t last_y = larger(0, k->taps_h - 1) * k->gap_h;
    const ptrdiff_t last_x = larger(0, k->taps_w - 1) * k->gap_w;
    k->phases_h = smaller(k->step_h, last_y + 1);
    k->phases_w = smaller(k->step_w, last_x + 1);
    k->phase_rows = k->piece_rows + last_y / k->step_h;
    k->phase_columns = k->piece_columns + last_x / k->step_w;
    k->pad_row = k->phases_w * k->phase_columns;
    k->pad_image = k->phases_h * k->phase_rows * k->pad_row;
    k->unpadded = k->step_h == 1 && k->step_w == 1 && k->top == 0 && k->left == 0
        && k->out_h + last_y <= k->height && k->out_w + last_x <= k->width;
    if (k->unpadded) {                     /* x itself serves */
        k->pad_row = k->width;
        k->pad_image = k->groups * k->channels * k->height * k->width;
    }
}

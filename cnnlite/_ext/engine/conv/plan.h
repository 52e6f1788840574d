/* conv/plan.h: how a correlation is cut.  By its shape only: any number of threads finds the same pieces. */

INLINE void T(plan_pieces)(correlation *k)
{
    const ptrdiff_t plane = k->out_h * k->out_w, pool = k->post.argmax ? 2 : 1;
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
    /* Rows that nearly fill their vectors are filled up.  One copy of the input then suffices, instead of one for
     * each column of the kernel.  But the outputs are written by way of a tile, so this pays only if they are
     * few. */
    const ptrdiff_t filled = divide_up(k->out_w, VL) * VL;
    if (k->piece_columns == k->out_w && 8 * k->out_w >= 7 * filled
        && 2 * k->channels * (k->taps_w - 1) > k->filters)
        k->piece_columns = filled;
    k->image_blocks = divide_up(k->images, k->piece_images);
    k->row_blocks = divide_up(k->out_h, k->piece_rows);
    k->column_blocks = divide_up(k->out_w, k->piece_columns);

    /* If there are few pieces (one small image), the filters are cut too, and each cut copies the patches
     * again. */
    ptrdiff_t pieces = k->groups * k->image_blocks * k->row_blocks * k->column_blocks;
    ptrdiff_t panels = divide_up(k->filters, MR);
    ptrdiff_t cuts = smaller(panels, larger(1, MINIMUM_PIECES / 4 / larger(1, pieces)));
    k->block_filters = divide_up(panels, cuts);
    k->filter_blocks = divide_up(panels, k->block_filters);
}

/* Choose the form in which a piece reads its input: the one with the fewest copies that fills its vectors well.
 *
 *     kind       copies  rows of a copy         columns (pitch)         where
 *     IN_PLACE   none    those of x             those of x              PADDED would be x itself
 *     PADDED     1       phases_h * phase_rows  phases_w * phase_columns   rows of outputs fill vectors
 *     BY_COLUMN  taps_w  phases_h * phase_rows  piece_columns           all rows of an image together do
 *     BY_TAP     taps    piece_rows             piece_columns           only all images together do, or
 *                                                                       the taps lie too far apart
 *
 * An example: 3x3, padding 1, x and y of 8 x 8 pixels.  Vectors of 8 are one row of y each.  PADDED is one
 * copy of 10 x 10: tap (i, j) of row r is the vector at (r + i) * 10 + j.  Vectors of 16 are two rows of y,
 * whose pixels do not lie together in a row of 10.  BY_COLUMN is three copies of 10 x 8, copy j with what
 * column j of the kernel sees: tap (i, j) of rows r and r + 1 is the vector at (r + i) * 8 of copy j.  And
 * of 7 x 7 pixels, 49, the fourth vector of 16 would hold one.  BY_TAP is nine copies of 7 x 7, image after
 * image: a vector goes on in the next image, and tap (i, j) is at the vector's own place in copy 3 i + j.
 *
 * With step 2 neighbours in y are 2 apart in x: a row of a copy holds its even columns, then its odd ones
 * (two phases), and its rows are ordered likewise. */
INLINE void T(plan_copy)(correlation *k)
{
    const ptrdiff_t last_y = larger(0, k->taps_h - 1) * k->gap_h;
    const ptrdiff_t last_x = larger(0, k->taps_w - 1) * k->gap_w;
    const ptrdiff_t plane = k->piece_rows * k->piece_columns, taps = larger(1, k->taps_h * k->taps_w);
    k->phases_h = smaller(k->step_h, last_y + 1);
    k->phases_w = smaller(k->step_w, last_x + 1);
    k->phase_rows = k->piece_rows + last_y / k->step_h;
    k->phase_columns = k->piece_columns + last_x / k->step_w;
    k->slots = k->phases_h * k->phase_rows;
    if (k->piece_columns % VL == 0) {
        k->kind = PADDED;
        k->copies = 1;
        k->pitch = k->phases_w * k->phase_columns;
        if (k->step_h == 1 && k->step_w == 1 && k->top == 0 && k->left == 0 && k->out_h + last_y <= k->height
            && k->out_w + last_x <= k->width && k->out_w % k->piece_columns == 0)
            k->kind = IN_PLACE;
    } else {
        k->kind = BY_COLUMN;
        k->copies = larger(1, k->taps_w);
        k->pitch = k->piece_columns;
    }
    const int filled = k->piece_images == 1 || 8 * plane >= 7 * (divide_up(plane, VL) * VL);
    const ptrdiff_t size = k->copies * k->slots * k->pitch;
    const int far_apart = size > COPY_BYTES / REAL_BYTES && size > taps * plane;
    if (k->kind != IN_PLACE && (far_apart || (k->kind == BY_COLUMN && !filled))) {
        k->kind = BY_TAP;
        k->copies = taps;
        k->slots = k->piece_rows;
        k->pitch = k->piece_columns;
    }
    k->image_size = k->slots * k->pitch;
    k->copy_size = k->piece_images * k->image_size;
    /* The distance of channels is an odd number of cache lines; with a power of two they would share few sets. */
    k->channel_size = (divide_up(k->copies * k->copy_size, 16) | 1) * 16;
    k->block_channels = larger(1, COPY_BYTES / REAL_BYTES / k->channel_size);
    k->block_channels = divide_up(k->channels, divide_up(k->channels, k->block_channels));
    if (k->kind == IN_PLACE) {
        k->pitch = k->width;
        k->channel_size = k->height * k->width;
        k->image_size = k->groups * k->channels * k->channel_size;
        k->block_channels = k->channels;
    }
}

/* Where, from a vector's place, the patch element (channel c of the block, tap (i, j)) is. */
INLINE ptrdiff_t T(patch_offset)(const correlation *k, ptrdiff_t c, ptrdiff_t i, ptrdiff_t j)
{
    const ptrdiff_t y = i * k->gap_h, x = j * k->gap_w;
    const ptrdiff_t row = (y % k->step_h * k->phase_rows + y / k->step_h) * k->pitch;
    if (k->kind == BY_TAP) return c * k->channel_size + (i * k->taps_w + j) * k->copy_size;
    if (k->kind == BY_COLUMN) return c * k->channel_size + j * k->copy_size + row;
    return c * k->channel_size + row + x % k->step_w * k->phase_columns + x / k->step_w;
}

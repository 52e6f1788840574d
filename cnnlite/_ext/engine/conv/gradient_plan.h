/* conv/gradient_plan.h: how a weight gradient is cut, and what lies where in its copy of x (transpose.h).  The cut
 * decides the order of additions, so it counts in SUM_LANES, whatever the vectors are. */

INLINE void T(plan_gradient)(weight_gradient *k)
{
    conv_shape *s = &k->s;
    const ptrdiff_t plane = s->oh * s->ow, last_y = (s->kh - 1) * s->dilation_h;
    const ptrdiff_t last_x = (s->kw - 1) * s->dilation_w;
    k->channels = s->c / s->groups;
    k->filters = s->f / s->groups;
    k->filter_panels = divide_up(k->filters, MR);
    k->channel_blocks = divide_up(k->channels, larger(SUM_LANES, PATCH_BLOCK / (s->kh * s->kw)));
    k->phases_h = smaller(s->stride_h, last_y + 1);
    k->phases_w = smaller(s->stride_w, last_x + 1);
    k->phase_columns = s->ow + last_x / s->stride_w;
    k->interleaved = k->channels % SUM_LANES != 0
        || (last_y + 1 - s->kh) * k->phases_w * k->phase_columns > GAP_PIXELS;
    k->block_channels = divide_up(k->channels, k->channel_blocks);
    if (!k->interleaved) k->block_channels = divide_up(k->block_channels, SUM_LANES) * SUM_LANES;
    k->channel_blocks = divide_up(k->channels, k->block_channels);
    k->parts = smaller(s->n, divide_up(MINIMUM_PIECES, s->groups * k->channel_blocks));
    k->pieces = s->groups * k->channel_blocks * k->parts;

    k->depth = k->block_channels * (k->interleaved ? s->kh : 1);
    k->runs = k->interleaved ? s->kw : s->kh * s->kw;
    k->run = k->depth;
    if (k->interleaved && s->stride_w == 1 && s->dilation_w == 1) {
        k->runs = 1; /* neighbouring columns of a patch lie together too */
        k->run = k->depth * s->kw;
    }
    k->run_vectors = divide_up(k->run, VL);
    k->vectors = k->runs * k->run_vectors;
    k->panels = divide_up(k->vectors, NV);

    /* A kernel of one column needs every stride-th column of x; a wider one copies all and groups them by
     * phase.  Columns that no tap needs are put after the phases. */
    k->column_step = k->phases_w == 1 ? s->stride_w : 1;
    k->first_column = k->phases_w == 1 ? divide_up(s->left, s->stride_w) * s->stride_w - s->left : 0;
    k->first_place = divide_up(s->left, s->stride_w) * k->depth;
    const ptrdiff_t last = (k->phase_columns - 1) * s->stride_w + k->phases_w - s->left;
    k->columns = larger(0, divide_up(smaller(s->w, last) - k->first_column, k->column_step));
    k->phase_size = k->phase_columns * k->depth + (k->phases_w > 1 && k->depth % SUM_LANES ? SUM_LANES : 0);
    k->row_size = k->phases_w * k->phase_size;
    if (1 < k->phases_w && k->phases_w < s->stride_w) k->row_size += k->depth + SUM_LANES;

    const ptrdiff_t room = larger(1, COPY_BYTES / REAL_BYTES / k->row_size);
    k->step_rows = larger(1, smaller(s->oh, smaller(STEP_PIXELS / s->ow, room - last_y / s->stride_h)));
    k->step_images = 1;
    if (k->step_rows == s->oh)
        k->step_images = larger(1, smaller(STEP_PIXELS / 2 / plane, room / (s->oh + last_y / s->stride_h)));
    k->step_images = smaller(k->step_images, divide_up(s->n, k->parts));
    k->part_steps = divide_up(divide_up(s->n, k->parts), k->step_images) * divide_up(s->oh, k->step_rows)
        * divide_up(k->step_images * k->step_rows * s->ow, STEP_PIXELS);
    k->phase_rows = k->step_rows + last_y / s->stride_h;
    k->image_size = (k->interleaved ? k->step_rows : k->phases_h * k->phase_rows) * k->row_size;
    k->sums_size = k->filter_panels * MR * k->vectors * VL;
}

/* Where vector v of a patch is, from its pixel's place in the copy. */
INLINE ptrdiff_t T(vector_offset)(const weight_gradient *k, ptrdiff_t v)
{
    const conv_shape *s = &k->s;
    const ptrdiff_t run = v / k->run_vectors, within = v % k->run_vectors * VL;
    const ptrdiff_t x = run % s->kw * s->dilation_w, y = run / s->kw * s->dilation_h;
    const ptrdiff_t row = k->interleaved ? 0 : y % s->stride_h * k->phase_rows + y / s->stride_h;
    return row * k->row_size + x % s->stride_w * k->phase_size + x / s->stride_w * k->depth + within;
}

/* Where, in a row of the copy, the columns of x lie, and the zeros for what is outside of x. */
INLINE void T(place_columns)(const weight_gradient *k)
{
    const ptrdiff_t step = k->s.stride_w, left = k->s.left, none = k->phases_w * k->phase_size;
    for (ptrdiff_t j = 0; j < k->columns; j++) {
        const ptrdiff_t x = left + j, phase = x % step;
        k->place[j] = phase < k->phases_w ? phase * k->phase_size + x / step * k->depth : none;
    }
    for (ptrdiff_t phase = 0; phase < k->phases_w; phase++) {
        ptrdiff_t *before = k->outside + 2 * phase, *after = before + 2 * k->phases_w;
        const ptrdiff_t begin = larger(0, divide_up(left - phase, step));
        const ptrdiff_t end = larger(0, divide_up(left + k->s.w - phase, step));
        before[0] = phase * k->phase_size;
        before[1] = before[0] + smaller(begin, k->phase_columns) * k->depth;
        after[0] = before[0] + smaller(end, k->phase_columns) * k->depth;
        after[1] = before[0] + k->phase_columns * k->depth;
    }
}

/* Place in weight (C / groups, KH, KW) of lane i of a run, or -1 where a lane belongs to nothing. */
INLINE ptrdiff_t T(weight_place)(const weight_gradient *k, ptrdiff_t run, ptrdiff_t i, ptrdiff_t block)
{
    const conv_shape *s = &k->s;
    if (i >= k->run) return -1;
    const ptrdiff_t c = block * k->block_channels + i % k->block_channels;
    const ptrdiff_t line = i / k->block_channels; /* interleaved: row, then column, of the patch */
    const ptrdiff_t row = k->interleaved ? line % s->kh : run / s->kw;
    const ptrdiff_t column = k->interleaved ? run + line / s->kh : run % s->kw;
    return c < k->channels ? (c * s->kh + row) * s->kw + column : -1;
}

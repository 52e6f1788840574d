/* conv/convolve.h: the forward pass and the input gradient of a convolution, said as correlations. */

/* y = x * weight + bias, then ReLU, then 2x2 max-pooling, as asked. */
KERNEL void T(conv2d_tiled_forward)(void *args, workspace *work)
{
    const conv_args *a = args;
    const conv_shape flat = a->post.argmax ? a->shape : flattened(a->shape, PIECE_PIXELS), *s = &flat;
    const ptrdiff_t taps = s->kh * s->kw, channels = s->c / s->groups, filters = s->f / s->groups;
    /* clang-format off */
    correlation k = {
        .images = s->n, .groups = s->groups, .channels = channels, .height = s->h, .width = s->w,
        .filters = filters, .out_h = s->oh, .out_w = s->ow, .taps_h = s->kh, .taps_w = s->kw,
        .gap_h = s->dilation_h, .gap_w = s->dilation_w, .step_h = s->stride_h,
        .step_w = s->stride_w, .top = s->top, .left = s->left,
        .weight_group = filters * channels * taps, .weight_filter = channels * taps,
        .weight_channel = taps, .weight_i = s->kw, .weight_j = 1, .y_image = s->f * s->oh * s->ow,
        .y_plane = s->oh * s->ow, .y_row = s->ow, .y_column = 1,
        .out_phases_h = 1, .out_phases_w = 1,
        .out_phase = {{.taps_h = s->kh, .taps_w = s->kw, .weight = a->weight}},
        .x = a->x.data, .bias = a->bias, .y = a->y, .post = a->post,
    };
    /* clang-format on */
    T(correlate)(&k, work);
}

/* The arrays from which planes of dx are mended. */
typedef struct {
    const conv_shape *s;
    const REAL *dy, *weight;
    REAL *dx;
} T(edge_call);

/* Along one axis, the output to which input y contributes by tap `i`: -1 if there is none, -2 if it would lie
 * outside of the plane. */
INLINE ptrdiff_t T(output_of)(ptrdiff_t y, ptrdiff_t i, ptrdiff_t before, ptrdiff_t stride, ptrdiff_t dilation,
                              ptrdiff_t outputs)
{
    const ptrdiff_t at = y + before - i * dilation;
    if (at % stride) return -1;
    return at < 0 || at / stride >= outputs ? -2 : at / stride;
}

/* Mend a plane of dx if a weight may be infinite or NaN.  The correlations multiply weights by the zeros around dy
 * too, and the product of such a weight and zero is NaN.  The definition sums over existing outputs only; this
 * function does so for pixels near the edge that are not finite. */
KERNEL void T(mend_edges)(void *context, ptrdiff_t piece, int thread)
{
    const T(edge_call) *call = context;
    const conv_shape *s = call->s;
    const ptrdiff_t channels = s->c / s->groups, filters = s->f / s->groups, taps = s->kh * s->kw;
    const ptrdiff_t image = piece / s->c, channel = piece % s->c, first = channel / channels * filters;
    const REAL *dy = call->dy + (image * s->f + first) * s->oh * s->ow;
    const REAL *weight = call->weight + (first * channels + channel % channels) * taps;
    for (ptrdiff_t at = 0; at < s->h * s->w; at++) {
        REAL *dx = call->dx + piece * s->h * s->w + at;
        double sum = 0;
        int edge = 0;
        if (isfinite(*dx)) continue;
        for (ptrdiff_t t = 0; t < taps; t++) {
            const ptrdiff_t oy = T(output_of)(at / s->w, t / s->kw, s->top, s->stride_h, s->dilation_h, s->oh);
            const ptrdiff_t ox = T(output_of)(at % s->w, t % s->kw, s->left, s->stride_w, s->dilation_w, s->ow);
            edge |= oy != -1 && ox != -1 && smaller(oy, ox) == -2;
            for (ptrdiff_t f = 0; f < filters && oy >= 0 && ox >= 0 && sum == sum; f++)
                sum += (double)dy[(f * s->oh + oy) * s->ow + ox] * weight[f * channels * taps + t];
        }
        if (edge) *dx = (REAL)sum;
    }
    (void)thread;
}

/* dx from dy: for each phase of the strides a correlation of dy with the weights that reach it, rotated
 * by 180 degrees.  Stride 1 has one phase.  The phases of stride 2 are computed together: dy is then copied
 * once, and rows of dx are written in whole vectors. */
KERNEL void T(conv2d_tiled_input_gradient)(void *args, workspace *work)
{
    const conv_args *given = args;
    const conv_shape flat = flattened(given->shape, PIECE_PIXELS), *s = &flat;
    const ptrdiff_t taps = s->kh * s->kw, channels = s->c / s->groups, filters = s->f / s->groups;
    const int paired_h = 1 + paired_phases(s->h, s->kh, s->stride_h, s->dilation_h);
    const int paired_w = 1 + paired_phases(s->w, s->kw, s->stride_w, s->dilation_w);
    const ptrdiff_t phases_h = smaller(s->stride_h, s->h) / paired_h;
    const ptrdiff_t phases_w = smaller(s->stride_w, s->w) / paired_w;
    int cleared = 0;                       /* whether the first phase has cleared those that no tap reaches */
    for (ptrdiff_t phase = 0; phase < phases_h * phases_w; phase++) {
        const ptrdiff_t row = phase / phases_w, column = phase % phases_w;
        gradient_phase v[2], u[2];
        for (int i = 0; i < 2; i++) {
            v[i] = phase_of(row + i * (paired_h - 1), s->h, s->kh, s->stride_h, s->dilation_h, s->top);
            u[i] = phase_of(column + i * (paired_w - 1), s->w, s->kw, s->stride_w, s->dilation_w, s->left);
        }
        const int reached = v->taps && u->taps;
        if (cleared && !reached) continue;
        if (phase == 0) cleared = reached && (s->kh < s->stride_h || s->kw < s->stride_w);
        /* clang-format off */
        correlation k = {
            .images = s->n, .groups = s->groups, .channels = filters, .height = s->oh,
            .width = s->ow, .filters = channels, .out_h = v->outputs, .out_w = u->outputs,
            .gap_h = v->gap, .gap_w = u->gap, .step_h = 1, .step_w = 1,
            .top = larger(v[0].padding, v[1].padding), .left = larger(u[0].padding, u[1].padding),
            .weight_group = filters * channels * taps, .weight_filter = taps,
            .weight_channel = channels * taps, .weight_i = -v->spacing * s->kw,
            .weight_j = -u->spacing, .y_image = s->c * s->h * s->w, .y_plane = s->h * s->w,
            .y_row = s->stride_h * s->w, .y_column = s->stride_w, .y_height = s->h, .y_width = s->w,
            .out_phases_h = paired_h, .out_phases_w = paired_w, .x = given->dy.data,
            .y = (REAL *)given->dx + row * s->w + column, .clear = phase == 0 && cleared,
        };
        /* clang-format on */
        for (int i = 0; reached && i < paired_h * paired_w; i++) {
            const gradient_phase *a = &v[i / paired_w], *b = &u[i % paired_w];
            const ptrdiff_t last_tap = (a->tap + (a->taps - 1) * a->spacing) * s->kw + b->tap
                + (b->taps - 1) * b->spacing;
            k.out_phase[i] = (output_phase){.taps_h = a->taps,
                                            .taps_w = b->taps,
                                            .shift_h = k.top - a->padding,
                                            .shift_w = k.left - b->padding,
                                            .weight = (const REAL *)given->weight + last_tap};
            k.taps_h = larger(k.taps_h, k.out_phase[i].shift_h + a->taps);
            k.taps_w = larger(k.taps_w, k.out_phase[i].shift_w + b->taps);
        }
        T(correlate)(&k, work);
    }
    if (!work->ready) return;
    /* The first pixel of a phase is a sum over all weights of the phase, so it is finite only if they are. */
    T(edge_call) call = {&given->shape, given->dy.data, given->weight, given->dx};
    int mend = 0;
    for (ptrdiff_t c = 0; c < given->shape.c; c++)
        for (ptrdiff_t y = 0; y < smaller(given->shape.stride_h, given->shape.h); y++)
            for (ptrdiff_t x = 0; x < smaller(given->shape.stride_w, given->shape.w); x++)
                mend |= !isfinite(call.dx[(c * given->shape.h + y) * given->shape.w + x]);
    if (mend) engine_parallel(given->shape.n * given->shape.c, work->threads, T(mend_edges), &call);
}

/* convolve.h: the forward pass and the input gradient of a convolution, said as correlations. */

/* y = x * weight + bias, then ReLU, then 2x2 max-pooling, as asked.  scratch NULL: bytes needed. */
KERNEL size_t T(conv_forward)(const conv_shape *shape, const void *x, const void *weight, const void *bias,
                              void *y, int32_t *argmax, int relu, void *scratch, int threads)
{
    const conv_shape flat = argmax ? *shape : flattened(*shape, PIECE_PIXELS), *s = &flat;
    const ptrdiff_t taps = s->kh * s->kw, channels = s->c / s->groups, filters = s->f / s->groups;
    correlation k = {
        .images = s->n, .groups = s->groups, .channels = channels, .height = s->h, .width = s->w,
        .filters = filters, .out_h = s->oh, .out_w = s->ow, .taps_h = s->kh, .taps_w = s->kw,
        .gap_h = s->dilation_h, .gap_w = s->dilation_w, .step_h = s->stride_h,
        .step_w = s->stride_w, .top = s->top, .left = s->left,
        .weight_group = filters * channels * taps, .weight_filter = channels * taps,
        .weight_channel = taps, .weight_i = s->kw, .weight_j = 1, .y_image = s->f * s->oh * s->ow,
        .y_plane = s->oh * s->ow, .y_row = s->ow, .y_column = 1,
        .sorts = 1, .sort = {{.taps = s->kw, .weight = weight}},
        .x = x, .bias = bias, .y = y, .argmax = argmax, .relu = relu,
    };
    return T(correlate)(&k, scratch, threads);
}

/* dx from dy: for each phase of the strides a correlation of dy with the weights that reach it, turned
 * by 180 degrees.  Stride 1 has one phase.  The two phases of columns of stride 2 are computed in one pass,
 * so that rows of dx are written at once.  scratch NULL: bytes needed. */
KERNEL size_t T(conv_input_gradient)(const conv_shape *shape, const void *dy, const void *weight, void *dx,
                                     void *scratch, int threads)
{
    const conv_shape flat = flattened(*shape, PIECE_PIXELS), *s = &flat;
    const ptrdiff_t taps = s->kh * s->kw, channels = s->c / s->groups, filters = s->f / s->groups;
    size_t most = 0;
    const int sorts = s->stride_w == 2 && s->dilation_w == 1 && s->w > 1 ? 2 : 1;
    const ptrdiff_t phases_h = smaller(s->stride_h, s->h), phases_w = smaller(s->stride_w, s->w) / sorts;
    int cleared = 0;                       /* by the first phase, for those that no tap reaches */
    for (ptrdiff_t phase = 0; phase < phases_h * phases_w; phase++) {
        const ptrdiff_t row = phase / phases_w, column = phase % phases_w;
        const gradient_phase v = phase_of(row, s->h, s->kh, s->stride_h, s->dilation_h, s->top);
        gradient_phase u[2];
        for (int i = 0; i < sorts; i++)
            u[i] = phase_of(column + i, s->w, s->kw, s->stride_w, s->dilation_w, s->left);
        if (sorts == 1) u[1] = u[0];
        if (!u[0].taps) u[0].padding = u[1].padding;
        if (!u[1].taps) u[1].padding = u[0].padding;
        const ptrdiff_t left = larger(u[0].padding, u[1].padding);
        const int reached = v.taps && (u[0].taps || u[1].taps);
        if (cleared && !reached) continue;
        if (phase == 0) cleared = reached && (s->kh < s->stride_h || (sorts == 1 && s->kw < s->stride_w));
        correlation k = {
            .images = s->n, .groups = s->groups, .channels = filters, .height = s->oh,
            .width = s->ow, .filters = channels, .out_h = v.outputs, .out_w = u[0].outputs,
            .taps_h = reached ? v.taps : 0, .gap_h = v.gap, .gap_w = sorts == 2 ? 1 : u[0].gap,
            .step_h = 1, .step_w = 1, .top = v.padding, .left = left, .sorts = sorts,
            .weight_group = filters * channels * taps, .weight_filter = taps,
            .weight_channel = channels * taps, .weight_i = -v.spacing * s->kw,
            .weight_j = -u[0].spacing, .y_image = s->c * s->h * s->w, .y_plane = s->h * s->w,
            .y_row = s->stride_h * s->w, .y_column = s->stride_w, .y_width = s->w, .x = dy,
            .y = (REAL *)dx + row * s->w + column,
            .clear_rows = phase == 0 && cleared ? s->h : 0,
        };
        for (int i = 0; i < sorts; i++) {
            const ptrdiff_t last_tap = (v.tap + (v.taps - 1) * v.spacing) * s->kw
                + u[i].tap + (u[i].taps - 1) * u[i].spacing;
            k.sort[i] = (column_sort){.taps = reached ? u[i].taps : 0, .shift = left - u[i].padding,
                                      .weight = (const REAL *)weight + last_tap};
            k.taps_w = larger(k.taps_w, k.sort[i].shift + k.sort[i].taps);
        }
        const size_t bytes = T(correlate)(&k, scratch, threads);
        if (bytes > most) most = bytes;
    }
    return most;
}

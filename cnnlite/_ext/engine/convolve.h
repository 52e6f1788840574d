/* convolve.h: the forward pass and the input gradient of a convolution, said as correlations. */

/* y = x * weight + bias, then ReLU, then 2x2 max-pooling, as asked.  scratch NULL: bytes needed. */
KERNEL size_t T(conv_forward)(const conv_shape *shape, const void *x, const void *weight, const void *bias,
                              void *y, uint8_t *argmax, int relu, void *scratch, int threads)
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
        .x = x, .weight = weight, .bias = bias, .y = y, .argmax = argmax, .relu = relu,
    };
    return T(correlate)(&k, scratch, threads);
}

/* dx from dy: for each phase of the strides a correlation of dy with the weights that reach it, turned
 * by 180 degrees.  Stride 1 has one phase.  scratch NULL: bytes needed. */
KERNEL size_t T(conv_input_gradient)(const conv_shape *shape, const void *dy, const void *weight, void *dx,
                                     void *scratch, int threads)
{
    const conv_shape flat = flattened(*shape, PIECE_PIXELS), *s = &flat;
    const ptrdiff_t taps = s->kh * s->kw, channels = s->c / s->groups, filters = s->f / s->groups;
    size_t most = 0;
    const ptrdiff_t phases_h = smaller(s->stride_h, s->h), phases_w = smaller(s->stride_w, s->w);
    int cleared = 0;                       /* by the first phase, for those that no tap reaches */
    for (ptrdiff_t phase = 0; phase < phases_h * phases_w; phase++) {
        const ptrdiff_t row = phase / phases_w, column = phase % phases_w;
        const gradient_phase v = phase_of(row, s->h, s->kh, s->stride_h, s->dilation_h, s->top);
        const gradient_phase u = phase_of(column, s->w, s->kw, s->stride_w, s->dilation_w, s->left);
        const ptrdiff_t last_tap = (v.tap + (v.taps - 1) * v.spacing) * s->kw
            + u.tap + (u.taps - 1) * u.spacing;
        const int reached = v.taps && u.taps;
        if (cleared && !reached) continue;
        if (phase == 0) cleared = reached && (s->kh < s->stride_h || s->kw < s->stride_w);
        correlation k = {
            .images = s->n, .groups = s->groups, .channels = filters, .height = s->oh,
            .width = s->ow, .filters = channels, .out_h = v.outputs, .out_w = u.outputs,
            .taps_h = u.taps ? v.taps : 0, .taps_w = v.taps ? u.taps : 0, .gap_h = v.gap,
            .gap_w = u.gap, .step_h = 1, .step_w = 1, .top = v.padding, .left = u.padding,
            .weight_group = filters * channels * taps, .weight_filter = taps,
            .weight_channel = channels * taps, .weight_i = -v.spacing * s->kw,
            .weight_j = -u.spacing, .y_image = s->c * s->h * s->w, .y_plane = s->h * s->w,
            .y_row = s->stride_h * s->w, .y_column = s->stride_w, .x = dy,
            .weight = (const REAL *)weight + last_tap,
            .y = (REAL *)dx + row * s->w + column,
            .clear_rows = phase == 0 && cleared ? s->h : 0, .clear_columns = s->w,
        };
        const size_t bytes = T(correlate)(&k, scratch, threads);
        if (bytes > most) most = bytes;
    }
    return most;
}

/* conv/correlation.h: one convolution as the tiled kernels see it, and how it is cut into pieces. */
#ifndef CNNLITE_CORRELATION_H
#define CNNLITE_CORRELATION_H

#include "args.h"

/* How finely work is cut (plan.h). */
enum {
    PIECE_PIXELS = 192,                    /* 4 panels of 48: enough to use each weight many times */
    COPY_BYTES = 256 * 1024,               /* a quarter of a second-level cache of 1 MB */
};

/* divide_up for a step b, which is nearly always 1 or 2.  A division would take as long as copying a row. */
static inline ptrdiff_t divide_by_step(ptrdiff_t a, ptrdiff_t b)
{
    return b == 1 ? a : b == 2 ? (a + 1) / 2 : divide_up(a, b);
}

/* The form in which the kernels read a channel.  A vector loads neighbouring pixels, which must lie together in
 * memory.  Within a row they do (IN_PLACE, PADDED).  Across the ends of rows they do if every column of the kernel
 * has its own copy (BY_COLUMN), and across images if every tap has its own copy (BY_TAP, which is im2col). */
typedef enum { IN_PLACE, PADDED, BY_COLUMN, BY_TAP } copy_kind;

/* The outputs of one phase are sums over the same taps of the kernel: taps_h x taps_w of them, from row shift_h
 * and column shift_w on.  A forward pass has one phase, which takes all taps.  In an input gradient with stride
 * 2, a pixel of a pass stands for 2 or 2 x 2 neighbours in y, and each of them belongs to another phase
 * (convolve.h). */
typedef struct {
    ptrdiff_t taps_h, taps_w, taps, shift_h, shift_w;
    const void *weight;                    /* of its first tap */
    void *packed_weight;
    ptrdiff_t *offset;                     /* of row (channel, tap) of its patches */
} output_phase;

/* For every group (channels and filters are those of one),
 *     y[n, f, oy, ox] = bias[f] + sum over c, i < taps_h, j < taps_w of weight[f, c, i, j]
 *                       * x[n, c, oy * step_h + i * gap_h - top, ox * step_w + j * gap_w - left].
 * The places of elements in weight and y are given by strides.  So one function computes forward passes and,
 * with the roles of channels and filters exchanged, input gradients. */
typedef struct {
    ptrdiff_t images, groups, channels, height, width, filters, out_h, out_w;
    ptrdiff_t taps_h, taps_w, gap_h, gap_w, step_h, step_w, top, left;
    ptrdiff_t weight_group, weight_filter, weight_channel, weight_i, weight_j;
    ptrdiff_t y_image, y_plane, y_row, y_column;
    int out_phases_h, out_phases_w;                 /* of rows, of columns: 1 or 2 */
    output_phase out_phase[4];
    const void *x, *bias;
    void *y;
    post_ops post;
    ptrdiff_t y_height, y_width;           /* of a plane, where y_row and y_column leave some out */
    int clear;                             /* a piece first sets its part of the planes to 0 */
    int deep;                              /* sums of more than LONGEST_SUM products */

    /* The cut (plan.h): a piece is some images, or some rows of one, or some columns of a row. */
    ptrdiff_t piece_images, piece_rows, piece_columns;
    ptrdiff_t image_blocks, row_blocks, column_blocks, filter_blocks;
    ptrdiff_t block_filters;               /* panels of MR filters in a filter block */
    ptrdiff_t block_channels;              /* channels copied at a time */

    /* The copy of a piece's input (gather.h), in elements. */
    copy_kind kind;
    ptrdiff_t copies, phases_h, phases_w, phase_rows, phase_columns, slots, pitch;
    ptrdiff_t image_size, copy_size, channel_size;

    /* Scratch, shared and of each thread. */
    void *packed_bias;
    char *const *own;                      /* memory of each thread */
} correlation;

/* The same convolution, where the kernel is 1x1 and leaves no pixel out, with rows of any length: the
 * longest that divides the plane and is not longer than `size`. */
static inline conv_shape flattened(conv_shape s, ptrdiff_t size)
{
    if (s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.oh == s.h && s.ow == s.w) {
        const ptrdiff_t plane = s.h * s.w;
        s.w = smaller(size, plane);
        while (s.w > 1 && plane % s.w) s.w--;
        s.h = s.oh = s.w ? plane / s.w : 0;
        s.ow = s.w;
    }
    return s;
}

/* Along one axis, the inputs first, first + stride, ... of an input gradient.  Only the taps tap + spacing * j
 * (j < taps) reach them; input number i reads dy at i + gap * (taps - 1 - j) - padding: a correlation with
 * step 1 whose taps run backwards.
 *
 * Why: output o reads the inputs o * stride + t * dilation - before (before: the padding), one for each tap t.
 * So dx[x] is the sum of weight[t] * dy[o] over all t and o with o * stride = x + before - t * dilation, and
 * t counts only where stride divides the right side.  That depends on x's remainder, the phase, alone.
 *
 * With stride 2, kernel 3, dilation 1, before 1: o = (x + 1 - t) / 2.
 *     phase 0, x = 2 i:      t = 1                 dx[2 i]     = weight[1] * dy[i]
 *     phase 1, x = 2 i + 1:  t = 0, t = 2          dx[2 i + 1] = weight[2] * dy[i] + weight[0] * dy[i + 1]
 * Phase 0: tap 1, taps 1, padding 0.  Phase 1: tap 0, spacing 2, taps 2, gap 1, padding 0.
 * (With kernel 1 and before 0, phase 1 has no tap: zeros.)
 *
 * In general o = (x + before - tap * dilation) / stride - j * gap, with gap = spacing * dilation / stride
 * (spacing is the least for which that is whole).  With x = first + stride * i the part without j is i and a
 * constant; said for the last tap, from which the correlation begins, the constant is -padding. */
typedef struct {
    ptrdiff_t outputs, tap, spacing, taps, gap, padding;
} gradient_phase;

static inline gradient_phase phase_of(ptrdiff_t first, ptrdiff_t size, ptrdiff_t kernel, ptrdiff_t stride,
                                      ptrdiff_t dilation, ptrdiff_t before)
{
    const ptrdiff_t remainder = (first + before) % stride;
    gradient_phase p = {.outputs = (size - 1 - first) / stride + 1, .spacing = 1};
    while (p.tap < kernel && p.tap * dilation % stride != remainder) p.tap++;
    while (p.spacing < kernel && p.spacing * dilation % stride) p.spacing++;
    p.taps = p.tap < kernel ? (kernel - 1 - p.tap) / p.spacing + 1 : 0;
    p.gap = p.spacing * dilation / stride;
    p.padding = p.taps ? (p.tap * dilation - remainder) / stride + (p.taps - 1) * p.gap - (first + before) / stride
                       : 0;
    return p;
}

/* Whether two phases of an axis are computed in one pass: taps reach both, and lie side by side. */
static inline int paired_phases(ptrdiff_t size, ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t dilation)
{
    return stride == 2 && dilation == 1 && kernel > 1 && size > 1;
}

#endif

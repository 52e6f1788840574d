/* conv/args.h: what the caller of a convolution fills in; tiled and Winograd kernels take the same. */
#ifndef CNNLITE_CONV_ARGS_H
#define CNNLITE_CONV_ARGS_H

#include "../engine.h"

/* x (n, c, h, w), weight (f, c/groups, kh, kw), y (n, f, oh, ow). */
typedef struct {
    ptrdiff_t n, c, h, w, f, kh, kw, oh, ow;
    ptrdiff_t stride_h, stride_w, top, left, dilation_h, dilation_w, groups;
} conv_shape;

/* Planes of height x width.  A gradient may still lack the backward passes of the post-ops; they are done
 * while it is read, so that the whole gradient is never written out:
 * relu_y: the ReLU's output (of the shape of `data`): the gradient is 0 where it is 0;
 * argmax: of 2x2 max-pooling, with or without ReLU: data is (height / 2) x (width / 2), and of each window
 *     one pixel has the gradient: 0, 1 in the upper row, 2, 3 in the lower one; none where ReLU STOPPED it. */
typedef struct {
    const void *data, *relu_y;
    const uint8_t *argmax;
} conv_source;

/* Forward: y = x * weight (+ bias), then `post`.  Input gradient: dx from dy and weight.  Weight gradient: dweight
 * and (unless NULL) dbias from x and dy.  Of Winograd, tile: 4 or 2, the side of an output tile; bfloat16: whether
 * what is multiplied is rounded to it (winograd/bfloat16.h). */
typedef struct {
    conv_shape shape;
    conv_source x, dy;                     /* x.data alone, where the caller fills it in */
    const void *weight, *bias;
    void *y, *dx, *dweight, *dbias;
    post_ops post;
    int tile, bfloat16;
} conv_args;

#endif

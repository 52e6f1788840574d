/* pool/args.h: max-pooling 2x2 with stride 2, and windows of any kind. */
#ifndef CNNLITE_POOL_ARGS_H
#define CNNLITE_POOL_ARGS_H

#include "../engine.h"

/* Of (planes, h, w), after ReLU with post.relu; argmax is the post-op's. */
typedef struct {
    const void *x, *dy;
    void *y, *dx;
    const uint8_t *argmax;                 /* of the backward pass */
    ptrdiff_t planes, h, w;
    post_ops post;
} pool2x2_args;

enum { WINDOW_PIECES = 64 };               /* at most, of planes */

/* One axis of windows: `before` and `after` are padding, outside of which no pixel counts. */
typedef struct {
    ptrdiff_t size, outputs, kernel, stride, before, after, dilation;
} window_axis;

/* x (images, channels) planes, y (images, more): the maximum of each window, or its mean, whose dilation is 1. */
typedef struct {
    const void *x;
    void *y;
    ptrdiff_t images, channels, more;
    window_axis rows, columns;
    int mean, count_padding;
    int every_pixel;                       /* a window is one pixel, and there is no padding */
} windows_args;

#endif

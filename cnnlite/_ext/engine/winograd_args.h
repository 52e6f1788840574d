/* winograd_args.h: what the Winograd kernels are given. */
#ifndef CNNLITE_WINOGRAD_ARGS_H
#define CNNLITE_WINOGRAD_ARGS_H

#include <stdint.h>
#include "conv_args.h"

/* Planes of height x width.  A gradient may still lack the backward passes of what was fused
 * behind the convolution; they are done while it is read, so the whole gradient is never written
 * out:
 * relu_y: the ReLU's output (of the shape of `data`): the gradient is 0 where it is 0;
 * argmax: data and relu_y are (height / 2) x (width / 2), and belong to these positions in the
 * plane. */
typedef struct {
    const void *data, *relu_y;
    const int32_t *argmax;
} winograd_source;

/* Forward: y = x * weight (+ bias) (ReLU) (2x2 max-pooling, if argmax is not NULL). Input
 * gradient: the same with x = dy and `turned`; shape is that convolution's: c and f exchanged, top
 * and left 2 - padding.  Weight gradient: dweight and (unless NULL) dbias from x and dy. tile is 4
 * or 2, the side of an output tile.  With workspace NULL, kernels only return its size in bytes;
 * it should be aligned to 64 bytes. */
typedef struct winograd_args {
    conv_shape shape;
    winograd_source x, dy;
    const void *weight, *bias;
    void *y, *dweight, *dbias, *workspace;
    int32_t *argmax;
    int tile, turned, relu, threads;
} winograd_args;

#endif

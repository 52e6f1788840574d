/* winograd_args.h: what the Winograd kernels are given. */
#ifndef CNNLITE_WINOGRAD_ARGS_H
#define CNNLITE_WINOGRAD_ARGS_H

#include "conv_args.h"

/* Forward: y = x * weight (+ bias) (ReLU) (2x2 max-pooling, if argmax is not NULL). Input
 * gradient: the same with x = dy and `turned`; shape is that convolution's: c and f exchanged, top
 * and left 2 - padding.  Weight gradient: dweight and (unless NULL) dbias from x and dy. tile is 4
 * or 2, the side of an output tile. */
typedef struct winograd_args {
    conv_shape shape;
    conv_source x, dy;
    const void *weight, *bias;
    void *y, *dweight, *dbias;
    uint8_t *argmax;
    int tile, turned, relu;
} winograd_args;

#endif

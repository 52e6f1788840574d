/* pointwise/args.h: one number in, one number out.  Pointers are void because one struct serves float
 * and double. */
#ifndef CNNLITE_POINTWISE_ARGS_H
#define CNNLITE_POINTWISE_ARGS_H

#include "../engine.h"

#define MAP_PIECE 16384                    /* elements of one piece of an element-wise kernel */

/* Element-wise: out = f(a, b), arrays of `size` elements; b is not read by f of one argument. */
typedef struct {
    const void *a, *b;
    void *out;
    ptrdiff_t size;
    post_ops post;
} map_args;

/* One SGD step of one parameter, PyTorch's: g += decay * w; v = momentum * v + g; w -= lr * (g or v). */
typedef struct {
    void *param, *velocity;                /* velocity NULL: no momentum */
    const void *grad;
    ptrdiff_t size;
    double lr, momentum, weight_decay;
    int nesterov;
} sgd_args;

#endif

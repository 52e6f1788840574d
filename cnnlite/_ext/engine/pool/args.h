/* pool/args.h: max-pooling 2x2 with stride 2. */
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

#endif

/* pointwise_args.h: arguments of the kernels whose limit is memory, not arithmetic.
 *
 * Each kernel is a piece_body: engine_parallel runs it over pieces cut by shape.  Pointers are void
 * because one struct serves float and double. */
#ifndef CNNLITE_POINTWISE_ARGS_H
#define CNNLITE_POINTWISE_ARGS_H

#include <stddef.h>
#include <stdint.h>

#define MAP_PIECE 16384                    /* elements of one piece of an element-wise kernel */

/* Element-wise: out = f(a, b), arrays of `size` elements; b is not read by f of one argument. */
typedef struct {
    const void *a, *b;
    void *out;
    ptrdiff_t size;
    int relu;
} map_args;

#define SUM_RUN 512                        /* elements of a channel in a piece, where planes are small */
#define SUM_VECTORS 64                     /* vectors summed in a run: short, so that little is rounded */
#define SUM_RUNS 64                        /* such sums added in REAL; then they go on in double */

/* Batch norm of (images, channels, size).  The caller fills in all but what stands last.  The mean is
 * mean + rest (NULL: 0): rounded to float32 alone, it may be off by more than the deviation. */
typedef struct norm_args {
    const void *dy, *x, *addend, *gamma, *beta;
    void *y, *dx, *dsum, *mean, *rest, *inverse_std, *variance, *dgamma, *dbeta;
    double eps;
    ptrdiff_t images, channels, size;
    int train, relu;

    ptrdiff_t group, groups, blocks;       /* a piece: images of a group, channels of a block */
    double *sums;                          /* [group][channel][2] */
    char *const *own;                      /* of each thread: two vectors for each channel */
    void *shift, *scale, *bias, *offset, *slope;       /* (channels) */
} norm_args;

/* Max-pooling 2x2 with stride 2 of (planes, h, w): a piece is piece_planes planes, as many as make it
 * worth handing out.  argmax: engine.h. */
typedef struct {
    const void *x, *dy;
    void *y, *dx;
    const uint8_t *argmax_in;
    uint8_t *argmax;
    ptrdiff_t planes, piece_planes, h, w;
    int relu;
} pool2x2_args;

/* One SGD step of one parameter, PyTorch's: g += decay * w; v = momentum * v + g; w -= lr * (g or v). */
typedef struct {
    void *param, *velocity;                /* velocity NULL: no momentum */
    const void *grad;
    ptrdiff_t size;
    double lr, momentum, weight_decay;
    int nesterov;
} sgd_args;

#endif

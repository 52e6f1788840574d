/* norm/args.h: batch normalisation, and how it is cut. */
#ifndef CNNLITE_NORM_ARGS_H
#define CNNLITE_NORM_ARGS_H

#include "../engine.h"

#define SUM_RUN 512                        /* elements of a channel in a piece, where planes are small */
#define SUM_TERMS 64 /* of each partial sum of a run, which is short so that rounding errors stay small */
#define CHAINS 2 /* of a partial sum */
#define SUM_CHANNELS 64 /* whose partial sums are in the first-level cache */
#define SUM_RUNS 64 /* runs added in REAL; their sums are added in double */

/* Batch norm of (images, channels, size), then `post`.  The mean is mean + rest (NULL: 0): rounded to float32
 * alone, it may be off by more than the deviation.  running_mean and running_var may both be NULL. */
typedef struct {
    const void *dy, *x, *gamma, *beta;
    void *y, *dx, *dsum, *mean, *rest, *inverse_std, *variance, *dgamma, *dbeta, *running_mean, *running_var;
    double eps, momentum;
    ptrdiff_t images, channels, size;
    int train;
    post_ops post;
} norm_args;

typedef struct {
    norm_args args;
    ptrdiff_t group, groups, blocks; /* a piece: images of a group, channels of a block */
    int threads;
    double *sums; /* [group][channel][2] */
    char *const *own; /* of each thread: two vectors for each channel */
    void *shift, *scale, *bias, *offset, *slope; /* (channels) */
} norm_plan;

#endif

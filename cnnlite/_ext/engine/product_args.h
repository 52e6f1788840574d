/* product_args.h: one matrix product of a linear layer, and how it is cut. */
#ifndef CNNLITE_PRODUCT_ARGS_H
#define CNNLITE_PRODUCT_ARGS_H

#include "conv_args.h"

enum {
    PRODUCT_ROWS = 128,                    /* rows of c in a job: as often is a panel of b used */
    PRODUCT_DEPTH = 512,                   /* terms that a job sums; deeper products are cut */
    FEW_ROWS = 4,                          /* too few to pack b for: inner products instead */
};

/* c (m, n) = a (m, depth) b (depth, n) + bias (n), then ReLU, as asked.  Element [i][k] of a is at
 * i * a_row + k * a_step, one of which is 1; [k][j] of b at k * n + j, or transposed at j * depth + k. */
struct product {
    ptrdiff_t m, n, depth, a_row, a_step;
    const void *a, *b, *bias;
    void *c;
    int b_transposed, relu;

    ptrdiff_t row_blocks, panels, parts;   /* a job is one of each */
    void *sums;                            /* [part][m][n] where depth is cut */
    char *const *own;                      /* memory of each thread */
};

#endif

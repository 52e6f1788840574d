/* product_args.h: one matrix product of a linear layer, and how it is cut. */
#ifndef CNNLITE_PRODUCT_ARGS_H
#define CNNLITE_PRODUCT_ARGS_H

#include "conv_args.h"

enum {
    PRODUCT_ROWS = 128,                    /* rows of c in a job: as often is a panel of b used */
    PRODUCT_PARTS = 32,                    /* of the depth, at most: their sums are added one by one */
    COLUMN_DEPTH = 4096,                   /* terms of an inner product that are summed in REAL */
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
    ptrdiff_t blocks;                      /* of the depth in a part */
    void *sums;                            /* [part][m][n] where depth is cut */
    char *const *own;                      /* memory of each thread */
};

#endif

/* linear/args.h: one linear layer, and the matrix product that each of its passes is. */
#ifndef CNNLITE_LINEAR_ARGS_H
#define CNNLITE_LINEAR_ARGS_H

#include "../engine.h"

/* Forward: y (n, outputs) = x (n, inputs) weight (outputs, inputs) transposed + bias, then `post`.  Gradients: dx,
 * or dweight and (unless NULL) dbias, from dy and what they need. */
typedef struct {
    ptrdiff_t n, inputs, outputs;
    const void *x, *weight, *bias, *dy;
    void *y, *dx, *dweight, *dbias;
    post_ops post;
} linear_args;

enum {
    PRODUCT_ROWS = 128,                    /* rows of c in a piece, each of which uses the packed panel of b */
    PRODUCT_COLUMNS = 3,                   /* times SUM_LANES, of c in a piece, as far as parts are concerned */
    PRODUCT_PARTS = 32,                    /* of the depth, at most; their sums are added one by one */
    COLUMN_DEPTH = 4096,                   /* terms of an inner product that are summed in REAL */
    FEW_ROWS = 4,                          /* too few to pack b for: inner products instead */
};

/* c (m, n) = a (m, depth) b (depth, n) + bias (n), then ReLU, as asked.  Element [i][k] of a is at
 * i * a_row + k * a_step, one of which is 1; [k][j] of b at k * n + j, or transposed at j * depth + k. */
typedef struct {
    ptrdiff_t m, n, depth, a_row, a_step;
    const void *a, *b, *bias;
    void *c;
    int b_transposed, relu;

    ptrdiff_t row_blocks, panels, parts;   /* a piece is one of each */
    ptrdiff_t blocks;                      /* of the depth in a part */
    void *sums;                            /* [part][m][n, whole vectors] where depth is cut */
    char *const *own;                      /* memory of each thread */
} product;

#endif

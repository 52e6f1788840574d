/* conv/gradient_args.h: one weight gradient, and how it is cut. */
#ifndef CNNLITE_GRADIENT_ARGS_H
#define CNNLITE_GRADIENT_ARGS_H

#include "correlation.h"

enum {
    STEP_PIXELS = SUM_BLOCK,               /* pixels summed while a block of dweight is in registers */
    STEPS = 64,                            /* of such sums added in REAL; then they go to sums in double */
    PATCH_BLOCK = 288,                     /* patch elements that a piece takes: 32 channels of 3x3 */
    GAP_PIXELS = 64 * 1024,                /* between a patch's rows; more are not copied */
};

/* dweight[f, k] = sum over images and pixels p of dy[f, p] * patch[k, p]: rows of dy times patches that
 * lie the other way round than in a forward pass, all numbers of one pixel together.
 *
 * A piece is a group, a block of channels and a part of the batch.  It sums up its own block of dweight; then
 * the parts of the batch are added in their order.  Within a piece, the lanes are runs of patch elements
 * that lie together in the copy of x (transpose.h); `vectors` of them hold a patch. */
typedef struct {
    conv_shape s;
    ptrdiff_t channels, filters;           /* of a group */
    const void *x;
    conv_source dy;
    void *dweight, *dbias;

    ptrdiff_t block_channels, channel_blocks, parts, pieces;
    int interleaved;                       /* the rows of a patch stand side by side in the copy */
    ptrdiff_t depth;                       /* numbers at one position of the copy */
    ptrdiff_t runs, run, run_vectors, vectors, panels, filter_panels;
    ptrdiff_t step_images, step_rows;      /* what is copied at a time */
    ptrdiff_t part_steps;                  /* of the largest part */
    ptrdiff_t phases_h, phases_w, phase_rows, phase_columns, phase_size, row_size, image_size;
    ptrdiff_t first_column, first_place, column_step, columns;     /* of x, that are copied */

    void *sums, *bias_sums;                /* of every piece */
    ptrdiff_t *offset;                     /* of a pixel in the copy */
    ptrdiff_t *place;                      /* of a column of x in a row of the copy */
    ptrdiff_t *outside;                    /* runs of zeros there, of every phase: before x, then after it */
    ptrdiff_t sums_size;
    char *const *own;                      /* memory of each thread */
} weight_gradient;

#endif

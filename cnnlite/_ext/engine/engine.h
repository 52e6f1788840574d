/* engine.h: what Cython sees of the engine: shapes, the table of kernels, the choice between tables.
 *
 * Every kernel exists in each instruction set the compiler can target, for float ([0]) and double ([1]);
 * a table holds one set.  Kernels check nothing: engine.pyx has, before it calls them.
 */
#ifndef CNNLITE_ENGINE_H
#define CNNLITE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/parallel.h"
#include "workspace.h"

/* x (n, c, h, w), weight (f, c/groups, kh, kw), y (n, f, oh, ow). */
typedef struct {
    ptrdiff_t n, c, h, w, f, kh, kw, oh, ow;
    ptrdiff_t stride_h, stride_w, top, left, dilation_h, dilation_w, groups;
} conv_shape;

/* Planes of height x width.  A gradient may still lack the backward passes of what was fused behind the
 * convolution; they are done while it is read, so that the whole gradient is never written out:
 * relu_y: the ReLU's output (of the shape of `data`): the gradient is 0 where it is 0;
 * argmax: of 2x2 max-pooling, with or without ReLU: data is (height / 2) x (width / 2), and of each window
 *     one pixel has the gradient: 0, 1 in the upper row, 2, 3 in the lower one; none where ReLU STOPPED it. */
enum { STOPPED = 4 };
typedef struct {
    const void *data, *relu_y;
    const uint8_t *argmax;
} conv_source;

/* The parallel loop of the module cnnlite._ext.runtime, which has the threads; set when the engine is loaded. */
extern parallel_loop *engine_parallel;

typedef struct norm_args norm_args;
typedef void (*norm_kernel)(norm_args *norm, workspace *work);
typedef struct product product;
typedef void (*product_kernel)(product *product, workspace *work);

/* convolve.h, weight_gradient.h */
typedef void (*conv_forward_kernel)(const conv_shape *shape, const void *x, const void *weight,
                                    const void *bias, void *y, uint8_t *argmax, int relu,
                                    workspace *work);
typedef void (*conv_gradient_kernel)(const conv_shape *shape, const void *dy, const void *weight,
                                     void *dx, workspace *work);
typedef void (*conv_weight_kernel)(const conv_shape *shape, const void *x, conv_source dy,
                                   void *dweight, void *dbias, workspace *work);

/* winograd_args.h */
struct winograd_args;
typedef void (*winograd_kernel)(const struct winograd_args *args, workspace *work);

typedef struct {
    const char *name;                      /* "baseline", "avx2", "avx512" */
    int lanes[2], mr, nv;

    /* pointwise_args.h says what each is given */
    piece_body relu_forward[2], relu_backward[2], gelu_forward[2], gelu_backward[2], add[2];
    piece_body sgd_step[2], max_pool2x2_forward[2], max_pool2x2_backward[2];
    norm_kernel batch_norm_forward[2], batch_norm_backward[2]; /* batchnorm.h */

    conv_forward_kernel conv_forward[2];
    conv_gradient_kernel conv_input_gradient[2];
    conv_weight_kernel conv_weight_gradient[2];
    product_kernel multiply[2];            /* product.h */
    piece_body sum_rows[2];
    winograd_kernel winograd_forward[2], winograd_gradient[2];
} engine_table;

/* NULL where the compiler cannot build the instruction set or this machine cannot run it. */
const engine_table *engine_find(const char *name);

#endif

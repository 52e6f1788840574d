/* pointwise/pointwise.h: one number in, one number out.  Each runs at the speed of memory: read what is needed
 * once, write once, in pieces of MAP_PIECE elements. */

INLINE ptrdiff_t T(piece_end)(ptrdiff_t piece, ptrdiff_t size)
{
    ptrdiff_t end = (piece + 1) * MAP_PIECE;
    return end < size ? end : size;
}

/* The kernel whose pieces NAME_piece does; ARGS has a size. */
#define EACH_PIECE(NAME, ARGS) \
    KERNEL void T(NAME)(void *args, workspace *work) \
    { \
        const ARGS *k = args; \
        if (workspace_ready(work, 0, 0)) \
            engine_parallel(divide_up(k->size, MAP_PIECE), work->threads, T(NAME##_piece), args); \
    }

/* The kernel out = F(a), and out = F(a, b), of functions of vectors. */
#define MAP_ONE(NAME, F) MAP_KERNEL(NAME, F(VLOAD(a + i)), F(VLOADN(a + i, n)))
#define MAP_TWO(NAME, F) MAP_KERNEL(NAME, F(VLOAD(a + i), VLOAD(b + i)), F(VLOADN(a + i, n), VLOADN(b + i, n)))
#define MAP_KERNEL(NAME, WHOLE, REST) \
    KERNEL void T(NAME##_piece)(void *context, ptrdiff_t piece, int thread) \
    { \
        const map_args *k = context; \
        const REAL *a = k->a, *b = k->b; \
        REAL *out = k->out; \
        ptrdiff_t i = piece * MAP_PIECE, end = T(piece_end)(piece, k->size); \
        for (; i + VL <= end; i += VL) VSTORE(out + i, WHOLE); \
        const ptrdiff_t n = end - i; \
        if (n > 0) VSTOREN(out + i, REST, n); \
        (void)b, (void)thread; \
    } \
    EACH_PIECE(NAME, map_args)

MAP_ONE(relu_forward, VRELU) /* NaN stays NaN */

/* dx = dy where y > 0 or y is NaN, else 0; y is ReLU's output. */
INLINE V T(relu_mask)(V dy, V y) { return VSELECT((MASK)(y <= VZERO), VZERO, dy); }
MAP_TWO(relu_backward, T(relu_mask))

INLINE void T(relu_mask_run)(const REAL *dy, const REAL *y, ptrdiff_t n, REAL *dx)
{
    ptrdiff_t i = 0;
    for (; i + VL <= n; i += VL) VSTORE(dx + i, T(relu_mask)(VLOAD(dy + i), VLOAD(y + i)));
    if (i < n) VSTOREN(dx + i, T(relu_mask)(VLOADN(dy + i, n - i), VLOADN(y + i, n - i)), n - i);
}

/* y = a + b, then ReLU if asked: the end of a residual block. */
KERNEL void T(add_piece)(void *context, ptrdiff_t piece, int thread)
{
    const map_args *k = context;
    const REAL *a = k->a, *b = k->b;
    REAL *y = k->out;
    ptrdiff_t i = piece * MAP_PIECE, end = T(piece_end)(piece, k->size);
    for (; i + VL <= end; i += VL) {
        V v = VLOAD(a + i) + VLOAD(b + i);
        VSTORE(y + i, k->post.relu ? VRELU(v) : v);
    }
    for (; i < end; i++) {
        REAL v = a[i] + b[i];
        y[i] = k->post.relu && v <= 0 ? 0 : v;
    }
    (void)thread;
}
EACH_PIECE(add, map_args)

/* One step of SGD on at most VL weights; n < VL only at the end of an array. */
INLINE void T(sgd_lanes)(const sgd_args *k, ptrdiff_t at, ptrdiff_t n)
{
    REAL *w = (REAL *)k->param + at, *velocity = (REAL *)k->velocity + at;
    const REAL *grad = (const REAL *)k->grad + at;
    const V momentum = VSET1((REAL)k->momentum);
    const int whole = n == (ptrdiff_t)VL;
    V wi = whole ? VLOAD(w) : VLOADN(w, n);
    V g = VFMA(VSET1((REAL)k->weight_decay), wi, whole ? VLOAD(grad) : VLOADN(grad, n));
    V direction = g;
    if (k->velocity) {
        V v = VFMA(momentum, whole ? VLOAD(velocity) : VLOADN(velocity, n), g);
        if (whole) VSTORE(velocity, v);
        else VSTOREN(velocity, v, n);
        direction = k->nesterov ? VFMA(momentum, v, g) : v;
    }
    wi = VFMA(VSET1((REAL)-k->lr), direction, wi);
    if (whole) VSTORE(w, wi);
    else VSTOREN(w, wi, n);
}

KERNEL void T(sgd_step_piece)(void *context, ptrdiff_t piece, int thread)
{
    const sgd_args *k = context;
    ptrdiff_t i = piece * MAP_PIECE, end = T(piece_end)(piece, k->size);
    for (; i + VL <= end; i += VL) T(sgd_lanes)(k, i, VL);
    if (i < end) T(sgd_lanes)(k, i, end - i);
    (void)thread;
}
EACH_PIECE(sgd_step, sgd_args)

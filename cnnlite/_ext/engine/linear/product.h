/* linear/product.h: the matrix products of linear layers.
 *
 * The same micro-kernel, on operands of any size: b is packed panel by panel, a is read where it is.  A
 * product that is deep and small (8192 inputs, 100 outputs) is cut along its depth, and the parts are
 * added in their order.  The sum of a piece is cut into blocks once more, whose sums are added in double.
 */

typedef struct {
    REAL *b, *a, *tile;
    double *sums;                          /* of all rows, where the depth is more than one block */
    const REAL *from[NV * VL];
} T(product_scratch);

INLINE void T(product_memory)(const product *k, arena *memory, T(product_scratch) *s)
{
    const ptrdiff_t depth = divide_up(k->depth, k->parts * k->blocks);
    s->b = arena_take(memory, (size_t)((depth + 1) * NR) * REAL_BYTES);
    s->a = arena_take(memory, (size_t)(depth * MR) * REAL_BYTES);
    s->tile = arena_take(memory, (size_t)(MR * NR) * REAL_BYTES);
    s->sums = arena_take(memory, k->blocks > 1 ? PRODUCT_ROWS * NR * sizeof(double) : 0);
}

/* Rows k0 .. k0 + depth of columns j .. j + width of b, as [k][nv * VL]. */
INLINE void T(pack_b)(const product *k, T(product_scratch) *s, ptrdiff_t k0, ptrdiff_t depth, ptrdiff_t j,
                      ptrdiff_t width, ptrdiff_t nv)
{
    const REAL *b = k->b;
    if (k->b_transposed) {
        for (ptrdiff_t i = 0; i < nv * VL; i++) s->from[i] = b + (j + smaller(i, width - 1)) * k->depth + k0;
        T(transpose_rows)(s->from, nv * VL, 1, depth, s->b, nv * VL, NULL);
        return;
    }
    for (ptrdiff_t i = 0; i < depth; i++)
        for (ptrdiff_t u = 0; u < nv * VL; u += VL) {
            const REAL *from = b + (k0 + i) * k->n + j + u;
            V v = u + VL <= width ? VLOAD(from) : u < width ? VLOADN(from, width - u) : VZERO;
            VSTORE(s->b + i * nv * VL + u, v);
        }
}

/* Write `rows` rows of a tile to c. */
INLINE void T(product_store)(const REAL *tile, ptrdiff_t ldt, ptrdiff_t rows, ptrdiff_t width, int relu, REAL *c,
                             ptrdiff_t ldc)
{
    for (ptrdiff_t r = 0; r < rows; r++, tile += ldt, c += ldc)
        for (ptrdiff_t u = 0; u < width; u += VL) {
            V sum = VLOAD(tile + u);
            if (relu) sum = VRELU(sum);
            if (u + VL <= width) VSTORE(c + u, sum);
            else VSTOREN(c + u, sum, width - u);
        }
}

KERNEL void T(product_piece)(void *context, ptrdiff_t number, int thread)
{
    const product *k = context;
    arena memory = {k->own[thread], 0};
    T(product_scratch) s;
    T(product_memory)(k, &memory, &s);
    const ptrdiff_t block = number % k->row_blocks, part = number / k->row_blocks % k->parts;
    const ptrdiff_t panel = number / k->row_blocks / k->parts, vectors = divide_up(k->n, VL);
    const ptrdiff_t v = panel * vectors / k->panels, nv = (panel + 1) * vectors / k->panels - v;
    const ptrdiff_t j = v * VL, columns = smaller(nv * VL, k->n - j);
    const ptrdiff_t begin = block * PRODUCT_ROWS, end = smaller(k->m, begin + PRODUCT_ROWS);
    const ptrdiff_t parts = k->parts * k->blocks, ldc = k->parts > 1 ? vectors * VL : k->n;
    const int relu = k->relu && k->parts == 1;
    REAL *c = (REAL *)(k->parts > 1 ? k->sums : k->c) + (k->parts > 1 ? part * k->m * ldc : 0) + j;
    const ptrdiff_t width = k->parts > 1 ? nv * VL : columns;       /* rows of sums are whole vectors */
    for (ptrdiff_t first = part * k->blocks, at = first; at < first + k->blocks; at++) {
        const ptrdiff_t k0 = at * k->depth / parts, depth = (at + 1) * k->depth / parts - k0;
        const REAL *bias = at == 0 ? k->bias : NULL;
        T(pack_b)(k, &s, k0, depth, j, columns, nv);
        for (ptrdiff_t i = begin; i < end; i += MR) {
            const ptrdiff_t rows = smaller(MR, end - i);
            const REAL *a = (const REAL *)k->a + i * k->a_row + k0 * k->a_step;
            ptrdiff_t a_row = k->a_row, a_step = k->a_step;
            if (rows < MR) {
                for (ptrdiff_t u = 0; u < depth; u++)
                    for (ptrdiff_t r = 0; r < MR; r++) s.a[u * MR + r] = r < rows ? a[r * a_row + u * a_step] : 0;
                a = s.a, a_row = 1, a_step = MR;
            }
            if (rows == MR && width == nv * VL && k->blocks == 1 && !bias) {
                T(micro_packed)(nv, depth, a, a_row, a_step, s.b, c + i * ldc, ldc, 0, relu);
                continue;
            }
            for (ptrdiff_t u = 0; u < nv * VL; u++) s.tile[u] = bias && u < columns ? bias[j + u] : 0;
            for (ptrdiff_t r = 1; r < MR; r++)
                memcpy(s.tile + r * nv * VL, s.tile, (size_t)(nv * VL) * REAL_BYTES);
            T(micro_packed)(nv, depth, a, a_row, a_step, s.b, s.tile, nv * VL, 1, 0);
            if (k->blocks > 1) {
                double *sums = s.sums + (i - begin) * nv * VL;
                T(add_block)(s.tile, MR * nv * VL, sums, at > first);
                if (at < first + k->blocks - 1) continue;
                T(take_sums)(sums, MR * nv * VL, s.tile);
            }
            T(product_store)(s.tile, nv * VL, rows, width, relu, c + i * ldc, ldc);
        }
    }
}

/* Add the parts of the depth, in their order, for one row of c. */
KERNEL void T(product_sum)(void *context, ptrdiff_t i, int thread)
{
    const product *k = context;
    const ptrdiff_t ldc = divide_up(k->n, VL) * VL;
    REAL *c = (REAL *)k->c + i * k->n;
    for (ptrdiff_t j = 0; j < k->n; j += VL) {
        const REAL *sums = (const REAL *)k->sums + i * ldc + j;
        V sum = VLOAD(sums);
        for (ptrdiff_t part = 1; part < k->parts; part++) sum = sum + VLOAD(sums + part * k->m * ldc);
        if (k->relu) sum = VRELU(sum);
        if (j + VL <= k->n) VSTORE(c + j, sum);
        else VSTOREN(c + j, sum, k->n - j);
    }
    (void)thread;
}

/* One column of c where b is transposed and a has few rows: inner products of rows that lie ready. */
KERNEL void T(product_column)(void *context, ptrdiff_t j, int thread)
{
    const product *k = context;
    const REAL *b = (const REAL *)k->b + j * k->depth;
    for (ptrdiff_t i = 0; i < k->m; i++) {
        const REAL *a = (const REAL *)k->a + i * k->depth;
        double sum = k->bias ? (double)((const REAL *)k->bias)[j] : 0;
        for (ptrdiff_t u = 0; u < k->depth;) {
            const ptrdiff_t end = smaller(u + smaller(COLUMN_DEPTH, 4 * SUM_LANES * LONGEST_SUM), k->depth);
            V acc[4 * WIDE];
            REAL lanes[SUM_LANES];
            UNROLL_FOR(int v = 0; v < 4 * WIDE; v++) acc[v] = VZERO;
            for (; u + 4 * SUM_LANES <= end; u += 4 * SUM_LANES)
                UNROLL_FOR(int v = 0; v < 4 * WIDE; v++)
                    acc[v] = VFMA(VLOAD(a + u + v * VL), VLOAD(b + u + v * VL), acc[v]);
            for (; u < end; u += SUM_LANES)
                UNROLL_FOR(int v = 0; v < WIDE; v++) {
                    const ptrdiff_t at = u + v * VL, count = smaller(VL, end - at);
                    if (count > 0) acc[v] = VFMA(VLOADN(a + at, count), VLOADN(b + at, count), acc[v]);
                }
            UNROLL_FOR(int v = 0; v < WIDE; v++)
                VSTORE(lanes + v * VL, (acc[v] + acc[WIDE + v]) + (acc[2 * WIDE + v] + acc[3 * WIDE + v]));
            for (int lane = 0; lane < SUM_LANES; lane++) sum += (double)lanes[lane];
        }
        ((REAL *)k->c)[i * k->n + j] = k->relu && sum <= 0 ? 0 : (REAL)sum;
    }
    (void)thread;
}

/* Compute c. */
KERNEL void T(multiply)(product *k, workspace *work)
{
    arena memory = {work->shared, 0}, thread = {NULL, 0};
    if (k->b_transposed && k->a_step == 1 && k->m <= FEW_ROWS) {
        if (workspace_ready(work, 0, 0)) engine_parallel(k->n, work->threads, T(product_column), k);
        return;
    }
    T(product_scratch) unused;
    k->row_blocks = divide_up(k->m, PRODUCT_ROWS);
    k->panels = divide_up(divide_up(k->n, VL), NV);
    const ptrdiff_t blocks = larger(1, divide_up(k->depth, LONGEST_SUM));
    /* The parts decide the order of additions, so they do not depend on the vectors. */
    const ptrdiff_t columns = divide_up(k->n, PRODUCT_COLUMNS * SUM_LANES);
    k->parts = k->row_blocks * columns >= MINIMUM_PIECES ? 1 : smaller(PRODUCT_PARTS, blocks);
    k->blocks = divide_up(blocks, k->parts);
    T(product_memory)(k, &thread, &unused);
    k->sums = arena_take(&memory,
                         k->parts > 1 ? (size_t)(k->parts * k->m * divide_up(k->n, VL) * VL) * REAL_BYTES : 0);
    k->own = work->own;
    if (!workspace_ready(work, memory.used, thread.used)) return;
    engine_parallel(k->row_blocks * k->panels * k->parts, work->threads, T(product_piece), k);
    if (k->parts > 1) engine_parallel(k->m, work->threads, T(product_sum), k);
}

/* sum (n) = the rows of a (m, n), added in their order, blocks of them in double; a piece is VL columns. */
KERNEL void T(sum_rows)(void *context, ptrdiff_t piece, int thread)
{
    const product *k = context;
    const ptrdiff_t j = piece * VL, count = smaller(VL, k->n - j);
    const REAL *a = (const REAL *)k->a + j;
    const ptrdiff_t block = k->m <= LONGEST_SUM ? LONGEST_SUM : SUM_BLOCK;
    double sums[VL] = {0};
    REAL lanes[VL];
    for (ptrdiff_t first = 0; first < k->m; first += block) {
        V sum = VZERO;
        for (ptrdiff_t i = first; i < smaller(first + block, k->m); i++)
            sum = sum + (count == VL ? VLOAD(a + i * k->n) : VLOADN(a + i * k->n, count));
        VSTORE(lanes, sum);
        T(add_block)(lanes, VL, sums, 1);
    }
    for (ptrdiff_t i = 0; i < count; i++) ((REAL *)k->c)[j + i] = (REAL)sums[i];
    (void)thread;
}

KERNEL void T(linear_forward)(void *args, workspace *work)
{
    const linear_args *k = args;
    product p = {.m = k->n,
                 .n = k->outputs,
                 .depth = k->inputs,
                 .a_row = k->inputs,
                 .a_step = 1,
                 .a = k->x,
                 .b = k->weight,
                 .bias = k->bias,
                 .c = k->y,
                 .b_transposed = 1,
                 .relu = k->post.relu};
    T(multiply)(&p, work);
}

KERNEL void T(linear_input_gradient)(void *args, workspace *work)
{
    const linear_args *k = args;
    product p = {.m = k->n,
                 .n = k->inputs,
                 .depth = k->outputs,
                 .a_row = k->outputs,
                 .a_step = 1,
                 .a = k->dy,
                 .b = k->weight,
                 .c = k->dx};
    T(multiply)(&p, work);
}

KERNEL void T(linear_weight_gradient)(void *args, workspace *work)
{
    const linear_args *k = args;
    product p = {.m = k->outputs,
                 .n = k->inputs,
                 .depth = k->n,
                 .a_row = 1,
                 .a_step = k->outputs,
                 .a = k->dy,
                 .b = k->x,
                 .c = k->dweight};
    product sum = {.m = k->n, .n = k->outputs, .a = k->dy, .c = k->dbias};
    T(multiply)(&p, work);
    if (k->dbias && work->ready) engine_parallel(divide_up(sum.n, VL), work->threads, T(sum_rows), &sum);
}

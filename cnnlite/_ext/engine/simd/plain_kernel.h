/* simd/plain_kernel.h: the micro-kernel where vectors have one lane.
 *
 *     block (STRIP x MR)  +=  sum over k of  x_j[k] (outer) v[k][MR]
 *
 * It is written so that any compiler makes the vectors: loops of a fixed length over neighbours, in a function of
 * its own, whose block nothing else points to.  GCC and Clang keep the block in registers while k runs.  GCC 12 does
 * not if the block is an array of the same function, if the neighbours are not copied first, or if both sides are a
 * constant step apart (it then makes vectors along k); so one of them is always found by a table of offsets.
 * tests/disassembly.py counts.
 */
#define SUM_OUTER(name, x_at, v_at) \
    KERNEL void T(name)(ptrdiff_t depth, const REAL *const *x, const REAL *RESTRICT v, ptrdiff_t step, \
                        const ptrdiff_t *RESTRICT offset, REAL *RESTRICT block) \
    { \
        for (ptrdiff_t k = 0; k < depth; k++) { \
            const ptrdiff_t x_place = x_at, v_place = v_at; \
            REAL row[MR]; \
            for (int i = 0; i < MR; i++) row[i] = v[v_place + i]; \
            for (int j = 0; j < STRIP; j++) { \
                const REAL factor = x[j][x_place]; \
                for (int i = 0; i < MR; i++) block[j * MR + i] += factor * row[i]; \
            } \
        } \
    }
SUM_OUTER(sum_outer_x, offset[k], (k)*step) /* x_j[k] = x[j][offset[k]], v[k] = v + k * step */
SUM_OUTER(sum_outer_v, (k)*step, offset[k]) /* x_j[k] = x[j][k * step], v[k] = v + offset[k] */
#undef SUM_OUTER

/* block (rows x MR) += the same sum for x_j[k] = x[j][k * x_step] and v[k] = v + k * v_step.  `rows` is a multiple of
 * STRIP. */
KERNEL void T(sum_outer)(int rows, ptrdiff_t depth, const REAL *const *x, ptrdiff_t x_step, const REAL *v,
                         ptrdiff_t v_step, REAL *block)
{
    ptrdiff_t offset[DEPTH];
    const REAL *factors[STRIP];
    for (ptrdiff_t k = 0; k < smaller(DEPTH, depth); k++) offset[k] = k * v_step;
    for (ptrdiff_t k = 0; k < depth; k += DEPTH)
        for (int i = 0; i < rows; i += STRIP) {
            for (int j = 0; j < STRIP; j++) factors[j] = x[i + j] + k * x_step;
            T(sum_outer_v)(smaller(DEPTH, depth - k), factors, v + k * v_step, x_step, offset, block + i * MR);
        }
}

/* The same sum where x_step is 1 and the MR numbers of v[k] are from[i][offset[k]] (no offset: from[i][k]) for
 * i < count, the others zero; at most MOST_ROWS rows. */
KERNEL void T(sum_gathered)(int rows, ptrdiff_t depth, const REAL *const *x, const REAL *const *from, int count,
                            const ptrdiff_t *offset, REAL *block)
{
    REAL v[DEPTH * MR];
    const REAL *factors[MOST_ROWS];
    for (ptrdiff_t first = 0; first < depth; first += DEPTH) {
        const ptrdiff_t size = smaller(DEPTH, depth - first);
        for (ptrdiff_t k = 0; k < size; k++) {
            const ptrdiff_t at = offset ? offset[first + k] : first + k;
            for (int i = 0; i < MR; i++) v[k * MR + i] = i < count ? from[i][at] : 0;
        }
        for (int j = 0; j < rows; j++) factors[j] = x[j] + first;
        T(sum_outer)(rows, size, factors, 1, v, MR, block);
    }
}

/* c (MR x nv, rows ldc apart), with `accumulate` c +, the sum over k of a[i * a_row + k * a_step] * b[k][nv]; then
 * ReLU, if asked.  Behind b there is room for a row. */
KERNEL void T(micro_packed)(ptrdiff_t nv, ptrdiff_t depth, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_step,
                            const REAL *b, REAL *c, ptrdiff_t ldc, int accumulate, int relu)
{
    REAL block[MR][MR] = {{0}};
    const REAL *x[MR];
    for (int i = 0; i < MR; i++) {
        x[i] = a + i * a_row;
        for (ptrdiff_t j = 0; j < nv && accumulate; j++) block[i][j] = c[i * ldc + j];
    }
    T(sum_outer)(MR, depth, x, a_step, b, nv, block[0]);
    for (int i = 0; i < MR; i++)
        for (ptrdiff_t j = 0; j < nv; j++) c[i * ldc + j] = relu ? VRELU(block[i][j]) : block[i][j];
}

/* The same of packed a (MR filters lie together) and rows of b that lie where they are: number j of row k at
 * b[j][offset[k]].  start: what c begins with, for each row; no start: 0. */
KERNEL void T(micro_gathered)(int nv, ptrdiff_t depth, const REAL *a, const REAL *const *b,
                              const ptrdiff_t *offset, REAL *c, ptrdiff_t ldc, const REAL *start, int accumulate,
                              int relu)
{
    REAL block[NV][MR] = {{0}};
    const REAL *x[NV];
    for (int j = 0; j < NV; j++) {
        x[j] = b[j < nv ? j : 0];
        for (int i = 0; i < MR && j < nv; i++) block[j][i] = accumulate ? c[i * ldc + j] : start ? start[i] : 0;
    }
    for (int j = 0; j < nv; j += STRIP) T(sum_outer_x)(depth, x + j, a, MR, offset, block[j]);
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < nv; j++) c[i * ldc + j] = relu ? VRELU(block[j][i]) : block[j][i];
}

/* The same for rows of a that are a_row apart, consecutive in depth; with `add`, c + the sum. */
KERNEL void T(micro_rows)(int nv, ptrdiff_t depth, const REAL *a, ptrdiff_t a_row, const REAL *const *b,
                          const ptrdiff_t *offset, REAL *c, ptrdiff_t ldc, int add)
{
    REAL block[MR][MR] = {{0}};
    const REAL *x[MR];
    int neighbours = nv == MR;
    for (int j = 1; j < nv; j++) neighbours &= b[j] == b[0] + j;
    for (int i = 0; i < MR; i++) x[i] = a + i * a_row;
    if (!neighbours) T(sum_gathered)(MR, depth, x, b, nv, offset, block[0]);
    for (int i = 0; i < MR && neighbours; i += STRIP) T(sum_outer_v)(depth, x + i, b[0], 1, offset, block[i]);
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < nv; j++) c[i * ldc + j] = add ? c[i * ldc + j] + block[i][j] : block[i][j];
}

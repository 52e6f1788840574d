/* depthwise/sums.h: the sums of a plane, y = x * weight + bias. */

typedef struct {
    T(window) window;
    ptrdiff_t planes, channels; /* of y: all, of an image */
    ptrdiff_t shared, sums; /* planes of y for one of x; planes of x whose sums are added for one of y */
    ptrdiff_t piece_planes, piece_rows, row_blocks;
    const REAL *x, *weight, *bias;
    REAL *y;
    int relu, rotated, half; /* half: dx of a 3x3 with stride 2 */
    char *const *own;
} T(depthwise);

/* One plane of y: the planes of x that it sees, `size` apart, as row_at reads them, and their weights. */
typedef struct {
    const T(depthwise) *k;
    const REAL *x, *weight, *before; /* before: the planes that `from` is of */
    ptrdiff_t size;
    const REAL **from; /* the rows of x from the first row of the piece on, ... */
    ptrdiff_t from_size; /* ... of each of those planes */
    V start;
    REAL *y;
} T(depthwise_plane);

INLINE V T(weight_at)(const T(depthwise) *k, const REAL *weight, ptrdiff_t tap, ptrdiff_t taps)
{
    return VSET1(weight[k->rotated ? taps - 1 - tap : tap]);
}

INLINE void T(store_rows)(const T(depthwise) *k, V *acc, REAL *y, ptrdiff_t r, ptrdiff_t q, const int rows)
{
    const ptrdiff_t columns = k->window.columns, at = r * columns + q;
    const ptrdiff_t left = k->window.out_h * k->window.out_w - at - (rows - 1) * columns, n = columns - q;
    if (k->relu)
        UNROLL_FOR(int i = 0; i < rows; i++) acc[i] = VRELU(acc[i]);
    y += at;
    if (n >= (ptrdiff_t)VL && left >= (ptrdiff_t)VL) {
        UNROLL_FOR(int i = 0; i < rows; i++) VSTORE(y + i * columns, acc[i]);
        return;
    }
    UNROLL_FOR(int i = 0; i < rows - 1; i++) VSTOREN(y + i * columns, acc[i], smaller(VL, n));
    VSTOREN(y + (rows - 1) * columns, acc[rows - 1], smaller(VL, smaller(n, left)));
}

/* Rows r .. r + rows, VL outputs of each: any kernel. */
INLINE void T(sum_any)(const T(depthwise_plane) *p, ptrdiff_t r, ptrdiff_t q, const int rows)
{
    const T(depthwise) *k = p->k;
    const T(window) *w = &k->window;
    const ptrdiff_t taps = w->taps_h * w->taps_w;
    const int inside = T(is_inside)(w, q), deep = k->sums * taps > LONGEST_SUM;
    const REAL *planes = p->x, *weight = p->weight;
    REAL block[MR * VL];
    double totals[MR * VL] = {0};
    ptrdiff_t done = 0;
    V acc[MR];
    UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = p->start;
    for (ptrdiff_t s = 0; s < k->sums; s++, planes += p->size, weight += taps)
        for (ptrdiff_t i = 0; i < w->taps_h; i++) {
            const REAL *row[MR];
            for (int v = 0; v < rows; v++)
                row[v] = T(row_at)(w, planes, (r + v) * w->step_h + i * w->gap_h - w->top) + q * w->step_w;
            for (ptrdiff_t j = 0; j < w->taps_w; j++) {
                const V tap = T(weight_at)(k, weight, i * w->taps_w + j, taps);
                const ptrdiff_t column = j * w->gap_w - w->left;
                const T(lanes) lanes = T(lanes_of)(w, q, smaller(VL, w->columns - q), j);
                UNROLL_FOR(int v = 0; v < rows; v++)
                    acc[v] = VFMA(tap, T(load_tap)(row[v] + column, w->step_w, lanes, inside), acc[v]);
                if (!deep || ++done % SUM_BLOCK) continue;
                UNROLL_FOR(int v = 0; v < rows; v++) VSTORE(block + v * VL, acc[v]);
                T(add_block)(block, rows * VL, totals, 1);
                UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = VZERO;
            }
        }
    if (deep) {
        UNROLL_FOR(int v = 0; v < rows; v++) VSTORE(block + v * VL, acc[v]);
        T(add_block)(block, rows * VL, totals, 1);
        T(take_sums)(totals, rows * VL, block);
        UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = VLOAD(block + v * VL);
    }
    T(store_rows)(k, acc, p->y, r, q, rows);
}

/* The lanes of the loads in load_3 that are inside of the plane, and that n outputs from q on see. */
INLINE void T(lanes_3)(const T(window) *w, ptrdiff_t q, ptrdiff_t n, const int step, T(lanes) lanes[4])
{
    for (int i = 0; i < 4; i++) {
        const ptrdiff_t far = step == 2 ? i % 2 * (ptrdiff_t)VL : 0;
        const ptrdiff_t first = q * step - w->left + (step == 2 ? i / 2 * 2 : i) + far;
        const ptrdiff_t end = smaller(w->width - first, step * n - far);
        lanes[i].begin = smaller(VL, larger(0, -first));
        lanes[i].end = larger(lanes[i].begin, smaller(VL, end));
    }
}

/* What the three columns of the kernel see of a row, from its column q * step - left on.  With step 2, the even and odd columns of two vectors. */
INLINE void T(load_3)(const REAL *row, const T(lanes) lanes[4], const int step, const int inside, V x[3])
{
    if (step == 1) {
        UNROLL_FOR(int j = 0; j < 3; j++)
            x[j] = inside ? VLOAD(row + j) : VLOADR(row + j, lanes[j].begin, lanes[j].end);
        return;
    }
    V part[4];
    UNROLL_FOR(int i = 0; i < 4; i++) {
        const REAL *at = row + (i / 2) * 2 + i % 2 * (ptrdiff_t)VL;
        part[i] = inside ? VLOAD(at) : VLOADR(at, lanes[i].begin, lanes[i].end);
    }
    x[0] = SHUFFLE(part[0], part[1], EVENS);
    x[1] = SHUFFLE(part[0], part[1], ODDS);
    x[2] = SHUFFLE(part[2], part[3], EVENS);
}

INLINE void T(rows_3x3)(const REAL *const *from, ptrdiff_t first, const V tap[9], const T(lanes) lanes[4],
                        const int rows, const int apart, const int step, const int inside, V acc[MR])
{
    UNROLL_FOR(int y = 0; y <= (rows - 1) * apart + 2; y++) {
        V x[3];
        T(load_3)(from[y] + first, lanes, step, inside, x);
        UNROLL_FOR(int j = 0; j < 3; j++)
            UNROLL_FOR(int i = 0; i < 3; i++)
                if (y >= i && (y - i) % apart == 0 && (y - i) / apart < rows)
                    acc[(y - i) / apart] = VFMA(tap[3 * i + j], x[j], acc[(y - i) / apart]);
    }
}

/* Rows begin .. end (at least `rows`), VL outputs of each, of 3x3 taps.  Those of neighbouring rows of outputs are
 * `apart` rows apart (1 or 2): what a row gives is loaded once for all outputs that see it. */
INLINE void T(sum_3x3)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end, ptrdiff_t q, const int rows,
                       const int apart, const int step, const int inside)
{
    const T(depthwise) *k = p->k;
    const T(window) *w = &k->window;
    const ptrdiff_t sums = k->sums;
    const ptrdiff_t first = q * step - w->left;
    T(lanes) lanes[4];
    V tap[9], acc[MR];
    if (!inside) T(lanes_3)(w, q, VL, step, lanes);
    UNROLL_FOR(int t = 0; t < 9; t++) tap[t] = T(weight_at)(k, p->weight, t, 9);
    for (ptrdiff_t i = begin; i < end; i += rows) {
        const ptrdiff_t r = smaller(i, end - rows); /* the last rows overlap those before */
        const REAL *const *from = p->from + (r - begin) * apart;
        UNROLL_FOR(int v = 0; v < rows; v++) acc[v] = p->start;
        T(rows_3x3)(from, first, tap, lanes, rows, apart, step, inside, acc);
        for (ptrdiff_t s = 1; s < sums; s++) {
            V more[9];
            UNROLL_FOR(int t = 0; t < 9; t++) more[t] = T(weight_at)(k, p->weight + 9 * s, t, 9);
            T(rows_3x3)(from + s * p->from_size, first, more, lanes, rows, apart, step, inside, acc);
        }
        T(store_rows)(k, acc, p->y, r, q, rows);
    }
}

#define PLANE_3X3(name, rows, apart, step) \
    KERNEL void T(name)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end) \
    { \
        const T(window) *w = &p->k->window; \
        for (ptrdiff_t q = 0; q < w->columns; q += VL) \
            if (end - begin < rows) T(sum_3x3)(p, begin, end, q, 1, apart, step, 0); \
            else if (T(is_inside)(w, q)) T(sum_3x3)(p, begin, end, q, rows, apart, step, 1); \
            else T(sum_3x3)(p, begin, end, q, rows, apart, step, 0); \
    }
PLANE_3X3(plane_3x3, MR, 1, 1)
PLANE_3X3(plane_3x3_half, MR, 2, 2)

KERNEL void T(plane_any)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end)
{
    for (ptrdiff_t q = 0; q < p->k->window.columns; q += VL)
        for (ptrdiff_t r = begin; r < end; r += MR)
            if (end - r >= MR) T(sum_any)(p, r, q, MR);
            else
                for (ptrdiff_t i = r; i < end; i++) T(sum_any)(p, i, q, 1);
}

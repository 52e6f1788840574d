/* depthwise/window.h: how a depthwise convolution reads a plane.
 *
 * Each filter sees one channel, so there is no product of matrices, whose numbers would be used many times.  The
 * sums are taken where the planes are: the lanes of a vector are neighbouring outputs, and what a tap sees of them
 * is one load from a row.  Rows outside of the plane are read from a row of zeros, columns outside by masks.
 *
 * Two kinds of planes are read in another way:
 *
 *     merged    rows shorter than half a vector: two to four rows of outputs share one (narrow.h)
 *     spread    the gradient of a convolution with a stride is copied, with zeros between its pixels */

#if REAL_BYTES == 4
typedef int32_t T(pick);
#else
typedef int64_t T(pick);
#endif

/* One plane as the taps see it.  Tap row i and output row r see row (r * step_h + i * gap_h - top), which is
 * zero unless spread_h divides it.  Columns likewise. */
typedef struct {
    ptrdiff_t given_h, given_w; /* the plane in memory */
    ptrdiff_t spread_h, spread_w;
    ptrdiff_t taps_h, taps_w, gap_h, gap_w, step_h, step_w, top, left, out_h, out_w;

    ptrdiff_t merged, rows, columns; /* rows of outputs in a vector; how many such rows, and how long they are */
    ptrdiff_t height, width, pitch; /* of the plane with its zeros between */
    ptrdiff_t scratch_size; /* of a copied plane */
    int is_3x3; /* of neighbours, with equal steps of 1 or 2 */
    const REAL *zeros; /* a row of them */
    const T(pick) *picks; /* of a merged plane: what pick_tap takes */
} T(window);

/* Lanes that are inside of the plane: begin .. end. */
typedef struct {
    ptrdiff_t begin, end;
} T(lanes);

#define MOST_MERGED 4

/* How many rows of outputs share a vector of `lanes` lanes, where a plane is read for sums of `sums` planes. */
INLINE ptrdiff_t T(merged_rows)(const T(window) *k, ptrdiff_t sums, ptrdiff_t lanes)
{
    if (k->spread_h > 1 || k->spread_w > 1 || 2 * k->out_w > lanes || k->given_w > lanes || k->out_h <= 1
        || k->out_h * k->step_h > 128 || k->taps_h * k->gap_h > 64 || sums * k->taps_h * k->taps_w > LONGEST_SUM)
        return 1;
    return smaller(smaller(lanes / k->out_w, MOST_MERGED), k->out_h);
}

/* Let `merged` rows share a vector. */
INLINE void T(merge_rows)(T(window) *k, ptrdiff_t merged)
{
    k->merged = merged;
    k->rows = divide_up(k->out_h, k->merged);
    k->columns = k->merged * k->out_w;
}

/* Plan how to read a plane for sums of `sums` planes. */
INLINE void T(plan_window)(T(window) *k, ptrdiff_t sums)
{
    k->height = (k->given_h - 1) * k->spread_h + 1;
    k->width = (k->given_w - 1) * k->spread_w + 1;
    k->pitch = k->spread_w > 1 ? k->width : k->given_w;
    k->scratch_size = k->spread_w > 1 ? k->given_h * k->pitch : 0;
    T(merge_rows)(k, T(merged_rows)(k, sums, VL));
    k->is_3x3 = k->taps_h == 3 && k->taps_w == 3 && k->gap_h == 1 && k->gap_w == 1 && k->step_h == k->step_w
        && k->step_h <= 2;
}

/* Lanes of `count` outputs from q on for which tap column j is inside. */
INLINE T(lanes) T(lanes_of)(const T(window) *k, ptrdiff_t q, ptrdiff_t count, ptrdiff_t j)
{
    const ptrdiff_t first = q * k->step_w + j * k->gap_w - k->left, room = k->width - first;
    T(lanes) lanes = {0, count};
    if (first < 0) lanes.begin = smaller(count, divide_by_step(-first, k->step_w));
    lanes.end = larger(lanes.begin, room > 0 ? smaller(count, divide_by_step(room, k->step_w)) : 0);
    return lanes;
}

/* Whether all taps of the VL outputs from q on, and what vload_evens reads besides, are inside of the row. */
INLINE int T(is_inside)(const T(window) *k, ptrdiff_t q)
{
    const ptrdiff_t first = q * k->step_w - k->left;
    return first >= 0 && first + VL * k->step_w + (k->taps_w - 1) * k->gap_w + k->step_w - 1 <= k->width;
}

INLINE const REAL *T(row_at)(const T(window) *k, const REAL *plane, ptrdiff_t y)
{
    if (y < 0 || y >= k->height) return k->zeros;
    if (k->spread_h == 1) return plane + y * k->pitch;
    return y % k->spread_h ? k->zeros : plane + y / k->spread_h * k->pitch;
}

/* from[i] = row y + i of a plane, or, where they hold those rows of the plane `before`, moved to this one. */
INLINE void T(find_rows)(const T(window) *k, const REAL *plane, const REAL *before, ptrdiff_t y, ptrdiff_t count,
                         const REAL **from)
{
    if (plane == before) return;
    if (k->spread_h > 1) {
        for (ptrdiff_t i = 0; i < count; i++) from[i] = T(row_at)(k, plane, y + i);
        return;
    }
    const ptrdiff_t begin = smaller(count, larger(0, -y));
    const ptrdiff_t end = larger(begin, smaller(count, k->height - y));
    if (before) {
        const ptrdiff_t apart = plane - before;
        for (ptrdiff_t i = begin; i < end; i++) from[i] += apart;
        return;
    }
    for (ptrdiff_t i = 0; i < begin; i++) from[i] = k->zeros;
    for (ptrdiff_t i = begin; i < end; i++) from[i] = plane + (y + i) * k->pitch;
    for (ptrdiff_t i = end; i < count; i++) from[i] = k->zeros;
}

/* Rows of the plane that r rows of vectors see. */
INLINE ptrdiff_t T(rows_seen)(const T(window) *k, ptrdiff_t r)
{
    return (r * k->merged - 1) * k->step_h + (k->taps_h - 1) * k->gap_h + 1;
}

/* Take the memory of what is the same for all planes; fill it in once it is there. */
INLINE void T(take_window)(T(window) *k, arena *memory)
{
    const ptrdiff_t picked = k->merged > 1 ? MOST_MERGED / 2 * k->taps_w * VL : 0;
    REAL *zeros = arena_take(memory, (size_t)k->width * REAL_BYTES);
    T(pick) *picks = arena_take(memory, (size_t)picked * sizeof(T(pick)));
    k->zeros = zeros, k->picks = picks;
    if (!memory->memory) return;
    memset(zeros, 0, (size_t)k->width * REAL_BYTES);
    for (ptrdiff_t i = 0; i < picked; i++) {
        const ptrdiff_t lane = i % VL, pair = i / (k->taps_w * VL), j = i / VL % k->taps_w;
        const ptrdiff_t row = lane / k->out_w, column = lane % k->out_w * k->step_w + j * k->gap_w - k->left;
        const int inside = row < k->merged && row / 2 == pair && column >= 0 && column < k->given_w;
        picks[i] = (T(pick))(inside ? row % 2 * VL + column : 2 * VL);
    }
}

/* Copy a plane, with room for zeros between its columns; row_at finds its rows. */
INLINE void T(copy_plane)(const T(window) *k, const REAL *plane, REAL *scratch)
{
    for (ptrdiff_t y = 0; y < k->given_h; y++)
        for (ptrdiff_t x = 0; x < k->given_w; x++)
            scratch[y * k->pitch + x * k->spread_w] = plane[y * k->given_w + x];
}

/* What a tap sees: p[0], p[step], p[2 step] ... of the lanes that are inside, zero in the others. */
INLINE V T(load_tap)(const REAL *p, ptrdiff_t step, T(lanes) lanes, int inside)
{
    if (step == 1) return inside ? VLOAD(p) : VLOADR(p, lanes.begin, lanes.end);
    if (step == 2 && inside) return T(vload_evens)(p);
    if (lanes.begin >= lanes.end) return VZERO;
    if (step == 2) return T(vload_evens_between)(p, lanes.begin, lanes.end);
    REAL lane[VL] = {0};
    for (ptrdiff_t i = lanes.begin; i < lanes.end; i++) lane[i] = p[i * step];
    return VLOAD(lane);
}

/* depthwise/window.h: how a depthwise convolution reads a plane.
 *
 * Each filter sees one channel, so there is no product of matrices, whose numbers would be used many times.  The
 * sums are taken where the planes are: the lanes of a vector are neighbouring outputs, and what a tap sees of them
 * is one load from a row.  Rows outside of the plane are read from a row of zeros, columns outside by masks.
 *
 * Two kinds of planes are copied first, to a form that needs no other treatment:
 *
 *     merged    rows shorter than half a vector, with stride 1: as many as fit are one row of outputs.  Each column
 *               of the kernel has its own copy, with zeros for the columns outside
 *     spread    the gradient of a convolution with a stride: with zeros between its pixels */

/* One plane as the taps see it.  Input row y of tap row i and output row r is (r * merged * step_h + i * gap_h - top),
 * and zero unless spread_h divides it.  Columns likewise. */
typedef struct {
    ptrdiff_t given_h, given_w; /* the plane in memory */
    ptrdiff_t spread_h, spread_w;
    ptrdiff_t taps_h, taps_w, gap_h, gap_w, step_h, step_w, top, left, out_h, out_w;

    ptrdiff_t merged, rows, columns; /* rows of outputs, and how long they are */
    ptrdiff_t height, width, pitch; /* of the plane with its zeros between */
    ptrdiff_t copy_size, scratch_size; /* of a merged column; of a copied plane */
    ptrdiff_t copied; /* planes at a time */
    int is_3x3; /* of neighbours, with equal steps of 1 or 2 */
    const REAL *zeros; /* a row of them */
    const REAL *inside; /* of merged columns: 1 where they are inside, for every pixel */
} T(window);

/* Lanes that are inside of the plane: begin .. end. */
typedef struct {
    ptrdiff_t begin, end;
} T(lanes);

/* Planes that are copied before the first of them is read: what has just been stored is slow to load in other
 * pieces. */
#define COPIED_PLANES 8

INLINE void T(plan_window)(T(window) *k)
{
    const ptrdiff_t below = (k->taps_h - 1) * k->gap_h - k->top;
    const int same = k->out_h == k->given_h && k->out_w == k->given_w && k->step_h == 1 && k->step_w == 1
        && k->top >= 0 && below >= 0;
    k->height = (k->given_h - 1) * k->spread_h + 1;
    k->width = (k->given_w - 1) * k->spread_w + 1;
    k->pitch = k->spread_w > 1 ? k->width : k->given_w;
    k->scratch_size = k->spread_w > 1 ? k->given_h * k->pitch : 0;
    k->merged = k->copied = 1;
    if (same && k->spread_h == 1 && k->spread_w == 1 && 2 * k->out_w <= (ptrdiff_t)VL && k->out_h > 1
        && k->given_h <= 64 && k->taps_h * k->gap_h <= 64 && k->taps_w <= 16) {
        k->merged = smaller(VL / k->out_w, k->out_h);
        k->copied = COPIED_PLANES;
        k->copy_size = (k->top + k->given_h + below + k->merged) * k->given_w + 2 * VL;
        k->scratch_size = k->taps_w * k->copy_size;
    }
    k->rows = divide_up(k->out_h, k->merged);
    k->columns = k->merged * k->out_w;
    k->is_3x3 = k->taps_h == 3 && k->taps_w == 3 && k->gap_h == 1 && k->gap_w == 1 && k->step_h == k->step_w
        && k->step_h <= 2;
}

/* Lanes of `count` outputs from q on for which tap column j is inside. */
INLINE T(lanes) T(lanes_of)(const T(window) *k, ptrdiff_t q, ptrdiff_t count, ptrdiff_t j)
{
    const ptrdiff_t first = q * k->step_w + j * k->gap_w - k->left, room = k->width - first;
    T(lanes) lanes = {0, count};
    if (k->merged > 1) return lanes;
    if (first < 0) lanes.begin = smaller(count, divide_by_step(-first, k->step_w));
    lanes.end = larger(lanes.begin, room > 0 ? smaller(count, divide_by_step(room, k->step_w)) : 0);
    return lanes;
}

/* Whether all taps of the VL outputs from q on, and what vload_evens reads besides, are inside of the row. */
INLINE int T(is_inside)(const T(window) *k, ptrdiff_t q)
{
    const ptrdiff_t first = q * k->step_w - k->left;
    return k->merged > 1
        || (first >= 0 && first + VL * k->step_w + (k->taps_w - 1) * k->gap_w + k->step_w - 1 <= k->width);
}

/* Where tap column j begins, from a row on. */
INLINE ptrdiff_t T(column_of)(const T(window) *k, ptrdiff_t j)
{
    return k->merged > 1 ? j * k->copy_size : j * k->gap_w - k->left;
}

INLINE const REAL *T(row_at)(const T(window) *k, const REAL *plane, ptrdiff_t y)
{
    if (k->merged > 1) return plane + y * k->pitch;
    if (y < 0 || y >= k->height) return k->zeros;
    if (k->spread_h == 1) return plane + y * k->pitch;
    return y % k->spread_h ? k->zeros : plane + y / k->spread_h * k->pitch;
}

/* from[i] = row y + i of a plane, or, where they hold those rows of the plane `before`, moved to this one. */
INLINE void T(find_rows)(const T(window) *k, const REAL *plane, const REAL *before, ptrdiff_t y, ptrdiff_t count,
                         const REAL **from)
{
    if (plane == before) return;
    if (k->spread_h > 1 || (k->merged > 1 && !before)) {
        for (ptrdiff_t i = 0; i < count; i++) from[i] = T(row_at)(k, plane, y + i);
        return;
    }
    ptrdiff_t begin = smaller(count, larger(0, -y)), end = larger(begin, smaller(count, k->height - y));
    if (k->merged > 1) begin = 0, end = count;
    if (before) {
        const ptrdiff_t apart = plane - before;
        for (ptrdiff_t i = begin; i < end; i++) from[i] += apart;
        return;
    }
    for (ptrdiff_t i = 0; i < begin; i++) from[i] = k->zeros;
    for (ptrdiff_t i = begin; i < end; i++) from[i] = plane + (y + i) * k->pitch;
    for (ptrdiff_t i = end; i < count; i++) from[i] = k->zeros;
}

/* Take the memory of what is the same for all planes; fill it in once it is there. */
INLINE void T(take_window)(T(window) *k, arena *memory)
{
    const ptrdiff_t size = k->given_h * k->given_w, copied = k->merged > 1 ? k->taps_w : 0;
    const ptrdiff_t numbers = divide_up(size, VL) * VL;
    REAL *zeros = arena_take(memory, (size_t)k->width * REAL_BYTES);
    REAL *inside = arena_take(memory, (size_t)(copied * numbers) * REAL_BYTES);
    k->zeros = zeros, k->inside = inside;
    if (!memory->memory) return;
    memset(zeros, 0, (size_t)k->width * REAL_BYTES);
    for (ptrdiff_t j = 0; j < copied; j++, inside += numbers)
        for (ptrdiff_t i = 0; i < numbers; i++) {
            const ptrdiff_t column = i % k->given_w + j * k->gap_w - k->left;
            inside[i] = i < size && column >= 0 && column < k->given_w;
        }
}

/* Where row_at finds the first row of a plane that was copied to scratch. */
INLINE const REAL *T(copy_of)(const T(window) *k, const REAL *scratch)
{
    return k->merged > 1 ? scratch + k->top * k->pitch : scratch;
}

/* Copy a plane to the form that row_at reads. */
INLINE void T(copy_plane)(const T(window) *k, const REAL *plane, REAL *scratch)
{
    if (k->merged > 1) {
        const ptrdiff_t size = k->given_h * k->given_w, taps = k->taps_w, gap = k->gap_w, next = k->copy_size;
        const REAL *RESTRICT inside = k->inside;
        REAL *RESTRICT to = scratch + k->top * k->pitch;
        for (ptrdiff_t j = 0, shift = -k->left; j < taps; j++, shift += gap, to += next)
            for (ptrdiff_t i = 0; i < size; i += VL, inside += VL) {
                const ptrdiff_t begin = larger(0, -shift - i), end = smaller(VL, size - shift - i);
                V x = VZERO;
                if (begin < end) x = VLOADR(plane + shift + i, begin, end);
                VSTORE(to + i, VSELECT((MASK)(VLOAD(inside) > VZERO), x, VZERO));
            }
        return;
    }
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

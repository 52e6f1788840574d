/* winograd/lanes.h: from planes to lanes and back.
 *
 * An image lies in memory plane by plane; Winograd's transforms want one pixel's channels side by
 * side, because then a tile's transform is the textbook's sum of whole pixels, whatever the tile's
 * place in the image, and the lanes never mix.  VL channels by VL pixels are transposed in
 * registers (simd/shuffle.h).
 */

#define LARGE_PLANE 1024 /* pixels */

/* An index (argmax, pool2x2.h) in each lane, so that it can travel as a REAL. */
#if REAL_BYTES == 4
typedef int32_t T(lane_index);
#else
typedef int64_t T(lane_index);
#endif
#if VECTORS
INLINE V T(index_as_real)(MASK index) { return (V)index; }
INLINE MASK T(index_of_real)(V v) { return (MASK)v; }
#else
INLINE V T(index_as_real)(MASK index)
{
    const T(lane_index) lane = index;
    V v;
    memcpy(&v, &lane, sizeof v);
    return v;
}
INLINE MASK T(index_of_real)(V v)
{
    T(lane_index) lane;
    memcpy(&lane, &v, sizeof v);
    return (MASK)lane;
}
#endif

/* A run of pixels is contiguous in the planes; among the lanes it is cut into rows of `width`,
 * whose beginnings are `pitch` pixels apart.  The last step of a run that is no multiple of VL
 * repeats some pixels, so that nothing is read or written outside; a run shorter than VL goes pixel
 * by pixel.  `lanes` of VL channels exist: the others are zero when
 * gathered, and not scattered.  The planes hold REALs, or with `bytes` indices.  Of planes below
 * LARGE_PLANE pixels the next VL, or the first of the next image, are prefetched, because the machine
 * sees no pattern in so many short runs; in long ones it does.  relu_y, unless NULL: what is gathered becomes zero where relu_y is zero.
 * Returns 1 + the squares of what was gathered, summed over lanes in any order (mend.h). */
INLINE V T(lanes_gather_run)(const void *planes, const REAL *relu_y, ptrdiff_t plane, int lanes, ptrdiff_t count,
                             REAL *pixels, ptrdiff_t width, ptrdiff_t pitch, const int full, const int masked,
                             const int bytes)
{
    const REAL *reals = planes;
    const uint8_t *indices = planes;
    const ptrdiff_t ahead = plane < LARGE_PLANE ? VL * plane : 0; /* not a branch for each plane */
    V squares = VSET1(1);
    for (ptrdiff_t next = 0; next < count && count >= VL; next += VL) {
        ptrdiff_t p = next < count - VL ? next : count - VL;
        V v[VL], sums[4] = {squares, VZERO, VZERO, VZERO}; /* four, so that they need not wait for each other */
        UNROLL_FOR(int i = 0; i < VL; i++) {
            const ptrdiff_t at = i * plane + p;
            if (!full && i >= lanes) v[i] = VZERO;
            else if (bytes) v[i] = T(index_as_real)(T(load_bytes)(indices + at, VL));
            else v[i] = VLOAD(reals + at);
            if (bytes) PREFETCH(indices + at + VL * plane);
            else PREFETCH(reals + at + ahead);
            if (masked && (full || i < lanes)) {
                v[i] = VSELECT((MASK)(VLOAD(relu_y + i * plane + p) != VZERO), v[i], VZERO);
                PREFETCH(relu_y + (i + VL) * plane + p);
            }
            if (!bytes) sums[i % 4] = VFMA(v[i], v[i], sums[i % 4]);
        }
        squares = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        T(transpose)(v);
        ptrdiff_t y = p / width, x = p - y * width;
        REAL *out = pixels + (y * pitch + x) * VL;
        if (x + VL <= width) {
            UNROLL_FOR(int i = 0; i < VL; i++) VSTORE(out + i * VL, v[i]);
            continue;
        }
        UNROLL_FOR(int i = 0; i < VL; i++) {
            VSTORE(out, v[i]);
            out += VL;
            if (++x == width) x = 0, out += (pitch - width) * VL;
        }
    }
    for (ptrdiff_t p = 0; p < count && count < VL; p++) {
        REAL *out = pixels + (p / width * pitch + p % width) * VL;
        memset(out, 0, VL * sizeof(REAL));
        for (int i = 0; i < lanes; i++) {
            const ptrdiff_t at = i * plane + p;
            const T(lane_index) index = bytes ? indices[at] : 0;
            if (bytes) memcpy(out + i, &index, sizeof(REAL));
            else if (!masked || relu_y[at] != 0) memcpy(out + i, reals + at, sizeof(REAL));
        }
        if (!bytes) squares = VFMA(VLOAD(out), VLOAD(out), squares);
    }
    return squares;
}

/* addend, unless NULL: planes of the same shape, which are added on the way; then ReLU, if asked. */
INLINE void T(lanes_scatter_run)(void *planes, const REAL *addend, int relu, ptrdiff_t plane, int lanes,
                                 ptrdiff_t count, const REAL *pixels, ptrdiff_t width, ptrdiff_t pitch,
                                 const int full, const int bytes)
{
    REAL *reals = planes;
    uint8_t *indices = planes;
    for (ptrdiff_t next = 0; next < count && count >= VL; next += VL) {
        ptrdiff_t p = next < count - VL ? next : count - VL;
        ptrdiff_t y = p / width, x = p - y * width;
        const REAL *in = pixels + (y * pitch + x) * VL;
        V v[VL];
        if (x + VL <= width) {
            UNROLL_FOR(int i = 0; i < VL; i++) v[i] = VLOAD(in + i * VL);
        } else {
            UNROLL_FOR(int i = 0; i < VL; i++) {
                v[i] = VLOAD(in);
                in += VL;
                if (++x == width) x = 0, in += (pitch - width) * VL;
            }
        }
        T(transpose)(v);
        UNROLL_FOR(int i = 0; i < VL; i++) {
            if (!full && i >= lanes) continue;
            if (bytes) T(store_bytes)(indices + i * plane + p, T(index_of_real)(v[i]), VL);
            else if (addend) {
                const V sum = v[i] + VLOAD(addend + i * plane + p);
                VSTORE(reals + i * plane + p, relu ? VRELU(sum) : sum);
            } else VSTORE(reals + i * plane + p, v[i]);
        }
    }
    for (ptrdiff_t p = 0; p < count && count < VL; p++) {
        const REAL *in = pixels + (p / width * pitch + p % width) * VL;
        for (int i = 0; i < lanes; i++) {
            T(lane_index) index;
            memcpy(&index, in + i, sizeof index);
            if (bytes) indices[i * plane + p] = (uint8_t)index;
            else if (addend) {
                const REAL sum = in[i] + addend[i * plane + p];
                reals[i * plane + p] = relu && sum <= 0 ? 0 : sum;
            } else memcpy(reals + i * plane + p, in + i, sizeof(REAL));
        }
    }
}

/* rows x columns pixels from (y, x) of planes h x w; whole rows are one run.  `bytes`: the planes hold indices. */
KERNEL V T(lanes_gather)(const void *planes, const REAL *relu_y, ptrdiff_t h, ptrdiff_t w, int lanes, ptrdiff_t y,
                         ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns, REAL *pixels, ptrdiff_t pitch, int bytes)
{
    V squares = VZERO;
    const ptrdiff_t runs = columns == w ? 1 : rows, count = columns == w ? rows * w : columns, plane = h * w;
    const int full = lanes >= VL;
    for (ptrdiff_t r = 0; r < runs; r++) {
        const ptrdiff_t at = (y + r) * w + x;
        const char *from = (const char *)planes + at * (bytes ? 1 : REAL_BYTES);
        const REAL *mask = relu_y ? relu_y + at : NULL;
        REAL *to = pixels + r * pitch * VL;
#define GATHER(full, masked, bytes) \
    T(lanes_gather_run)(from, mask, plane, full ? VL : lanes, count, to, columns, pitch, full, masked, bytes)
        if (bytes) squares += full ? GATHER(1, 0, 1) : GATHER(0, 0, 1);
        else if (mask) squares += full ? GATHER(1, 1, 0) : GATHER(0, 1, 0);
        else squares += full ? GATHER(1, 0, 0) : GATHER(0, 0, 0);
#undef GATHER
    }
    return squares;
}

/* The reverse, with an addend or without. */
KERNEL void T(lanes_scatter)(void *planes, const REAL *addend, int relu, ptrdiff_t h, ptrdiff_t w, int lanes,
                             ptrdiff_t y, ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns, const REAL *pixels,
                             ptrdiff_t pitch, int bytes)
{
    const ptrdiff_t runs = columns == w ? 1 : rows, count = columns == w ? rows * w : columns, plane = h * w;
    for (ptrdiff_t r = 0; r < runs; r++) {
        char *to = (char *)planes + ((y + r) * w + x) * (bytes ? 1 : REAL_BYTES);
        const REAL *from = pixels + r * pitch * VL, *other = addend ? addend + (y + r) * w + x : NULL;
#define SCATTER(other, lanes, full, bytes) \
    T(lanes_scatter_run)(to, other, relu, plane, lanes, count, from, columns, pitch, full, bytes)
        if (bytes && lanes >= VL) SCATTER(NULL, VL, 1, 1);
        else if (bytes) SCATTER(NULL, lanes, 0, 1);
        else if (other && lanes >= VL) SCATTER(other, VL, 1, 0);
        else if (other) SCATTER(other, lanes, 0, 0);
        else if (lanes >= VL) SCATTER(NULL, VL, 1, 0);
        else SCATTER(NULL, lanes, 0, 0);
#undef SCATTER
    }
}

/* winograd_lanes.h: from planes to lanes and back.
 *
 * An image lies in memory plane by plane; Winograd's transforms want one pixel's channels side by
 * side, because then a tile's transform is the textbook's sum of whole pixels, whatever the tile's
 * place in the image, and the lanes never mix.  VL channels by VL pixels are transposed in
 * registers (shuffle.h).
 */

/* Positions in a plane, one in each lane; mask ? a : b of them. */
#if VECTORS
typedef MASK T(positions);
INLINE T(positions) T(select_position)(MASK mask, T(positions) a, T(positions) b)
{ return (mask & a) | (~mask & b); }
#else
#if REAL_BYTES == 4
typedef int32_t T(positions);
#else
typedef int64_t T(positions);
#endif
INLINE T(positions) T(select_position)(MASK mask, T(positions) a, T(positions) b)
{ return mask ? a : b; }
#endif

/* A run of pixels is contiguous in the planes; among the lanes it is cut into rows of `width`,
 * whose beginnings are `pitch` pixels apart.  A run that is no multiple of VL ends with a step
 * that goes over some pixels a second time, so that nothing is read or written outside; one
 * shorter than VL goes pixel by pixel.  `lanes` of VL channels exist: the others are zero when
 * gathered, and not scattered. Both only copy bits, so that positions (int32) can travel as
 * float32. The next VL planes, or the next image's first, are asked for ahead: too many short runs
 * for the machine to see a pattern in. relu_y, unless NULL: what is gathered becomes zero where
 * relu_y is zero. */
INLINE void T(lanes_gather_run)(const REAL *planes, const REAL *relu_y, ptrdiff_t plane, int lanes,
                                ptrdiff_t count, REAL *pixels, ptrdiff_t width, ptrdiff_t pitch,
                                const int full, const int masked)
{
    for (ptrdiff_t next = 0; next < count && count >= VL; next += VL) {
        ptrdiff_t p = next < count - VL ? next : count - VL;
        V v[VL];
        UNROLL for (int i = 0; i < VL; i++) {
            v[i] = full || i < lanes ? VLOAD(planes + i * plane + p) : VZERO;
            PREFETCH(planes + (i + VL) * plane + p);
            if (masked && (full || i < lanes)) {
                v[i] = VSELECT((MASK)(VLOAD(relu_y + i * plane + p) != VZERO), v[i], VZERO);
                PREFETCH(relu_y + (i + VL) * plane + p);
            }
        }
        T(transpose)(v);
        ptrdiff_t y = p / width, x = p - y * width;
        REAL *out = pixels + (y * pitch + x) * VL;
        if (x + VL <= width) {
            UNROLL for (int i = 0; i < VL; i++) VSTORE(out + i * VL, v[i]);
            continue;
        }
        UNROLL for (int i = 0; i < VL; i++) {
            VSTORE(out, v[i]);
            out += VL;
            if (++x == width) x = 0, out += (pitch - width) * VL;
        }
    }
    for (ptrdiff_t p = 0; p < count && count < VL; p++) {
        REAL *out = pixels + (p / width * pitch + p % width) * VL;
        memset(out, 0, VL * sizeof(REAL));
        for (int i = 0; i < lanes; i++)
            if (!masked || relu_y[i * plane + p] != 0)
                memcpy(out + i, planes + i * plane + p, sizeof(REAL));
    }
}

INLINE void T(lanes_scatter_run)(REAL *planes, ptrdiff_t plane, int lanes, ptrdiff_t count,
                                 const REAL *pixels, ptrdiff_t width, ptrdiff_t pitch,
                                 const int full)
{
    for (ptrdiff_t next = 0; next < count && count >= VL; next += VL) {
        ptrdiff_t p = next < count - VL ? next : count - VL;
        ptrdiff_t y = p / width, x = p - y * width;
        const REAL *in = pixels + (y * pitch + x) * VL;
        V v[VL];
        if (x + VL <= width) {
            UNROLL for (int i = 0; i < VL; i++) v[i] = VLOAD(in + i * VL);
        } else {
            UNROLL for (int i = 0; i < VL; i++) {
                v[i] = VLOAD(in);
                in += VL;
                if (++x == width) x = 0, in += (pitch - width) * VL;
            }
        }
        T(transpose)(v);
        UNROLL for (int i = 0; i < VL; i++)
            if (full || i < lanes) VSTORE(planes + i * plane + p, v[i]);
    }
    for (ptrdiff_t p = 0; p < count && count < VL; p++) {
        const REAL *in = pixels + (p / width * pitch + p % width) * VL;
        for (int i = 0; i < lanes; i++) memcpy(planes + i * plane + p, in + i, sizeof(REAL));
    }
}

/* rows x columns pixels from (y, x) of planes h x w; whole rows are one run. */
KERNEL void T(lanes_gather)(const REAL *planes, const REAL *relu_y, ptrdiff_t h, ptrdiff_t w,
                            int lanes, ptrdiff_t y, ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns,
                            REAL *pixels, ptrdiff_t pitch)
{
    const ptrdiff_t runs = columns == w ? 1 : rows, count = columns == w ? rows * w : columns;
    for (ptrdiff_t r = 0; r < runs; r++) {
        const ptrdiff_t at = (y + r) * w + x, plane = h * w;
        const REAL *from = planes + at, *mask = relu_y ? relu_y + at : NULL;
        REAL *to = pixels + r * pitch * VL;
        if (lanes < VL && mask)
            T(lanes_gather_run)(from, mask, plane, lanes, count, to, columns, pitch, 0, 1);
        else if (lanes < VL)
            T(lanes_gather_run)(from, NULL, plane, lanes, count, to, columns, pitch, 0, 0);
        else if (mask) T(lanes_gather_run)(from, mask, plane, VL, count, to, columns, pitch, 1, 1);
        else T(lanes_gather_run)(from, NULL, plane, VL, count, to, columns, pitch, 1, 0);
    }
}

KERNEL void T(lanes_scatter)(REAL *planes, ptrdiff_t h, ptrdiff_t w, int lanes, ptrdiff_t y,
                             ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns, const REAL *pixels,
                             ptrdiff_t pitch)
{
    const ptrdiff_t runs = columns == w ? 1 : rows, count = columns == w ? rows * w : columns;
    for (ptrdiff_t r = 0; r < runs; r++) {
        REAL *to = planes + (y + r) * w + x;
        const REAL *from = pixels + r * pitch * VL;
        if (lanes >= VL) T(lanes_scatter_run)(to, h * w, VL, count, from, columns, pitch, 1);
        else T(lanes_scatter_run)(to, h * w, lanes, count, from, columns, pitch, 0);
    }
}

/* Positions (int32) in the lanes of a vector: as they are in float32's, widened in float64's. */
INLINE void T(lanes_gather_positions)(const int32_t *planes, ptrdiff_t h, ptrdiff_t w, int lanes,
                                      ptrdiff_t y, ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns,
                                      REAL *pixels, ptrdiff_t pitch)
{
#if REAL_BYTES == 4
    T(lanes_gather)((const REAL *)planes, NULL, h, w, lanes, y, x, rows, columns, pixels, pitch);
#else
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++)
            for (int i = 0; i < lanes; i++) {
                int64_t position = planes[(i * h + y + r) * w + x + c];
                memcpy(pixels + (r * pitch + c) * VL + i, &position, sizeof position);
            }
#endif
}

INLINE void T(lanes_scatter_positions)(int32_t *planes, ptrdiff_t h, ptrdiff_t w, int lanes,
                                       ptrdiff_t y, ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns,
                                       const REAL *pixels, ptrdiff_t pitch)
{
#if REAL_BYTES == 4
    T(lanes_scatter)((REAL *)planes, h, w, lanes, y, x, rows, columns, pixels, pitch);
#else
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++)
            for (int i = 0; i < lanes; i++) {
                int64_t position;
                memcpy(&position, pixels + (r * pitch + c) * VL + i, sizeof position);
                planes[(i * h + y + r) * w + x + c] = (int32_t)position;
            }
#endif
}

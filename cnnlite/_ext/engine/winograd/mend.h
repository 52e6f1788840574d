/* winograd/mend.h: outputs that Winograd's transforms cannot give, computed by the definition.
 *
 * A transform adds up a tile.  Where one of its pixels, or a weight, is infinite, NaN or so large
 * that a sum overflows, outputs that have nothing to do with it become infinite or NaN too.  But a
 * number that is not finite makes every sum and product that it enters not finite, and an output is
 * made of all that its definition names.  So a finite output is right, and exactly those that are
 * not finite are computed again, one sum each, in double.
 *
 * The weight gradient examines its few results.  The forward pass would lose time by examining all outputs,
 * and ReLU and pooling hide -infinity.  Instead it adds up the squares of its inputs while it waits for
 * shuffles, and examines a block only if a pixel or weight is LARGE: below 2^40 (float) or 2^400 (double) no
 * product of transforms overflows.  The sums of squares start at 1, because squares of gradients may be
 * denormal, which slows some machines down.
 */
#define MOST_TAPS 64                       /* of a kernel */
#undef LARGE
#undef SCALE
#if REAL_BYTES == 4
#define LARGE 0x1p80f
#define SCALE 1.0
#else
#define LARGE 0x1p800
#define SCALE 0x1p-64                      /* no sum of double products overflows on its way */
#endif

/* Whether one of the numbers whose squares were added up may be LARGE. */
INLINE int T(any_large)(V squares)
{
    REAL lanes[VL];
    int large = 0;
    VSTORE(lanes, squares);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)VL; i++) large |= !(lanes[i] < LARGE);
    return large;
}

/* Pixel (y, x) of a source (conv/args.h), as the convolution's own output has it. */
INLINE REAL T(source_pixel)(const conv_source *from, ptrdiff_t h, ptrdiff_t w, ptrdiff_t plane, ptrdiff_t y,
                            ptrdiff_t x)
{
    const REAL *data = from->data, *relu_y = from->relu_y;
    ptrdiff_t at = (plane * h + y) * w + x;
    if (from->argmax) {
        at = (plane * (h / 2) + y / 2) * (w / 2) + x / 2;
        if (y / 2 == h / 2 || x / 2 == w / 2 || from->argmax[at] != y % 2 * 2 + x % 2) return 0;
    }
    return relu_y && relu_y[at] == 0 ? 0 : data[at];
}

/* Where output (y, x) of a block of channels takes its pixels and weights from. */
typedef struct {
    const conv_args *args;
    ptrdiff_t group, block, image, y, x;
    REAL *patch;                           /* room for a kernel's taps of every channel */
} T(winograd_place);

/* The patch of output (y, x): `taps` numbers of each channel.  Returns whether one of them is NaN:
 * then so is the output, whatever the weights.  Padding counts as in the definitions: a forward
 * pass multiplies it like every pixel, an input gradient sums over outputs that exist. */
INLINE int T(patch_of)(const winograd_plan *p, const T(winograd_place) *place, ptrdiff_t y, ptrdiff_t x, int *tap,
                       int *taps)
{
    const conv_args *k = place->args;
    const conv_shape *s = &k->shape;
    const ptrdiff_t plane = place->image * s->c + place->group * p->c;
    REAL *to = place->patch;
    const int all = (int)(s->kh * s->kw), width = (int)s->kw;
    int inside[MOST_TAPS], nan = 0;
    *taps = 0;
    for (int t = 0; t < all; t++) {
        const ptrdiff_t row = y - s->top + t / width, column = x - s->left + t % width;
        const int in = 0 <= row && row < s->h && 0 <= column && column < s->w;
        if (in || !p->rotated) inside[*taps] = in, tap[(*taps)++] = t;
    }
    for (ptrdiff_t c = 0; c < p->c; c++)
        for (int i = 0; i < *taps; i++, to++) {
            const ptrdiff_t row = y - s->top + tap[i] / width, column = x - s->left + tap[i] % width;
            *to = inside[i] ? T(source_pixel)(&k->x, s->h, s->w, plane + c, row, column) : 0;
            nan |= *to != *to;
        }
    return nan;
}

/* `start` plus a patch times its weights, `step` apart from channel to channel. */
INLINE double T(patch_sum)(const REAL *patch, const REAL *weight, ptrdiff_t step, const int *tap, int taps,
                           ptrdiff_t channels, double start, double scale)
{
    double sums[MOST_TAPS] = {0}, sum = start * scale;
    for (ptrdiff_t c = 0; c < channels && sums[0] == sums[0]; c++, patch += taps, weight += step)
        for (int i = 0; i < taps; i++) sums[i] += patch[i] * scale * weight[tap[i]];
    for (int i = 0; i < taps; i++) sum += sums[i];
    return sum / scale;
}

/* Add the bias to a tile's outputs o; those that are not finite are computed anew. */
INLINE void T(mend_tile)(const winograd_plan *p, const T(winograd_place) *place, ptrdiff_t r, ptrdiff_t c, V bias,
                         V *o)
{
    const conv_args *k = place->args;
    const conv_shape *s = &k->shape;
    const ptrdiff_t first = place->block * VL, lanes = smaller(p->f - first, VL);
    const ptrdiff_t all = s->kh * s->kw;
    const ptrdiff_t f_step = p->rotated ? all : p->c * all, c_step = p->rotated ? p->f * all : all;
    const REAL *weight = (const REAL *)k->weight + place->group * p->f * p->c * all + first * f_step;
    REAL biases[VL], sums[VL], outputs[VL];
    VSTORE(biases, bias);
    for (int q = 0; q < p->m * p->m; q++) {
        const ptrdiff_t y = place->y + r * p->m + q / p->m, x = place->x + c * p->m + q % p->m;
        int tap[MOST_TAPS], taps = 0, nan = 0;
        VSTORE(sums, o[q]);
        VSTORE(outputs, o[q] + bias);
        for (ptrdiff_t i = 0; i < lanes && y < s->oh && x < s->ow; i++) {
            if (isfinite(sums[i])) continue;
            if (!taps) {
                nan = T(patch_of)(p, place, y, x, tap, &taps);
                for (int t = 0; p->rotated && t < taps; t++) tap[t] = (int)all - 1 - tap[t];
            }
            double sum = NAN;
            const REAL *from = weight + i * f_step;
            if (!nan) sum = T(patch_sum)(place->patch, from, c_step, tap, taps, p->c, biases[i], 1);
            if (SCALE != 1 && !nan && !isfinite(sum))
                sum = T(patch_sum)(place->patch, from, c_step, tap, taps, p->c, biases[i], SCALE);
            outputs[i] = (REAL)sum;
        }
        o[q] = VLOAD(outputs);
    }
}

/* Max-pooling of a window, as in pool2x2.h: the first maximum wins, NaN over all.  `found` is which
 * it was, argmax in the lanes of a vector. */
INLINE void T(pool_pixels)(V best, V second, V third, V fourth, int relu, REAL *y, REAL *found)
{
    const V other[3] = {second, third, fourth};
    MASK index = (MASK)VZERO;
    UNROLL_FOR(int q = 1; q < 4; q++) {
        MASK better = (MASK)(other[q - 1] > best) | (MASK)(other[q - 1] != other[q - 1]);
        best = VSELECT(better, other[q - 1], best);
        index = T(select_index)(better, (MASK)VZERO + q, index);
    }
    if (relu) {
        index = T(select_index)((MASK)(best <= VZERO), (MASK)VZERO + STOPPED, index);
        best = VRELU(best);
    }
    VSTORE(y, best);
    VSTORE(found, T(index_as_real)(index));
}

/* The inverse transform of forward.h with bias, ReLU and pooling, where outputs must be mended. */
KERNEL void T(mended_tiles)(const winograd_plan *p, const T(winograd_place) *place, const REAL *products,
                            ptrdiff_t rows, V bias, REAL *pixels, REAL *found)
{
    const conv_args *k = place->args;
    const ptrdiff_t m = p->m, next = p->pitch * VL;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, products += VL) {
            V o[TILE_MAX * TILE_MAX];
#define OUTPUTS(side) T(output_2d)(side, products, side * p->products, p->products, o)
            BY_SIDE(p->side, OUTPUTS);
#undef OUTPUTS
            T(mend_tile)(p, place, r, c, bias, o);
            for (ptrdiff_t q = 0; q < m * m; q++)
                VSTORE(pixels + (r * m + q / m) * next + (c * m + q % m) * VL,
                       k->post.relu && !k->post.argmax && !k->post.addend ? VRELU(o[q]) : o[q]);
        }
    for (ptrdiff_t r = 0; r < rows * m / 2 && k->post.argmax; r++)
        for (ptrdiff_t c = 0; c < p->columns * m / 2; c++) {
            const REAL *first = pixels + 2 * r * next + 2 * c * VL;
            T(pool_pixels)(VLOAD(first), VLOAD(first + VL), VLOAD(first + next), VLOAD(first + next + VL),
                           k->post.relu, pixels + r * next + c * VL, found + r * next + c * VL);
        }
}

/* Add to sums[c][tap] what output channel f of a group gives: gradients, scaled, times the pixels
 * that the definition multiplies them by, padding included.  Only channels that are `wanted`.
 * Returns whether a gradient is NaN: then so is all of it. */
INLINE int T(weight_sums)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t f,
                          const uint8_t *wanted, double scale, double *sums)
{
    const conv_shape *s = &k->shape;
    const ptrdiff_t size = s->h * s->w, pixels = s->n * s->oh * s->ow, taps = s->kh * s->kw;
    for (ptrdiff_t i = 0; i < taps * p->c; i++) sums[i] = 0;
    for (ptrdiff_t i = 0; i < 2 * pixels; i++) {           /* a first round looks for NaN only */
        const ptrdiff_t at = i % pixels, y = at / s->ow % s->oh, x = at % s->ow;
        const ptrdiff_t image = at / s->ow / s->oh, plane = image * s->f + group * p->f + f;
        const REAL g = T(source_pixel)(&k->dy, s->oh, s->ow, plane, y, x);
        const REAL *from = (const REAL *)k->x.data + (image * s->c + group * p->c) * size;
        if (g != g) return 1;
        for (ptrdiff_t c = 0; i >= pixels && c < p->c; c++, from += size)
            for (ptrdiff_t t = 0; wanted[c] && t < taps; t++) {
                const ptrdiff_t row = y - s->top + t / s->kw, column = x - s->left + t % s->kw;
                const int in = 0 <= row && row < s->h && 0 <= column && column < s->w;
                sums[c * taps + t] += g * scale * (in ? from[row * s->w + column] : 0);
            }
    }
    return 0;
}

/* Those of a filter's gradients (c, kh, kw) that are not finite, anew.  Memory: mend_bytes. */
KERNEL void T(mend_weights)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t f,
                            REAL *dweight, char *memory)
{
    const ptrdiff_t taps = k->shape.kh * k->shape.kw, size = taps * p->c;
    double *sums = (double *)memory;
    uint8_t *wanted = (uint8_t *)(sums + size);
    memset(wanted, 0, (size_t)p->c);
    for (ptrdiff_t i = 0; i < size; i++) wanted[i / taps] |= !isfinite(dweight[i]);
    const int nan = T(weight_sums)(p, k, group, f, wanted, 1, sums);
    int again = 0;
    for (ptrdiff_t i = 0; i < size; i++) again |= wanted[i / taps] && !isfinite(sums[i]);
    if (SCALE != 1 && again && !nan) T(weight_sums)(p, k, group, f, wanted, SCALE, sums);
    const double scale = again ? SCALE : 1;
    for (ptrdiff_t i = 0; i < size; i++)
        if (!isfinite(dweight[i])) dweight[i] = (REAL)(nan ? NAN : sums[i] / scale);
}

INLINE size_t T(mend_bytes)(const winograd_plan *p, const conv_shape *s)
{
    return (size_t)(p->c * (s->kh * s->kw + 1)) * sizeof(double);
}

/* winograd/bfloat16.h: transformed pixels and weights rounded to bfloat16 before they are multiplied.
 *
 * A bfloat16 number is the upper half of a float32.  The product of two of them is exact in float32, and their sums
 * are float32's, so whoever multiplies numbers that were rounded gets the same bits.  There are two forms:
 * ROUNDED: the rounded numbers stay float32, and the products are those of float32.  Any machine can do that.
 * PAIRED: two of them are one number of 32 bits, and one instruction (AVX512_BF16) multiplies and adds both, the one
 *     in the upper half first.  So it has half as many products, and sums in the same order.  A pair is two channels
 *     that lie side by side, or, in the sum of a weight gradient, two tiles.  The instruction takes numbers below
 *     2^-126 for 0, and so does the rounding.
 */
#if !defined(CNNLITE_WINOGRAD_BFLOAT16_ONCE)
#define CNNLITE_WINOGRAD_BFLOAT16_ONCE
enum { WHOLE, ROUNDED, PAIRED };           /* WHOLE: not rounded */

/* Numbers in which the products see so many tiles of a weight gradient. */
static inline ptrdiff_t numbers_of(int form, ptrdiff_t tiles)
{
    return form == PAIRED ? divide_up(tiles, 2) : tiles;
}
#endif
#undef BFLOAT16
#define BFLOAT16(p) (REAL_BYTES == 4 && (p)->form != WHOLE)

/* CALL(side, bfloat16) with both as constants, of a 3 x 3 kernel.  A choice behind a transform would keep its whole
 * tile in memory until it is made. */
#undef BY_FORM
#define BY_FORM(p, CALL) \
    do { \
        if (BFLOAT16(p) && (p)->side == 6) CALL(6, 1); \
        else if (BFLOAT16(p)) CALL(4, 1); \
        else if ((p)->side == 6) CALL(6, 0); \
        else CALL(4, 0); \
    } while (0)

/* float64 is never rounded, nor are the large kernels of large.h. */
INLINE int T(winograd_form)(const conv_args *k)
{
    if (REAL_BYTES != 4 || k->shape.kh != 3 || !k->bfloat16) return WHOLE;
    return PAIRS && engine_has_pairs ? PAIRED : ROUNDED;
}

/* The nearest bfloat16 number, of two that are equally near the even one; 0 below 2^-126. */
INLINE V T(rounded)(V v)
{
    const V zero = VZERO, least = VSET1((REAL)FLT_MIN);
    MASK bits = T(index_of_real)(VSELECT(v == v, v, zero));
    bits = (bits + 0x7fff + ((bits >> 16) & 1)) & ~0xffff;
    const V near = VSELECT((v < least) & (v > -least), zero, T(index_as_real)(bits));
    return VSELECT(v == v, near, v);
}

/* Element e of a tile to to[e * step], `second` of its pair or first. */
KERNEL void T(store_bfloat16)(int form, const V *o, int area, REAL *to, ptrdiff_t step, int second)
{
#if PAIRS
    if (form == PAIRED && second)
        for (int e = 0; e < area; e++, to += step) VSTORE(to, VOR(VLOAD(to), T(pair_second)(o[e])));
    else if (form == PAIRED)
        for (int e = 0; e < area; e++, to += step) VSTORE(to, T(pair_first)(o[e]));
    if (form == PAIRED) return;
#endif
    for (int e = 0; e < area; e++, to += step) VSTORE(to, T(rounded)(o[e]));
    (void)form, (void)second;
}

/* The same for tile number `tile` of a sum over tiles. */
INLINE void T(store_across)(int form, const V *o, int area, REAL *to, ptrdiff_t tile, ptrdiff_t step)
{
    if (form == PAIRED) T(store_bfloat16)(form, o, area, to + tile / 2 * VL, step, (int)(tile % 2));
    else T(store_bfloat16)(form, o, area, to + tile * VL, step, 0);
}

/* The same where the pairs are neighbouring lanes. */
KERNEL void T(store_along)(int form, const V *o, int area, REAL *to, ptrdiff_t tile, ptrdiff_t step)
{
#if PAIRS
    if (form == PAIRED) {
        to += tile * VL / 2;
        for (int e = 0; e < area; e++, to += step) T(store_pairs)(to, o[e]);
        return;
    }
#endif
    T(store_bfloat16)(form, o, area, to + tile * VL, step, 0);
}

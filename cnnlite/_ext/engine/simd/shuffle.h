/* simd/shuffle.h: lanes that change places, in vectors of any size. */
#undef LANES

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (MASK){__VA_ARGS__})
#endif
#if VL == 16
#define LANES(f, s) \
    f(s, 0), f(s, 1), f(s, 2), f(s, 3), f(s, 4), f(s, 5), f(s, 6), f(s, 7), f(s, 8), f(s, 9), f(s, 10), f(s, 11), \
        f(s, 12), f(s, 13), f(s, 14), f(s, 15)
#elif VL == 8
#define LANES(f, s) f(s, 0), f(s, 1), f(s, 2), f(s, 3), f(s, 4), f(s, 5), f(s, 6), f(s, 7)
#elif VL == 4
#define LANES(f, s) f(s, 0), f(s, 1), f(s, 2), f(s, 3)
#else
#define LANES(f, s) f(s, 0), f(s, 1)
#endif
#define EVERY_OTHER(s, i) 2 * (i) + (s)
#define HALVES(s, i) (i) / 2 + (i) % 2 * (int)VL + (s)
#define EVENS LANES(EVERY_OTHER, 0)
#define ODDS LANES(EVERY_OTHER, 1)
#define LOWS LANES(HALVES, 0)
#define HIGHS LANES(HALVES, (int)VL / 2)

/* Lanes `index` of a and then b; zero where it is 2 VL or more. */
INLINE V T(vpick)(V a, V b, MASK index)
{
#if defined(ISA_AVX512) && REAL_BYTES == 4
    return (V)_mm512_maskz_permutex2var_ps(_mm512_cmplt_epi32_mask((__m512i)index, _mm512_set1_epi32(2 * VL)),
                                           (__m512)a, (__m512i)index, (__m512)b);
#elif !defined(__clang__)
    return T(vselect)((MASK)(index < 2 * (int)VL), __builtin_shuffle(a, b, index), VZERO);
#else
    REAL both[2 * VL + 1], lanes[VL];
    VSTORE(both, a);
    VSTORE(both + VL, b);
    both[2 * VL] = 0;
    for (int i = 0; i < (int)VL; i++) lanes[i] = both[index[i] < 2 * (int)VL ? index[i] : 2 * (int)VL];
    return VLOAD(lanes);
#endif
}

/* p[0], p[2], p[4] ...: nothing beyond the last of them is read. */
INLINE V T(vload_evens)(const REAL *p)
{
#if !defined(__clang__)
    MASK lane;
    for (int i = 0; i < (int)VL; i++) lane[i] = 2 * i + (2 * i >= (int)VL);
    return __builtin_shuffle(VLOAD(p), VLOAD(p + VL - 1), lane);
#else
    REAL lanes[VL];
    for (ptrdiff_t i = 0; i < VL; i++) lanes[i] = p[2 * i];
    return VLOAD(lanes);
#endif
}

/* p[0], p[2], p[4] ... = the lanes of v.  What lies between is read and written as it was. */
INLINE void T(vstore_evens)(REAL *p, V v)
{
#if !defined(__clang__)
    MASK low, high;                        /* two vectors that meet in the odd element VL - 1 */
    for (int i = 0; i < (int)VL; i++) {
        low[i] = i % 2 ? (int)VL + i : i / 2;
        high[i] = i % 2 ? ((int)VL - 1 + i) / 2 : (int)VL + i;
    }
    const V first = __builtin_shuffle(v, VLOAD(p), low);
    const V second = __builtin_shuffle(v, VLOAD(p + VL - 1), high);
    VSTORE(p, first);
    VSTORE(p + VL - 1, second);
#else
    REAL lanes[VL];
    VSTORE(lanes, v);
    for (ptrdiff_t i = 0; i < VL; i++) p[2 * i] = lanes[i];
#endif
}

/* p[0], p[s] ... p[(n - 1) * s] for s = 3 and 4 and 0 < n <= VL, zero in the other lanes; nothing beyond the last is
 * read.  Number i lies in vector i * s / VL from p on: the first two are joined, then the third, then the fourth. */
#define FIRST_OF(s, i) ((i) * (s) < 2 * (int)VL ? (i) * (s) : 0)
#define THIRD_OF(s, i) ((i) * (s) < 2 * (int)VL || (i) * (s) >= 3 * (int)VL ? (i) : (i) * (s) - (int)VL)
#define FOURTH_OF(s, i) ((i) * (s) < 3 * (int)VL ? (i) : (i) * (s) - 2 * (int)VL)
#define EVERY(s) \
    INLINE V T(vload_every_##s)(const REAL *p, ptrdiff_t n) \
    { \
        V part[4]; \
        UNROLL_FOR(int j = 0; j < 4; j++) { \
            const ptrdiff_t left = (n - 1) * s + 1 - j * VL; \
            part[j] = left >= VL ? VLOAD(p + j * VL) : left > 0 ? T(vloadn)(p + j * VL, left) : VZERO; \
        } \
        const V two = SHUFFLE(part[0], part[1], LANES(FIRST_OF, s)); \
        const V three = SHUFFLE(two, part[2], LANES(THIRD_OF, s)); \
        return SHUFFLE(three, part[3], LANES(FOURTH_OF, s)); \
    }
EVERY(3)
EVERY(4)
#undef FIRST_OF
#undef THIRD_OF
#undef FOURTH_OF
#undef EVERY

/* p[0], p[2], p[4] ... of lanes begin .. end (begin < end), zero in the others; nothing else is read. */
INLINE V T(vload_evens_between)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    const ptrdiff_t first = 2 * begin, last = 2 * end - 1, half = VL;
    const V a = T(vloadr)(p, first < half ? first : half, last < half ? last : half);
    const V b = last > half ? T(vloadr)(p + VL, first > half ? first - half : 0, last - half) : VZERO;
    return SHUFFLE(a, b, EVENS);
}

/* v[i][j] <-> v[j][i].  Every round swaps, in each block of 2s x 2s numbers, the two s x s blocks off the
 * diagonal.  With VL = 4, of the rows a, b, c, d:
 *
 *     a0 a1 | a2 a3              a0 a1   c0 c1              a0 b0 c0 d0
 *     b0 b1 | b2 b3    s = 2     b0 b1   d0 d1    s = 1     a1 b1 c1 d1
 *     ------+------    ---->                      ---->
 *     c0 c1 | c2 c3              a2 a3   c2 c3              a2 b2 c2 d2
 *     d0 d1 | d2 d3              b2 b3   d2 d3              a3 b3 c3 d3
 *
 * A row and the one s below it make two new rows: what stays, and what comes from the other. */
#define UPPER(s, i) ((i) & (s) ? (int)VL + (i) - (s) : (i))
#define LOWER(s, i) ((i) & (s) ? (int)VL + (i) : (i) + (s))
#define SWAP_BLOCKS(s) \
    UNROLL_FOR(int i = 0; i < (int)VL; i++) \
        if (!(i & s)) { \
            const V a = v[i], b = v[i + s]; \
            v[i] = SHUFFLE(a, b, LANES(UPPER, s)); \
            v[i + s] = SHUFFLE(a, b, LANES(LOWER, s)); \
        }
INLINE void T(transpose)(V v[VL])
{
#if VL >= 16
    SWAP_BLOCKS(8)
#endif
#if VL >= 8
    SWAP_BLOCKS(4)
#endif
#if VL >= 4
    SWAP_BLOCKS(2)
#endif
    SWAP_BLOCKS(1)
}

/* vectors.h: the words for which the vectors of GCC and Clang suffice, of any size (VBYTES). */
#define VL (VBYTES / REAL_BYTES)
typedef REAL V __attribute__((vector_size(VBYTES)));
typedef REAL T(vec_unaligned) __attribute__((vector_size(VBYTES), aligned(REAL_BYTES), may_alias));
#if REAL_BYTES == 4
typedef int32_t MASK __attribute__((vector_size(VBYTES)));
#else
typedef int64_t MASK __attribute__((vector_size(VBYTES)));
#endif
typedef uint8_t T(bytes) __attribute__((vector_size(VL)));

#define VZERO ((V){0})
/* clang-format off */
#define VLOAD(p) ((V)*(const T(vec_unaligned) *)(p))
/* clang-format on */
#define VSTORE(p, v) (*(T(vec_unaligned) *)(p) = (T(vec_unaligned))(v))

INLINE V T(vset1)(REAL x)
{
    V zero = {0};
    return x - zero; /* compilers make it one broadcast */
}

INLINE V T(vselect)(MASK m, V a, V b) { return (V)((m & (MASK)a) | (~m & (MASK)b)); }

INLINE V T(vor)(V a, V b) { return (V)((MASK)a | (MASK)b); }

INLINE V T(vrelu)(V v)
{
    V zero = {0};
    return (V)((MASK)v & ~(MASK)(v <= zero));
}

INLINE MASK T(select_index)(MASK mask, MASK a, MASK b) { return (mask & a) | (~mask & b); }

/* n (at most VL) bytes. */
INLINE MASK T(load_bytes)(const uint8_t *p, ptrdiff_t n)
{
    T(bytes) bytes = {0};
    if (n == VL) memcpy(&bytes, p, VL);
    else memcpy(&bytes, p, (size_t)n);
    return __builtin_convertvector(bytes, MASK);
}

INLINE void T(store_bytes)(uint8_t *p, MASK index, ptrdiff_t n)
{
    T(bytes) bytes = __builtin_convertvector(index, T(bytes));
    if (n == VL) memcpy(p, &bytes, VL);
    else memcpy(p, &bytes, (size_t)n);
}

/* Parts of a vector, number by number, for instruction sets that have no masks. */
INLINE V T(load_lanes)(const REAL *p, ptrdiff_t begin, ptrdiff_t end)
{
    REAL lanes[VL] = {0};
    for (ptrdiff_t i = begin; i < end; i++) lanes[i] = p[i];
    return VLOAD(lanes);
}

INLINE void T(store_lanes)(REAL *p, V v, ptrdiff_t n)
{
    REAL lanes[VL];
    VSTORE(lanes, v);
    for (ptrdiff_t i = 0; i < n; i++) p[i] = lanes[i];
}

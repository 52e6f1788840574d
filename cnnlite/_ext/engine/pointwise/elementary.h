/* pointwise/elementary.h: exp, log and their kin, whose bits are the same on every machine.
 *
 * Those of the C library and of NumPy depend on the system, the processor and the version.  Here they are sums and
 * products in double, each rounded by itself (no VFMA), for float and double arrays alike.  The error is below two
 * units in the last place of a double, so a float is nearly always the one next to the true value.
 *
 * exp goes over 2^k e^r with |r| <= ln(2)/2 and Taylor's polynomial of degree 14; log over 2^k m with m between
 * sqrt(1/2) and sqrt(2), and log m = 2 artanh(s), s = (m - 1) / (m + 1).  cnnlite/reference/elementary.py states the
 * same operations. */
#if !defined(CNNLITE_ELEMENTARY_ONCE)
#define CNNLITE_ELEMENTARY_ONCE
#define LN2_HIGH 0x1.62e42fefp-1           /* 33 bits: a multiple of it by an exponent is exact */
#define LN2_LOW 0x1.473de6af278edp-34
#define TO_INTEGER 0x1.8p52                /* added and taken off again, it rounds to an integer */
#define ERF_IS_1 5.95                      /* from here on, to the last digit */
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcdu

/* 2^k for normal numbers. */
INLINE double power_of_2(int k)
{
    const uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* e^r - 1 for |r| <= ln(2)/2. */
INLINE double expm1_of_rest(double r)
{
    double p = 1.0 / 87178291200;
    p = p * r + 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    return r + r * r * p;
}

/* x = *k ln 2 + what is returned. */
INLINE double rest_of_ln2(double x, int *k)
{
    const double n = (x * 0x1.71547652b82fep+0 + TO_INTEGER) - TO_INTEGER;
    *k = (int)n;
    return (x - n * LN2_HIGH) - n * LN2_LOW;
}

/* x between low and high; 0 for NaN. */
INLINE double between(double x, double low, double high)
{
    return x == x ? (x < low ? low : x > high ? high : x) : 0;
}

INLINE double elementary_exp(double x)
{
    int k;
    const double p = 1 + expm1_of_rest(rest_of_ln2(between(x, -746, 710), &k));
    const double y = p * power_of_2(k / 2) * power_of_2(k - k / 2); /* 2^k itself may be no normal number */
    return x == x ? y : x;
}

/* e^x - 1 from -40 to 40, and as at the ends beyond; 0 for NaN. */
INLINE double expm1_between(double x)
{
    int k;
    const double p = expm1_of_rest(rest_of_ln2(between(x, -40, 40), &k)), scale = power_of_2(k);
    return p * scale + (scale - 1);
}

INLINE double elementary_expm1(double x)
{
    const double y = expm1_between(x);
    if (x > 40) return elementary_exp(x);
    return x == x && x != 0 ? y : x;
}

INLINE double elementary_log(double x)
{
    const int subnormal = x < DBL_MIN;
    const double normal = subnormal ? x * 0x1p54 : x;
    uint64_t bits;
    double m;
    memcpy(&bits, &normal, sizeof bits);
    const int k = (int)((bits - SQRT_HALF_BITS + ((uint64_t)1024 << 52)) >> 52) - 1024;
    bits -= (uint64_t)k << 52;
    memcpy(&m, &bits, sizeof m);
    const double f = m - 1, s = f / (2 + f), z = s * s;
    double p = 2.0 / 21;
    p = p * z + 2.0 / 19;
    p = p * z + 2.0 / 17;
    p = p * z + 2.0 / 15;
    p = p * z + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    const double n = k - 54 * subnormal, y = n * LN2_HIGH + ((f - s * (f - z * p)) + n * LN2_LOW);
    if (!(x > 0 && x <= DBL_MAX)) return x == 0 ? -INFINITY : x > 0 ? x : x == x ? NAN : x;
    return y;
}

INLINE double elementary_log1p(double x)
{
    const double sum = 1 + x, logarithm = elementary_log(sum), lost = (x - (sum - 1)) / sum;
    const double y = x == 0 ? x : logarithm + lost;
    return sum > 0 && sum <= DBL_MAX ? y : logarithm;
}

INLINE double elementary_tanh(double x)
{
    const double t = expm1_between(2 * fabs(x)), y = t / (t + 2);
    return x == x ? copysign(y, x) : x;
}

/* erf x = 2 x exp(-x^2) / sqrt(pi) * (1 + 2 x^2 / 3 + (2 x^2)^2 / 15 + ...), all of whose terms are positive.  The
 * square is taken in two parts, because its rounding error would be multiplied by itself. */
INLINE double elementary_erf(double x)
{
    const double a = between(fabs(x), 0, 6), split = a * 0x8000001p0, high = split - (split - a);
    const double square = a * a;
    double sum = 1;
    for (int n = 16 + (int)(14 * a); n > 0; n--) sum = 1 + sum * (square * (2.0 / (2 * n + 1)));
    const double small = elementary_expm1(-(a + high) * (a - high));
    const double y = 0x1.20dd750429b6dp+0 * a * sum * elementary_exp(-high * high) * (1 + small);
    return x == x && x != 0 ? (x < 0 ? -1 : 1) * (y < 1 && a < ERF_IS_1 ? y : 1) : x;
}
#endif

#define ELEMENTARY(NAME) \
    KERNEL void T(NAME##_piece)(void *context, ptrdiff_t piece, int thread) \
    { \
        const map_args *k = context; \
        const REAL *a = k->a; \
        REAL *out = k->out; \
        const ptrdiff_t end = T(piece_end)(piece, k->size); \
        for (ptrdiff_t i = piece * MAP_PIECE; i < end; i++) out[i] = (REAL)elementary_##NAME((double)a[i]); \
        (void)thread; \
    } \
    EACH_PIECE(NAME, map_args)

ELEMENTARY(exp)
ELEMENTARY(expm1)
ELEMENTARY(log)
ELEMENTARY(log1p)
ELEMENTARY(tanh)
#undef ELEMENTARY

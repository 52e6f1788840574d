/* winograd/transform.h: the small matrices of F(m x m, r x r), applied to vectors.
 *
 *     Y = A^T [ (G g G^T) * (B^T d B) ] A          (Winograd 1980; Lavin & Gray 2016)
 *
 * a tile d of `side` x `side` pixels, an r x r kernel g, an m x m output Y, and one multiplication
 * for each element of the tile.  The side is m + r - 1, and says which transform it is:
 *
 *     side  m  r  products  instead of
 *     4     2  3     16         36
 *     6     4  3     36        144
 *     7     4  4     49        256        blocks of larger kernels (large.h)
 *
 * The matrices come from polynomials taken at side - 1 points and infinity.  For side 6 the points are
 * 0, +-sqrt(1/2), +-sqrt(2), not the 0, +-1, +-2 usually printed: with points whose product is one
 * no entry is large, and the float32 error is a third or a quarter (measured; the effect of the
 * choice of points is the subject of Barabasz et al. 2020).  For side 7 they are +-1/4, +-7/8, +-2, the
 * best of some 1,500 triples that were measured.  reference/winograd.py derives the matrices.
 *
 * Every function is one dimension of one transform: n inputs `step` vectors apart, outputs
 * likewise. Opposite points share their even and odd parts, so a matrix costs about two operations
 * a row.
 */
#if !defined(CNNLITE_WINOGRAD_TRANSFORM_ONCE)
#define CNNLITE_WINOGRAD_TRANSFORM_ONCE
#define ROOT_HALF 0.70710678118654752440
#define ROOT_TWO 1.41421356237309504880
#define TILE_MAX 7                         /* the largest side */
#define TILE_OUTPUTS(side) ((side) == 4 ? 2 : 4)
#define TILE_TAPS(side) ((side) == 7 ? 4 : 3)

/* CALL(side) with the side as a constant, so that loops over it are unrolled. */
#define BY_SIDE(side, CALL) \
    do { \
        if ((side) == 6) CALL(6); \
        else if ((side) == 7) CALL(7); \
        else CALL(4); \
    } while (0)

/* The points of side 7, squared; N: what point q's value is divided by, u and v the other squares. */
#define POINT_A 0.25
#define POINT_B 0.875
#define POINT_C 2.0
#define SQUARE_A (POINT_A * POINT_A)
#define SQUARE_B (POINT_B * POINT_B)
#define SQUARE_C (POINT_C * POINT_C)
#define POINT_N(q, u, v) (2 * (q) * ((q) * (q) - (u)) * ((q) * (q) - (v)))
#endif
#undef K
#define K(x) VSET1((REAL)(x))

/* Rows +-q of B^T for side 7; u and v are the squares of the other points. */
INLINE void T(input_pair)(const V *d, const int in, V *o, const int out, const double q, const double u,
                          const double v)
{
    const V even = VFMA(K(u * v), d[0], VFMA(K(-u - v), d[2 * in], d[4 * in]));
    const V odd = VFMA(K(u * v), d[in], VFMA(K(-u - v), d[3 * in], d[5 * in]));
    o[0] = VFMA(K(q), even, odd);
    o[out] = VFMA(K(-q), even, odd);
}

/* B^T d: side -> side */
INLINE void T(input_1d)(const int side, const V *d, const int in, V *o, const int out)
{
    if (side == 7) {
        const double a = SQUARE_A, b = SQUARE_B, c = SQUARE_C;
        T(input_pair)(d, in, o, out, POINT_A, b, c);
        T(input_pair)(d, in, o + 2 * out, out, POINT_B, a, c);
        T(input_pair)(d, in, o + 4 * out, out, POINT_C, a, b);
        const V low = VFMA(K(-a * b * c), d[0], K(a * b + a * c + b * c) * d[2 * in]);
        o[6 * out] = VFMA(K(-a - b - c), d[4 * in], d[6 * in] + low);
        return;
    }
    V d0 = d[0], d1 = d[in], d2 = d[2 * in], d3 = d[3 * in];
    if (side == 4) {
        o[0] = d0 - d2;
        o[out] = d1 + d2;
        o[2 * out] = d2 - d1;
        o[3 * out] = d3 - d1;
        return;
    }
    V d4 = d[4 * in], d5 = d[5 * in];
    V even_a = VFMA(K(-2), d2, d4), odd_a = VFMA(K(-2), d1, d3);
    V even_b = VFMA(K(-0.5), d2, d4), odd_b = VFMA(K(-0.5), d1, d3);
    o[0] = VFMA(K(-2.5), d2, d0 + d4);
    o[out] = VFMA(K(ROOT_HALF), odd_a, even_a);
    o[2 * out] = VFMA(K(-ROOT_HALF), odd_a, even_a);
    o[3 * out] = VFMA(K(ROOT_TWO), odd_b, even_b);
    o[4 * out] = VFMA(K(-ROOT_TWO), odd_b, even_b);
    o[5 * out] = VFMA(K(-2.5), d3, d1 + d5);
}

/* Rows +-q of G for side 7, divided by n. */
INLINE void T(weight_pair)(const V *g, const int in, V *o, const int out, const double q, const double n)
{
    const V even = K(1 / n) * VFMA(K(q * q), g[2 * in], g[0]), odd = K(q / n) * VFMA(K(q * q), g[3 * in], g[in]);
    o[0] = odd + even;
    o[out] = odd - even;
}

/* G g: r -> side */
INLINE void T(weight_1d)(const int side, const V *g, const int in, V *o, const int out)
{
    if (side == 7) {
        T(weight_pair)(g, in, o, out, POINT_A, POINT_N(POINT_A, SQUARE_B, SQUARE_C));
        T(weight_pair)(g, in, o + 2 * out, out, POINT_B, POINT_N(POINT_B, SQUARE_A, SQUARE_C));
        T(weight_pair)(g, in, o + 4 * out, out, POINT_C, POINT_N(POINT_C, SQUARE_A, SQUARE_B));
        o[6 * out] = g[3 * in];
        return;
    }
    V g0 = g[0], g1 = g[in], g2 = g[2 * in];
    o[0] = g0;
    if (side == 4) {
        V even = K(0.5) * (g0 + g2), odd = K(0.5) * g1;
        o[out] = even + odd;
        o[2 * out] = even - odd;
        o[3 * out] = g2;
        return;
    }
    V even_a = K(-2.0 / 3) * VFMA(K(0.5), g2, g0), odd_a = K(-ROOT_HALF * 2 / 3) * g1;
    V even_b = K(1.0 / 6) * VFMA(K(2), g2, g0), odd_b = K(ROOT_TWO / 6) * g1;
    o[out] = even_a + odd_a;
    o[2 * out] = even_a - odd_a;
    o[3 * out] = even_b + odd_b;
    o[4 * out] = even_b - odd_b;
    o[5 * out] = g2;
}

/* A^T M: side -> m */
INLINE void T(output_1d)(const int side, const V *p, const int in, V *o, const int out)
{
    if (side == 7) {
        const V even_a = p[0] + p[in], odd_a = K(POINT_A) * (p[0] - p[in]);
        const V even_b = p[2 * in] + p[3 * in], odd_b = K(POINT_B) * (p[2 * in] - p[3 * in]);
        const V even_c = p[4 * in] + p[5 * in], odd_c = K(POINT_C) * (p[4 * in] - p[5 * in]);
        o[0] = even_a + (even_b + even_c);
        o[out] = odd_a + (odd_b + odd_c);
        o[2 * out] = VFMA(K(SQUARE_C), even_c, VFMA(K(SQUARE_B), even_b, K(SQUARE_A) * even_a));
        o[3 * out] = VFMA(K(SQUARE_C), odd_c, VFMA(K(SQUARE_B), odd_b, VFMA(K(SQUARE_A), odd_a, p[6 * in])));
        return;
    }
    V even_a = p[in] + p[2 * in], odd_a = p[in] - p[2 * in];
    if (side == 4) {
        o[0] = p[0] + even_a;
        o[out] = odd_a + p[3 * in];
        return;
    }
    V even_b = p[3 * in] + p[4 * in], odd_b = K(ROOT_TWO) * (p[3 * in] - p[4 * in]);
    odd_a = K(ROOT_HALF) * odd_a;
    o[0] = p[0] + (even_a + even_b);
    o[out] = odd_a + odd_b;
    o[2 * out] = VFMA(K(2), even_b, K(0.5) * even_a);
    o[3 * out] = VFMA(K(2), odd_b, VFMA(K(0.5), odd_a, p[5 * in]));
}

/* Rows +-q of A for side 7. */
INLINE void T(output_adjoint_pair)(const V *y, const int in, V *o, const int out, const double q)
{
    const V even = VFMA(K(q * q), y[2 * in], y[0]), odd = VFMA(K(q * q), y[3 * in], y[in]);
    o[0] = VFMA(K(q), odd, even);
    o[out] = VFMA(K(-q), odd, even);
}

/* A dY: m -> side, the transpose of output_1d, for the weight gradient */
INLINE void T(output_adjoint_1d)(const int side, const V *y, const int in, V *o, const int out)
{
    if (side == 7) {
        T(output_adjoint_pair)(y, in, o, out, POINT_A);
        T(output_adjoint_pair)(y, in, o + 2 * out, out, POINT_B);
        T(output_adjoint_pair)(y, in, o + 4 * out, out, POINT_C);
        o[6 * out] = y[3 * in];
        return;
    }
    V y0 = y[0], y1 = y[in];
    o[0] = y0;
    if (side == 4) {
        o[out] = y0 + y1;
        o[2 * out] = y0 - y1;
        o[3 * out] = y1;
        return;
    }
    V y2 = y[2 * in], y3 = y[3 * in];
    V even_a = VFMA(K(0.5), y2, y0), odd_a = VFMA(K(0.5), y3, y1);
    V even_b = VFMA(K(2), y2, y0), odd_b = VFMA(K(2), y3, y1);
    o[out] = VFMA(K(ROOT_HALF), odd_a, even_a);
    o[2 * out] = VFMA(K(-ROOT_HALF), odd_a, even_a);
    o[3 * out] = VFMA(K(ROOT_TWO), odd_b, even_b);
    o[4 * out] = VFMA(K(-ROOT_TWO), odd_b, even_b);
    o[5 * out] = y3;
}

/* G^T dU: side -> r, the transpose of weight_1d */
INLINE void T(weight_adjoint_1d)(const int side, const V *u, const int in, V *o, const int out)
{
    if (side == 7) {
        const double a = POINT_N(POINT_A, SQUARE_B, SQUARE_C), b = POINT_N(POINT_B, SQUARE_A, SQUARE_C);
        const double c = POINT_N(POINT_C, SQUARE_A, SQUARE_B);
        const V even_a = K(1 / a) * (u[0] - u[in]), odd_a = K(POINT_A / a) * (u[0] + u[in]);
        const V even_b = K(1 / b) * (u[2 * in] - u[3 * in]), odd_b = K(POINT_B / b) * (u[2 * in] + u[3 * in]);
        const V even_c = K(1 / c) * (u[4 * in] - u[5 * in]), odd_c = K(POINT_C / c) * (u[4 * in] + u[5 * in]);
        o[0] = even_a + (even_b + even_c);
        o[out] = odd_a + (odd_b + odd_c);
        o[2 * out] = VFMA(K(SQUARE_C), even_c, VFMA(K(SQUARE_B), even_b, K(SQUARE_A) * even_a));
        o[3 * out] = VFMA(K(SQUARE_C), odd_c, VFMA(K(SQUARE_B), odd_b, VFMA(K(SQUARE_A), odd_a, u[6 * in])));
        return;
    }
    V even_a = u[in] + u[2 * in], odd_a = u[in] - u[2 * in];
    if (side == 4) {
        V half = K(0.5) * even_a;
        o[0] = u[0] + half;
        o[out] = K(0.5) * odd_a;
        o[2 * out] = half + u[3 * in];
        return;
    }
    V even_b = u[3 * in] + u[4 * in], odd_b = u[3 * in] - u[4 * in];
    o[0] = VFMA(K(-2.0 / 3), even_a, VFMA(K(1.0 / 6), even_b, u[0]));
    o[out] = VFMA(K(-ROOT_HALF * 2 / 3), odd_a, K(ROOT_TWO / 6) * odd_b);
    o[2 * out] = VFMA(K(-1.0 / 3), even_a, VFMA(K(1.0 / 3), even_b, u[5 * in]));
}

/* Both dimensions of a tile: rows x rows pixels read `pitch` vectors apart and columns x columns
 * results written `stride` REALs apart.  TRANSFORM_2D(name, one_d, from, to) makes the function
 * `name`. */
#undef TRANSFORM_2D
#define TRANSFORM_2D(name, one_d, from, to) \
    INLINE void T(name)(const int side, const REAL *in, ptrdiff_t pitch, ptrdiff_t step, \
                        V o[TILE_MAX * TILE_MAX]) \
    { \
        const int before = from, after = to; /* plain names, as loops with a choice in them are not unrolled */ \
        V d[TILE_MAX * TILE_MAX], half[TILE_MAX * TILE_MAX]; \
        UNROLL_FOR(int j = 0; j < before; j++) { \
            UNROLL_FOR(int i = 0; i < before; i++) d[i] = VLOAD(in + i * pitch + j * step); \
            T(one_d)(side, d, 1, half + j, TILE_MAX); \
        } \
        UNROLL_FOR(int i = 0; i < after; i++) T(one_d)(side, half + i * TILE_MAX, 1, o + i * after, 1); \
    }
TRANSFORM_2D(input_2d, input_1d, side, side)
TRANSFORM_2D(weight_2d, weight_1d, TILE_TAPS(side), side)
TRANSFORM_2D(output_2d, output_1d, side, TILE_OUTPUTS(side))
TRANSFORM_2D(output_adjoint_2d, output_adjoint_1d, TILE_OUTPUTS(side), side)
TRANSFORM_2D(weight_adjoint_2d, weight_adjoint_1d, side, TILE_TAPS(side))

/* winograd/transform.h: the small matrices of F(m x m, 3 x 3), m = 4 or 2, applied to vectors of
 * channels.
 *
 *     Y = A^T [ (G g G^T) * (B^T d B) ] A          (Winograd 1980; Lavin & Gray 2016)
 *
 * an (m+2) x (m+2) tile d, a 3 x 3 kernel g, an m x m output Y, and one multiplication for each
 * element of the tile: 36 instead of 144 for m = 4, 16 instead of 36 for m = 2.
 *
 * The matrices come from polynomials taken at m+1 points and infinity.  For m = 4 the points are
 * 0, +-sqrt(1/2), +-sqrt(2), not the 0, +-1, +-2 usually printed: with points whose product is one
 * no entry is large, and the float32 error is a third or a quarter (measured; the effect of the
 * choice of points is the subject of Barabasz et al. 2020).  reference/winograd.py derives them.
 *
 * Every function is one dimension of one transform: n inputs `step` vectors apart, outputs
 * likewise. Opposite points share their even and odd parts, so a matrix costs about two operations
 * a row.
 */
#if !defined(CNNLITE_WINOGRAD_TRANSFORM_ONCE)
#define CNNLITE_WINOGRAD_TRANSFORM_ONCE
#define ROOT_HALF 0.70710678118654752440
#define ROOT_TWO 1.41421356237309504880
#define TILE_MAX 6                         /* m + 2 for the larger m */
#endif
#undef K
#define K(x) VSET1((REAL)(x))

/* B^T d: m + 2 -> m + 2 */
INLINE void T(input_1d)(const int m, const V *d, const int in, V *o, const int out)
{
    V d0 = d[0], d1 = d[in], d2 = d[2 * in], d3 = d[3 * in];
    if (m == 2) {
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

/* G g: 3 -> m + 2 */
INLINE void T(weight_1d)(const int m, const V *g, const int in, V *o, const int out)
{
    V g0 = g[0], g1 = g[in], g2 = g[2 * in];
    o[0] = g0;
    if (m == 2) {
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

/* A^T M: m + 2 -> m */
INLINE void T(output_1d)(const int m, const V *p, const int in, V *o, const int out)
{
    V even_a = p[in] + p[2 * in], odd_a = p[in] - p[2 * in];
    if (m == 2) {
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

/* A dY: m -> m + 2, the transpose of output_1d, for the weight gradient */
INLINE void T(output_adjoint_1d)(const int m, const V *y, const int in, V *o, const int out)
{
    V y0 = y[0], y1 = y[in];
    o[0] = y0;
    if (m == 2) {
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

/* G^T dU: m + 2 -> 3, the transpose of weight_1d */
INLINE void T(weight_adjoint_1d)(const int m, const V *u, const int in, V *o, const int out)
{
    V even_a = u[in] + u[2 * in], odd_a = u[in] - u[2 * in];
    if (m == 2) {
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
    INLINE void T(name)(const int m, const REAL *in, ptrdiff_t pitch, ptrdiff_t step, V o[TILE_MAX * TILE_MAX]) \
    { \
        V d[TILE_MAX * TILE_MAX], half[TILE_MAX * TILE_MAX]; \
        UNROLL_FOR(int j = 0; j < (from); j++) { \
            UNROLL_FOR(int i = 0; i < (from); i++) d[i] = VLOAD(in + i * pitch + j * step); \
            T(one_d)(m, d, 1, half + j, TILE_MAX); \
        } \
        UNROLL_FOR(int i = 0; i < (to); i++) T(one_d)(m, half + i * TILE_MAX, 1, o + i * (to), 1); \
    }
TRANSFORM_2D(input_2d, input_1d, m + 2, m + 2)
TRANSFORM_2D(weight_2d, weight_1d, 3, m + 2)
TRANSFORM_2D(output_2d, output_1d, m + 2, m)
TRANSFORM_2D(output_adjoint_2d, output_adjoint_1d, m, m + 2)
TRANSFORM_2D(weight_adjoint_2d, weight_adjoint_1d, m + 2, 3)

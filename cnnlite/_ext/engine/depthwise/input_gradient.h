/* depthwise/input_gradient.h: planes of dx that forward.h does not compute as it does y: those of 3x3 taps with
 * stride 2, and those whose weights are not all finite. */

/* Rows begin .. end of dx (begin even), of 3x3 taps with stride 2, from two rows of dy for each two of dx.  With X =
 * x + left, column X of dx sees dy[X / 2] by tap 0 and dy[X / 2 - 1] by tap 2 if X is even, and dy[(X - 1) / 2] by tap
 * 1 if not; rows likewise. */
KERNEL void T(gradient_half)(const T(depthwise_plane) *p, ptrdiff_t begin, ptrdiff_t end)
{
    const T(depthwise) *k = p->k;
    const T(window) *w = &k->window;
    const ptrdiff_t top = 2 - w->top, left = 2 - w->left; /* of the forward pass */
    const int odd_h = (int)(top % 2), odd_w = (int)(left % 2);
    for (ptrdiff_t q = 0; q < w->out_w; q += 2 * VL) {
        const ptrdiff_t c = (q + left) / 2 + odd_w, n = w->out_w - q; /* c: seen by tap 0 */
        T(lanes) lanes[2];
        for (int i = 0; i < 2; i++) {
            lanes[i].begin = smaller(VL, larger(0, i - c));
            lanes[i].end = larger(lanes[i].begin, smaller(VL, w->given_w - c + i));
        }
        for (ptrdiff_t r = begin; r < end; r += 2) {
            const ptrdiff_t e = (r + top) / 2 + odd_h;
            const REAL *planes = p->x, *weight = p->weight;
            V sum[2][2] = {{VZERO, VZERO}, {VZERO, VZERO}}; /* of row and column: even, odd */
            for (ptrdiff_t s = 0; s < k->sums; s++, planes += p->size, weight += 9) {
                V dy[2][2], tap[9];
                for (int i = 0; i < 2; i++) {
                    const REAL *row = e - i >= 0 && e - i < w->given_h ? planes + (e - i) * w->given_w : w->zeros;
                    for (int j = 0; j < 2; j++) dy[i][j] = VLOADR(row + c - j, lanes[j].begin, lanes[j].end);
                }
                UNROLL_FOR(int t = 0; t < 9; t++) tap[t] = VSET1(weight[t]);
                UNROLL_FOR(int i = 0; i < 2; i++)
                    UNROLL_FOR(int j = 0; j < 2; j++) sum[0][0] = VFMA(tap[6 * i + 2 * j], dy[i][j], sum[0][0]);
                UNROLL_FOR(int i = 0; i < 2; i++) {
                    sum[0][1] = VFMA(tap[6 * i + 1], odd_w ? dy[i][1] : dy[i][0], sum[0][1]);
                    sum[1][0] = VFMA(tap[3 + 2 * i], odd_h ? dy[1][i] : dy[0][i], sum[1][0]);
                }
                const V middle = odd_h ? (odd_w ? dy[1][1] : dy[1][0]) : (odd_w ? dy[0][1] : dy[0][0]);
                sum[1][1] = VFMA(tap[4], middle, sum[1][1]);
            }
            for (int i = 0; i < 2 && r + i < end; i++) {
                const V even = sum[i ^ odd_h][odd_w], odd = sum[i ^ odd_h][1 - odd_w];
                const V low = SHUFFLE(even, odd, LOWS), high = SHUFFLE(even, odd, HIGHS);
                REAL *to = p->y + (r + i) * w->out_w + q;
                if (n >= 2 * (ptrdiff_t)VL) {
                    VSTORE(to, low);
                    VSTORE(to + VL, high);
                    continue;
                }
                VSTOREN(to, low, smaller(VL, n));
                if (n > (ptrdiff_t)VL) VSTOREN(to + VL, high, n - VL);
            }
        }
    }
}

/* A plane of dx by its definition, a sum over the outputs that there are.  With finite weights, zeros around dy and
 * between its pixels do not change the sum; an infinite one would make it NaN. */
KERNEL void T(gradient_by_definition)(const T(depthwise) *k, const REAL *dy, const REAL *weight, REAL *dx)
{
    const T(window) *w = &k->window;
    const ptrdiff_t taps = w->taps_h * w->taps_w, size = w->given_h * w->given_w;
    for (ptrdiff_t at = 0; at < w->out_h * w->out_w; at++) {
        double sum = 0;
        for (ptrdiff_t t = 0; t < taps; t++) {
            const ptrdiff_t y = at / w->out_w + t / w->taps_w * w->gap_h - w->top;
            const ptrdiff_t x = at % w->out_w + t % w->taps_w * w->gap_w - w->left;
            if (y < 0 || y >= w->height || y % w->spread_h || x < 0 || x >= w->width || x % w->spread_w) continue;
            const ptrdiff_t place = y / w->spread_h * w->given_w + x / w->spread_w;
            for (ptrdiff_t s = 0; s < k->sums; s++)
                sum += (double)dy[s * size + place] * (double)weight[s * taps + taps - 1 - t];
        }
        dx[at] = (REAL)sum;
    }
}

INLINE int T(all_finite)(const REAL *numbers, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        if (!isfinite(numbers[i])) return 0;
    return 1;
}

/* pointwise/gelu.h: x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel 2016, exact form).
 *
 * In float, erf is x P(x^2) / Q(x^2) on (-4, 4) (beyond, it is 1 to float's last digit), P and Q of
 * degree 5: a weighted least-squares fit whose largest relative error is 2.5e-8.  exp goes over
 * 2^k e^r with |r| <= ln(2)/2.  In double those of elementary.h serve, number by number: only gradient checks run in
 * double. */

#if REAL_BYTES == 4
#if VECTORS
INLINE MASK T(truncated)(V v) { return __builtin_convertvector(v, MASK); }
INLINE V T(as_reals)(MASK k) { return __builtin_convertvector(k, V); }
INLINE V T(powers_of_2)(MASK k) { return (V)((k + 127) << 23); }
#else
INLINE MASK T(truncated)(V v) { return v == v ? (MASK)v : 0; }
INLINE V T(as_reals)(MASK k) { return (V)k; }
INLINE V T(powers_of_2)(MASK k) { return (V)power_of_2(k); }
#endif

INLINE V T(verf)(V x)
{
    const V limit = VSET1(4.0f), one = VSET1(1.0f);
    MASK above = (MASK)(x >= limit), below = (MASK)(x <= -limit);
    x = VSELECT(above, limit, VSELECT(below, -limit, x));    /* its square must not overflow */
    V t = x * x;
    V p = VFMA(VSET1(1.986742825e-6f), t, VSET1(2.845509447e-4f));
    p = VFMA(p, t, VSET1(3.883022172e-3f));
    p = VFMA(p, t, VSET1(5.310080118e-2f));
    p = VFMA(p, t, VSET1(1.935386084e-1f));
    p = VFMA(p, t, VSET1(1.12837914f));
    V q = VFMA(VSET1(3.741895706e-5f), t, VSET1(1.1854771e-3f));
    q = VFMA(q, t, VSET1(1.520664038e-2f));
    q = VFMA(q, t, VSET1(1.153472417e-1f));
    q = VFMA(q, t, VSET1(5.048516857e-1f));
    q = VFMA(q, t, VSET1(1.0f));
    return VSELECT(above, one, VSELECT(below, -one, x * p / q));
}

/* exp(x) for x <= 0; 0 below the smallest normal number. */
INLINE V T(vexp)(V x)
{
    const V lowest = VSET1(-87.0f);
    MASK under = (MASK)(x < lowest);
    V z = VSELECT(under, lowest, x);
    MASK k = T(truncated)(z * VSET1(1.44269504f) - VSET1(0.5f));
    V n = T(as_reals)(k);
    V r = VFMA(n, VSET1(-0.693359375f), z);
    r = VFMA(n, VSET1(2.12194440e-4f), r);           /* ln 2 in two parts: n * high is exact */
    V p = VFMA(VSET1(1.0f / 720), r, VSET1(1.0f / 120));
    p = VFMA(p, r, VSET1(1.0f / 24));
    p = VFMA(p, r, VSET1(1.0f / 6));
    p = VFMA(p, r, VSET1(0.5f));
    p = VFMA(p, r, VSET1(1.0f));
    p = VFMA(p, r, VSET1(1.0f));
    return VSELECT(under, VZERO, p * T(powers_of_2)(k));
}
#else
INLINE V T(vlanes)(double (*f)(double), V x)
{
    REAL lanes[VL];
    VSTORE(lanes, x);
    for (int i = 0; i < (int)VL; i++) lanes[i] = (REAL)f((double)lanes[i]);
    return VLOAD(lanes);
}
INLINE V T(verf)(V x) { return T(vlanes)(elementary_erf, x); }
INLINE V T(vexp)(V x) { return T(vlanes)(elementary_exp, x); }
#endif

INLINE V T(normal_cdf)(V x)
{
    return VFMA(VSET1((REAL)0.5), T(verf)(x * VSET1((REAL)0.70710678118654752)), VSET1((REAL)0.5));
}

INLINE V T(gelu)(V x) { return x * T(normal_cdf)(x); }

/* Phi(x) + x phi(x) */
INLINE V T(gelu_slope)(V x)
{
    V density = T(vexp)(x * x * VSET1((REAL)-0.5)) * VSET1((REAL)0.39894228040143268);
    return VFMA(x, density, T(normal_cdf)(x));
}

INLINE V T(gelu_gradient)(V dy, V x) { return dy * T(gelu_slope)(x); }

MAP_ONE(gelu_forward, T(gelu))
MAP_TWO(gelu_backward, T(gelu_gradient))

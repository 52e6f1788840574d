/* simd/vec.h: the words in which kernels are written, for one instruction set and one REAL.
 *
 * It is included once for REAL = float and once for REAL = double by every engine_<isa>.c.  The words come from
 * the file of the instruction set: avx512.h, avx2.h, neon.h, generic.h (vectors of 16 bytes on any machine) or
 * plain.h (one lane, for compilers without vectors).  Each has all of them:
 *
 *     V          a vector of VL REALs; + - * and unary minus work on it as on a REAL
 *     MASK       the result of comparing two V: all bits of a lane are set where it is true
 *     VLOAD(p)  VSTORE(p, v)  VSET1(x)  VZERO        p needs no alignment
 *     VLOADN(p, n)  VSTOREN(p, v, n)                 the first n of VL lanes only (0 < n <= VL)
 *     VLOADR(p, begin, end)                          lanes begin .. end; zero in the others
 *     VFMA(a, b, c)                                  a * b + c, rounded once where the machine can
 *     VDOT(a, b, c)                                  c + both products of each pair of bfloat16 numbers, the first
 *                                                    and then the second; VFMA unless PAIRS
 *     VSELECT(mask, a, b)  VRELU(v)                  mask ? a : b;  v <= 0 ? 0 : v (NaN stays NaN, -0 becomes 0)
 *     SHUFFLE(a, b, l0, l1, ...)                     lane i is lane l_i of the 2 VL lanes of a and then b
 *     VPICK(a, b, index)                             the same with a MASK of lanes; zero where it is 2 VL or more
 *     VOR(a, b)                                      all bits of both
 *     EVENS  ODDS  LOWS  HIGHS                       the l of every other lane; those that interleave the lower,
 *                                                    the upper halves of a and b
 *     vload_evens(p)  vstore_evens(p, v)             p[0], p[2], p[4] ...; nothing beyond the last is touched
 *     vload_evens_between(p, begin, end)             lanes begin .. end of those; zero in the others
 *     vload_every_3(p, n)  vload_every_4(p, n)       p[0], p[3] ... p[3 n - 3]; zero in the other lanes
 *     transpose(v)                                   v[i][j] <-> v[j][i] for VL vectors
 *     select_index  load_bytes  store_bytes          mask ? a : b of integers in a MASK; bytes to and from one
 *
 * and MR, NV and EACH_NV(f), f(1) .. f(NV), which are the shape of the micro-kernel's block of accumulators
 * (microkernel.h).  The registers decide it: 8 x 3 accumulators, three vectors of B and a broadcast fill a file of
 * 32, 4 x 3 one of 16.  MR divides the channel counts that networks have; 12 x 2 and 14 x 2 do not.
 *
 * SUM_LANES is how many partial sums a long sum has, one for every SUM_LANES-th number: the lanes of the widest
 * vector.  A narrower one takes WIDE vectors for them, SUM_PART of them at a time, as the registers allow.  So the
 * order of additions, and the bits, do not depend on the vector.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "compiler.h"

/* T(name) is the name of a function or type of this REAL: name_f32, name_f64. */
#undef T
#if REAL_BYTES == 4
#define T(name) PASTE(name, _f32)
#else
#define T(name) PASTE(name, _f64)
#endif
#define V T(vec)
#define MASK T(mask)
#define NR (NV * VL) /* columns of a full micro-tile */
#define SUM_LANES (64 / REAL_BYTES)
#define WIDE (SUM_LANES / VL)

#undef PAIRS
#undef VDOT
#define PAIRS 0 /* whether a lane of 32 bits may be a pair: the first number in its upper half, the second below */
#define VDOT(a, b, c) VFMA(a, b, c)

#if !VECTORS
#include "plain.h"
#elif defined(ISA_AVX512)
#include "avx512.h"
#elif defined(ISA_AVX2)
#include "avx2.h"
#elif defined(ISA_NEON)
#include "neon.h"
#else
#include "generic.h"
#endif

#define VSET1(x) T(vset1)(x)
#define VSELECT(m, a, b) T(vselect)(m, a, b)
#define VRELU(v) T(vrelu)(v)
#define VLOADN(p, n) T(vloadn)(p, n)
#define VLOADR(p, begin, end) T(vloadr)(p, begin, end)
#define VPICK(a, b, index) T(vpick)(a, b, index)
#define VOR(a, b) T(vor)(a, b)
#define VSTOREN(p, v, n) T(vstoren)(p, v, n)

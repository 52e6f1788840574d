/* norm/batch_norm.h: batch normalisation of x (images, channels, size), forward and backward.
 *
 * Memory is the limit, so it is read in its own order: a piece is a few images with all their channels, not one
 * channel of all images, whose planes lie far apart.  A first pass over x computes the sums of each piece for each
 * channel.  They are added in the order of the pieces, so the bits do not depend on the number of threads.  A
 * second pass writes.
 *
 * A sum has three levels.  The numbers of a run go in turn to SUM_LANES partial sums (simd/vec.h), and each of those
 * to CHAINS, so that additions need not wait for each other; SUM_RUNS runs are added in REAL, the rest in double.
 * Squares are taken around the mean of the first piece.  So one pass gives both sums, and a mean that is large
 * against the deviation costs no digits (Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
 * 1983, section 3: shifted data).  Channels for which that is not enough are recognised by their sums and summed
 * again, slowly (careful_moments).
 *
 * With `relu`, y = max(0, norm(x)).  The backward pass needs no copy of y, because it recomputes the sign from x.
 * With an addend, y = max(0, norm(x) + addend), the end of a residual block.  There the backward pass reads y and
 * writes the part of dy that passed the ReLU, which is the gradient of the addend. */

/* y = (x - mean) * scale + shift (+ addend, unless NULL), then ReLU if asked; one plane. */
INLINE void T(plane_normalize)(const REAL *x, const REAL *addend, REAL *y, ptrdiff_t size, REAL mean, REAL scale,
                               REAL shift, int relu)
{
    const V m = VSET1(mean), s = VSET1(scale), b = VSET1(shift);
    ptrdiff_t i = 0;
    for (; i + VL <= size; i += VL) {
        V v = VFMA(VLOAD(x + i) - m, s, b);
        if (addend) v += VLOAD(addend + i);
        VSTORE(y + i, relu ? VRELU(v) : v);
    }
    if (i < size) {
        V v = VFMA(VLOADN(x + i, size - i) - m, s, b);
        if (addend) v += VLOADN(addend + i, size - i);
        VSTOREN(y + i, relu ? VRELU(v) : v, size - i);
    }
}

KERNEL void T(normalize_piece)(void *context, ptrdiff_t piece, int thread)
{
    const norm_plan *k = context;
    const T(norm_range) range = T(range_of)(k, piece);
    const ptrdiff_t channels = k->args.channels, size = k->args.size;
    const REAL *x = k->args.x, *mean = k->args.mean, *scale = k->scale, *bias = k->bias;
    const REAL *addend = k->args.post.addend;
    REAL *y = k->args.y;
    const int relu = k->args.post.relu;
    for (ptrdiff_t n = range.image; n < range.image + range.images; n++)
        for (ptrdiff_t c = range.channel; c < range.end; c++) {
            const ptrdiff_t at = (n * channels + c) * size;
            T(plane_normalize)(x + at, addend ? addend + at : NULL, y + at, size, mean[c], scale[c], bias[c],
                               relu);
        }
    (void)thread;
}

/* train: writes mean, rest and inverse_std (channels) from the batch and gives the biased variance too; then the
 * running statistics, if there are any, move.  Otherwise the first three are written from the running statistics,
 * or read where there are none. */
KERNEL void T(batch_norm_forward)(void *args, workspace *work)
{
    norm_plan plan = {.args = *(const norm_args *)args}, *k = &plan;
    if (!T(norm_memory)(k, work)) return;
    if (k->args.train) T(batch_statistics)(k, work->threads);
    else if (k->args.running_mean) T(take_running)(k);
    T(affine)(k);
    engine_parallel(k->groups * k->blocks, work->threads, T(normalize_piece), k);
    if (k->args.train && k->args.running_mean) T(move_running)(k);
}

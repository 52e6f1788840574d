/* winograd/large.h: kernels of 4 to 8 rows and columns, by F(4 x 4, 4 x 4).
 *
 * A kernel is cut into parts of 4 x 4, filled up with zeros, and its convolution is the sum of theirs.  Part (i, j)
 * sees the image moved by 4 i rows and 4 j columns, which is a whole number of tiles: so a tile's pixels are
 * transformed once, and each part takes the transform of another tile.  A 7 x 7 kernel has 4 parts and needs 4 x 49
 * products for 16 outputs instead of 784.
 *
 * Such kernels stand at the beginning of a network, where an image has 3 channels, which would fill few lanes.  So
 * here the lanes are tiles, and the products read the transformed pixels one by one:
 *
 *     inputs    [element][channel][slot]            slot: row and column of the tile, parts' rows and columns too
 *     weights   [element][panel][channel, part][nv][VL filters]
 *     products  [element][block of VL filters][tile][VL], as of 3 x 3 kernels
 *
 * Before the transform pixel (4 r + i, 4 c + j) is at slot (r, c) of phase (i, j), so that the pixels of
 * neighbouring tiles are neighbours.
 */

/* One row of a channel, as the convolution's own output has it where it is a gradient; `spare` has room for it. */
INLINE const REAL *T(source_row)(const conv_source *from, ptrdiff_t h, ptrdiff_t w, ptrdiff_t plane, ptrdiff_t y,
                                 REAL *spare)
{
    const REAL *data = from->data, *relu_y = from->relu_y;
    const ptrdiff_t at = (plane * h + y) * w, pooled = plane * (h / 2) * (w / 2);
    if (!from->argmax && !relu_y) return data + at;
    if (from->argmax) T(unpool_row)(data + pooled, from->argmax + pooled, h, w, y, spare);
    else T(relu_mask_run)(data + at, relu_y + at, w, spare);
    return spare;
}

/* Columns of four phases, `phase` REALs apart, from 4 times as many neighbours; `columns` of each, filled up to whole
 * vectors. */
INLINE void T(four_phases)(const REAL *line, ptrdiff_t columns, REAL *to, ptrdiff_t phase)
{
    for (ptrdiff_t q = 0; q < columns; q += VL, line += 4 * VL, to += VL) {
        const V a = VLOAD(line), b = VLOAD(line + VL), c = VLOAD(line + 2 * VL), d = VLOAD(line + 3 * VL);
        const V even = SHUFFLE(a, b, EVENS), odd = SHUFFLE(a, b, ODDS);
        const V evens = SHUFFLE(c, d, EVENS), odds = SHUFFLE(c, d, ODDS);
        VSTORE(to, SHUFFLE(even, evens, EVENS));
        VSTORE(to + phase, SHUFFLE(odd, odds, EVENS));
        VSTORE(to + 2 * phase, SHUFFLE(even, evens, ODDS));
        VSTORE(to + 3 * phase, SHUFFLE(odd, odds, ODDS));
    }
}

/* The phases of a channel's pixels under a strip, with zeros around them; `memory` has 16 phases, a line and a row.
 * Returns `squares` and the squares of all pixels (mend.h). */
KERNEL V T(large_phases)(const winograd_plan *p, const conv_args *k, ptrdiff_t plane, winograd_strip strip,
                         ptrdiff_t x0, REAL *memory, V squares)
{
    const conv_shape *s = &k->shape;
    const ptrdiff_t rows = 4 * (strip.rows + p->parts_h), top = strip.row * p->m - s->top;
    const ptrdiff_t begin = larger(0, -s->left), end = smaller(s->w, p->line - s->left);
    REAL *line = memory + 16 * p->phase, *spare = line + p->line;
    memset(line, 0, (size_t)p->line * sizeof(REAL));
    for (ptrdiff_t r = 0; r < rows; r++) {
        REAL *to = memory + r % 4 * 4 * p->phase + r / 4 * p->slot_pitch;
        if (top + r < 0 || top + r >= s->h) {
            for (int j = 0; j < 4; j++) memset(to + j * p->phase, 0, (size_t)p->slot_pitch * sizeof(REAL));
            continue;
        }
        const REAL *from = T(source_row)(&k->x, s->h, s->w, plane, top + r, spare);
        for (ptrdiff_t i = begin; i < end; i += VL) {
            const ptrdiff_t n = smaller(VL, end - i);
            const V v = n == VL ? VLOAD(from + i) : VLOADN(from + i, n);
            squares = VFMA(v, v, squares);
            if (n == VL) VSTORE(line + s->left + i, v);
            else VSTOREN(line + s->left + i, v, n);
        }
        T(four_phases)(line + x0, p->slot_pitch, to, p->phase);
    }
    return squares;
}

/* B^T d B of the block (by, bx) to inputs[element][channel][slot], and the slot of each of its tiles.  Returns the
 * number of tiles; `squares` is what the pixels' squares add up to. */
KERNEL ptrdiff_t T(large_inputs)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t by,
                                 ptrdiff_t bx, REAL *memory, REAL *inputs, ptrdiff_t *slot, V *squares)
{
    const conv_shape *s = &k->shape;
    const ptrdiff_t x0 = bx * p->columns * p->m;
    ptrdiff_t first = 0;
    *squares = VSET1(1);
    for (EACH_STRIP(strip, p, s->n, by)) {
        const ptrdiff_t slots = (strip.rows + p->parts_h - 1) * p->slot_pitch;
        for (ptrdiff_t c = 0; c < p->c; c++) {
            const ptrdiff_t plane = strip.image * s->c + group * p->c + c;
            *squares = T(large_phases)(p, k, plane, strip, x0, memory, *squares);
            for (ptrdiff_t t = 0; t < slots; t += VL) {
                V d[7], half[49], o[7];
                UNROLL_FOR(int j = 0; j < 7; j++) {
                    const REAL *from = memory + j % 4 * p->phase + t + j / 4;
                    UNROLL_FOR(int i = 0; i < 7; i++)
                        d[i] = VLOAD(from + i % 4 * 4 * p->phase + i / 4 * p->slot_pitch);
                    T(input_1d)(7, d, 1, half + j, 7);
                }
                REAL *to = inputs + c * p->slots + first + t;
                UNROLL_FOR(int i = 0; i < 7; i++) {
                    T(input_1d)(7, half + 7 * i, 1, o, 1);
                    UNROLL_FOR(int j = 0; j < 7; j++) VSTORE(to + (7 * i + j) * p->inputs, o[j]);
                }
            }
        }
        for (ptrdiff_t i = 0; i < strip.rows * p->columns; i++)
            slot[strip.first + i] = first + i / p->columns * p->slot_pitch + i % p->columns;
        first += slots;
    }
    return winograd_height(p, s->n, by) * p->columns;
}

/* Where, from a tile's slot, the inputs of each (channel, part) are. */
INLINE void T(large_offsets)(const winograd_plan *p, ptrdiff_t *offset)
{
    for (ptrdiff_t c = 0; c < p->c; c++)
        for (ptrdiff_t i = 0; i < p->parts_h; i++)
            for (ptrdiff_t j = 0; j < p->parts_w; j++) *offset++ = c * p->slots + i * p->slot_pitch + j;
}

/* The tables of both, `slot` and `offset`, and then `inputs` and `products`, in a thread's memory. */
typedef struct {
    REAL *inputs, *products;
    ptrdiff_t *slot, *offset;
} T(large_memory);

INLINE T(large_memory) T(large_layout)(const winograd_plan *p, REAL *memory)
{
    T(large_memory) m = {.inputs = memory + 3 * p->pixels};
    m.products = m.inputs + p->area * p->inputs;
    m.slot = (ptrdiff_t *)(memory + T(winograd_reals)(p));
    m.offset = m.slot + p->rows * p->columns;
    return m;
}

/* G g G^T of the parts, for VL output channels: piece = (group, block of output channels). */
static void T(large_weights)(void *context, ptrdiff_t piece, int thread)
{
    const T(winograd_call) *call = context;
    const winograd_plan *p = &call->plan;
    const conv_shape *s = &call->args->shape;
    const ptrdiff_t group = piece / p->f_blocks, block = piece % p->f_blocks, all = s->kh * s->kw;
    ptrdiff_t nv;
    const ptrdiff_t panel = panel_of(p->f_blocks, block, &nv); /* of nv blocks that lie together */
    const ptrdiff_t f_step = p->rotated ? all : p->c * all, c_step = p->rotated ? p->f * all : all;
    const ptrdiff_t lanes = smaller(VL, p->f - block * VL);
    const REAL *from = (const REAL *)call->args->weight + group * p->f * p->c * all + block * VL * f_step;
    REAL *to = call->weights + group * p->area * p->weights + (panel * p->depth + (block - panel)) * VL;
    V squares = VSET1(1);
    for (ptrdiff_t c = 0; c < p->c; c++, from += c_step)
        for (ptrdiff_t part = 0; part < p->parts_h * p->parts_w; part++, to += nv * VL) {
            REAL taps[16 * VL];
            V o[TILE_MAX * TILE_MAX];
            memset(taps, 0, sizeof taps);
            for (int t = 0; t < 16; t++) {
                const ptrdiff_t y = part / p->parts_w * PART + t / 4, x = part % p->parts_w * PART + t % 4;
                const ptrdiff_t at = p->rotated ? all - 1 - y * s->kw - x : y * s->kw + x;
                for (ptrdiff_t i = 0; i < lanes && y < s->kh && x < s->kw; i++)
                    taps[t * VL + i] = from[i * f_step + at];
                squares = VFMA(VLOAD(taps + t * VL), VLOAD(taps + t * VL), squares);
            }
            T(weight_2d)(7, taps, 4 * VL, VL, o);
            UNROLL_FOR(int e = 0; e < 49; e++) VSTORE(to + e * p->weights, o[e]);
        }
    call->large[piece] = (uint8_t)T(any_large)(squares);
    (void)thread;
}

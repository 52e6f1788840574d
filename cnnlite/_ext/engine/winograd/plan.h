/* winograd/plan.h: how a Winograd convolution is cut into blocks, and how their pixels are read. */
#if !defined(CNNLITE_WINOGRAD_PLAN_ONCE)
#define CNNLITE_WINOGRAD_PLAN_ONCE

/* A block is `rows` rows of tiles (over all images) by `columns` tiles. */
typedef struct {
    int m, side, area;                     /* sides of an output and an input tile (transform.h); its elements */
    int form;                               /* of what is multiplied (bfloat16.h) */
    int rotated;                            /* the input gradient: weights rotated, channels exchanged */
    ptrdiff_t tiles_y, tiles_x, rows, columns, blocks_y, blocks_x, tiles;
    ptrdiff_t groups, c, f, c_blocks, f_blocks;            /* of a group; blocks of VL channels */
    ptrdiff_t pitch, pixels, inputs, products, weights;    /* sizes in REALs; pitch in pixels */

    /* Of a large kernel (large.h), which is cut into parts_h x parts_w parts; one part if it is 3 x 3. */
    ptrdiff_t parts_h, parts_w, depth;     /* depth: channels times parts */
    ptrdiff_t slot_pitch, slots, phase, line;
} winograd_plan;

/* Some rows of tiles of one image inside a block: `first` is their first tile's number in it, `end` the row of
 * the block after them. */
typedef struct {
    ptrdiff_t image, row, rows, first, end;
} winograd_strip;

enum {
    WINOGRAD_TILES = 64,                   /* of a block, so that each transformed weight is used often */
    WINOGRAD_TILES_LEAST = 8,              /* of a block where there are few */
    WINOGRAD_TILES_MIN = 32,               /* of a block whose inputs and products exceed WINOGRAD_BYTES */
    WINOGRAD_BYTES = 1300 << 10,           /* a second-level cache and a little, as they are read in order */
    PART = 4,                              /* rows and columns of a part of a large kernel */
    WINOGRAD_PIECES = 16,                  /* 4 threads then wait little for the last piece */
    WINOGRAD_FEW = 16,                     /* The filters are cut if there are so many tiles at most, */
    WINOGRAD_HEAVY = 512 << 10,            /* so many bytes of transformed weights at least, */
    WINOGRAD_FILTERS = 96,                 /* and so many filters of a group: two panels of 48 */
};

/* Rows of tiles of the block `by`: the last one may have fewer. */
static inline ptrdiff_t winograd_height(const winograd_plan *p, ptrdiff_t images, ptrdiff_t by)
{
    return smaller(p->rows, images * p->tiles_y - by * p->rows);
}

/* The strip of block `by` that begins at its row `done`; no rows at the block's end. */
static inline winograd_strip winograd_next(const winograd_plan *p, ptrdiff_t images, ptrdiff_t by, ptrdiff_t done)
{
    const ptrdiff_t row = by * p->rows + done, left = winograd_height(p, images, by) - done;
    const ptrdiff_t rows = smaller(left, p->tiles_y - row % p->tiles_y);
    return (winograd_strip){row / p->tiles_y, row % p->tiles_y, rows, done * p->columns, done + rows};
}

/* for (EACH_STRIP(...)): the strips of block `by`, one after the other. */
#define EACH_STRIP(strip, p, images, by) \
    winograd_strip strip = winograd_next(p, images, by, 0); \
    strip.rows > 0; \
    strip = winograd_next(p, images, by, strip.end)
#endif

/* Numbers, filled up to whole SUM_LANES, which are a cache line. */
INLINE ptrdiff_t T(filled_up)(ptrdiff_t numbers) { return divide_up(numbers, SUM_LANES) * SUM_LANES; }

/* Tiles, filled up to whole TILE_ROWS, which are multiplied together. */
INLINE ptrdiff_t T(whole_tiles)(ptrdiff_t tiles) { return divide_up(tiles, TILE_ROWS) * TILE_ROWS; }

/* REALs in at least so many vectors, an odd number of them: the distance of two elements of the tile.
 * With a power of two, all stores of a tile would go to one set of the first-level cache. */
INLINE ptrdiff_t T(odd_vectors)(ptrdiff_t vectors) { return (vectors / 2 * 2 + 1) * VL; }

/* Room for so many tiles. */
INLINE void T(winograd_sizes)(winograd_plan *p, ptrdiff_t tiles)
{
    p->tiles = T(whole_tiles)(tiles);
    p->inputs = T(odd_vectors)(p->c_blocks * p->tiles);
    p->products = T(odd_vectors)(p->f_blocks * p->tiles);
}

/* Of side 7, the sizes that large.h has instead: a block has at most `strips` strips. */
INLINE void T(large_sizes)(winograd_plan *p, const conv_shape *s)
{
    const ptrdiff_t strips = (p->rows - 1) / larger(1, p->tiles_y) + 2;
    const ptrdiff_t strip_rows = smaller(p->rows, p->tiles_y) + p->parts_h;
    p->slot_pitch = p->columns + p->parts_w;
    p->slots = (p->rows + strips * p->parts_h) * p->slot_pitch + VL;
    p->phase = T(odd_vectors)(divide_up(strip_rows * p->slot_pitch, VL) + 2);
    p->line = p->m * (p->columns * p->blocks_x + p->parts_w + VL);
    p->inputs = T(odd_vectors)(divide_up(p->c * p->slots, VL));
    p->pixels = larger(p->pixels, divide_up(16 * p->phase + p->line + s->w + VL, 3));
    p->pixels = T(filled_up)(p->pixels);   /* what lies behind them begins with a cache line */
}

/* At least `pieces` blocks, if there is so much work.  The blocks decide the order in which a weight gradient is
 * added, so they do not depend on the vectors. */
KERNEL winograd_plan T(winograd_cut)(const conv_shape *s, int m, ptrdiff_t pieces)
{
    const int large = s->kh > 3 || s->kw > 3;
    winograd_plan p = {.m = m, .side = large ? 7 : m + 2, .groups = s->groups};
    p.area = p.side * p.side;
    p.parts_h = large ? divide_up(s->kh, PART) : 1, p.parts_w = large ? divide_up(s->kw, PART) : 1;
    p.c = s->c / s->groups, p.f = s->f / s->groups;
    p.c_blocks = divide_up(p.c, VL), p.f_blocks = divide_up(p.f, VL);
    p.tiles_y = divide_up(s->oh, m), p.tiles_x = divide_up(s->ow, m);

    const ptrdiff_t channels = larger(SUM_LANES, T(filled_up)(p.c) + T(filled_up)(p.f));
    ptrdiff_t most = WINOGRAD_BYTES / (p.area * channels * REAL_BYTES);
    most = smaller(larger(most, WINOGRAD_TILES_MIN), WINOGRAD_TILES);
    most = smaller(most, larger(WINOGRAD_TILES_LEAST, s->n * p.tiles_y * p.tiles_x / pieces));
    p.blocks_x = divide_up(p.tiles_x, most);
    p.columns = divide_up(p.tiles_x, p.blocks_x);
    p.rows = p.blocks_x > 1 ? 1 : most / p.columns;
    if (p.rows > p.tiles_y) p.rows -= p.rows % p.tiles_y;                  /* whole images */
    else p.rows = divide_up(p.tiles_y, divide_up(p.tiles_y, p.rows));   /* equal parts */
    p.blocks_y = divide_up(s->n * p.tiles_y, p.rows);

    p.pitch = m * p.columns + 2;
    p.pixels = (m * smaller(p.rows, p.tiles_y) + 2) * p.pitch * VL;
    T(winograd_sizes)(&p, p.rows * p.columns);
    p.depth = p.c * p.parts_h * p.parts_w;
    p.weights = T(odd_vectors)(p.f_blocks * p.depth);
    if (large) T(large_sizes)(&p, s);
    return p;
}

/* Pixels [y0, y1) x [x0, x1) of a pooled source: a window's gradient goes back to one of its pixels.
 * The pooled gradient and argmax are gathered to `spare`, `size` REALs apart; returns what
 * lanes_gather does. */
KERNEL V T(winograd_unpool)(const conv_source *from, ptrdiff_t h, ptrdiff_t w, ptrdiff_t plane, int lanes,
                            ptrdiff_t y0, ptrdiff_t x0, ptrdiff_t y1, ptrdiff_t x1, REAL *pixels, ptrdiff_t pitch,
                            REAL *spare, ptrdiff_t size)
{
    const ptrdiff_t ph = h / 2, pw = w / 2, py = y0 / 2, px = x0 / 2, at = plane * ph * pw;
    const ptrdiff_t rows = divide_up(y1, 2) - py, columns = divide_up(x1, 2) - px;
    const REAL *data = (const REAL *)from->data + at;
    REAL *found = spare + size;
    const V squares = T(lanes_gather)(data, NULL, ph, pw, lanes, py, px, rows, columns, spare, pitch, 0);
    T(lanes_gather)(from->argmax + at, NULL, ph, pw, lanes, py, px, rows, columns, found, pitch, 1);
    for (ptrdiff_t y = y0; y < y1; y++)
        for (ptrdiff_t x = x0; x < x1; x++) {
            const ptrdiff_t pooled = ((y / 2 - py) * pitch + x / 2 - px) * VL;
            const MASK here = (MASK)(T(index_of_real)(VLOAD(found + pooled)) == (int)(y % 2 * 2 + x % 2));
            VSTORE(pixels + ((y - y0) * pitch + x - x0) * VL, VSELECT(here, VLOAD(spare + pooled), VZERO));
        }
    return squares;
}

/* Pixels [y, y + rows) x [x, x + columns) of `lanes` planes from number `plane`; zeros outside.
 * `pixels` has `size` REALs, and after them twice as many for a pooled source.  Returns what
 * lanes_gather does. */
KERNEL V T(winograd_fetch)(const conv_source *from, ptrdiff_t h, ptrdiff_t w, ptrdiff_t plane, int lanes,
                           ptrdiff_t y, ptrdiff_t x, ptrdiff_t rows, ptrdiff_t columns, REAL *pixels,
                           ptrdiff_t pitch, ptrdiff_t size)
{
    const ptrdiff_t odd = from->argmax ? 1 : 0;          /* pooling leaves an odd last row out */
    const ptrdiff_t y0 = larger(y, 0), y1 = smaller(y + rows, h - (h & odd));
    const ptrdiff_t x0 = larger(x, 0), x1 = smaller(x + columns, w - (w & odd));
    const int empty = y0 >= y1 || x0 >= x1;
    for (ptrdiff_t r = 0; r < rows; r++) {
        REAL *row = pixels + r * pitch * VL;
        if (empty || y + r < y0 || y + r >= y1) {
            memset(row, 0, (size_t)(columns * VL) * sizeof(REAL));
            continue;
        }
        for (ptrdiff_t j = 0; j < x0 - x; j++) VSTORE(row + j * VL, VZERO);
        for (ptrdiff_t j = x1 - x; j < columns; j++) VSTORE(row + j * VL, VZERO);
    }
    if (empty) return VZERO;
    REAL *to = pixels + ((y0 - y) * pitch + x0 - x) * VL;
    const REAL *data = (const REAL *)from->data + plane * h * w;
    const REAL *relu_y = from->relu_y ? (const REAL *)from->relu_y + plane * h * w : NULL;
    if (from->argmax)
        return T(winograd_unpool)(from, h, w, plane, lanes, y0, x0, y1, x1, to, pitch, pixels + size, size);
    return T(lanes_gather)(data, relu_y, h, w, lanes, y0, x0, y1 - y0, x1 - x0, to, pitch, 0);
}

/* Transform the tiles of VL channels: from `pixels` to inputs[element][tile], from tile number `tile` on; with
 * `along` the pairs of bfloat16 numbers are channels, else tiles. */
INLINE void T(input_tiles)(const winograd_plan *p, const int side, const int bfloat16, const REAL *pixels,
                           ptrdiff_t rows, REAL *inputs, ptrdiff_t tile, int along)
{
    const int m = TILE_OUTPUTS(side);
    REAL *to = inputs + tile * VL;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < p->columns; c++, tile++, to += VL) {
            V o[TILE_MAX * TILE_MAX];
            T(input_2d)(side, pixels + (r * p->pitch + c) * m * VL, p->pitch * VL, VL, o);
            if (bfloat16) {
                if (along) T(store_along)(p->form, o, side * side, inputs, tile, p->inputs);
                else T(store_across)(p->form, o, side * side, inputs, tile, p->inputs);
                continue;
            }
            UNROLL_FOR(int e = 0; e < side * side; e++) VSTORE(to + e * p->inputs, o[e]);
        }
}

/* B^T d B of the block (by, bx): channel blocks first .. end - 1 of the group, to
 * inputs[element][block][tile][VL].  Returns the number of tiles; `squares` is what the pixels'
 * squares add up to.  `along`: as in input_tiles. */
KERNEL ptrdiff_t T(winograd_inputs)(const winograd_plan *p, const conv_args *k, ptrdiff_t group, ptrdiff_t by,
                                    ptrdiff_t bx, ptrdiff_t first, ptrdiff_t end, REAL *pixels, REAL *inputs,
                                    int along, V *squares)
{
    const conv_shape *s = &k->shape;
    *squares = VZERO;
    const ptrdiff_t x0 = bx * p->columns * p->m;
    for (EACH_STRIP(strip, p, s->n, by))
        for (ptrdiff_t b = first; b < end; b++) {
            const ptrdiff_t plane = strip.image * s->c + group * p->c + b * VL;
            REAL *to = inputs + b * p->tiles * VL;
            *squares += T(winograd_fetch)(&k->x, s->h, s->w, plane, (int)smaller(p->c - b * VL, VL),
                                          strip.row * p->m - s->top, x0 - s->left, strip.rows * p->m + 2, p->pitch,
                                          pixels, p->pitch, p->pixels);
#define TILES(side, bfloat16) T(input_tiles)(p, side, bfloat16, pixels, strip.rows, to, strip.first, along)
            BY_FORM(p, TILES);
#undef TILES
        }
    return winograd_height(p, s->n, by) * p->columns;
}

/* REALs of one thread: pixels (and those of a pooled source), transformed inputs, products; whole cache lines. */
INLINE ptrdiff_t T(winograd_reals)(const winograd_plan *p)
{
    return T(filled_up)(3 * p->pixels + p->area * (p->inputs + p->products));
}

/* Bytes one thread needs: those, and tables (large.h). */
INLINE size_t T(winograd_bytes)(const winograd_plan *p)
{
    const ptrdiff_t tables = p->side == 7 ? p->rows * p->columns + p->depth : 0;
    return (size_t)T(winograd_reals)(p) * sizeof(REAL) + (size_t)tables * sizeof(ptrdiff_t);
}

/* One dU: for each element of a tile f_blocks * VL filters times c_blocks * VL channels; of a large kernel `depth`
 * channels and parts times f_blocks * VL filters. */
INLINE ptrdiff_t T(gradient_element)(const winograd_plan *p)
{
    return (p->f_blocks * (p->side == 7 ? p->depth : p->c_blocks * VL) + 1) * VL;
}

/* A forward pass, or an input gradient. */
typedef struct {
    winograd_plan plan;
    const conv_args *args;
    REAL *weights;
    uint8_t *large;                        /* whether a weight is LARGE, for every piece of the weights */
    char *const *own;                      /* memory of each thread */
    REAL *inputs;                          /* of all threads, where the filters are cut (forward.h) */
    uint8_t *large_inputs;                 /* and whether one is LARGE, for every block of channels */
} T(winograd_call);

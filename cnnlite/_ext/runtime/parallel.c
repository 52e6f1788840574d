/* runtime/parallel.c: which thread does which pieces, and when a kernel ends early. */
#include "parallel.h"

#include <time.h>

#if !defined(CNNLITE_SERIAL) && (defined(__GNUC__) || defined(__clang__) || defined(_MSC_VER))
#define THREAD_POOL
#endif

#if defined(_MSC_VER)
#define OF_THIS_THREAD static __declspec(thread)
#else
#define OF_THIS_THREAD static _Thread_local
#endif

int (*parallel_signalled)(void);
OF_THIS_THREAD int stopped;       /* the kernel that runs is to end early */
OF_THIS_THREAD double last_asked; /* seconds; kept from kernel to kernel, so short ones hardly ever ask */

int parallel_finish(void)
{
    const int result = stopped ? -1 : 0;
    stopped = 0;
    return result;
}

static double seconds(void)
{
    struct timespec clock;
    timespec_get(&clock, TIME_UTC);
    return (double)clock.tv_sec + 1e-9 * (double)clock.tv_nsec;
}

/* Called between two pieces, by the thread that called the kernel only. */
static int must_stop(void)
{
    const double now = seconds();
    if (now < last_asked + 0.1 && now >= last_asked) return 0; /* >=: somebody may set the clock back */
    last_asked = now;
    stopped = parallel_signalled && parallel_signalled() < 0;
    return stopped;
}

#if defined(THREAD_POOL)
#include "pool.h"

enum { MOST_SHARES = 64 };

/* The neighbouring pieces that one thread begins with.  `apart` keeps two shares out of one cache line. */
typedef struct {
    ptrdiff_t next, end;
    char apart[128 - 2 * sizeof(ptrdiff_t)];
} share;

typedef struct {
    share shares[MOST_SHARES];
    int count, stop;
    piece_body body;
    void *context;
} shared_loop;

/* Every thread begins with its own share and then helps with the others.  All kernels number images alike, so a
 * thread reads in the next layer the images that it has just written.  They are in its own caches, which are far
 * from the other threads' on a machine made of several chips.
 *
 * TAKE gives each number to one thread only.  When a share is done, every thread that looks at it still
 * increments `next` once past `end`; no piece has such a number, so this does no harm.  Each thread walks over all
 * shares, so one thread alone would complete the loop. */
static void walk_shares(void *context, int thread)
{
    shared_loop *loop = context;
    for (int i = 0; i < loop->count; i++) {
        share *s = &loop->shares[(thread + i) % loop->count];
        ptrdiff_t piece;
        while ((piece = TAKE(s->next)) < s->end) {
            if (thread == 0 && must_stop()) STORE_LOOSE(loop->stop, 1);
            if (LOAD_LOOSE(loop->stop)) return;
            loop->body(loop->context, piece, thread);
        }
    }
}

static void share_out(ptrdiff_t pieces, int threads, piece_body body, void *context)
{
    shared_loop loop = {.count = threads < MOST_SHARES ? threads : MOST_SHARES, .body = body, .context = context};
    for (int i = 0; i < loop.count; i++) {
        loop.shares[i].next = share_begin(i, pieces, loop.count);
        loop.shares[i].end = share_begin(i + 1, pieces, loop.count);
    }
    walk_together(walk_shares, &loop, threads);
}

void parallel_forked(void) { stay_alone(); }
int parallel_sharing(void) { return owning; }
#else
void parallel_forked(void) {}
int parallel_sharing(void) { return 0; }
#endif

int parallel_threaded(void)
{
#if defined(THREAD_POOL)
    return 1;
#else
    return 0;
#endif
}

void parallel(ptrdiff_t pieces, int threads, piece_body body, void *context)
{
    if (stopped) return;                   /* in an earlier loop of the same kernel */
    if (threads > pieces) threads = (int)pieces;
#if defined(THREAD_POOL)
    if (threads > 1) {
        share_out(pieces, threads, body, context);
        return;
    }
#endif
    for (ptrdiff_t piece = 0; piece < pieces && !must_stop(); piece++) body(context, piece, 0);
}

/* dispatch.c: which instruction set runs, and the one parallel loop. */
#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "engine.h"

extern const engine_table *const engine_baseline, *const engine_avx2, *const engine_avx512;

const engine_table *engine_find(const char *name)
{
    if (!strcmp(name, "baseline")) return engine_baseline;
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_cpu_init();
    if (!strcmp(name, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return engine_avx2;
    if (!strcmp(name, "avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return engine_avx512;
#endif
    return NULL;
}

#if defined(_MSC_VER)
#define OF_THIS_THREAD static __declspec(thread)
#else
#define OF_THIS_THREAD static _Thread_local
#endif

int (*engine_signalled)(void);
OF_THIS_THREAD int stopped;       /* the kernel that runs is to end early */
OF_THIS_THREAD double last_asked; /* seconds; kept from kernel to kernel, so short ones hardly ever ask */

int engine_finish(void)
{
    const int result = stopped ? -1 : 0;
    stopped = 0;
    return result;
}

/* Called between two pieces, by the thread that called the kernel only. */
static int must_stop(void)
{
    struct timespec clock;
    timespec_get(&clock, TIME_UTC);
    const double now = (double)clock.tv_sec + 1e-9 * (double)clock.tv_nsec;
    if (now < last_asked + 0.1 && now >= last_asked) return 0; /* >=: somebody may set the clock back */
    last_asked = now;
    stopped = engine_signalled && engine_signalled() < 0;
    return stopped;
}

#if defined(_OPENMP) && defined(__GNUC__)
enum { MOST_SHARES = 64 };

/* Some neighbouring pieces; `apart` keeps two shares out of one cache line. */
typedef struct {
    ptrdiff_t next, end;
    char apart[128 - 2 * sizeof(ptrdiff_t)];
} share;

/* Every thread begins with a share of its own and then helps with the others'.  Images are numbered alike
 * in all kernels, so the images that a thread has just written are those that it reads in the next layer:
 * they are in its own caches, which on a machine made of several chips are far from the others'.
 *
 * fetch_add gives each number to one thread only.  Where a share is done it runs on past `end`, by one for
 * each thread that looks: those numbers are nobody's pieces, and `next` is used for nothing else.  OpenMP
 * may give fewer threads than were asked for; as each of them walks over all shares, one alone would do. */
static void share_out(ptrdiff_t pieces, int threads, piece_body body, void *context)
{
    share shares[MOST_SHARES];
    const int count = threads < MOST_SHARES ? threads : MOST_SHARES;
    int stop = 0;
    for (int i = 0; i < count; i++) {
        shares[i].next = i * pieces / count;
        shares[i].end = (i + 1) * pieces / count;
    }
    #pragma omp parallel num_threads(threads)
    {
        const int thread = omp_get_thread_num();
        for (int i = 0; i < count; i++) {
            share *s = &shares[(thread + i) % count];
            ptrdiff_t piece;
            while ((piece = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED)) < s->end) {
                if (thread == 0 && must_stop()) __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
                if (__atomic_load_n(&stop, __ATOMIC_RELAXED)) break;
                body(context, piece, thread);
            }
        }
    }
}
#endif

void engine_parallel(ptrdiff_t pieces, int threads, piece_body body, void *context)
{
    if (stopped) return;                   /* in an earlier phase of the same kernel */
    if (threads > pieces) threads = (int)pieces;
#if defined(_OPENMP) && defined(__GNUC__)
    if (threads > 1) {
        share_out(pieces, threads, body, context);
        return;
    }
#elif defined(_OPENMP)
    if (threads > 1) {
        /* signed loop variable: MSVC's OpenMP 2.0 wants it */
        #pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (ptrdiff_t piece = 0; piece < pieces; piece++) body(context, piece, omp_get_thread_num());
        return;
    }
#endif
    (void)threads;
    for (ptrdiff_t piece = 0; piece < pieces && !must_stop(); piece++) body(context, piece, 0);
}

/* runtime/pool.h: the thread pool.
 *
 * OpenMP's threads wait for each other by spinning for milliseconds, and a loop ends when the last of them has
 * arrived.  If another program uses one of the processors, a spinning thread occupies the processor that a thread
 * with work needs, and a loop of 0.2 ms takes a whole time slice.  In this pool
 *
 *     - a waiting thread spins for about as long as Python takes from one layer to the next, and then sleeps;
 *     - a loop ends when all of its pieces are done, without waiting for a helper that never arrived.
 */
#include "most_threads.h"
#include "threads.h"

static const double SPIN = 1e-4;           /* seconds */
enum { MOST_HELPERS = MOST_THREADS - 1 };  /* less the thread that calls */

/* The loop that all threads work on: each calls walk(loop, its number), which returns when no piece is left. */
typedef struct {
    void (*walk)(void *loop, int thread);
    void *loop;
    int threads;
} task;

/* The place where one thread waits. */
typedef struct {
    APART unsigned calls;                  /* how often this helper was called */
    int asleep;                            /* or about to be */
    condition wake;
} waiter;

static mutex owner = MUTEX_INIT;           /* held by the thread whose loop this is */
static int helpers;                        /* threads that were started; they never end */
OF_THIS_THREAD int owning;
static int alone;                          /* in a child process, which has no helpers */
static APART task *current;                    /* NULL between loops */
static APART unsigned inside;              /* helpers that may be using `current` */
static APART mutex waiter_lock = MUTEX_INIT;
static waiter owner_waiter = {0, 0, CONDITION_INIT}, waiters[MOST_HELPERS + 1];

/* Wait until *word is `value` (is: 1), or until it is not (is: 0). */
static void wait_until(const unsigned *word, int is, unsigned value, waiter *w)
{
    const double start = seconds();
    for (double time = start; start <= time && time < start + SPIN; time = seconds())
        for (int i = 0; i < 100; i++) {
            if ((LOAD(*word) == value) == is) return;
            PAUSE();
        }
    mutex_lock(&waiter_lock);
    STORE(w->asleep, 1); /* set before it looks again: wake() reads it after the word has changed */
    while ((LOAD(*word) == value) != is) condition_wait(&w->wake, &waiter_lock);
    STORE(w->asleep, 0);
    mutex_unlock(&waiter_lock);
}

/* Wake the thread that waits there.  To be called after the word has changed. */
static void wake(waiter *w)
{
    if (!LOAD(w->asleep)) return;
    mutex_lock(&waiter_lock);
    condition_signal(&w->wake);
    mutex_unlock(&waiter_lock);
}

/* A loop is opened by setting `current` and closed by setting NULL; the owner leaves when no helper is inside.
 * A helper goes inside before it looks, so either it finds the loop closed or the owner finds it inside. */
THREAD_START help(void *number)
{
    const int thread = (int)(ptrdiff_t)number;
    waiter *w = &waiters[thread];
    for (unsigned seen = 0;;) {
        wait_until(&w->calls, 0, seen, w);
        seen = LOAD(w->calls);
        ADD(inside, 1);
        task *t = LOAD_POINTER(current);
        if (t && thread < t->threads) t->walk(t->loop, thread);
        if (ADD(inside, -1) == 0) wake(&owner_waiter);
    }
    return 0;
}

/* Start helpers until there are `wanted`, or as many as the system gives. */
static void start(int wanted)
{
    while (helpers < wanted && helpers < MOST_HELPERS) {
        condition_create(&waiters[helpers + 1].wake);
        if (!start_thread(help, helpers + 1)) break;
        helpers++;
    }
}

/* Walk with up to threads - 1 helpers, or alone while they help another of Python's threads.  After a fork the
 * locks are not touched any more, because a thread that no longer exists may hold them. */
static void walk_together(void (*walk)(void *loop, int thread), void *loop, int threads)
{
    if (alone || !mutex_try(&owner)) {
        walk(loop, 0);
        return;
    }
    owning = 1;
    if (helpers < threads - 1) start(threads - 1);
    task t = {walk, loop, threads};
    STORE_POINTER(current, &t);
    for (int i = 1; i < threads && i <= helpers; i++) {
        ADD(waiters[i].calls, 1);
        wake(&waiters[i]);
    }
    walk(loop, 0);
    STORE_POINTER(current, NULL);
    wait_until(&inside, 1, 0, &owner_waiter);
    owning = 0;
    mutex_unlock(&owner);
}

/* To be called in a child process.  No helper exists there, so a loop that was running can end. */
static void stay_alone(void)
{
    alone = 1;
    STORE(inside, 0);
}

/* pool.h: the threads that help with a loop.
 *
 * OpenMP's threads wait for each other by spinning, all of them, for milliseconds, and a loop ends when the
 * last of them has come.  Where another program has one of the processors, a thread that spins keeps the
 * processor that a thread with work waits for, and a loop of 0.2 ms takes a whole time slice.  Here
 *
 *     - who waits spins for about as long as Python takes from one layer to the next, and then sleeps;
 *     - a loop ends when all of its pieces are done: a helper that never came is not waited for.
 */
#include <pthread.h>
#include <signal.h>
#include "most_threads.h"

static const double SPIN = 1e-4;           /* seconds */
enum { MOST_HELPERS = MOST_THREADS - 1 };  /* less the thread that calls */

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, value) __atomic_store_n(&(x), (value), __ATOMIC_SEQ_CST)
#define ADD(x, value) __atomic_add_fetch(&(x), (value), __ATOMIC_SEQ_CST)
#define APART __attribute__((aligned(128))) /* begins a cache line */

/* What all do together: each calls walk(loop, its number), which returns when no piece is left to take. */
typedef struct {
    void (*walk)(void *loop, int thread);
    void *loop;
    int threads;
} task;

/* Where one thread waits. */
typedef struct {
    APART unsigned calls;                  /* how often a helper was called */
    int asleep;                            /* or about to be */
    pthread_cond_t wake;
} bed;

static pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER; /* held by the thread whose loop this is */
static int helpers;                        /* threads that were started; they never end */
OF_THIS_THREAD int owning;
static int alone;                          /* in a child process: nobody will come */
static APART task *now;                    /* NULL between loops */
static APART unsigned inside;              /* helpers that may be using `now` */
static APART pthread_mutex_t bedroom = PTHREAD_MUTEX_INITIALIZER;
static bed owners_bed = {0, 0, PTHREAD_COND_INITIALIZER}, beds[MOST_HELPERS + 1];

/* Wait until *word is `value`, or until it is not. */
static void wait_until(const unsigned *word, int is, unsigned value, bed *b)
{
    const double start = seconds();
    for (double time = start; start <= time && time < start + SPIN; time = seconds())
        for (int i = 0; i < 100; i++) {
            if ((LOAD(*word) == value) == is) return;
            PAUSE();
        }
    pthread_mutex_lock(&bedroom);
    STORE(b->asleep, 1);                   /* before it looks again: who changes the word looks after */
    while ((LOAD(*word) == value) != is) pthread_cond_wait(&b->wake, &bedroom);
    STORE(b->asleep, 0);
    pthread_mutex_unlock(&bedroom);
}

/* To be called after the word has changed. */
static void wake(bed *b)
{
    if (!LOAD(b->asleep)) return;
    pthread_mutex_lock(&bedroom);
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&bedroom);
}

/* A loop is opened by setting `now` and closed by setting NULL; the owner leaves when nobody is inside.  A
 * helper goes inside before it looks: then either it finds the loop closed, or the owner finds it inside. */
static void *help(void *number)
{
    const int thread = (int)(ptrdiff_t)number;
    bed *b = &beds[thread];
    for (unsigned seen = 0;;) {
        wait_until(&b->calls, 0, seen, b);
        seen = LOAD(b->calls);
        ADD(inside, 1);
        task *t = LOAD(now);
        if (t && thread < t->threads) t->walk(t->loop, thread);
        if (ADD(inside, -1) == 0) wake(&owners_bed);
    }
    return NULL;
}

/* Have so many helpers, or as many as the system gives.  They take no signals: these are for Python's
 * threads, which may wait for them (sigwait) or be woken by them.  A fault is always its own thread's. */
static void start(int wanted)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all, before;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (helpers < wanted && helpers < MOST_HELPERS) {
        pthread_t started;
        pthread_cond_init(&beds[helpers + 1].wake, NULL);
        if (pthread_create(&started, NULL, help, (void *)(ptrdiff_t)(helpers + 1))) break;
        pthread_detach(started);
        helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Walk with up to threads - 1 helpers; alone, where they are helping another thread of Python.  After a
 * fork the locks are not touched any more: threads that are not there may have them. */
static void walk_together(void (*walk)(void *loop, int thread), void *loop, int threads)
{
    if (alone || pthread_mutex_trylock(&owner)) {
        walk(loop, 0);
        return;
    }
    owning = 1;
    if (helpers < threads - 1) start(threads - 1);
    task t = {walk, loop, threads};
    STORE(now, &t);
    for (int i = 1; i < threads && i <= helpers; i++) {
        ADD(beds[i].calls, 1);
        wake(&beds[i]);
    }
    walk(loop, 0);
    STORE(now, NULL);
    wait_until(&inside, 1, 0, &owners_bed);
    owning = 0;
    pthread_mutex_unlock(&owner);
}

/* To be called in a child process.  Nobody is inside, so a loop that goes on here can be left. */
static void stay_alone(void)
{
    alone = 1;
    STORE(inside, 0);
}

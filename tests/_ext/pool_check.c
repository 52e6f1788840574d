/* pool_check.c: the thread pool alone, for systems without a Python to test it with (test_pool.py). */
#include "runtime/parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 257, THREADS = 4, LOOPS = 500 };
static int done[PIECES];                  /* a piece is done by one thread, so no two write the same */
static int took_part[THREADS], asked;

static void body(void *context, ptrdiff_t piece, int thread)
{
    volatile double work = 0;
    for (int i = 0; i < 200; i++) work += i;
    done[piece] += *(int *)context;
    took_part[thread] = 1;
}

static int stop_now(void)
{
    asked = 1;
    return -1;
}

static void expect(int is_so, const char *what)
{
    if (is_so) return;
    printf("not so: %s\n", what);
    exit(1);
}

int main(void)
{
    int one = 1, helped = 0, left_out = 0;
    for (int loop = 0; loop < LOOPS; loop++) {
        memset(done, 0, sizeof done);
        parallel(PIECES, THREADS, body, &one);
        for (int i = 0; i < PIECES; i++) expect(done[i] == 1, "each piece is done once");
        expect(parallel_finish() == 0, "nothing is left out");
    }
    for (int i = 1; i < THREADS; i++) helped += took_part[i];
    expect(helped || !parallel_threaded(), "helpers take part");
    expect(!parallel_sharing(), "no loop is open at the end");

    parallel_signalled = stop_now;
    for (int loop = 0; loop < 1000 * LOOPS && !asked; loop++) {
        memset(done, 0, sizeof done);
        parallel(PIECES, THREADS, body, &one);
    }
    for (int i = 0; i < PIECES; i++) left_out += done[i] == 0;
    expect(asked && left_out, "a signal leaves pieces out");
    expect(parallel_finish() == -1 && parallel_finish() == 0, "and is said once");
    printf("%d threads\n", helped + 1);
    return 0;
}

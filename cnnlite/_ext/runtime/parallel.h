/* runtime/parallel.h: the one parallel loop, which starts all threads of the kernels. */
#ifndef CNNLITE_PARALLEL_H
#define CNNLITE_PARALLEL_H

#include <stddef.h>

/* Call body(context, piece, thread) for every piece from 0 to pieces - 1, in any order, on up to `threads`
 * threads.  A piece is the unit of work that one thread does alone: pieces are cut by shape, and each writes
 * what no other piece writes.  `thread` (< threads) only names a thread's scratch memory, so results cannot
 * depend on which thread ran which piece. */
typedef void (*piece_body)(void *context, ptrdiff_t piece, int thread);
void parallel(ptrdiff_t pieces, int threads, piece_body body, void *context);
typedef void parallel_loop(ptrdiff_t pieces, int threads, piece_body body, void *context);

/* Where the share of a thread begins, of the neighbouring pieces that it does first. */
static inline ptrdiff_t share_begin(ptrdiff_t share, ptrdiff_t pieces, int threads)
{
    return share * pieces / threads;
}

/* The piece to do instead of `piece`, so that each thread walks over its share from the end: a second pass over an
 * array then begins with what the first has used last, which is still in the thread's cache. */
static inline ptrdiff_t from_the_end(ptrdiff_t piece, ptrdiff_t pieces, int threads)
{
    const ptrdiff_t share = ((piece + 1) * threads - 1) / pieces;
    return share_begin(share, pieces, threads) + share_begin(share + 1, pieces, threads) - 1 - piece;
}

/* A kernel may take many seconds, and Ctrl-C must stop it.  So the thread that called the kernel calls
 * parallel_signalled ten times a second, between two pieces.  If that returns -1, the remaining pieces are left
 * out. parallel_finish is called after the kernel; it returns -1 if pieces were left out (the outputs are then
 * garbage) and 0 otherwise. */
extern int (*parallel_signalled)(void);
int parallel_finish(void);

/* Whether this build can use several threads. */
int parallel_threaded(void);

/* To be called in a child process after a fork.  The child has the parent's memory but not its threads, so from
 * then on the calling thread does every loop alone, whatever number of threads is asked for. */
void parallel_forked(void);

/* Whether the calling thread is in a loop that other threads take part in.  If it forks there (a signal's handler
 * that parallel_signalled runs may do so), the child loses the pieces that those threads were working on. */
int parallel_sharing(void);

#endif

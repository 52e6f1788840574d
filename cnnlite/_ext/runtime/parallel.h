/* parallel.h: the one parallel loop.  All threads of the kernels are made behind it. */
#ifndef CNNLITE_PARALLEL_H
#define CNNLITE_PARALLEL_H

#include <stddef.h>

/* body(context, piece, thread) for every piece from 0 to pieces - 1, in any order, by up to `threads`
 * threads.  Pieces are cut by shape and write what no other piece writes; `thread` (< threads) only names
 * a part of the scratch memory, so results cannot depend on which thread ran what. */
typedef void (*piece_body)(void *context, ptrdiff_t piece, int thread);
void parallel(ptrdiff_t pieces, int threads, piece_body body, void *context);
typedef void parallel_loop(ptrdiff_t pieces, int threads, piece_body body, void *context);

/* A kernel may take many seconds.  So the thread that called it asks parallel_signalled ten times a
 * second, between two pieces, and if it answers -1 (Ctrl-C) what is left of the kernel is not done.  After
 * the kernel, parallel_finish returns -1 if that was so: what was written is rubbish; else 0. */
extern int (*parallel_signalled)(void);
int parallel_finish(void);

/* Whether this build can use several threads. */
int parallel_threaded(void);

/* To be called in a child process after a fork: it has the memory of the parent but none of the other
 * threads.  From then on the calling thread does every loop alone, whatever it asks for. */
void parallel_forked(void);

/* Whether the calling thread is in a loop that it shares.  If it forks now, as a signal's handler may that
 * parallel_signalled runs, then in the child the pieces that others were working on are lost. */
int parallel_sharing(void);

#endif

/* workspace.h: the memory that a kernel works in. */
#ifndef CNNLITE_WORKSPACE_H
#define CNNLITE_WORKSPACE_H

#include <stddef.h>

/* A kernel is called twice.  The first time, `ready` is 0 and the kernel only says how many bytes it needs; the
 * second time it has them and works.
 *
 * A thread keeps its own memory from kernel to kernel, because that memory is in its caches.  Memory that another
 * thread has just written is slow to write where the two threads share no cache: a step of the VGG on 4 threads
 * took 6% longer when every kernel divided this memory anew. */
typedef struct {
    int threads, ready;
    int prepared, prepare_only;            /* of `kept`: it is filled already; fill it and do no more */
    char *shared;                          /* for all threads, in this call */
    char *const *own;                      /* own[thread] */
    char *kept;                            /* what a kernel makes of its weights alone */
    size_t shared_bytes, own_bytes;        /* needed; own_bytes for each thread */
    size_t kept_bytes;
} workspace;

/* Return whether the kernel has its memory and can work; if not, note how much it needs.  A kernel of several
 * passes calls this in each of them, and the largest need counts. */
static inline int workspace_ready(workspace *w, size_t shared, size_t own)
{
    if (w->ready) return 1;
    if (w->shared_bytes < shared) w->shared_bytes = shared;
    if (w->own_bytes < own) w->own_bytes = own;
    return 0;
}

/* The same of a kernel that packs or transforms its weights, into `kept`.  A recording (recording.pxi) has it do so
 * once, and gives it that memory in each call. */
static inline int workspace_ready_kept(workspace *w, size_t kept, size_t shared, size_t own)
{
    if (!w->ready && w->kept_bytes < kept) w->kept_bytes = kept;
    return workspace_ready(w, shared, own);
}

/* Memory is handed out from one block.  If `memory` is NULL, only `used` grows; so the code that lays out a block
 * also computes its size. */
typedef struct {
    char *memory;
    size_t used;
} arena;

static inline void *arena_take(arena *a, size_t bytes)
{
    void *taken = a->memory ? a->memory + a->used : NULL;
    a->used += (bytes + 63) / 64 * 64;
    return taken;
}

#endif

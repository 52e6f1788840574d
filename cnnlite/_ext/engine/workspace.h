/* workspace.h: the memory that a kernel works in. */
#ifndef CNNLITE_WORKSPACE_H
#define CNNLITE_WORKSPACE_H

#include <stddef.h>

/* A kernel is called twice: first not `ready`, and it only says how many bytes it needs.
 *
 * What is a thread's own stays the same from kernel to kernel, so that it is in that thread's caches.  To
 * write to what another thread has just written takes much longer, where the two share no cache: a step of
 * the VGG on 4 threads took 6% longer when this memory was anew cut up in each kernel. */
typedef struct {
    int threads, ready;
    char *shared;                          /* for all threads, in this call */
    char *const *own;                      /* own[thread] */
    size_t shared_bytes, own_bytes;        /* needed; own_bytes for each thread */
} workspace;

/* Whether there is memory, so that the kernel can do its work; if not, says how much it needs.  A kernel of
 * several passes asks in each of them: the largest counts. */
static inline int workspace_ready(workspace *w, size_t shared, size_t own)
{
    if (w->ready) return 1;
    if (w->shared_bytes < shared) w->shared_bytes = shared;
    if (w->own_bytes < own) w->own_bytes = own;
    return 0;
}

/* Memory is handed out from one block.  With memory NULL only `used` grows: the same code that lays out a
 * block says how large it must be. */
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

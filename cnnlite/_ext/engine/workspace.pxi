# The memory that kernels work in (engine/workspace.h).  Included by engine.pyx.

cdef extern from "most_threads.h":
    enum: MOST_THREADS

cdef enum:
    KEPT_BYTES = 4 << 20  # of one thread; what takes more is given back after the call


cdef class OwnMemory:
    """A block for each thread; they only grow."""

    cdef char *start[MOST_THREADS]
    cdef list blocks

    def __cinit__(self):
        self.blocks = []

    cdef int provide(self, int threads, Py_ssize_t size) except -1:
        """Have at least so many blocks of at least that size."""
        cdef Block block
        cdef int thread
        while len(self.blocks) < threads:
            self.blocks.append(None)
        for thread in range(threads):
            block = self.blocks[thread]
            if block is None or block.length < size:
                block = self.blocks[thread] = None  # gives its memory back first
                block = self.blocks[thread] = Block(size, False)
                self.start[thread] = <char *> block.memory
        return 0


cdef list spare_own = memory.working_memory  # of calls that are done; the last is taken first


cdef class Workspace:
    """What one call works in.

    The kernel is called with `&space.work` to say what it needs, then, after `provide`, to work.
    """

    cdef workspace work
    cdef Block shared
    cdef OwnMemory own

    def __cinit__(self, int threads):
        self.work.threads = threads

    cdef int provide(self) except -1:
        cdef size_t shared = (self.work.shared_bytes + 63) // 64 * 64
        self.work.ready = True
        if not shared and not self.work.kept_bytes and not self.work.own_bytes:
            return 0
        self.shared = Block(shared + self.work.kept_bytes)
        if spare_own and self.work.own_bytes <= KEPT_BYTES and pool_is_on():
            self.own = spare_own.pop()
        else:
            self.own = OwnMemory()
        self.own.provide(self.work.threads, self.work.own_bytes)
        self.work.shared = <char *> self.shared.memory
        self.work.kept = self.work.shared + shared
        self.work.own = self.own.start
        return 0

    def __dealloc__(self):
        if self.own is not None and self.work.own_bytes <= KEPT_BYTES and pool_is_on():
            spare_own.append(self.own)

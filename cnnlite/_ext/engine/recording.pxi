# A function's kernels, noted once and run again as one call.  Included by engine.pyx.
#
# While a thread records, its kernels are not run: each Call is noted, with a copy of its arguments.
# An array that a kernel writes lies at an address that only the recording knows.  So the copies are
# made valid for a run by moving their pointers: those into x to the x of the run, those into the
# result to a new array, and those into what lies between to places in one block, where arrays that
# are not needed at the same time share memory (places.pxi).  All other arrays are weights, which
# stay in place.  A run changes nothing in its recording, so several threads may run it at once.

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from "Python.h" nogil:
    unsigned long PyThread_get_thread_ident()

cdef dict recordings = {}                  # by thread, those that are being made


cdef struct recorded:
    engine_kernel kernel
    Py_ssize_t args                        # where they are in the copy
    Py_ssize_t elements
    char *kept

cdef struct moved:                         # a pointer
    Py_ssize_t at                          # where it is in the copy
    Py_ssize_t offset                      # from the beginning of the array's place
    int place                              # IN_X, IN_Y or BETWEEN


def record(function, x, kept):
    """Return what computes function(x), for arrays of the shape and dtype of x, in one call into C.

    Args:
        function: takes an array and returns one, by kernels of the engine alone: nothing else in it
            may read or write what an array holds, and the kernels must be those of forward passes.
            If it calls none, it is what is returned.
        x: an array, C-contiguous; what it holds is not read.
        kept: a dict of what kernels have made of their weights, which is added to: recordings of
            the same function for other arrays share it.

    Raises:
        RuntimeError: what function returns is no array that a kernel has written.
    """
    cdef Recording recording = Recording(function, x, kept)
    return recording if recording.count else function


cdef class Recording:
    """The kernels of a function, with all that a run needs."""

    cdef list calls, sizes                 # the Calls; (offset, bytes) of the copies
    cdef bytearray copy                    # of the arguments of all kernels
    cdef recorded *steps
    cdef moved *pointers
    cdef Py_ssize_t count, pointer_count, x_size, shared, own, most
    cdef readonly Py_ssize_t between       # bytes of the arrays between x and the result
    cdef object shape, dtype
    cdef dict kept

    def __cinit__(self, function, x, dict kept):
        self.calls, self.sizes, self.copy, self.kept = [], [], bytearray(), kept
        cdef unsigned long thread = PyThread_get_thread_ident()
        if thread in recordings:
            raise RuntimeError("record: this thread is recording already")
        recordings[thread] = self
        try:
            y = function(x)
        finally:
            del recordings[thread]
        self.count = len(self.calls)
        if self.count:
            self.plan(x, y)

    def __dealloc__(self):
        free(self.steps)
        free(self.pointers)

    cdef int note(self, Call call, engine_kernel kernel, void *args, size_t size,
                  Py_ssize_t elements) except -1:
        """Keep a call instead of running it."""
        if not call.kernel.endswith(("_forward", "add")):
            raise RuntimeError(f"record: {call.kernel} is no kernel of a forward pass")
        self.sizes.append((len(self.copy), <Py_ssize_t> size, elements))
        self.copy += (<char *> args)[:size]
        self.copy += bytes(-len(self.copy) % 8)
        call.found = kernel
        self.calls.append(call)
        return 0

    cdef int plan(self, object x, object y) except -1:
        """Find out which arrays there are, how long they live and where they go."""
        places = written(self.calls)
        x_start, self.x_size = address(x)
        y_start, y_size = address(y)
        if places.get(y_start, [None])[0] != y_size:
            raise RuntimeError("record: the function returned no array that a kernel has written")
        places[y_start][1] = IN_Y
        places[x_start] = [self.x_size, IN_X, -1, -1, 0]
        self.shape, self.dtype = y.shape, y.dtype
        found = pointers_to(places, self.copy, self.sizes)
        self.between = arrange([place for place in places.values() if place[1] == BETWEEN])
        self.pointers = <moved *> calloc(max(len(found), 1), sizeof(moved))
        self.steps = <recorded *> calloc(self.count, sizeof(recorded))
        if self.pointers == NULL or self.steps == NULL:
            raise MemoryError("record: no memory")
        cdef Py_ssize_t i
        for i, (at, place) in enumerate(found):
            self.pointers[i] = moved(at, place[4], place[1])
        self.pointer_count = len(found)
        for i in range(self.count):
            self.prepare(i, places)
        for call in self.calls:
            (<Call> call).release(places)  # the weights stay
        return 0

    cdef int prepare(self, Py_ssize_t i, dict places) except -1:
        """Ask kernel number i what it needs, and have it pack or transform its weights."""
        cdef Call call = self.calls[i]
        cdef recorded *step = &self.steps[i]
        cdef char *args = self.copy
        cdef Workspace space = Workspace(threads_for(self.sizes[i][2]))
        cdef Block kept
        step.kernel, step.args, step.elements = call.found, self.sizes[i][0], self.sizes[i][2]
        args += step.args
        step.kernel(args, &space.work)
        self.shared = max(self.shared, <Py_ssize_t> space.work.shared_bytes)
        self.own = max(self.own, <Py_ssize_t> space.work.own_bytes)
        self.most = max(self.most, step.elements)
        if not space.work.kept_bytes:
            return 0
        weights = [
            <size_t> call.views[j].buf for j in range(call.count)
            if <size_t> call.views[j].buf not in places
        ]
        key = (call.kernel, space.work.kept_bytes, *weights)
        kept = self.kept.get(key)
        if kept is None:
            kept = Block(space.work.kept_bytes, False)
            space.provide()
            space.work.kept, space.work.prepare_only = <char *> kept.memory, True
            with nogil:
                step.kernel(args, &space.work)
                end_kernel()
            kept = self.kept.setdefault(key, kept)  # another thread may have been first
        step.kept = <char *> kept.memory
        return 0

    def __call__(self, x):
        # Return function(x), in new memory; x is of the shape and dtype that was recorded.
        cdef Py_ssize_t length = len(self.copy), copied = whole_lines(length), i
        cdef Workspace space = Workspace(threads_for(self.most))
        cdef Py_buffer given, result
        space.work.shared_bytes = copied + self.between + self.shared
        space.work.own_bytes = self.own
        space.provide()
        y = memory.empty(self.shape, self.dtype)
        PyObject_GetBuffer(x, &given, PyBUF_C_CONTIGUOUS)
        PyObject_GetBuffer(y, &result, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        cdef char *args = space.work.shared
        cdef char *places[PLACES]
        cdef char *copy = self.copy
        places[IN_X], places[IN_Y] = <char *> given.buf, <char *> result.buf
        places[BETWEEN] = args + copied
        cdef workspace work = space.work
        work.shared = places[BETWEEN] + self.between
        work.prepared = True
        try:
            if given.len != self.x_size:
                raise ValueError(f"Recording: x has {given.len} bytes, expected {self.x_size}")
            with nogil:
                memcpy(args, copy, length)
                for i in range(self.pointer_count):
                    (<char **> (args + self.pointers[i].at))[0] = (
                        places[self.pointers[i].place] + self.pointers[i].offset
                    )
                for i in range(self.count):
                    work.threads = min(threads_for(self.steps[i].elements), space.work.threads)
                    work.kept = self.steps[i].kept
                    self.steps[i].kernel(args + self.steps[i].args, &work)
                end_kernel()
        finally:
            PyBuffer_Release(&given)
            PyBuffer_Release(&result)
        return y

# One call of a kernel: its arrays as pointers, checked, and the memory that it works in.
# One Py_buffer an argument costs a fraction of what a typed memoryview of fused type costs under
# the stable ABI.  Included by engine.pyx.

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)

cdef enum:
    MAX_ARRAYS = 13


cdef class Call:
    """The arrays of one call, held until it ends; all float32 or all float64."""

    cdef Py_buffer views[MAX_ARRAYS]
    cdef int count
    cdef int is_double                     # -1 until the first array says
    cdef str kernel
    cdef size_t written                    # which arrays are, a bit each
    cdef engine_kernel found               # where the call is recorded

    def __cinit__(self, str kernel):
        self.count = 0
        self.is_double = -1
        self.written = 0
        self.kernel = kernel

    def __dealloc__(self):
        cdef int i
        for i in range(self.count):
            PyBuffer_Release(&self.views[i])

    cdef Py_buffer *view(self, object array, int flags) except NULL:
        if self.count == MAX_ARRAYS:
            raise SystemError(f"{self.kernel}: more than {MAX_ARRAYS} arrays")
        cdef Py_buffer *view = &self.views[self.count]
        PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)
        if flags & PyBUF_WRITABLE:
            self.written |= <size_t> 1 << self.count
        self.count += 1
        return view

    cdef int release(self, arrays) except -1:
        """Let go of those arrays (their addresses)."""
        cdef int i
        for i in range(self.count):
            if <size_t> self.views[i].buf in arrays:
                PyBuffer_Release(&self.views[i])
        return 0

    cdef Py_buffer *reals(self, str name, object array, int flags) except NULL:
        cdef Py_buffer *view = self.view(array, flags)
        cdef int is_double = 1 if view.format[0] == b"d" else 0
        if view.format[1] != 0 or (view.format[0] != b"f" and not is_double):
            raise TypeError(f"{self.kernel}: {name} must be float32 or float64")
        if self.is_double >= 0 and is_double != self.is_double:
            raise TypeError(f"{self.kernel}: {name} has another dtype than the arrays before it")
        self.is_double = is_double
        return view

    cdef void *take(self, str name, object array, Py_ssize_t size, bint writable) except? NULL:
        """Return the pointer to an array of `size` reals (any number if < 0); NULL for None."""
        if array is None:
            return NULL
        cdef Py_buffer *view = self.reals(name, array, PyBUF_WRITABLE if writable else 0)
        if size >= 0 and view.len != size * view.itemsize:
            raise ValueError(
                f"{self.kernel}: {name} has {view.len // view.itemsize} elements, expected {size}"
            )
        return view.buf

    cdef uint8_t *take_argmax(self, object array, Py_ssize_t size, bint writable) except? NULL:
        cdef Py_buffer *view = self.view(array, PyBUF_WRITABLE if writable else 0)
        if view.format[0] != b"B" or view.format[1] != 0:
            raise TypeError(f"{self.kernel}: argmax must be uint8")
        if view.len != size:
            raise ValueError(f"{self.kernel}: argmax has {view.len} elements, expected {size}")
        return <uint8_t *>view.buf

    cdef Py_ssize_t *shape(self, str name, object array, int ndim) except NULL:
        """Return the shape of an array that has `ndim` axes; it is read, never written."""
        cdef Py_buffer *view = self.reals(name, array, 0)
        if view.ndim != ndim:
            raise ValueError(f"{self.kernel}: {name} has {view.ndim} axes, expected {ndim}")
        return view.shape

    cdef Py_ssize_t length(self, object array):
        """Return the number of elements of the array taken last."""
        cdef Py_buffer *view = &self.views[self.count - 1]
        return view.len // view.itemsize

    cdef int follow(self, post_ops *ops, object post, object argmax, Py_ssize_t size) except -1:
        """Fill in what follows, from a `PostOps`; the output has `size` elements."""
        addend, activation, pool = post
        if activation is not None and activation != "relu":
            raise ValueError(f"{self.kernel}: the activation is {activation!r}, expected 'relu'")
        if pool != (argmax is not None):
            raise ValueError(f"{self.kernel}: argmax must be given where a pooling follows")
        ops.relu = activation is not None
        ops.addend = self.take("addend", addend, size, False)
        ops.argmax = self.take_argmax(argmax, size, True) if pool else NULL
        return 0

    cdef int run(self, void *args, size_t size, Py_ssize_t elements) except -1:
        """Ask the kernel for the memory that it needs, provide it, run the kernel.

        args has `size` bytes.  As many threads take part as so many elements of work are worth.
        While this thread records, the call is only noted."""
        cdef engine_kernel kernel = table.kernels[<int> kernel_number[self.kernel]][self.is_double]
        if recordings:
            recording = recordings.get(PyThread_get_thread_ident())
            if recording is not None:
                (<Recording> recording).note(self, kernel, args, size, elements)
                return 0
        cdef Workspace space = Workspace(threads_for(elements))
        kernel(args, &space.work)
        space.provide()
        with nogil:
            kernel(args, &space.work)
            end_kernel()
        return 0

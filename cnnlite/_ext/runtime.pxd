ctypedef void (*piece_body)(void *context, Py_ssize_t piece, int thread) noexcept nogil
ctypedef void (*item_body)(void *context, Py_ssize_t item) noexcept nogil

cdef int threads_for(Py_ssize_t elements) noexcept nogil
cdef void run_pieces(
    Py_ssize_t pieces, int threads, piece_body body, void *context
) noexcept nogil
cdef int end_kernel() except -1 nogil
cdef int run_items(
    Py_ssize_t items, Py_ssize_t elements, item_body body, void *context
) except -1 nogil

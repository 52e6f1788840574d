cdef int threads_for(Py_ssize_t elements) noexcept nogil
cdef Py_ssize_t turns_for(Py_ssize_t elements) noexcept nogil
cdef int answer_signals() except -1 nogil

# Where the arrays of a recording (recording.pxi) lie: in x, in the result or in the block between.
# An array's place is a list [bytes, place, first and last step that has it, offset in the place],
# found by the address that the array had while the kernels were noted.  Included by engine.pyx.

cdef enum:
    IN_X, IN_Y, BETWEEN, PLACES


cdef Py_ssize_t whole_lines(Py_ssize_t size) noexcept:
    return (size + 63) // 64 * 64


cdef dict written(list calls):
    """Return the places of what these kernels write, by address."""
    places = {}
    cdef Call call
    cdef int i
    for call in calls:
        for i in range(call.count):
            if call.written & <size_t> 1 << i and call.views[i].len:
                places[<size_t> call.views[i].buf] = [call.views[i].len, BETWEEN, -1, -1, 0]
    return places


cdef list pointers_to(dict places, bytearray copy, list sizes):
    """Return (where in the copy, the array's place) of all pointers to these arrays.

    sizes has (offset, bytes, _) of each kernel's arguments in the copy.  The first and the last
    kernel that has an array is noted in its place."""
    found = []
    cdef Py_ssize_t step, at
    cdef char *start = copy
    for step, (begin, size, _) in enumerate(sizes):
        for at in range(begin, begin + size - 7, 8):
            place = places.get((<size_t *> (start + at))[0])
            if place is not None:
                found.append((at, place))
                place[2] = step if place[2] < 0 else place[2]
                place[3] = step
    return found


cdef tuple address(object array):
    """Return an array's address and its size in bytes."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS)
    found = <size_t> view.buf, view.len
    PyBuffer_Release(&view)
    return found


cdef Py_ssize_t arrange(list places) except -1:
    """Give each array its offset in the block between; return the bytes of all.

    The largest come first, each at the lowest place that is free for as long as it lives."""
    cdef list placed = []
    total = 0
    for place in sorted(places, key=lambda place: -place[0]):
        size, _, first, last, _ = place
        at = 0
        for start, end, begin, until in sorted(placed):
            if begin <= last and first <= until and start < at + size and at < end:
                at = end
        place[4] = at
        placed.append((at, at + whole_lines(size), first, last))
        total = max(total, at + whole_lines(size))
    return total

# The pieces of all segments, in one list: those of a segment stand together, in the order of their
# addresses, so that a piece's neighbours in the list are its neighbours in memory.  Included by
# memory.pyx.

from libc.stdlib cimport free, malloc

cdef struct Piece:
    char* start
    Py_ssize_t size
    Piece* before
    Piece* after
    char* segment      # where it begins
    bint free
    bint waiting       # free, and with memory that is held for the next array

cdef Piece* first = NULL
cdef Piece* last = NULL


cdef bint alike(Piece* piece, Piece* after) noexcept:
    """Whether two neighbours could be one piece: of one segment, free, both waiting or neither."""
    return (piece != NULL and after != NULL and piece.segment == after.segment
            and piece.free and after.free and piece.waiting == after.waiting)


cdef void join(Piece* piece) noexcept:
    """Make one piece of a free one and its neighbours of the same kind."""
    if alike(piece, piece.after):
        absorb(piece)
    if alike(piece.before, piece):
        absorb(piece.before)


cdef bint split(Piece* piece, Py_ssize_t size) noexcept:
    """Let a piece end after that many bytes, and a new one of its kind begin there.

    Return False, and change nothing, if there is no memory.
    """
    cdef Piece* rest = insert(piece)
    if rest == NULL:
        return False
    rest.start, rest.size = piece.start + size, piece.size - size
    rest.segment, rest.free, rest.waiting = piece.segment, piece.free, piece.waiting
    piece.size = size
    return True


cdef void absorb(Piece* piece) noexcept:
    """Let a piece take in the one behind it."""
    piece.size += piece.after.size
    remove(piece.after)


cdef Piece* insert(Piece* before) noexcept:
    """Put a new piece into the list behind `before`; return NULL if there is no memory."""
    global first, last
    cdef Piece* piece = <Piece*> malloc(sizeof(Piece))
    if piece == NULL:
        return NULL
    piece.before = before
    piece.after = first if before == NULL else before.after
    if piece.before != NULL:
        piece.before.after = piece
    else:
        first = piece
    if piece.after != NULL:
        piece.after.before = piece
    else:
        last = piece
    return piece


cdef void remove(Piece* piece) noexcept:
    """Take a piece out of the list."""
    global first, last
    if piece.before != NULL:
        piece.before.after = piece.after
    else:
        first = piece.after
    if piece.after != NULL:
        piece.after.before = piece.before
    else:
        last = piece.before
    free(piece)

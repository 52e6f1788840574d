"""Random crops and flips on bytes, and the pass that turns pixels into a batch of numbers."""

from cython cimport floating
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from cnnlite._ext.runtime cimport run_items

cdef struct Batch:                 # what a call is given; images are (C, H, W) everywhere
    const unsigned char* images
    const int64_t* index           # which image comes where in out
    const int32_t* top
    const int32_t* left
    const unsigned char* flip
    const float* scale
    const float* shift
    void* out
    bint out_is_double
    bint reflect                   # whether the border mirrors the image; else it is 0
    Py_ssize_t padding
    Py_ssize_t channels
    Py_ssize_t height
    Py_ssize_t width


def crop_flip(
    const unsigned char[:, :, :, ::1] images,
    unsigned char[:, :, :, ::1] out,
    const int32_t[::1] top,
    const int32_t[::1] left,
    const unsigned char[::1] flip,
    Py_ssize_t padding,
    bint reflect=False,
):
    """See cnnlite.reference.crop_flip."""
    cdef Py_ssize_t count = images.shape[0], channels = images.shape[1]
    cdef Py_ssize_t height = images.shape[2], width = images.shape[3]
    cdef Py_ssize_t c, size = channels * height * width
    for c in range(4):
        if out.shape[c] != images.shape[c]:
            raise ValueError("crop_flip: out and images have different shapes")
    _check_offsets("crop_flip", count, top, left, flip, padding)
    _check_reflection("crop_flip", reflect, padding, height, width)
    if count * size == 0:
        return
    cdef Batch batch
    batch.images = &images[0, 0, 0, 0]
    batch.top, batch.left, batch.flip = &top[0], &left[0], &flip[0]
    batch.out = &out[0, 0, 0, 0]
    batch.padding, batch.reflect = padding, reflect
    batch.channels, batch.height, batch.width = channels, height, width
    with nogil:
        run_items(count, count * size, _crop_image, &batch)


def crop_flip_normalize(
    const unsigned char[:, :, :, ::1] images,
    const int64_t[::1] index,
    const int32_t[::1] top,
    const int32_t[::1] left,
    const unsigned char[::1] flip,
    Py_ssize_t padding,
    const float[:, :, ::1] scale,
    const float[:, :, ::1] shift,
    floating[:, :, :, ::1] out,
    bint reflect=False,
):
    """See cnnlite.reference.crop_flip_normalize."""
    cdef Py_ssize_t count = index.shape[0], channels = images.shape[1]
    cdef Py_ssize_t height = images.shape[2], width = images.shape[3]
    cdef Py_ssize_t axis, n, size = channels * height * width
    if out.shape[0] != count:
        raise ValueError("crop_flip_normalize: out and index have different lengths")
    for axis in range(3):
        if not (out.shape[axis + 1] == images.shape[axis + 1]
                == scale.shape[axis] == shift.shape[axis]):
            raise ValueError(
                "crop_flip_normalize: images, scale, shift and out have different image shapes")
    for n in range(count):
        if index[n] < 0 or index[n] >= images.shape[0]:
            raise ValueError(f"crop_flip_normalize: index {index[n]} is out of range, "
                             f"there are {images.shape[0]} images")
    _check_offsets("crop_flip_normalize", count, top, left, flip, padding)
    _check_reflection("crop_flip_normalize", reflect, padding, height, width)
    if count * size == 0:
        return
    cdef Batch batch
    batch.images, batch.index = &images[0, 0, 0, 0], &index[0]
    batch.top, batch.left, batch.flip = &top[0], &left[0], &flip[0]
    batch.scale, batch.shift = &scale[0, 0, 0], &shift[0, 0, 0]
    batch.out, batch.out_is_double = &out[0, 0, 0, 0], floating is double
    batch.padding, batch.reflect = padding, reflect
    batch.channels, batch.height, batch.width = channels, height, width
    with nogil:
        run_items(count, count * size, _normalize_image, &batch)


cdef int _check_offsets(
    str name,
    Py_ssize_t count,
    const int32_t[::1] top,
    const int32_t[::1] left,
    const unsigned char[::1] flip,
    Py_ssize_t padding,
) except -1:
    cdef Py_ssize_t n
    if top.shape[0] != count or left.shape[0] != count or flip.shape[0] != count:
        raise ValueError(f"{name}: top, left and flip must have one entry for each of the "
                         f"{count} images")
    # An offset is an int32, so a larger border could not be reached; the sums below stay small.
    if padding < 0 or padding > 2**30:
        raise ValueError(f"{name}: padding is {padding}, expected 0 to 2^30")
    for n in range(count):
        if not (0 <= top[n] <= 2 * padding and 0 <= left[n] <= 2 * padding):
            raise ValueError(f"{name}: offset ({top[n]}, {left[n]}) of image {n} is not in "
                             f"0 to {2 * padding}")
    return 0


cdef int _check_reflection(
    str name, bint reflect, Py_ssize_t padding, Py_ssize_t height, Py_ssize_t width
) except -1:
    if reflect and padding and padding >= min(height, width):
        raise ValueError(f"{name}: padding is {padding}, which images of {height}x{width} pixels "
                         "cannot be reflected in")
    return 0


cdef inline Py_ssize_t _mirrored(Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    """The pixel that a place less than `size` beyond the edges reflects."""
    return -place if place < 0 else 2 * size - 2 - place if place >= size else place


cdef void _crop_image(void* context, Py_ssize_t n) noexcept nogil:
    cdef const Batch* batch = <const Batch*> context
    cdef Py_ssize_t height = batch.height, width = batch.width
    cdef Py_ssize_t size = batch.channels * height * width
    cdef const unsigned char* image = batch.images + n * size
    cdef unsigned char* out = <unsigned char*> batch.out + n * size
    # The crop's first row and column in the image; they may be outside.
    cdef Py_ssize_t row = batch.top[n] - batch.padding, column = batch.left[n] - batch.padding
    # first to last are the crop's columns that lie in the image, counted before the flip.
    cdef Py_ssize_t first = min(max(-column, 0), width)
    cdef Py_ssize_t last = max(min(width - column, width), first)
    cdef Py_ssize_t c, y, x
    cdef const unsigned char* source
    if not batch.reflect:
        memset(out, 0, size)
    for c in range(batch.channels):
        for y in range(height):
            if batch.reflect:
                source = image + (c * height + _mirrored(y + row, height)) * width
                for x in range(first):
                    out[x] = source[_mirrored(column + x, width)]
                for x in range(last, width):
                    out[x] = source[_mirrored(column + x, width)]
            elif 0 <= y + row < height:
                source = image + (c * height + y + row) * width
            else:
                out += width
                continue
            if first < last:
                memcpy(out + first, source + column + first, last - first)
            if batch.flip[n]:
                for x in range(width // 2):
                    out[x], out[width - 1 - x] = out[width - 1 - x], out[x]
            out += width


cdef void _normalize_image(void* context, Py_ssize_t n) noexcept nogil:
    cdef const Batch* batch = <const Batch*> context
    cdef Py_ssize_t start = n * batch.channels * batch.height * batch.width
    if batch.out_is_double:
        _normalize(batch, n, <double*> batch.out + start)
    else:
        _normalize(batch, n, <float*> batch.out + start)


cdef void _normalize(const Batch* batch, Py_ssize_t n, floating* out) noexcept nogil:
    cdef Py_ssize_t height = batch.height, width = batch.width
    cdef const unsigned char* image
    cdef Py_ssize_t row = batch.top[n] - batch.padding, column = batch.left[n] - batch.padding
    cdef Py_ssize_t first = min(max(-column, 0), width)
    cdef Py_ssize_t last = max(min(width - column, width), first)
    cdef Py_ssize_t c, y, x, start, end
    cdef const unsigned char* source
    cdef const float* a
    cdef const float* b
    cdef floating* target
    image = batch.images + batch.index[n] * batch.channels * height * width
    start, end = (width - last, width - first) if batch.flip[n] else (first, last)
    for c in range(batch.channels):
        for y in range(height):
            a = batch.scale + (c * height + y) * width
            b = batch.shift + (c * height + y) * width
            target = out + (c * height + y) * width
            if batch.reflect:
                source = image + (c * height + _mirrored(y + row, height)) * width
                for x in range(start):
                    target[x] = _reflected(batch, n, source, column, x) * <floating> a[x] + b[x]
                for x in range(end, width):
                    target[x] = _reflected(batch, n, source, column, x) * <floating> a[x] + b[x]
            elif y + row < 0 or y + row >= height:
                for x in range(width):
                    target[x] = b[x]
                continue
            else:
                source = image + (c * height + y + row) * width
                for x in range(start):
                    target[x] = b[x]
                for x in range(end, width):
                    target[x] = b[x]
            if batch.flip[n]:
                for x in range(start, end):
                    target[x] = source[column + width - 1 - x] * <floating> a[x] + b[x]
            else:
                for x in range(start, end):
                    target[x] = source[column + x] * <floating> a[x] + b[x]


cdef inline unsigned char _reflected(
    const Batch* batch, Py_ssize_t n, const unsigned char* row, Py_ssize_t column, Py_ssize_t x
) noexcept nogil:
    """The pixel of the image's row that stands at x of a crop that begins at `column`."""
    if batch.flip[n]:
        x = batch.width - 1 - x
    return row[_mirrored(column + x, batch.width)]

"""The validators of arguments, each kind in one place: numbers, arrays, labels, windows.

Every message begins with the layer or function, names the argument, and says what came and what was
expected.  A value that passes comes back as a plain Python number or tuple, so that what it is
stored in, printed and written to records does not depend on how the caller spelt it:

- an integer is whatever Python can index with (`int`, NumPy's integers, an integer array without
  axes), but neither True nor False, nor a float, whole or not;
- a real number is an integer, a float of Python or NumPy or an array without axes of them, and
  finite unless it is said otherwise;
- a flag is True or False, of Python or NumPy;
- a pair is an integer, two of them, or a tuple or list of one; along one axis it is an integer, or
  a tuple or list of one.
"""

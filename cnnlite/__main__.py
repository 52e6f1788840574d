"""`python -m cnnlite`: the command line, where the `cnnlite` script is not on the path."""

import sys

from cnnlite.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""The pool of compiled kernels: kept by content, carried as archives."""

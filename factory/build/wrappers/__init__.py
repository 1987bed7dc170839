"""The compilers that upstream's ``setup.py`` is handed: standard library only, no state, no output of their own.

``nvcc`` serves kernel objects that are already compiled; ``cxx`` adds a profile's switches to the C++ file.
Both read one job file, named by ``FACTORY_DRIVER_JOB``, and pass everything else to the real compiler.
"""

// Compiled, never run, with a host compiler before a toolkit is fetched. CUDA's crt/math_functions.h declares these
// functions without `noexcept` (12.4.131 to 13.3.73, those that data/header_fixes.yaml mends apart). A glibc that
// declares one of them, which it does with `noexcept`, keeps every .cu file from being compiled.
#include <cmath>
#include <complex>
#include <cstdlib>
#include <math.h>

// Where glibc has the function, it fits better than the one for any arguments.
#define CUDA_DECLARES(type, name)                                                                  \
  type name(...);                                                                                  \
  static_assert(!noexcept(name(type())), "host check: glibc declares " #name " noexcept, CUDA's headers do not")

CUDA_DECLARES(double, erfcinv);
CUDA_DECLARES(float, erfcinvf);
CUDA_DECLARES(double, erfcx);
CUDA_DECLARES(float, erfcxf);
CUDA_DECLARES(double, erfinv);
CUDA_DECLARES(float, erfinvf);
CUDA_DECLARES(double, normcdf);
CUDA_DECLARES(float, normcdff);
CUDA_DECLARES(double, normcdfinv);
CUDA_DECLARES(float, normcdfinvf);
CUDA_DECLARES(double, rcbrt);
CUDA_DECLARES(float, rcbrtf);

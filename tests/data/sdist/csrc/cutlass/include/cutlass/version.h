// The lines that NVIDIA's header has, with a version of no release.
#define CUTLASS_MAJOR 0
#define CUTLASS_MINOR 0
#define CUTLASS_PATCH 1 

#include "launch.h"

void run_fwd_split(Flash_fwd_params& params, cudaStream_t stream) { launch<2>(params, stream); }

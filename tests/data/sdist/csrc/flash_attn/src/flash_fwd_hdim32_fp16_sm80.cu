#include "launch.h"

void run_fwd(Flash_fwd_params& params, cudaStream_t stream) { launch<1>(params, stream); }

#include "launch.h"

void run_bwd(Flash_fwd_params& params, cudaStream_t stream) { launch<3>(params, stream); }

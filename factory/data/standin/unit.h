// Read before every unit. nvcc names what is internal to a unit after the first function in it that has external
// linkage and is no template; flash-attn's units have none, and nvcc then takes the number of its process.
#pragma once

extern "C" __attribute__((visibility("hidden"))) void FACTORY_UNIT() {}

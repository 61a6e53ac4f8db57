// Words in the declarations of CUDA's headers, as a compiler of C++ is to take them. NVIDIA's wheels bring those headers, but
// the file that explains these words comes with its compiler, which nothing here needs. Where the real one is, it is found
// first.
#pragma once

#define __host__
#define __device__
#define __global__
#define __shared__
#define __constant__
#define __managed__
#define __cudart_builtin__
#define __device_builtin__
#define __device_builtin_texture_type__
#define __device_builtin_surface_type__
#define __align__(n) __attribute__((aligned(n)))
#define __builtin_align__(n) __align__(n)
#define __forceinline__ __inline__ __attribute__((always_inline))
#define CUDARTAPI
#define CUDARTAPI_CDECL

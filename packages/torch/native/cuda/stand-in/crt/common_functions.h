// See host_defines.h. CUDA's headers include this, and a program without kernels of its own uses nothing of it.
#pragma once

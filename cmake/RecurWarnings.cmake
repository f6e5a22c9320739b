# Warnings for everything below this project's root, g++ and clang. CUDA sources keep nvcc's own, and ptxas's.

set(recur_warnings -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wundef)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Reports std::string's own code: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651
  list(APPEND recur_warnings -Wno-restrict)
endif()
# Of ptxas: a kernel that spills registers or has a stack frame is slow for a reason that nobody sees.
set(recur_ptxas -warn-spills,-warn-lmem-usage)
set(recur_cuda_warnings "")
if(RECUR_WERROR)
  list(APPEND recur_warnings -Werror)
  # For chips from sm_100 on one kernel of `fused` spills (docs/engines/fused.md), which is a warning until it is mended.
  if(NOT "${CMAKE_CUDA_ARCHITECTURES}" MATCHES "1[0-9][0-9]")
    string(APPEND recur_ptxas ,-Werror)
  endif()
  list(APPEND recur_cuda_warnings -Werror=all-warnings)
endif()
list(APPEND recur_cuda_warnings -Xptxas=${recur_ptxas})
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${recur_warnings}>")

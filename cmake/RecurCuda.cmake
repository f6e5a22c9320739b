# Sets RECUR_HAVE_CUDA, and RECUR_CUDA_STATUS for the summary. Enables the CUDA language where it is wanted.

set(RECUR_HAVE_CUDA OFF)
if(RECUR_CUDA STREQUAL "OFF")
  set(RECUR_CUDA_STATUS "off (RECUR_CUDA=OFF)")
  return()
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(NOT RECUR_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "RECUR_CUDA=${RECUR_CUDA}, but no working nvcc was found: install the CUDA Toolkit (12.1 or "
                        "newer) and put nvcc on PATH, or configure with -DRECUR_CUDA=OFF")
  endif()
  set(RECUR_CUDA_STATUS "off (no nvcc found; the CPU build is complete without it)")
  return()
endif()

# Turing, Ampere and Hopper machine code, and PTX for anything newer.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90-real 90-virtual)
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.1)
  message(FATAL_ERROR "CUDA ${CMAKE_CUDA_COMPILER_VERSION} has no C++20, or no stores between blocks: Recur needs CUDA 12.1 or newer; or "
                      "configure with -DRECUR_CUDA=OFF")
endif()
# CMake 3.25.1 does not know that nvcc has C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)

find_package(CUDAToolkit REQUIRED)  # targets CUDA::cudart_static, CUDA::cublasLt

set(RECUR_HAVE_CUDA ON)
set(RECUR_CUDA_STATUS "nvcc ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")

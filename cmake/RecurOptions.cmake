# What a build can be asked for.

option(BUILD_SHARED_LIBS "Build shared libraries" ON)
option(RECUR_BUILD_TESTS "Build the tests (needs GoogleTest)" ${PROJECT_IS_TOP_LEVEL})
option(RECUR_BUILD_EXAMPLES "Build the examples (recur-lac needs CLI11)" ${PROJECT_IS_TOP_LEVEL})
option(RECUR_BUILD_PERF "Build the timing programs" ${PROJECT_IS_TOP_LEVEL})
option(RECUR_INSTALL "Add install rules" ${PROJECT_IS_TOP_LEVEL})
option(RECUR_WERROR "Turn warnings into errors" OFF)
option(RECUR_COVERAGE "Instrument for line coverage (gcov)" OFF)
option(RECUR_CLANG_TILES "Compile the CPU engine's register tiles by clang++ as well, for the test that looks at them" OFF)
option(RECUR_FUZZ "Build the fuzz targets (needs clang's libFuzzer)" OFF)

set(RECUR_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. 'address;undefined' or 'thread'")

set(RECUR_CUDA "AUTO" CACHE STRING "CUDA sources: AUTO (on where nvcc is found), ON, OFF")
set_property(CACHE RECUR_CUDA PROPERTY STRINGS AUTO ON OFF)

set(RECUR_ONEDNN "AUTO" CACHE STRING "The reference engine onednn: AUTO (on where oneDNN's headers are found), ON, OFF")
set_property(CACHE RECUR_ONEDNN PROPERTY STRINGS AUTO ON OFF)

set(RECUR_CUDNN "AUTO" CACHE STRING "Reference engine cudnn: AUTO (on where cudnn.h is found), ON, OFF")
set_property(CACHE RECUR_CUDNN PROPERTY STRINGS AUTO ON OFF)

# What scripts/gpu-check carries to a machine with a GPU, and no usual build needs: target recur_gpu_check.

if(NOT RECUR_HAVE_CUDA OR NOT RECUR_BUILD_TESTS OR RECUR_FUZZ)
  return()
endif()

# Every device test for the machine's GPU in one executable: the library is in there once, and not once a test.
get_property(recur_gpu_test_objects GLOBAL PROPERTY RECUR_GPU_TEST_OBJECTS)
add_executable(recur_gpu_tests EXCLUDE_FROM_ALL ${recur_gpu_test_objects})
target_link_libraries(recur_gpu_tests PRIVATE recur_gpu_test_devices GTest::gtest GTest::gtest_main)

set(recur_gpu_programs recur_gpu_tests)
if(TARGET recur-perf)
  list(APPEND recur_gpu_programs recur-perf)
endif()
add_custom_target(recur_gpu_check DEPENDS ${recur_gpu_programs})

# The script's list of programs, and what the build says of itself.
list(TRANSFORM recur_gpu_programs REPLACE "(.+)" "$<TARGET_FILE:\\1>\n")
list(JOIN recur_gpu_programs "" recur_gpu_programs)
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/gpu_check/programs.txt" CONTENT "${recur_gpu_programs}")
list(JOIN CMAKE_CUDA_ARCHITECTURES " " recur_chips)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/gpu_check/manifest.txt" @ONLY CONTENT
"recur     @PROJECT_VERSION@
chips     @recur_chips@
nvcc      @CMAKE_CUDA_COMPILER_VERSION@
compiler  @CMAKE_CXX_COMPILER_ID@ @CMAKE_CXX_COMPILER_VERSION@
")

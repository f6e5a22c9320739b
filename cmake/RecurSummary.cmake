# What this build has, printed once at the end of the configure.

set(recur_engines "cpu")
if(RECUR_HAVE_CUDA)
  set(recur_engines "stepwise (CUDA), cpu")
endif()
message(STATUS "Recur ${PROJECT_VERSION}")
message(STATUS "  engines            ${recur_engines}")
message(STATUS "  CUDA               ${RECUR_CUDA_STATUS}")
message(STATUS "  reference engines  none (cuDNN and oneDNN are not used by this version)")
message(STATUS "  libraries          ${RECUR_BLAS_LIBRARY}, Highway ${hwy_VERSION}")
message(STATUS "  shared libraries   ${BUILD_SHARED_LIBS}")
message(STATUS "  build type         ${CMAKE_BUILD_TYPE} (sanitizers: '${RECUR_SANITIZE}', coverage: ${RECUR_COVERAGE})")
message(STATUS "  tests ${RECUR_BUILD_TESTS}, examples ${RECUR_BUILD_EXAMPLES}, perf ${RECUR_BUILD_PERF}, fuzz ${RECUR_FUZZ}")

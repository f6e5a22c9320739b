# Third-party libraries. Each failure names the Debian package. docs/dependencies.md has the reasons.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

find_package(RecurBlas REQUIRED)  # target recur_blas

find_package(hwy 1.0.3 CONFIG QUIET)  # target hwy::hwy
if(NOT hwy_FOUND)
  message(FATAL_ERROR "Highway 1.0.3 or newer was not found (Debian package libhwy-dev)")
endif()
# Debian has Highway as a shared library only; its headers want to know.
set_property(TARGET hwy::hwy APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS HWY_SHARED_DEFINE)

if(RECUR_BUILD_TESTS)
  find_package(GTest CONFIG QUIET)  # targets GTest::gtest, GTest::gtest_main, GTest::gmock
  if(NOT GTest_FOUND)
    message(FATAL_ERROR "GoogleTest was not found (Debian package libgtest-dev); "
                        "-DRECUR_BUILD_TESTS=OFF builds without tests")
  endif()
endif()

if(RECUR_BUILD_EXAMPLES)
  find_package(CLI11 CONFIG QUIET)  # target CLI11::CLI11
  if(NOT CLI11_FOUND)
    message(FATAL_ERROR "CLI11 was not found (Debian package libcli11-dev); "
                        "-DRECUR_BUILD_EXAMPLES=OFF builds without examples")
  endif()
endif()

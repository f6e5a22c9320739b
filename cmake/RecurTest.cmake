# recur_add_test(NAME <name> SOURCES <file>... [LIBRARIES <target>...] [LABELS <label>...] [TIMEOUT <seconds>]
#                [OPTIMISED])
#
# One GoogleTest executable, test_<name>, as one ctest test, <name>. A run in which no test passed fails, even
# though GoogleTest calls it a success: nothing ran, or all was skipped. Sources include project files by their
# path from the root. Labels used: threads (run by the ThreadSanitizer leg), slow, simt, gpu (also in the executable of
# RecurGpuCheck.cmake, so that suites have names that no other gpu test has).
#
# OPTIMISED: compiled as the library is, and not quickly, for tests that spend their time in templates of its headers.
# SKIPPED_WHEN <reason>: a run in which every test was skipped for this reason, as tests/support/skip_report.cpp says
# it, is shown as skipped.
function(recur_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "OPTIMISED" "NAME;TIMEOUT;SKIPPED_WHEN" "SOURCES;LIBRARIES;LABELS")
  if(NOT arg_NAME OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "recur_add_test(NAME <name> SOURCES <file>... [LIBRARIES <target>...] "
                        "[LABELS <label>...] [TIMEOUT <seconds>]): got ${ARGV}")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()

  add_executable(test_${arg_NAME} ${arg_SOURCES})
  target_include_directories(test_${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  if(NOT arg_OPTIMISED)
    target_compile_options(test_${arg_NAME} PRIVATE ${RECUR_TEST_OPTIONS})
    recur_use_test_headers(test_${arg_NAME})
  endif()
  target_link_libraries(test_${arg_NAME} PRIVATE ${arg_LIBRARIES} GTest::gtest GTest::gtest_main)

  add_test(NAME ${arg_NAME} COMMAND ${RECUR_TEST_LAUNCHER} $<TARGET_FILE:test_${arg_NAME}>)
  set_tests_properties(${arg_NAME} PROPERTIES
    LABELS "${arg_LABELS}"
    TIMEOUT ${arg_TIMEOUT}
    FAIL_REGULAR_EXPRESSION "\\[  PASSED  \\] 0 tests"
    ENVIRONMENT "${RECUR_TEST_ENVIRONMENT}")
  # What is given more time is begun first: at the end all processors are busy, with small tests.
  if(arg_TIMEOUT GREATER 300)
    set_tests_properties(${arg_NAME} PROPERTIES COST ${arg_TIMEOUT})
  endif()
  if("simt" IN_LIST arg_LABELS)
    set_tests_properties(${arg_NAME} PROPERTIES ENVIRONMENT "${RECUR_SIMT_ENVIRONMENT}")
  endif()
  if(arg_SKIPPED_WHEN)
    set_tests_properties(${arg_NAME} PROPERTIES SKIP_REGULAR_EXPRESSION "every test was skipped: ${arg_SKIPPED_WHEN}")
  endif()
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(recur_thread_tests test_${arg_NAME})
  endif()
  if("gpu" IN_LIST arg_LABELS)
    set_property(GLOBAL APPEND PROPERTY RECUR_GPU_TEST_OBJECTS ${arg_SOURCES})
  endif()
endfunction()

# recur_add_device_test(NAME <name> SOURCES <file>... [LABELS <label>...] [TIMEOUT <seconds>])
#
# Tests of engines/device_test.hpp on every device of the build: <name> on the CPU, <name>_simt on GPU engines whose
# kernels run on the CPU, <name>_cudnn on the cudnn engine over a stand-in for cuDNN, <name>_gpu on the machine's GPU,
# skipped where there is none. Labels simt and gpu are added. The sources are compiled once: what differs is linked to them
# (tests/engines/CMakeLists.txt has the devices).
function(recur_add_device_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT" "SOURCES;LABELS")
  set(objects device_test_${arg_NAME})
  recur_add_test_objects(${objects} ${arg_SOURCES})
  set(test SOURCES $<TARGET_OBJECTS:${objects}> TIMEOUT ${arg_TIMEOUT})
  recur_add_test(NAME ${arg_NAME} ${test} LIBRARIES recur_cpu_test_devices LABELS ${arg_LABELS})
  if(RECUR_HAVE_SIMT)
    recur_add_test(NAME ${arg_NAME}_simt ${test} LIBRARIES recur_simt_test_devices LABELS ${arg_LABELS} simt)
  endif()
  if(RECUR_HAVE_SIMT AND RECUR_HAVE_CUDNN)
    recur_add_test(NAME ${arg_NAME}_cudnn ${test} LIBRARIES recur_cudnn_test_devices LABELS ${arg_LABELS} simt)
  endif()
  if(RECUR_HAVE_CUDA)
    recur_add_test(NAME ${arg_NAME}_gpu ${test} LIBRARIES recur_gpu_test_devices LABELS ${arg_LABELS} gpu
      SKIPPED_WHEN "no CUDA device")
  endif()
endfunction()

# recur_add_test_objects(<target> <file>...): sources that several tests link.
function(recur_add_test_objects target)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE recur_test_support GTest::gtest)
  target_compile_options(${target} PRIVATE ${RECUR_TEST_OPTIONS})
  recur_use_test_headers(${target})
endfunction()

# Tests take longer to compile than to run, the more so where they run one seed and give no verdict. What they wait for, the
# library, simt and the oracle, is optimised as ever.
if(RECUR_SANITIZE OR RECUR_COVERAGE)
  set(RECUR_TEST_OPTIONS $<$<COMPILE_LANGUAGE:CXX>:-O0>)
else()
  set(RECUR_TEST_OPTIONS $<$<COMPILE_LANGUAGE:CXX>:-O1>)
endif()

# GoogleTest and the standard library are half of what most tests compile: once for all. A test still includes what it uses:
# instrumented builds compile them without, as clang does.
set(RECUR_PRECOMPILES_TEST_HEADERS OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT RECUR_SANITIZE AND NOT RECUR_COVERAGE)
  set(RECUR_PRECOMPILES_TEST_HEADERS ON)
  file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/test_headers.cpp" CONTENT "" @ONLY)
  add_library(recur_test_headers OBJECT "${PROJECT_BINARY_DIR}/test_headers.cpp")
  target_precompile_headers(recur_test_headers PRIVATE <gtest/gtest.h> <algorithm> <array> <atomic> <chrono> <cmath> <cstdint>
    <cstring> <functional> <limits> <map> <memory> <optional> <random> <set> <span> <sstream> <stdexcept> <string> <thread>
    <utility> <vector>)
  target_compile_options(recur_test_headers PRIVATE ${RECUR_TEST_OPTIONS})
  target_link_libraries(recur_test_headers PRIVATE GTest::gtest)
endif()
function(recur_use_test_headers target)
  if(RECUR_PRECOMPILES_TEST_HEADERS)
    target_precompile_headers(${target} REUSE_FROM recur_test_headers)
    set_target_properties(${target} PROPERTIES PCH_WARN_INVALID OFF)  # read as text there
  endif()
endfunction()

# All a ThreadSanitizer build has to build.
add_custom_target(recur_thread_tests)

# The first finding of a sanitizer ends the test, with a stack. gcc 12's LeakSanitizer takes some addresses of thread-local
# variables in loaded libraries, oneDNN's, for blocks of an old glibc, and crashes: it is told not to look there.
set(RECUR_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:intercept_tls_get_addr=0"
  "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")

# AddressSanitizer loads libraries on the program's behalf, and from there the loader does not see the program's RUNPATH.
if(RECUR_SANITIZE AND RECUR_HAVE_ONEDNN AND RECUR_ONEDNN_LIBRARY)
  get_filename_component(recur_onednn_folder "${RECUR_ONEDNN_LIBRARY}" DIRECTORY)
  list(APPEND RECUR_TEST_ENVIRONMENT "LD_LIBRARY_PATH=${recur_onednn_folder}")
endif()

# Where a test runs fibers by the thousand: a second stack for each would cost twenty times the test.
string(REPLACE "detect_stack_use_after_return=1" "detect_stack_use_after_return=0" RECUR_SIMT_ENVIRONMENT
  "${RECUR_TEST_ENVIRONMENT}")

# ThreadSanitizer's shadow memory wants the fixed address layout of old kernels; where the system lets us, ask for it.
set(RECUR_TEST_LAUNCHER "")
if("thread" IN_LIST RECUR_SANITIZE)
  find_program(RECUR_SETARCH setarch)
  mark_as_advanced(RECUR_SETARCH)
  if(RECUR_SETARCH)
    execute_process(COMMAND "${RECUR_SETARCH}" -R true RESULT_VARIABLE recur_setarch_result OUTPUT_QUIET ERROR_QUIET)
    if(recur_setarch_result EQUAL 0)
      set(RECUR_TEST_LAUNCHER "${RECUR_SETARCH}" -R)
    endif()
  endif()
endif()

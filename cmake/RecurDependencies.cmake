# Third-party libraries. Each failure names the Debian package. docs/dependencies.md has the reasons.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

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
  find_path(RECUR_DLPACK_INCLUDE_DIR dlpack/dlpack.h DOC "Folder of dlpack/dlpack.h, for a test")
  mark_as_advanced(RECUR_DLPACK_INCLUDE_DIR)
  if(NOT RECUR_DLPACK_INCLUDE_DIR)
    message(FATAL_ERROR "DLPack was not found (Debian package libdlpack-dev); -DRECUR_BUILD_TESTS=OFF builds without tests")
  endif()

  # ONNX's own tests of the operators, and the reader of their files.
  find_package(Protobuf QUIET)  # target protobuf::libprotobuf
  if(Protobuf_FOUND)
    find_package(ONNX CONFIG QUIET)  # target onnx_proto
  endif()
  find_path(RECUR_ONNX_NODE_TESTS test_lstm_defaults/model.onnx PATHS /usr/share/libonnx-testdata/data/node
    DOC "Folder of ONNX's node tests")
  mark_as_advanced(RECUR_ONNX_NODE_TESTS)
  set(RECUR_HAVE_ONNX OFF)
  if(ONNX_FOUND AND RECUR_ONNX_NODE_TESTS)
    set(RECUR_HAVE_ONNX ON)
  else()
    set(RECUR_ONNX_MISSING "ONNX or its node tests were not found (Debian packages libonnx-dev, libonnx-testdata, libprotobuf-dev)")
    message(WARNING "${RECUR_ONNX_MISSING}; the test onnx_nodes will fail")
  endif()
endif()

if(RECUR_BUILD_EXAMPLES OR RECUR_BUILD_PERF)
  find_package(CLI11 CONFIG QUIET)  # target CLI11::CLI11
  if(NOT CLI11_FOUND)
    message(FATAL_ERROR "CLI11 was not found (Debian package libcli11-dev); -DRECUR_BUILD_EXAMPLES=OFF "
                        "-DRECUR_BUILD_PERF=OFF builds without what needs it")
  endif()
endif()

find_package(nlohmann_json CONFIG QUIET)  # target nlohmann_json::nlohmann_json
if(NOT nlohmann_json_FOUND)
  message(FATAL_ERROR "JSON for Modern C++ was not found (Debian package nlohmann-json3-dev)")
endif()

if(RECUR_BUILD_TESTS)
  # Debian's own, which has Debian's modules, before another that is first on the path.
  find_program(RECUR_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH DOC "Python 3 for tests of the perf suite and of GPU code")
  find_program(RECUR_PYTHON NAMES python3)
  mark_as_advanced(RECUR_PYTHON)
endif()

if(RECUR_BUILD_PERF AND RECUR_BUILD_TESTS)
  foreach(module jsonschema matplotlib)
    set(recur_module_result 1)
    if(RECUR_PYTHON)
      execute_process(COMMAND "${RECUR_PYTHON}" -c "import ${module}" RESULT_VARIABLE recur_module_result
        OUTPUT_QUIET ERROR_QUIET)
    endif()
    if(NOT recur_module_result EQUAL 0)
      message(FATAL_ERROR "Python 3 with ${module} was not found (Debian package python3-${module}); "
                          "-DRECUR_BUILD_PERF=OFF builds without recur-perf and its tests")
    endif()
  endforeach()
endif()

# simt runs CUDA kernels on the CPU: it needs the toolkit's headers (not nvcc, nor a GPU) and Boost.Context.
set(RECUR_HAVE_SIMT OFF)
set(RECUR_SIMT_STATUS "off (no tests)")
if(RECUR_BUILD_TESTS)
  find_package(CUDAToolkit 12 QUIET)
  find_package(Boost 1.74 QUIET COMPONENTS context)  # target Boost::context
  if(NOT CUDAToolkit_FOUND)
    set(RECUR_SIMT_STATUS "off: kernels are not tested without the CUDA Toolkit's headers")
  elseif(NOT TARGET Boost::context)
    set(RECUR_SIMT_STATUS "off: kernels are not tested without Boost.Context (Debian package libboost-context-dev)")
  else()
    set(RECUR_HAVE_SIMT ON)
    set(RECUR_SIMT_STATUS "Boost ${Boost_VERSION_STRING}, headers of CUDA ${CUDAToolkit_VERSION}")
  endif()
endif()

# The reference engine cudnn needs cuDNN's headers only: the library itself is loaded when it is first asked for.
set(RECUR_HAVE_CUDNN OFF)
if(RECUR_CUDNN STREQUAL "OFF")
  set(RECUR_CUDNN_STATUS "off (RECUR_CUDNN=OFF)")
elseif(NOT RECUR_HAVE_CUDA AND NOT RECUR_HAVE_SIMT)
  set(RECUR_CUDNN_STATUS "off: no engine for GPUs in this build")
else()
  find_path(RECUR_CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS} DOC "Folder of cudnn.h, cuDNN 9 or newer")
  mark_as_advanced(RECUR_CUDNN_INCLUDE_DIR)
  set(recur_cudnn_major 0)
  if(RECUR_CUDNN_INCLUDE_DIR)
    file(STRINGS "${RECUR_CUDNN_INCLUDE_DIR}/cudnn_version.h" recur_cudnn_version REGEX "^#define CUDNN_(MAJOR|MINOR) ")
    string(REGEX REPLACE "[^0-9;]" "" recur_cudnn_version "${recur_cudnn_version}")
    list(GET recur_cudnn_version 0 recur_cudnn_major)
  endif()
  if(recur_cudnn_major GREATER_EQUAL 9)
    set(RECUR_HAVE_CUDNN ON)
    string(REPLACE ";" "." recur_cudnn_version "${recur_cudnn_version}")
    set(RECUR_CUDNN_STATUS "headers of ${recur_cudnn_version}; loaded at run time")
  else()
    set(RECUR_CUDNN_STATUS "off: no cudnn.h of cuDNN 9 or newer was found (RECUR_CUDNN_INCLUDE_DIR)")
    if(RECUR_CUDNN STREQUAL "ON")
      message(FATAL_ERROR "RECUR_CUDNN=ON, but ${RECUR_CUDNN_STATUS}")
    endif()
  endif()
endif()

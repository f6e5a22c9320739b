# The public headers, relative to include/. A header on disk that is not listed fails the configure, so that none
# is left out of the install and of the tests that compile each alone.

set(RECUR_CORE_HEADERS
  recur/context.hpp
  recur/device.hpp
  recur/dlpack.hpp
  recur/error.hpp
  recur/export.hpp
  recur/forest.hpp
  recur/graph.hpp
  recur/memory.hpp
  recur/onnx.hpp
  recur/owned.hpp
  recur/plan.hpp
  recur/rates.hpp
  recur/recur.h
  recur/recur.hpp
  recur/run.hpp
  recur/safetensors.hpp
  recur/spec.hpp
  recur/tensor.hpp
  recur/types.hpp
  recur/version.hpp
  recur/weight_formats.hpp
  recur/weights.hpp
)

set(RECUR_TASKS_HEADERS
  recur/tasks/adam.hpp
  recur/tasks/affine.hpp
  recur/tasks/crf.hpp
  recur/tasks/embedding.hpp
  recur/tasks/loss.hpp
  recur/tasks/optimizer.hpp
)

set(RECUR_PUBLIC_HEADERS ${RECUR_CORE_HEADERS} ${RECUR_TASKS_HEADERS})

file(GLOB_RECURSE recur_headers_on_disk CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include"
     "${PROJECT_SOURCE_DIR}/include/recur/*.hpp" "${PROJECT_SOURCE_DIR}/include/recur/*.h")
set(recur_headers_unlisted ${recur_headers_on_disk})
list(REMOVE_ITEM recur_headers_unlisted ${RECUR_PUBLIC_HEADERS})
set(recur_headers_missing ${RECUR_PUBLIC_HEADERS})
list(REMOVE_ITEM recur_headers_missing ${recur_headers_on_disk})
if(recur_headers_unlisted OR recur_headers_missing)
  message(FATAL_ERROR "the list in cmake/RecurPublicHeaders.cmake and the files of include/ differ\n"
                      "  not listed:  ${recur_headers_unlisted}\n"
                      "  not on disk: ${recur_headers_missing}")
endif()

# Sets RECUR_HAVE_ONEDNN, and RECUR_ONEDNN_STATUS for the summary. Only oneDNN's headers are compiled against; its shared
# library is loaded when a job names the engine (host/onednn/library.hpp).
#
#   RECUR_ONEDNN_INCLUDE_DIR   cache: folder of oneapi/dnnl/dnnl.h
#   RECUR_ONEDNN_LIBRARY       cache: libdnnl.so.3, for programs run from the build tree; the loader's search path does as well

set(RECUR_HAVE_ONEDNN OFF)
if(RECUR_ONEDNN STREQUAL "OFF")
  set(RECUR_ONEDNN_STATUS "off (RECUR_ONEDNN=OFF)")
  return()
endif()
if("thread" IN_LIST RECUR_SANITIZE)
  # ThreadSanitizer cannot see the barriers of its OpenMP runtime, and would call every use of them a race.
  set(RECUR_ONEDNN_STATUS "off (not instrumented for ThreadSanitizer)")
  return()
endif()

# Where scripts/setup puts it.
set(recur_onednn_folder "${PROJECT_SOURCE_DIR}/build/onednn")
find_path(RECUR_ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl.h HINTS "${recur_onednn_folder}/include" DOC "Folder of oneDNN's headers")
find_library(RECUR_ONEDNN_LIBRARY NAMES libdnnl.so.3 HINTS "${recur_onednn_folder}/lib" DOC "oneDNN's shared library")
mark_as_advanced(RECUR_ONEDNN_INCLUDE_DIR RECUR_ONEDNN_LIBRARY)

set(recur_onednn_version "")
if(RECUR_ONEDNN_INCLUDE_DIR)
  file(STRINGS "${RECUR_ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h" recur_onednn_lines
    REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH)")
  string(REGEX REPLACE "[^0-9;]" "" recur_onednn_version "${recur_onednn_lines}")
  list(JOIN recur_onednn_version "." recur_onednn_version)
endif()
if(recur_onednn_version MATCHES "^3\\.")
  set(RECUR_HAVE_ONEDNN ON)
  set(RECUR_ONEDNN_STATUS "headers ${recur_onednn_version}, ${RECUR_ONEDNN_LIBRARY}")
  if(NOT RECUR_ONEDNN_LIBRARY)
    set(RECUR_ONEDNN_STATUS "headers ${recur_onednn_version}; libdnnl.so.3 was not found, programs look for it when they run")
  endif()
elseif(RECUR_ONEDNN STREQUAL "AUTO")
  set(RECUR_ONEDNN_STATUS "off (no headers of oneDNN 3 found; scripts/setup --dev installs it)")
else()
  message(FATAL_ERROR "RECUR_ONEDNN=${RECUR_ONEDNN}, but the headers of oneDNN 3 were not found (found: "
                      "'${recur_onednn_version}'): scripts/setup --dev installs it, or set RECUR_ONEDNN_INCLUDE_DIR")
endif()

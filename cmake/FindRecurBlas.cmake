# Finds the BLAS of the large products: OpenBLAS's serial variant as a static archive. Ours are the threads,
# and nothing of it may reach other code of the process, so it is linked in and its symbols are not exported.
#
#   recur_blas                   imported target
#   RECUR_BLAS_INCLUDE_DIR       cache: folder of cblas.h
#   RECUR_BLAS_LIBRARY           cache: libopenblas.a
#
# Set both cache variables to use another build of OpenBLAS (USE_THREAD=0 USE_LOCKING=1, position independent).
# This file is installed too, for consumers of a static Recur.

# Not cblas.h: a plain one may be another library's.
find_path(RECUR_BLAS_INCLUDE_DIR openblas_config.h PATH_SUFFIXES openblas-serial openblas
          DOC "Folder of OpenBLAS's cblas.h and openblas_config.h")
find_library(RECUR_BLAS_LIBRARY NAMES libopenblas.a PATH_SUFFIXES openblas-serial
             DOC "OpenBLAS, serial variant, static archive")
mark_as_advanced(RECUR_BLAS_INCLUDE_DIR RECUR_BLAS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RecurBlas REQUIRED_VARS RECUR_BLAS_LIBRARY RECUR_BLAS_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install OpenBLAS's serial variant with its static archive (Debian package libopenblas-serial-dev)")

if(RecurBlas_FOUND AND NOT TARGET recur_blas)
  add_library(recur_blas STATIC IMPORTED)
  set_target_properties(recur_blas PROPERTIES
    IMPORTED_LOCATION "${RECUR_BLAS_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${RECUR_BLAS_INCLUDE_DIR}"
    # A lock for its pool of buffers: host/cpu/blas.cpp. As a library, since the link options of a static library's private
    # dependencies do not reach the program.
    INTERFACE_LINK_LIBRARIES "-Wl,--wrap=blas_memory_alloc;m")
endif()

include(GNUInstallDirs)

# Before 1.0 every minor version may change the binary interface.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(RECUR_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
else()
  set(RECUR_SOVERSION ${PROJECT_VERSION_MAJOR})
endif()

# The file that librecur loads when a CUDA device is first named.
set(RECUR_CUDA_LIBRARY_FILE "librecur_cuda.so.${RECUR_SOVERSION}")

# recur_add_library(<target> EXPORT_NAME <name> SOURCES <file>...)
#
# A library of the project: alias recur::<name>, shared or static by BUILD_SHARED_LIBS, with SONAME, hidden
# visibility and the export map. Public headers are those of include/; sources include others by their path from
# the project's root.
function(recur_add_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "EXPORT_NAME" "SOURCES")
  if(NOT arg_EXPORT_NAME OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "recur_add_library(<target> EXPORT_NAME <name> SOURCES <file>...)")
  endif()

  add_library(${target} ${arg_SOURCES})
  add_library(recur::${arg_EXPORT_NAME} ALIAS ${target})

  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${arg_EXPORT_NAME}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${RECUR_SOVERSION}
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    INSTALL_RPATH "$ORIGIN")  # recur_tasks and recur_cuda find the recur installed beside them

  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
    PRIVATE "${PROJECT_SOURCE_DIR}")

  if(BUILD_SHARED_LIBS)
    set(map "${PROJECT_SOURCE_DIR}/cmake/recur.map")
    target_link_options(${target} PRIVATE "-Wl,--version-script=${map}" -Wl,--exclude-libs,ALL)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
    if(NOT RECUR_SANITIZE AND NOT RECUR_FUZZ)
      # Undefined symbols fail here, not at the user's. (clang's sanitizer runtimes live in the executable.)
      target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
  endif()
endfunction()

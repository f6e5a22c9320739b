# What `cmake --install` lays down: libraries, headers, CMake package, pkg-config files, licences.

if(NOT RECUR_INSTALL)
  return()
endif()

include(CMakePackageConfigHelpers)

set(recur_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/recur")

install(TARGETS recur recur_tasks EXPORT recurTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(TARGET recur_cuda_library)  # found beside recur when a CUDA device is named; nothing links it
  install(TARGETS recur_cuda_library LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" NAMELINK_SKIP)
endif()

foreach(header ${RECUR_PUBLIC_HEADERS})
  get_filename_component(folder "${header}" DIRECTORY)
  install(FILES "${PROJECT_SOURCE_DIR}/include/${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}")
endforeach()

install(EXPORT recurTargets NAMESPACE recur:: DESTINATION "${recur_cmake_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/recurConfig.cmake.in" recurConfig.cmake
  INSTALL_DESTINATION "${recur_cmake_dir}" NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break callers, so only the same one is offered to them.
write_basic_package_version_file(recurConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/recurConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/recurConfigVersion.cmake"
        DESTINATION "${recur_cmake_dir}")

# pkg-config. The prefix is taken from where the .pc file lies, so that an installed tree can be moved.
file(RELATIVE_PATH recur_pc_prefix "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
string(REGEX REPLACE "/$" "" recur_pc_prefix "${recur_pc_prefix}")
if(BUILD_SHARED_LIBS)
  set(recur_pc_requires "")
  set(recur_pc_libs "")
  set(recur_pc_c_libs "")
else()
  set(recur_pc_requires "libhwy")
  set(recur_pc_libs "-lm -pthread -ldl")
  set(recur_pc_c_libs "-lstdc++")  # what a linker for C does not bring
  if(RECUR_HAVE_CUDA)
    string(APPEND recur_pc_libs " -L${CUDAToolkit_LIBRARY_DIR} -lcublasLt -lcudart_static -lrt")
  endif()
endif()
foreach(name recur recur-c recur-tasks)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" ${name}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/THIRD_PARTY_NOTICES"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}")

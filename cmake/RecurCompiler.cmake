# Language level, build type, compiler cache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
   OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14))
  message(FATAL_ERROR "Recur needs g++ 12, clang 14 or newer; found ${CMAKE_CXX_COMPILER_ID} "
                      "${CMAKE_CXX_COMPILER_VERSION} (Debian package g++)")
endif()

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
  endif()

  find_program(RECUR_CCACHE ccache DOC "Compiler cache, used when found")
  mark_as_advanced(RECUR_CCACHE)
  if(RECUR_CCACHE)
    # Paths below the project count from the folder of the build, so that builds of several presets share objects. ccache asks
    # to be told that no source has the time in it, nor other macros before a precompiled header, before it keeps what is
    # compiled with one.
    set(launcher "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}"
      CCACHE_SLOPPINESS=pch_defines,time_macros "${RECUR_CCACHE}")
    foreach(language CXX CUDA)
      if(NOT DEFINED CMAKE_${language}_COMPILER_LAUNCHER)
        set(CMAKE_${language}_COMPILER_LAUNCHER "${launcher}")
      endif()
    endforeach()
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ collects its garbage at 128 MB, over and over: most files need little more, and are done sooner without.
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:--param=ggc-min-heapsize=524288>")
endif()

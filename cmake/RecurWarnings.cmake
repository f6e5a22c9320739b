# Warnings for everything below this project's root, g++ and clang. CUDA sources keep nvcc's own.

set(recur_warnings -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wundef)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Reports std::string's own code: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651
  list(APPEND recur_warnings -Wno-restrict)
endif()
if(RECUR_WERROR)
  list(APPEND recur_warnings -Werror)
endif()
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${recur_warnings}>")

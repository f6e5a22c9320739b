# Sanitizers instrument everything below this project's root alike, library and tests; coverage the library.

if(RECUR_SANITIZE)
  string(REPLACE ";" "," recur_sanitizers "${RECUR_SANITIZE}")
  set(recur_instrument -fsanitize=${recur_sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if("address" IN_LIST RECUR_SANITIZE)
    # AddressSanitizer finds these itself, and the kernels compile in three quarters of the time.
    list(APPEND recur_instrument -fno-sanitize=null,object-size)
  endif()
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${recur_instrument}>")
  add_link_options(-fsanitize=${recur_sanitizers})
endif()

if(RECUR_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "RECUR_FUZZ needs clang++ for libFuzzer (Debian packages clang libclang-rt-14-dev); "
                        "found ${CMAKE_CXX_COMPILER_ID}")
  endif()
  # Coverage feedback for the library; the fuzz targets themselves link with -fsanitize=fuzzer. They run none of the
  # kernels, which would take minutes to compile.
  set(recur_is_kernel "$<STREQUAL:$<TARGET_PROPERTY:NAME>,recur_simd_baseline>")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link>"
                      "$<$<AND:$<COMPILE_LANGUAGE:CXX>,${recur_is_kernel}>:-fno-sanitize=all>")
endif()

# Counters are for host/, host/tasks/ and the library of examples/lac_tagger to add, whose lines are counted: in the tests, the
# oracle and the emulated GPU they would only take time. They say whether a line ran, not how often: threads may lose counts, and do
# not wait for each other's.
set(RECUR_COVERAGE_OPTIONS "")
if(RECUR_COVERAGE)
  set(RECUR_COVERAGE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:--coverage>")
  add_link_options(--coverage)
endif()

# The shipped kernels and their host code with one mistake each: simt must notice. A mutant is a copy of one header with a
# replacement, found before the true one; only the sources that include it are compiled again. The engine's schedule test must
# then fail: by the oracle's judgement or a fault in a plain build, by those or a report under a sanitizer.
#
# recur_simt_mutant(<name> FILE <header> REPLACE <text> WITH <text> SOURCES <file>... FOUND_BY plain|asan|tsan... [LATE])
#
# LATE: in simt's late mode, which is what finds it.
#
# From the list that calls it: RECUR_MUTANT_TESTS, the objects of the test;
# RECUR_MUTANT_FILTER, of its tests; RECUR_MUTANT_INSTEAD_OF, the names of the library's sources that SOURCES stand for,
# where they have other names.
function(recur_simt_mutant name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "LATE" "FILE;REPLACE;WITH" "SOURCES;FOUND_BY")
  if("address" IN_LIST RECUR_SANITIZE)
    set(leg asan)
  elseif("thread" IN_LIST RECUR_SANITIZE)
    set(leg tsan)
  else()
    set(leg plain)
  endif()
  if(NOT leg IN_LIST arg_FOUND_BY)
    return()
  endif()

  file(READ "${PROJECT_SOURCE_DIR}/${arg_FILE}" text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${arg_FILE}")
  string(REPLACE "${arg_REPLACE}" "${arg_WITH}" mutated "${text}")
  if(mutated STREQUAL text)
    message(FATAL_ERROR "mutant ${name}: ${arg_FILE} no longer has '${arg_REPLACE}'")
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/mutants/${name}")
  file(CONFIGURE OUTPUT "${folder}/${arg_FILE}" CONTENT "${mutated}" @ONLY)

  # Everything of recur_simt_internal, but these sources.
  set(target test_simt_mutant_${name})
  add_executable(${target})
  set(pass "$<TARGET_OBJECTS:recur_gpu_pass>")
  set(gpu "$<TARGET_OBJECTS:recur_simt_gpu>")
  set(replaced ${RECUR_MUTANT_INSTEAD_OF})
  foreach(source IN LISTS arg_SOURCES)
    if(source MATCHES "\\.cu$")
      recur_simt_kernels(${target} "${PROJECT_SOURCE_DIR}/${source}")
    else()
      target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/${source}")
    endif()
    if(NOT RECUR_MUTANT_INSTEAD_OF)
      # As an object of the library is named: kernels by their file, host code by its folder as well.
      if(source MATCHES "\\.cu$")
        get_filename_component(object "${source}" NAME)
      else()
        string(REGEX REPLACE "^host/" "" object "${source}")
      endif()
      list(APPEND replaced "${object}")
    endif()
  endforeach()
  foreach(object IN LISTS replaced)
    string(REPLACE "." "\\." pattern "/${object}")
    if(object MATCHES "\\.cu$")
      set(gpu "$<FILTER:${gpu},EXCLUDE,${pattern}>")
    else()
      set(pass "$<FILTER:${pass},EXCLUDE,${pattern}>")
    endif()
  endforeach()
  get_property(core_objects GLOBAL PROPERTY RECUR_CORE_OBJECTS)
  get_property(simd_objects GLOBAL PROPERTY RECUR_SIMD_OBJECTS)
  get_property(cudnn_objects GLOBAL PROPERTY RECUR_CUDNN_OBJECTS)
  foreach(objects IN LISTS RECUR_MUTANT_TESTS)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
  target_sources(${target} PRIVATE ${core_objects} ${simd_objects} $<TARGET_OBJECTS:recur_gpu_linked> ${cudnn_objects} ${pass}
    ${gpu})
  target_include_directories(${target} BEFORE PRIVATE "${folder}")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_compile_options(${target} PRIVATE -w)  # mistakes warn
  target_link_libraries(${target} PRIVATE simt recur_test_support hwy::hwy Threads::Threads
    GTest::gtest GTest::gtest_main)
  add_dependencies(recur_thread_tests ${target})

  add_test(NAME simt_mutant_${name} COMMAND ${RECUR_TEST_LAUNCHER} $<TARGET_FILE:${target}>
    "--gtest_filter=${RECUR_MUTANT_FILTER}" --gtest_fail_fast)
  set_tests_properties(simt_mutant_${name} PROPERTIES
    WILL_FAIL ON
    LABELS "threads;simt"
    TIMEOUT 300
    ENVIRONMENT "${RECUR_SIMT_ENVIRONMENT};SIMT_ORDER=descending;SIMT_LATE=$<BOOL:${arg_LATE}>")
endfunction()

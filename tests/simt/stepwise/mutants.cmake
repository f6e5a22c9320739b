# The shipped kernels and their host code with one mistake each: simt must notice. A mutant is a copy of one header with a
# replacement, found before the true one; only the sources that include it are compiled again. schedule_test.cpp must then
# fail: by the oracle's judgement in a plain build, by a report under a sanitizer.
#
# recur_simt_mutant(<name> FILE <header> REPLACE <text> WITH <text> SOURCES <file>... FOUND_BY plain|asan|tsan...)
function(recur_simt_mutant name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILE;REPLACE;WITH" "SOURCES;FOUND_BY")
  if("address" IN_LIST RECUR_SANITIZE)
    set(leg asan)
  elseif("thread" IN_LIST RECUR_SANITIZE)
    set(leg tsan)
  else()
    set(leg plain)
  endif()
  if(NOT leg IN_LIST arg_FOUND_BY OR RECUR_COVERAGE)
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
  add_executable(${target} $<TARGET_OBJECTS:simt_schedule_test> $<TARGET_OBJECTS:recur_simt_devices>)
  set(stepwise "$<TARGET_OBJECTS:recur_stepwise>")
  set(gpu "$<TARGET_OBJECTS:recur_simt_gpu>")
  foreach(source IN LISTS arg_SOURCES)
    get_filename_component(file_name "${source}" NAME)
    string(REPLACE "." "\\." pattern "/${file_name}")
    if(source MATCHES "\\.cu$")
      recur_simt_kernels(${target} "${PROJECT_SOURCE_DIR}/${source}")
      set(gpu "$<FILTER:${gpu},EXCLUDE,${pattern}>")
    else()
      target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/${source}")
      set(stepwise "$<FILTER:${stepwise},EXCLUDE,stepwise${pattern}>")
    endif()
  endforeach()
  get_property(core_objects GLOBAL PROPERTY RECUR_CORE_OBJECTS)
  get_property(simd_objects GLOBAL PROPERTY RECUR_SIMD_OBJECTS)
  get_property(cudnn_objects GLOBAL PROPERTY RECUR_CUDNN_OBJECTS)
  target_sources(${target} PRIVATE ${core_objects} ${simd_objects} ${cudnn_objects} ${stepwise} ${gpu})
  target_include_directories(${target} BEFORE PRIVATE "${folder}")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_compile_options(${target} PRIVATE -w)  # mistakes warn
  target_link_libraries(${target} PRIVATE simt recur_test_support hwy::hwy recur_blas Threads::Threads
    GTest::gtest GTest::gtest_main)
  add_dependencies(recur_thread_tests ${target})

  add_test(NAME simt_mutant_${name} COMMAND ${RECUR_TEST_LAUNCHER} $<TARGET_FILE:${target}>
    "--gtest_filter=*SimtF32GruResetBefore:*SimtF32Lstm:*SimtF32LstmProjected" --gtest_fail_fast)
  set_tests_properties(simt_mutant_${name} PROPERTIES
    WILL_FAIL ON
    LABELS "threads;simt"
    TIMEOUT 300
    ENVIRONMENT "${RECUR_SIMT_ENVIRONMENT};SIMT_ORDER=descending")
endfunction()

# A row's tail of threads writes.
recur_simt_mutant(no_tail_guard
  FILE kernels/stepwise/units.cuh
  REPLACE "if (unit >= step.hidden) return;" WITH ""
  SOURCES kernels/stepwise/forward_f32.cu
  FOUND_BY asan)
# A sequence that a mark starts afresh keeps its old state.
recur_simt_mutant(state_not_cleared
  FILE kernels/stepwise/forward.cuh
  REPLACE "const bool clear = timeline.ends_episode(t);" WITH "const bool clear = false;"
  SOURCES kernels/stepwise/forward_f32.cu
  FOUND_BY plain)
# The same of a state that is projected.
recur_simt_mutant(projection_not_cleared
  FILE kernels/stepwise/projection.cuh
  REPLACE "if (timeline.ends_episode(t)) {" WITH "if (false) {"
  SOURCES kernels/stepwise/projection.cu
  FOUND_BY plain)
# Steps past a sequence's end change its state.
recur_simt_mutant(padding_is_run
  FILE kernels/stepwise/timeline.cuh
  REPLACE "return t < length_;" WITH "return t >= 0;"
  SOURCES kernels/stepwise/backward_f32.cu
  FOUND_BY plain)
# A layer does not wait for the one before it.
recur_simt_mutant(layer_does_not_wait
  FILE host/stepwise/lanes.hpp
  REPLACE "if (count_ > 1) gpu::wait(stream(lane), resources_.layer_event(layer));" WITH "static_cast<void>(layer + lane);"
  SOURCES host/stepwise/forward.cpp
  FOUND_BY plain tsan)
# The caller's stream does not wait for the side streams.
recur_simt_mutant(lanes_never_meet
  FILE host/stepwise/lanes.hpp
  REPLACE "gpu::wait(stream_, resources_.lane_event(lane));" WITH ""
  SOURCES host/stepwise/forward.cpp
  FOUND_BY tsan)

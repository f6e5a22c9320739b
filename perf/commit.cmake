# cmake -DSOURCE=<folder> -DOUTPUT=<file.cpp> -P commit.cmake: kCommit and kSource of commit.hpp. A file that would not change is
# not written, so that nothing is compiled again.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/source.cmake")
execute_process(COMMAND git -C "${SOURCE}" describe --always --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit RESULT_VARIABLE result OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT result EQUAL 0)
  set(commit "unknown")
else()
  # What is built. Documents, results and tests may change meanwhile.
  execute_process(COMMAND git -C "${SOURCE}" status --porcelain --untracked-files=no --
    CMakeLists.txt CMakePresets.json cmake host include kernels perf :!perf/results :!perf/guard.json :!perf/cliffs.json :!*.md
    OUTPUT_VARIABLE changed RESULT_VARIABLE result ERROR_QUIET)
  if(NOT result EQUAL 0 OR NOT changed STREQUAL "")
    string(APPEND commit "-dirty")
  endif()
endif()
recur_perf_source_hash(source "${SOURCE}")
file(CONFIGURE OUTPUT "${OUTPUT}"
  CONTENT "#include \"perf/commit.hpp\"\nnamespace recur::perf {\nconst char* const kCommit = \"@commit@\";\nconst char* const kSource = \"@source@\";\n}\n" @ONLY)

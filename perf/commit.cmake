# cmake -DSOURCE=<folder> -DOUTPUT=<file.cpp> -P commit.cmake: kCommit and kSource of commit.hpp. A file that would not change is
# not written, so that nothing is compiled again.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/source.cmake")
execute_process(COMMAND git -C "${SOURCE}" describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit RESULT_VARIABLE result OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT result EQUAL 0)
  set(commit "unknown")
endif()
recur_perf_source_hash(source "${SOURCE}")
file(CONFIGURE OUTPUT "${OUTPUT}"
  CONTENT "#include \"perf/commit.hpp\"\nnamespace recur::perf {\nconst char* const kCommit = \"@commit@\";\nconst char* const kSource = \"@source@\";\n}\n" @ONLY)

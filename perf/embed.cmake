# cmake -DINPUT=<shapes.json> -DOUTPUT=<file.cpp> -P embed.cmake: carried_shapes of shape.hpp, as a raw string, so that the
# program needs no file beside it.
cmake_minimum_required(VERSION 3.25)
file(READ "${INPUT}" text)
# Compilers need to take 64 KiB of one string only.
string(LENGTH "${text}" length)
if(length GREATER 60000 OR text MATCHES "\\)json\"")
  message(FATAL_ERROR "${INPUT}: too long for one string literal, or holds its end mark")
endif()
file(WRITE "${OUTPUT}" "#include \"perf/shape.hpp\"\nnamespace recur::perf {\n"
  "std::string_view carried_shapes() { return R\"json(${text})json\"; }\n}\n")

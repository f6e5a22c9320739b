# recur_read_version(<header> <out>): "major.minor.patch" from the RECUR_VERSION_* macros of the header.
function(recur_read_version header out)
  file(STRINGS "${header}" lines REGEX "^#define RECUR_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
  foreach(part MAJOR MINOR PATCH)
    if(NOT "${lines}" MATCHES "RECUR_VERSION_${part} ([0-9]+)")
      message(FATAL_ERROR "${header}: no '#define RECUR_VERSION_${part} <number>'")
    endif()
    set(${part} "${CMAKE_MATCH_1}")
  endforeach()
  set(${out} "${MAJOR}.${MINOR}.${PATCH}" PARENT_SCOPE)
  # A changed header means a changed version: configure again.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${header}")
endfunction()

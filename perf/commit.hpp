// Which source this is.
#pragma once

namespace recur::perf {

// Of git, "-dirty" behind it where a file that is built had changed; "unknown" outside of a repository.
// commit.cmake writes both at every build.
extern const char* const kCommit;
// A hash of the files that figures of the CPU come from, whatever they are committed as (source.cmake).
extern const char* const kSource;

}  // namespace recur::perf

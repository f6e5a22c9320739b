// Which source this is.
#pragma once

namespace recur::perf {

// Of git, "-dirty" behind it where files had changed; "unknown" outside of a repository. commit.cmake writes
// it at every build.
extern const char* const kCommit;

}  // namespace recur::perf

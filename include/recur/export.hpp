/// @file
/// Marks what the shared library exports; everything else is hidden.
#pragma once

#if defined(_WIN32)
#define RECUR_API
#else
#define RECUR_API __attribute__((visibility("default")))
#endif

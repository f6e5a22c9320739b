/// @file
/// Version of the library the including program was compiled against.
#pragma once

#define RECUR_VERSION_MAJOR 0
#define RECUR_VERSION_MINOR 1
#define RECUR_VERSION_PATCH 0

/// One comparable number: 10000 * major + 100 * minor + patch.
#define RECUR_VERSION (RECUR_VERSION_MAJOR * 10000 + RECUR_VERSION_MINOR * 100 + RECUR_VERSION_PATCH)

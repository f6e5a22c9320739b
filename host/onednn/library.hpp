// oneDNN, loaded when a job first names the engine: a program that never does carries nothing of it, and one
// that cannot find it lacks this engine only. The C interface, as function pointers.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <string>
#include <string_view>

namespace recur::host::onednn {

// Every function that is used; each is a member of Library under its name without "dnnl_".
#define RECUR_ONEDNN_FUNCTIONS(F)               \
  F(engine_create)                              \
  F(get_effective_cpu_isa)                      \
  F(gru_backward_primitive_desc_create)         \
  F(gru_forward_primitive_desc_create)          \
  F(lbr_gru_backward_primitive_desc_create)     \
  F(lbr_gru_forward_primitive_desc_create)      \
  F(lstm_backward_primitive_desc_create)        \
  F(lstm_forward_primitive_desc_create)         \
  F(memory_create)                              \
  F(memory_desc_create_with_strides)            \
  F(memory_desc_create_with_tag)                \
  F(memory_desc_destroy)                        \
  F(memory_desc_get_size)                       \
  F(memory_destroy)                             \
  F(primitive_attr_create)                      \
  F(primitive_attr_destroy)                     \
  F(primitive_attr_set_scratchpad_mode)         \
  F(primitive_create)                           \
  F(primitive_desc_destroy)                     \
  F(primitive_desc_query)                       \
  F(primitive_desc_query_md)                    \
  F(primitive_destroy)                          \
  F(primitive_execute)                          \
  F(reorder_primitive_desc_create)              \
  F(stream_create)                              \
  F(stream_destroy)                             \
  F(stream_wait)                                \
  F(vanilla_rnn_backward_primitive_desc_create) \
  F(vanilla_rnn_forward_primitive_desc_create)  \
  F(version)

struct Library {
// The name of a member takes no parentheses. NOLINTNEXTLINE(bugprone-macro-parentheses)
#define RECUR_ONEDNN_POINTER(name) decltype(&dnnl_##name) name = nullptr;
  RECUR_ONEDNN_FUNCTIONS(RECUR_ONEDNN_POINTER)
#undef RECUR_ONEDNN_POINTER

  // Of the OpenMP runtime that oneDNN brought; null where it has none and runs on the calling thread.
  void (*omp_set_num_threads)(int) = nullptr;
  int (*omp_get_max_threads)() = nullptr;

  dnnl_engine_t engine = nullptr;  // the CPU
  std::string version_name;        // "3.2.0"
};

// Loads the shared library of this name; null where it is not found, is not oneDNN 3, lacks a function or has
// a threading runtime other than OpenMP and none. What was loaded stays loaded.
const Library* load(const char* shared_library);

// The library that the process uses, loaded by the first call; null where it cannot be.
const Library* library();

// For those that know it is there: anything of a plan.
inline const Library& lib() { return *library(); }

// Throws DeviceError, or OutOfMemory, that names the call where it failed.
void check(dnnl_status_t status, std::string_view call);

// Calls into oneDNN use this many threads while it lives, as far as the calling thread is concerned. OpenMP
// keeps that number for each thread, and its own team of threads for each thread that called it.
class ThreadsOfCalls {
 public:
  explicit ThreadsOfCalls(int threads);
  ~ThreadsOfCalls();
  ThreadsOfCalls(const ThreadsOfCalls&) = delete;
  ThreadsOfCalls& operator=(const ThreadsOfCalls&) = delete;

 private:
  int before_ = 0;
};

}  // namespace recur::host::onednn

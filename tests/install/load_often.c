/* load_often LIBRARY: loads the library, plans with it and unloads it, again and again, as a host of plug-ins
   does. Fails where it is not unloaded, and where memory grows. The program is in C, so that it brings no C++
   library: libstdc++ comes with the first load and stays, with the 71 KiB that it keeps for exceptions thrown
   where there is no memory. */
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "recur/recur.h"

enum { FIRST_LOADS = 10, LOADS = 50, MOST_BYTES = 64 << 10 };

/* A pointer to a function through that to an object which dlsym gives. */
static void find(void* library, const char* name, void* function) {
  void* const found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
}

static const char* plan_once(void* library) {
  recur_status (*make_device)(recur_device**, recur_error*);
  void (*free_device)(recur_device*);
  void (*start_spec)(recur_spec*, size_t);
  recur_status (*make_plan)(const recur_spec*, int64_t, int64_t, const recur_device*, const recur_options*,
                            recur_plan**, recur_error*);
  void (*free_plan)(recur_plan*);
  find(library, "recur_device_cpu", &make_device);
  find(library, "recur_device_free", &free_device);
  find(library, "recur_spec_init_sized", &start_spec);
  find(library, "recur_plan_create", &make_plan);
  find(library, "recur_plan_free", &free_plan);
  if (make_device == NULL || free_device == NULL || start_spec == NULL || make_plan == NULL ||
      free_plan == NULL) {
    return "a function is missing";
  }
  recur_error error;
  recur_device* device;
  recur_plan* plan;
  recur_spec spec;
  start_spec(&spec, sizeof spec);
  spec.cell = RECUR_LSTM;
  spec.input_size = 8;
  spec.hidden_size = 16;
  if (make_device(&device, &error) != RECUR_SUCCESS) return "no device";
  if (make_plan(&spec, 4, 2, device, NULL, &plan, &error) != RECUR_SUCCESS) return "no plan";
  free_plan(plan);
  /* An error, which is an exception inside, too. */
  spec.hidden_size = 0;
  if (make_plan(&spec, 4, 2, device, NULL, &plan, &error) == RECUR_SUCCESS)
    return "a hidden size of 0 was taken";
  free_device(device);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: load_often LIBRARY\n", stderr);
    return 2;
  }
  size_t at_first = 0;
  for (int i = 0; i < FIRST_LOADS + LOADS; ++i) {
    void* const library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
      fprintf(stderr, "%s\n", dlerror());
      return 1;
    }
    const char* const failure = plan_once(library);
    if (failure != NULL) {
      fprintf(stderr, "load %d: %s\n", i, failure);
      return 1;
    }
    dlclose(library);
    if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != NULL) {
      fprintf(stderr, "load %d: %s is still loaded after dlclose\n", i, argv[1]);
      return 1;
    }
    if (i + 1 == FIRST_LOADS) at_first = mallinfo2().uordblks;
  }
  const long grown = (long)mallinfo2().uordblks - (long)at_first;
  printf("%d loads after the first %d: %ld bytes more\n", LOADS, FIRST_LOADS, grown);
  return grown < MOST_BYTES ? 0 : 1;
}

// What the process has freed and the C library keeps, given back to the system. An addon of its own, without libtorch:
// processes that have no tensors want it too.
#include <node_api.h>

#if defined(__GLIBC__)
#include <malloc.h>
#elif defined(__APPLE__)
#include <malloc/malloc.h>
#endif

namespace {

/** returnFreedMemory(): whether some was given back. */
napi_value returnFreedMemory(napi_env env, napi_callback_info) {
#if defined(__GLIBC__)
  // Of all arenas, holes in their middle too; free() by itself gives back what lies at an end.
  bool given = malloc_trim(0) == 1;
#elif defined(__APPLE__)
  bool given = malloc_zone_pressure_relief(nullptr, 0) > 0;
#else
  bool given = false;
#endif
  napi_value result;
  return napi_get_boolean(env, given, &result) == napi_ok ? result : nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "returnFreedMemory", NAPI_AUTO_LENGTH, returnFreedMemory, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, "returnFreedMemory", function) != napi_ok)
    return nullptr;
  return exports;
}

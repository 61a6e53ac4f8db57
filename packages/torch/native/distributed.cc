// c10d for JavaScript: TCP stores, process groups and their collectives. Nothing here blocks JavaScript's thread: what
// waits does so on a runner's thread and settles a promise.
#include "env.h"

#if __has_include(<torch/csrc/distributed/c10d/TCPStore.hpp>)
#define USE_C10D_GLOO
#include "distributed/collectives.h"
#include "distributed/groups.h"
#include "distributed/stores.h"

namespace rediff {

std::vector<NativeFunction> distributedFunctions() {
  return {
      function<"makeStore", makeStore>(),     function<"storeConnect", storeConnect>(),
      function<"storeSet", storeSet>(),       function<"storeGet", storeGet>(),
      function<"storeAdd", storeAdd>(),       function<"storeHas", storeHas>(),
      function<"storeCompareSet", storeCompareSet>(), function<"storeDelete", storeDelete>(),
      function<"storeClose", storeClose>(),   function<"storeAbandon", storeAbandon>(),
      function<"makeGroup", makeGroup>(),
      function<"collective", collective>(),   function<"closeGroup", closeGroup>(),
  };
}

}  // namespace rediff

#else

namespace rediff {

/** None: this libtorch was built without c10d. src/distributed says so. */
std::vector<NativeFunction> distributedFunctions() {
  return {};
}

}  // namespace rediff
#endif

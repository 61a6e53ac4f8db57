// Process groups, opened over a store: makeGroup, closeGroup.
#pragma once

#include <dlfcn.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "stores.h"

namespace rediff {
namespace {

using MakeNccl = c10d::Backend* (*)(const c10::intrusive_ptr<c10d::Store>&, int, int, milliseconds, const char*);

c10::intrusive_ptr<c10d::Backend> makeBackend(const std::string& kind, const c10::intrusive_ptr<c10d::Store>& store,
                                              const GroupEntry& group, const std::string& place) {
  if (kind == "nccl") {
    // A library of its own, linked to libtorch_cuda (native/nccl): `place` is its path.
    void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    auto make = reinterpret_cast<MakeNccl>(dlsym(library, "rediff_make_nccl"));
    if (make == nullptr) throw std::runtime_error(place + " has no rediff_make_nccl");
    return c10::intrusive_ptr<c10d::Backend>::reclaim(make(store, group.rank, group.size, group.timeout, "rediff"));
  }
  auto options = c10d::ProcessGroupGloo::Options::create(group.timeout);
  // "=NAME" is an interface, anything else an address of this host; "" is the one that its name resolves to.
  if (place.empty())
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  else if (place[0] == '=')
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(place.substr(1)));
  else
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(place));
  options->threads = 2;
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, group.rank, group.size, options);
}

/** makeGroup(store, backend, rank, size, timeoutMs, name, place): a promise of its number. Waits for all ranks. */
napi_value makeGroup(Call& call) {
  auto store = storeAt(call);
  auto kind = toString(call.e, call[1], "backend");
  auto entry = std::make_shared<GroupEntry>();
  entry->isGloo = kind == "gloo";
  entry->rank = static_cast<int>(toInt(call.e, call[2], "rank"));
  entry->size = static_cast<int>(toInt(call.e, call[3], "size"));
  entry->timeout = milliseconds(toInt(call.e, call[4], "timeoutMs"));
  auto name = toString(call.e, call[5], "name");
  auto place = toString(call.e, call[6], "place");
  entry->runner.start(call.e.env);
  return entry->runner->run(call.e.env, [store, kind, entry, name, place] {
    if (!store->store) throw std::runtime_error("the store is not connected");
    // A connection of its own: that of the store may be busy with a key that somebody waits for.
    auto own = store->store->clone();
    own->setTimeout(entry->timeout);
    auto prefixed = c10::make_intrusive<c10d::PrefixStore>(name, own);
    entry->backend = makeBackend(kind, prefixed, *entry, place);
    return integer(groups().add(entry));
  });
}

/** Closes the connections, when what is under way has ended or failed. */
napi_value closeGroup(Call& call) {
  auto entry = groups().remove(toInt(call.e, call[0], "group"));
  if (entry == nullptr) throw BadArgument("the process group was closed");
  return entry->runner->run(call.e.env, [entry] {
    entry->backend.reset();
    return Outcome{};
  });
}

}  // namespace
}  // namespace rediff

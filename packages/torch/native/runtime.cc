// The machine: threads, devices, random generators; and the module's entry point.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/detail/MPSHooksInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <torch/version.h>

#include "env.h"

namespace rediff {

std::vector<NativeFunction> fusedFunctions();
std::vector<NativeFunction> distributedFunctions();  // distributed.cc
std::vector<NativeFunction> graphFunctions();
std::vector<NativeFunction> widenedFunctions();

namespace {

napi_value setThreads(Call& call) {
  int64_t threads = toInt(call.e, call[0], "threads");
  if (threads < 1 || threads > 1024) throw BadArgument("threads must be from 1 to 1024");
  at::set_num_threads(static_cast<int>(threads));
  return undefined(call.e);
}

napi_value getThreads(Call& call) {
  return fromInt(call.e, at::get_num_threads());
}

/** loadLibrary(path): opens a shared library for its registrations (libtorch_cuda); "" or why it cannot be. */
napi_value loadLibrary(Call& call) {
  std::string path = toString(call.e, call[0], "path");
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  return fromString(call.e, library != nullptr ? "" : dlerror());
}

/** deviceCount("cuda"): how many such devices can be used now. */
napi_value deviceCount(Call& call) {
  c10::DeviceType type = c10::Device(toString(call.e, call[0], "device")).type();
  if (type == c10::kPrivateUse1)
    return fromInt(call.e, c10::impl::hasDeviceGuardImpl(type) ? c10::impl::VirtualGuardImpl(type).deviceCount() : 0);
  if (type == c10::kCPU) return fromInt(call.e, 1);
  if (type == c10::kCUDA) return fromInt(call.e, at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0);
  if (type == c10::kMPS) return fromInt(call.e, at::globalContext().hasMPS() ? 1 : 0);
  throw BadArgument("device must be cpu, cuda or mps");
}

napi_value synchronize(Call& call) {
  c10::Device device(toString(call.e, call[0], "device"));
  if (!device.is_cpu()) {
    c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeDevice(device.has_index() ? device.index() : guard.getDevice().index());
  }
  return undefined(call.e);
}

/** setTf32(allowed): whether CUDA may round float32 operands of matrix products and convolutions to 10 bits. */
napi_value setTf32(Call& call) {
  bool allowed = toBool(call.e, call[0], "allowed");
  at::globalContext().setAllowTF32CuBLAS(allowed);
  at::globalContext().setAllowTF32CuDNN(allowed);
  return undefined(call.e);
}

// --- random generators ---

at::Generator generatorAt(Call& call) {
  return call.e.generator(toInt(call.e, call[0], "generator"));
}

napi_value makeGenerator(Call& call) {
  Env& e = call.e;
  c10::Device device(toString(e, call[0], "device"));
  at::Generator generator = device.is_cpu()
      ? at::make_generator<at::CPUGeneratorImpl>()
      : at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  int32_t slot;
  if (!e.freeGenerators.empty()) {
    slot = e.freeGenerators.back();
    e.freeGenerators.pop_back();
    e.generators[slot] = std::move(generator);
  } else {
    slot = static_cast<int32_t>(e.generators.size());
    e.generators.push_back(std::move(generator));
  }
  return fromInt(e, slot);
}

napi_value freeGenerator(Call& call) {
  Env& e = call.e;
  int64_t slot = toInt(e, call[0], "generator");
  e.generator(slot);  // throws when it is free already
  e.generators[slot] = at::Generator();
  e.freeGenerators.push_back(static_cast<int32_t>(slot));
  return undefined(e);
}

/** Asks NVIDIA's driver itself, which is there wherever a GPU of theirs can be used; no part of libtorch's has to be. */
template <typename Function>
Function driverFunction(const char* name) {
  static void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  return driver == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(driver, name));
}

/** computeCapability(index): [major, minor] of the GPU, or undefined where the driver names none */
napi_value computeCapability(Call& call) {
  Env& e = call.e;
  const int64_t index = toInt(e, call[0], "index");
  // As cuda.h declares them: 0 is success, and the two attributes have these numbers.
  constexpr int kMajor = 75, kMinor = 76;
  auto init = driverFunction<int (*)(unsigned)>("cuInit");
  auto deviceAt = driverFunction<int (*)(int*, int)>("cuDeviceGet");
  auto attribute = driverFunction<int (*)(int*, int, int)>("cuDeviceGetAttribute");
  int device = 0, major = 0, minor = 0;
  if (init == nullptr || deviceAt == nullptr || attribute == nullptr || init(0) != 0 ||
      deviceAt(&device, static_cast<int>(index)) != 0 || attribute(&major, kMajor, device) != 0 ||
      attribute(&minor, kMinor, device) != 0)
    return undefined(e);
  napi_value pair = newArray(e, 2);
  setElement(e, pair, 0, fromInt(e, major));
  setElement(e, pair, 1, fromInt(e, minor));
  return pair;
}

/** seedGenerator(generator, seed): from -2^63 to 2^64-1, negative ones wrap, as in Python */
napi_value seedGenerator(Call& call) {
  auto generator = generatorAt(call);
  uint64_t seed;
  bool lossless = false;
  if (napi_get_value_bigint_uint64(call.e.env, call[1], &seed, &lossless) != napi_ok || !lossless)
    seed = static_cast<uint64_t>(toInt(call.e, call[1], "seed"));
  std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_current_seed(seed);
  return undefined(call.e);
}

napi_value generatorState(Call& call) {
  auto generator = generatorAt(call);
  std::lock_guard<std::mutex> lock(generator.mutex());
  return fromInt(call.e, call.e.put(generator.get_state()));
}

napi_value setGeneratorState(Call& call) {
  auto generator = generatorAt(call);
  const auto& state = toTensor(call.e, call[1], "state");
  std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
  return undefined(call.e);
}

}  // namespace

std::vector<NativeFunction> runtimeFunctions() {
  return {
      function<"setThreads", setThreads>(),         function<"getThreads", getThreads>(),
      function<"loadLibrary", loadLibrary>(),       function<"deviceCount", deviceCount>(),
      function<"synchronize", synchronize>(),       function<"setTf32", setTf32>(),
      function<"makeGenerator", makeGenerator>(),   function<"freeGenerator", freeGenerator>(),
      function<"seedGenerator", seedGenerator>(),   function<"generatorState", generatorState>(),
      function<"setGeneratorState", setGeneratorState>(), function<"computeCapability", computeCapability>(),
  };
}

}  // namespace rediff

/** Called once per JavaScript thread that loads the addon: each gets tables of its own. */
NAPI_MODULE_INIT() {
  auto* e = new rediff::Env(env);
  napi_set_instance_data(env, e, [](napi_env, void* data, void*) { delete static_cast<rediff::Env*>(data); }, nullptr);
  for (const auto& group :
       {rediff::dispatchFunctions(), rediff::tensorFunctions(), rediff::autogradFunctions(), rediff::customFunctions(),
        rediff::readingFunctions(), rediff::mappingFunctions(), rediff::runtimeFunctions(), rediff::allocatorFunctions(),
        rediff::linearFunctions(), rediff::quantizedFunctions(), rediff::distributedFunctions(), rediff::fusedFunctions(),
        rediff::graphFunctions(), rediff::widenedFunctions()})
    for (const auto& function : group) {
      napi_value value;
      napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.callback, e, &value);
      napi_set_named_property(env, exports, function.name, value);
    }
  napi_value version;
  napi_create_string_utf8(env, TORCH_VERSION, NAPI_AUTO_LENGTH, &version);
  napi_set_named_property(env, exports, "version", version);
  return exports;
}

// Operators by name: a schema says how each argument crosses the border, then the dispatcher is called boxed.
// Nothing here knows any particular operator.
#include <ATen/core/List.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <sstream>

#include "env.h"

namespace rediff {
namespace {

Kind kindOf(const c10::TypePtr& type, bool& optional, int32_t& length) {
  using K = c10::TypeKind;
  switch (type->kind()) {
    case K::TensorType:
      return Kind::Tensor;
    case K::NumberType:
      return Kind::Scalar;
    case K::IntType:
    case K::SymIntType:
      return Kind::Int;
    case K::FloatType:
    case K::SymFloatType:
      return Kind::Float;
    case K::BoolType:
    case K::SymBoolType:
      return Kind::Bool;
    case K::StringType:
      return Kind::String;
    case K::DeviceObjType:
      return Kind::Device;
    case K::GeneratorType:
      return Kind::Generator;
    case K::OptionalType: {
      optional = true;
      return kindOf(type->castRaw<c10::OptionalType>()->getElementType(), optional, length);
    }
    case K::ListType: {
      bool elementOptional = false;
      int32_t unused = 0;
      switch (kindOf(type->castRaw<c10::ListType>()->getElementType(), elementOptional, unused)) {
        case Kind::Tensor:
          return elementOptional ? Kind::OptionalTensorList : Kind::TensorList;
        case Kind::Int:
          return Kind::IntList;
        case Kind::Float:
          return Kind::FloatList;
        case Kind::Bool:
          return Kind::BoolList;
        case Kind::Scalar:
          return Kind::ScalarList;
        default:
          return Kind::Unsupported;
      }
    }
    default:
      return Kind::Unsupported;
  }
}

Operator describeOperator(const c10::OperatorHandle& handle) {
  Operator op(handle);
  const auto& schema = handle.schema();
  op.name = schema.overload_name().empty() ? schema.name() : schema.name() + "." + schema.overload_name();
  for (const auto& a : schema.arguments()) {
    Argument argument;
    argument.name = a.name();
    argument.type = a.real_type()->str();
    argument.kind = kindOf(a.type(), argument.optional, argument.length);
    argument.length = a.N() ? static_cast<int32_t>(*a.N()) : 0;
    argument.kwargOnly = a.kwarg_only();
    if (a.default_value()) argument.fallback = *a.default_value();
    op.arguments.push_back(std::move(argument));
  }
  for (const auto& r : schema.returns()) {
    bool optional = false;
    int32_t length = 0;
    op.results.push_back(kindOf(r.type(), optional, length));
  }
  return op;
}

c10::Scalar toScalar(Env& e, napi_value value, const char* what) {
  napi_valuetype type = napi_undefined;
  napi_typeof(e.env, value, &type);
  if (type == napi_number) {
    double number = toDouble(e, value, what);
    // A whole number is an integer scalar, as a Python literal would be: `add(int64, 1)` stays int64, and float
    // tensors do not care. 2^53 is where doubles stop telling integers apart; -0 is a float's.
    if (number == std::floor(number) && std::abs(number) <= 9007199254740992.0 && !(number == 0 && std::signbit(number)))
      return c10::Scalar(static_cast<int64_t>(number));
    return c10::Scalar(number);
  }
  if (type == napi_boolean) return c10::Scalar(toBool(e, value, what));
  if (type == napi_bigint) return c10::Scalar(toInt(e, value, what));
  throw BadArgument(std::string(what) + " must be a number, bigint or boolean");
}

/** An array, typed array, or where the schema fixes the length one value for all. */
template <typename T, typename Read>
c10::List<T> toList(Env& e, const Argument& a, napi_value value, Read read) {
  c10::List<T> list;
  napi_valuetype type = napi_undefined;
  napi_typeof(e.env, value, &type);
  if (a.length > 0 && type != napi_object) {
    T element = read(value);
    for (int32_t i = 0; i < a.length; i++) list.push_back(element);
  } else {
    eachElement(e, value, a.name.c_str(), [&](napi_value v) { list.push_back(read(v)); });
  }
  return list;
}

c10::IValue toIValue(Env& e, const Argument& a, napi_value value) {
  const char* what = a.name.c_str();
  switch (a.kind) {
    case Kind::Tensor:
      return toTensor(e, value, what);
    case Kind::TensorList:
      return toList<at::Tensor>(e, a, value, [&](napi_value v) { return toTensor(e, v, what); });
    case Kind::OptionalTensorList:
      return toList<std::optional<at::Tensor>>(e, a, value, [&](napi_value v) -> std::optional<at::Tensor> {
        if (isMissing(e, v)) return std::nullopt;
        return toTensor(e, v, what);
      });
    case Kind::Scalar:
      return c10::IValue(toScalar(e, value, what));
    case Kind::Int:
      return toInt(e, value, what);
    case Kind::Float:
      return toDouble(e, value, what);
    case Kind::Bool:
      return toBool(e, value, what);
    case Kind::String:
      return toString(e, value, what);
    case Kind::IntList:
      return toList<int64_t>(e, a, value, [&](napi_value v) { return toInt(e, v, what); });
    case Kind::FloatList:
      return toList<double>(e, a, value, [&](napi_value v) { return toDouble(e, v, what); });
    case Kind::BoolList:
      return toList<bool>(e, a, value, [&](napi_value v) { return toBool(e, v, what); });
    case Kind::ScalarList:
      return c10::impl::toList(toList<at::Scalar>(e, a, value, [&](napi_value v) { return toScalar(e, v, what); }));
    case Kind::Device:
      return c10::Device(toString(e, value, what));
    case Kind::Generator:
      return e.generator(toInt(e, value, what));
    case Kind::Unsupported:
      break;
  }
  throw BadArgument(a.name + " has type " + a.type + ", which cannot be passed from JavaScript");
}

template <typename List, typename Convert>
napi_value fromList(Env& e, const List& list, Convert convert) {
  napi_value array = newArray(e, list.size());
  for (size_t i = 0; i < list.size(); i++) setElement(e, array, i, convert(e, list[i]));
  return array;
}

/** undefined for None and for undefined tensors, which operators give where a result was not asked for. */
napi_value fromIValue(Env& e, const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor().defined() ? fromInt(e, e.put(value.toTensor())) : undefined(e);
  if (value.isTensorList()) return fromTensorList(e, value.toTensorVector());
  if (value.isInt()) return fromInt(e, value.toInt());
  if (value.isDouble()) return fromDouble(e, value.toDouble());
  if (value.isBool()) return fromBool(e, value.toBool());
  if (value.isString()) return fromString(e, value.toStringRef());
  if (value.isNone()) return undefined(e);
  if (value.isIntList()) return fromList(e, value.toIntVector(), fromInt);
  if (value.isDoubleList()) return fromList(e, value.toDoubleVector(), fromDouble);
  throw BadArgument("a result of type " + value.type()->str() + " cannot be passed to JavaScript");
}

/** "self float32 [2, 3], mat2 float32 [4, 5]": read again from the JavaScript values, because the call consumed its own. */
std::string shapesOf(Call& call, const Operator& op) {
  Env& e = call.e;
  std::ostringstream text;
  const char* separator = "";
  for (size_t i = 0; i < op.arguments.size() && i + 1 < call.count; i++) {
    const Argument& a = op.arguments[i];
    napi_value value = call[i + 1];
    if (isMissing(e, value)) continue;
    try {
      if (a.kind == Kind::Tensor) {
        std::string shape = describe(toTensor(e, value, "tensor"));
        text << separator << a.name << " " << shape;
      } else if (a.kind == Kind::TensorList) {
        auto tensors = toTensorList(e, value, "tensors");
        text << separator << a.name << " (";
        const char* comma = "";
        for (const auto& t : tensors) {
          text << comma << describe(t);
          comma = "; ";
        }
        text << ")";
      } else {
        continue;
      }
    } catch (const std::exception&) {
      continue;  // the argument that is wrong is already named in the message
    }
    separator = ", ";
  }
  return text.str();
}

/** The environment's stack, taken for one call: emptied at its end, also by an exception, so that no tensor outlives
 *  the call on it, and out of reach of a call that an argument's getter makes meanwhile. */
struct BorrowedStack {
  explicit BorrowedStack(Env& env) : e(env), stack(std::move(env.stack)) {
    stack.clear();
  }
  ~BorrowedStack() {
    stack.clear();
    e.stack = std::move(stack);
  }
  BorrowedStack(const BorrowedStack&) = delete;
  BorrowedStack& operator=(const BorrowedStack&) = delete;

  Env& e;
  torch::jit::Stack stack;
};

/** Reads the arguments onto the stack and leaves the results there. */
void run(Call& call, const Operator& op, torch::jit::Stack& stack) {
  Env& e = call.e;
  if (call.count > op.arguments.size() + 1)
    throw BadArgument("takes at most " + std::to_string(op.arguments.size()) + " arguments");
  if (op.arguments.size() >= kMaxArguments) throw BadArgument("has too many arguments for JavaScript");
  for (Kind result : op.results)
    if (result == Kind::Unsupported) throw BadArgument("gives results that cannot be passed to JavaScript");
  for (size_t i = 0; i < op.arguments.size(); i++) {
    const Argument& a = op.arguments[i];
    // Most arguments are tensors: a number needs no question whether it is missing.
    int32_t slot = -1;
    if (a.kind == Kind::Tensor && i + 1 < call.count && napi_get_value_int32(e.env, call[i + 1], &slot) == napi_ok)
      stack.emplace_back(tensorIn(e, slot, a.name.c_str()));
    else if (i + 1 < call.count && !isMissing(e, call[i + 1]))
      stack.push_back(toIValue(e, a, call[i + 1]));
    else if (a.fallback)
      stack.emplace_back(*a.fallback);
    else if (a.optional)
      stack.emplace_back();
    else
      throw BadArgument(a.name + " (" + a.type + ") is missing");
  }
  // The guard is thread-local state that cannot stay up between calls, so it goes up anew for each.
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  op.handle.callBoxed(stack);
}

/** `run`, with the operator's name and the shapes of its tensors in every error. */
template <typename Finish>
napi_value invoke(napi_env env, napi_callback_info info, Finish finish) {
  Call call(env, info);
  Env& e = call.e;
  int32_t id = -1;
  napi_get_value_int32(env, call[0], &id);
  if (id < 0 || id >= static_cast<int32_t>(e.operators.size())) {
    throwError(e, "unknown operator id");
    return nullptr;
  }
  const Operator& op = *e.operators[id];
  std::string shapes;
  auto body = [&]() -> napi_value {
    BorrowedStack borrowed(e);
    try {
      run(call, op, borrowed.stack);
    } catch (const PendingException&) {
      throw;
    } catch (...) {
      shapes = shapesOf(call, op);
      throw;
    }
    return finish(e, borrowed.stack);
  };
  // "aten::mm (self Float [2, 3], mat2 Float [4, 5]): ..."
  return guarded(e, body, [&] { return op.name + (shapes.empty() ? "" : " (" + shapes + ")"); });
}

/** call(op, ...args): a slot number for a tensor, an array for several results or a list, a primitive otherwise. */
napi_value callOperator(napi_env env, napi_callback_info info) {
  return invoke(env, info, [](Env& e, const torch::jit::Stack& results) -> napi_value {
    if (results.size() == 1) return fromIValue(e, results[0]);
    return results.empty() ? undefined(e) : fromList(e, results, fromIValue);
  });
}

/** callInPlace(op, ...args): for operators that return their own argument, which JavaScript holds already. */
napi_value callInPlace(napi_env env, napi_callback_info info) {
  return invoke(env, info, [](Env& e, const torch::jit::Stack&) { return undefined(e); });
}

/** resolve("aten::add", "Tensor"): the operator's id; the same name gives the same id. */
napi_value resolve(Call& call) {
  Env& e = call.e;
  std::string name = toString(e, call[0], "name");
  std::string overload = toString(e, call[1], "overload");
  std::string full = name + "." + overload;
  if (auto known = e.operatorIds.find(full); known != e.operatorIds.end()) return fromInt(e, known->second);
  auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!found) {
    std::string known;
    for (const auto& n : c10::Dispatcher::singleton().getAllOpNames())
      if (n.name == name && c10::Dispatcher::singleton().findSchema(n))
        known += (known.empty() ? "" : ", ") + (n.overload_name.empty() ? std::string("(none)") : n.overload_name);
    throw BadArgument(
        known.empty() ? "there is no operator " + name
                      : "operator " + name + " has no overload '" + overload + "'; its overloads are " + known);
  }
  int32_t id = static_cast<int32_t>(e.operators.size());
  e.operators.push_back(std::make_unique<Operator>(describeOperator(*found)));
  e.operatorIds.emplace(full, id);
  return fromInt(e, id);
}

void setField(Env& e, napi_value object, const char* name, napi_value value) {
  check(e, napi_set_named_property(e.env, object, name, value), name);
}

napi_value newObject(Env& e) {
  napi_value object = nullptr;
  check(e, napi_create_object(e.env, &object), "result");
  return object;
}

/** Whether the operator changes its first argument and returns it. */
bool isInPlace(const c10::FunctionSchema& schema) {
  if (schema.returns().size() != 1 || schema.arguments().empty()) return false;
  const auto* returned = schema.returns()[0].alias_info();
  const auto* self = schema.arguments()[0].alias_info();
  return returned != nullptr && returned->isWrite() && self != nullptr && self->isWrite();
}

/** schemaOf(op): the OperatorInfo of src/native.ts */
napi_value schemaOf(Call& call) {
  Env& e = call.e;
  int64_t id = toInt(e, call[0], "operator");
  if (id < 0 || id >= static_cast<int64_t>(e.operators.size())) throw BadArgument("unknown operator id");
  const Operator& op = *e.operators[id];
  napi_value arguments = fromList(e, op.arguments, [](Env& env, const Argument& a) {
    napi_value entry = newObject(env);
    setField(env, entry, "name", fromString(env, a.name));
    setField(env, entry, "type", fromString(env, a.type));
    setField(env, entry, "kind", fromInt(env, static_cast<int64_t>(a.kind)));
    setField(env, entry, "optional", fromBool(env, a.optional));
    setField(env, entry, "kwargOnly", fromBool(env, a.kwargOnly));
    setField(env, entry, "hasDefault", fromBool(env, a.fallback.has_value()));
    setField(env, entry, "length", fromInt(env, a.length));
    return entry;
  });
  napi_value result = newObject(e);
  setField(e, result, "name", fromString(e, op.name));
  setField(e, result, "schema", fromString(e, c10::toString(op.handle.schema())));
  setField(e, result, "inPlace", fromBool(e, isInPlace(op.handle.schema())));
  setField(e, result, "arguments", arguments);
  setField(e, result, "results", fromList(e, op.results, [](Env& env, Kind kind) {
             return fromInt(env, static_cast<int64_t>(kind));
           }));
  return result;
}

/** schemas(): every operator's schema as text. */
napi_value schemas(Call& call) {
  std::vector<std::string> texts;
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames())
    if (auto op = c10::Dispatcher::singleton().findSchema(name)) texts.push_back(c10::toString(op->schema()));
  return fromList(call.e, texts, fromString);
}

}  // namespace

std::vector<NativeFunction> dispatchFunctions() {
  return {
      {"call", callOperator},
      {"callInPlace", callInPlace},
      function<"resolve", resolve>(),
      function<"schemaOf", schemaOf>(),
      function<"schemas", schemas>(),
  };
}

}  // namespace rediff

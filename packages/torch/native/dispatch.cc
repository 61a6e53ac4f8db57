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
  napi_valuetype type;
  napi_typeof(e.env, value, &type);
  if (type == napi_number) {
    double number;
    napi_get_value_double(e.env, value, &number);
    // A whole number is an integer scalar, as a Python literal would be: `add(int64, 1)` stays int64, and float
    // tensors do not care. 2^53 is where doubles stop telling integers apart.
    if (number == std::floor(number) && std::abs(number) <= 9007199254740992.0 && !(number == 0 && std::signbit(number)))
      return c10::Scalar(static_cast<int64_t>(number));
    return c10::Scalar(number);
  }
  if (type == napi_boolean) return c10::Scalar(toBool(e, value, what));
  if (type == napi_bigint) return c10::Scalar(toInt(e, value, what));
  throw BadArgument(std::string(what) + " must be a number, bigint or boolean");
}

template <typename T, typename Read>
c10::List<T> toList(Env& e, napi_value value, int32_t length, Read read) {
  c10::List<T> list;
  bool isArray = false;
  napi_is_array(e.env, value, &isArray);
  if (!isArray) {
    if (length == 0) throw BadArgument("expected an array");
    T element = read(value);
    for (int32_t i = 0; i < length; i++) list.push_back(element);
    return list;
  }
  uint32_t size = 0;
  napi_get_array_length(e.env, value, &size);
  list.reserve(size);
  for (uint32_t i = 0; i < size; i++) {
    napi_value element;
    napi_get_element(e.env, value, i, &element);
    list.push_back(read(element));
  }
  return list;
}

c10::IValue toIValue(Env& e, const Argument& a, napi_value value) {
  const char* what = a.name.c_str();
  switch (a.kind) {
    case Kind::Tensor:
      return e.get(toInt(e, value, what));
    case Kind::TensorList: {
      c10::List<at::Tensor> list;
      for (auto& t : toTensorList(e, value, what)) list.push_back(std::move(t));
      return list;
    }
    case Kind::OptionalTensorList:
      return toList<std::optional<at::Tensor>>(e, value, 0, [&](napi_value v) -> std::optional<at::Tensor> {
        if (isMissing(e, v)) return std::nullopt;
        return e.get(toInt(e, v, what));
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
      return toList<int64_t>(e, value, a.length, [&](napi_value v) { return toInt(e, v, what); });
    case Kind::FloatList:
      return toList<double>(e, value, a.length, [&](napi_value v) { return toDouble(e, v, what); });
    case Kind::BoolList:
      return toList<bool>(e, value, a.length, [&](napi_value v) { return toBool(e, v, what); });
    case Kind::ScalarList: {
      c10::List<at::Scalar> list = toList<at::Scalar>(e, value, 0, [&](napi_value v) { return toScalar(e, v, what); });
      return c10::impl::toList(list);
    }
    case Kind::Device:
      return c10::Device(toString(e, value, what));
    case Kind::Generator: {
      int64_t slot = toInt(e, value, what);
      if (slot < 0 || slot >= static_cast<int64_t>(e.generators.size()) || !e.generators[slot].defined())
        throw BadArgument("the generator was freed");
      return e.generators[slot];
    }
    case Kind::Unsupported:
      break;
  }
  throw BadArgument("argument '" + a.name + "' has type " + a.type + ", which cannot be passed from JavaScript");
}

napi_value fromIValue(Env& e, const c10::IValue& value) {
  if (value.isTensor()) return fromInt(e, e.put(value.toTensor()));
  if (value.isTensorList()) return fromTensorList(e, value.toTensorVector());
  if (value.isInt()) return fromInt(e, value.toInt());
  if (value.isDouble()) return fromDouble(e, value.toDouble());
  if (value.isBool()) return fromBool(e, value.toBool());
  if (value.isString()) return fromString(e, value.toStringRef());
  if (value.isScalar()) {
    auto scalar = value.toScalar();
    return scalar.isFloatingPoint() ? fromDouble(e, scalar.toDouble()) : fromInt(e, scalar.toLong());
  }
  if (value.isIntList()) {
    auto list = value.toIntVector();
    napi_value array;
    napi_create_array_with_length(e.env, list.size(), &array);
    for (size_t i = 0; i < list.size(); i++) napi_set_element(e.env, array, i, fromInt(e, list[i]));
    return array;
  }
  if (value.isNone()) return undefined(e);
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
        text << separator << a.name << " " << describe(e.get(toInt(e, value, "tensor")));
      } else if (a.kind == Kind::TensorList) {
        text << separator << a.name << " (";
        const char* comma = "";
        for (const auto& t : toTensorList(e, value, "tensors")) {
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

/** Reads the arguments and calls the operator; its results are left on `e.stack`. */
void run(Call& call, const Operator& op) {
  Env& e = call.e;
  auto& stack = e.stack;
  stack.clear();
  if (call.count > op.arguments.size() + 1)
    throw BadArgument("takes at most " + std::to_string(op.arguments.size()) + " arguments");
  for (size_t i = 0; i < op.arguments.size(); i++) {
    const Argument& a = op.arguments[i];
    if (i + 1 < call.count && !isMissing(e, call[i + 1]))
      stack.push_back(toIValue(e, a, call[i + 1]));
    else if (a.fallback)
      stack.emplace_back(*a.fallback);
    else if (a.optional)
      stack.emplace_back();
    else
      throw BadArgument("argument '" + a.name + "' (" + a.type + ") is missing");
  }
  // The guard is thread-local state that cannot stay up between calls, so it goes up anew for each.
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  op.handle.callBoxed(stack);
}

/** `run`, with the operator's name and the shapes of its tensors in every error. */
template <typename Finish>
napi_value invoke(napi_env env, napi_callback_info info, Finish finish) {
  void* data = nullptr;
  size_t count = kMaxArguments;
  napi_value values[kMaxArguments];
  napi_get_cb_info(env, info, &count, values, nullptr, &data);
  Env& e = *static_cast<Env*>(data);
  Call call{e, count, {}};
  std::copy(values, values + std::min(count, kMaxArguments), call.values);

  int32_t id = -1;
  napi_get_value_int32(env, values[0], &id);
  if (id < 0 || id >= static_cast<int32_t>(e.operators.size())) {
    throwError(e, "unknown operator id");
    return nullptr;
  }
  const Operator& op = *e.operators[id];
  auto fail = [&](const char* what) {
    std::string shapes = shapesOf(call, op);
    throwError(e, op.name + ": " + what + (shapes.empty() ? "" : " (" + shapes + ")"));
    return nullptr;
  };
  try {
    run(call, op);
    napi_value result = finish(e, op);
    e.stack.clear();
    return result;
  } catch (const c10::Error& error) {
    return fail(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}

/** call(op, ...args): a slot number for a tensor, an array for several results or a list, a primitive otherwise. */
napi_value callOperator(napi_env env, napi_callback_info info) {
  return invoke(env, info, [](Env& e, const Operator&) -> napi_value {
    if (e.stack.size() == 1) return fromIValue(e, e.stack[0]);
    if (e.stack.empty()) return undefined(e);
    napi_value array;
    napi_create_array_with_length(e.env, e.stack.size(), &array);
    for (size_t i = 0; i < e.stack.size(); i++) napi_set_element(e.env, array, i, fromIValue(e, e.stack[i]));
    return array;
  });
}

/** callInPlace(op, ...args): for operators that return their own argument, which JavaScript holds already. */
napi_value callInPlace(napi_env env, napi_callback_info info) {
  return invoke(env, info, [](Env& e, const Operator&) { return undefined(e); });
}

/** resolve("aten::add", "Tensor"): the operator's id; the same name gives the same id. */
napi_value resolve(Call& call) {
  Env& e = call.e;
  std::string name = toString(e, call[0], "name");
  std::string overload = toString(e, call[1], "overload");
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
  e.operators.push_back(std::make_unique<Operator>(describeOperator(*found)));
  return fromInt(e, static_cast<int64_t>(e.operators.size()) - 1);
}

void setField(Env& e, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(e.env, object, name, value);
}

/** schemaOf(op): { name, schema, arguments: [{ name, type, kind, optional, kwargOnly, hasDefault }], results: [kind] } */
napi_value schemaOf(Call& call) {
  Env& e = call.e;
  int64_t id = toInt(e, call[0], "operator");
  if (id < 0 || id >= static_cast<int64_t>(e.operators.size())) throw BadArgument("unknown operator id");
  const Operator& op = *e.operators[id];
  napi_value result, arguments, results;
  napi_create_object(e.env, &result);
  setField(e, result, "name", fromString(e, op.name));
  setField(e, result, "schema", fromString(e, c10::toString(op.handle.schema())));
  setField(e, result, "inPlace", fromBool(e, [&] {
    const auto& schema = op.handle.schema();
    if (schema.returns().size() != 1 || schema.arguments().empty()) return false;
    const auto* returned = schema.returns()[0].alias_info();
    const auto* self = schema.arguments()[0].alias_info();
    return returned != nullptr && returned->isWrite() && self != nullptr && self->isWrite();
  }()));
  napi_create_array(e.env, &arguments);
  for (size_t i = 0; i < op.arguments.size(); i++) {
    const Argument& a = op.arguments[i];
    napi_value entry;
    napi_create_object(e.env, &entry);
    setField(e, entry, "name", fromString(e, a.name));
    setField(e, entry, "type", fromString(e, a.type));
    setField(e, entry, "kind", fromInt(e, static_cast<int64_t>(a.kind)));
    setField(e, entry, "optional", fromBool(e, a.optional));
    setField(e, entry, "kwargOnly", fromBool(e, a.kwargOnly));
    setField(e, entry, "hasDefault", fromBool(e, a.fallback.has_value()));
    setField(e, entry, "length", fromInt(e, a.length));
    napi_set_element(e.env, arguments, i, entry);
  }
  setField(e, result, "arguments", arguments);
  napi_create_array(e.env, &results);
  for (size_t i = 0; i < op.results.size(); i++)
    napi_set_element(e.env, results, i, fromInt(e, static_cast<int64_t>(op.results[i])));
  setField(e, result, "results", results);
  return result;
}

/** schemas(): every operator's schema as text. */
napi_value schemas(Call& call) {
  Env& e = call.e;
  napi_value array;
  napi_create_array(e.env, &array);
  uint32_t i = 0;
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) {
    auto op = c10::Dispatcher::singleton().findSchema(name);
    if (op) napi_set_element(e.env, array, i++, fromString(e, c10::toString(op->schema())));
  }
  return array;
}

}  // namespace

std::vector<NativeFunction> dispatchFunctions() {
  return {
      {"call", callOperator},
      {"callInPlace", callInPlace},
      {"resolve", entry<resolve>},
      {"schemaOf", entry<schemaOf>},
      {"schemas", entry<schemas>},
  };
}

}  // namespace rediff

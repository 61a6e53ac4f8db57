"""Writes ops.jsonl and random.jsonl: what Python's torch computes for the calls below, for src/*.test.ts to compare with.

Usage: python make-fixtures.py        (with torch installed; the first line of each file tells the version)

A value is JSON where JSON has it, else {"tensor": {...}}, {"dtype": name} or {"format": name}; "nan", "inf" and "-inf"
stand for the numbers that JSON lacks.
"""

import json
import math
import os

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
MEMORY_FORMATS = {torch.contiguous_format: "contiguous", torch.preserve_format: "preserve", torch.channels_last: "channels_last"}


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


def number(x):
    if isinstance(x, float):
        if math.isnan(x):
            return "nan"
        if math.isinf(x):
            return "inf" if x > 0 else "-inf"
    return x


def encode(value):
    if isinstance(value, torch.Tensor):
        wide = value.detach().to(torch.float64) if value.is_floating_point() else value.detach()
        data = [number(x) for x in wide.contiguous().flatten().tolist()]
        if value.dtype == torch.int64:
            data = [x if abs(x) <= 2**53 else str(x) for x in data]
        return {"tensor": {"dtype": name_of(value.dtype), "shape": list(value.shape), "data": data}}
    if isinstance(value, torch.dtype):
        return {"dtype": name_of(value)}
    if isinstance(value, torch.memory_format):
        return {"format": MEMORY_FORMATS[value]}
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    return number(value)


cases = []


def case(name, *args):
    """Calls `name` ("add.Tensor") with all arguments in the schema's order, None for the default."""
    base, _, overload = name.partition(".")
    op = getattr(getattr(torch.ops.aten, base), overload or "default")
    positional, keyword = [], {}
    for argument, value in zip(op._schema.arguments, args):
        if value is None:
            if argument.kwarg_only or argument.has_default_value():
                value = argument.default_value if argument.has_default_value() else None
                if argument.kwarg_only:
                    if value is not None:
                        keyword[argument.name] = value
                    continue
        if argument.kwarg_only:
            keyword[argument.name] = value
        else:
            positional.append(value)
    before = encode(args)
    result = op(*positional, **keyword)
    entry = {"op": f"aten::{name}", "args": before, "result": encode(result)}
    after = encode(args)
    if after != before:
        entry["after"] = after  # arguments that were changed in place
    cases.append(entry)


def t(*values, dtype=torch.float32):
    return torch.tensor(*values, dtype=dtype)


g = torch.Generator().manual_seed(20)


def n(*shape, dtype=torch.float32):
    """Normal numbers that survive float16."""
    return torch.randn(shape, generator=g).to(torch.float16).to(dtype)


def i(low, high, *shape, dtype=torch.int64):
    return torch.randint(low, high, shape, generator=g).to(dtype)


def make_op_cases():
    f16, bf16, f32, f64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
    # elementwise: dtypes, promotion, scalars of every kind
    for dtype in (f32, f64, f16, bf16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        a = n(2, 3).abs().mul(3).to(dtype)
        case("add.Tensor", a, a.flip(0), 2)
        case("mul.Tensor", a, a.flip(1))
    case("add.Tensor", n(2, 1), n(3))
    case("add.Tensor", i(0, 9, 3), n(3))
    case("add.Tensor", i(0, 9, 3), t([True, False, True], dtype=torch.bool))
    case("add.Tensor", n(3, dtype=bf16), n(3))
    case("add.Scalar", n(3), 1.5, 2)
    case("add.Scalar", i(0, 9, 3), 7)
    case("add.Scalar", i(0, 9, 3), 2.5)
    case("add.Scalar", t([1, 2], dtype=torch.int64), 2**53 - 1)
    case("mul.Scalar", t([True, False], dtype=torch.bool), True)
    case("mul.Scalar", n(3), float("inf"))
    case("add.Scalar", n(3), float("nan"))
    case("sub.Tensor", n(4), n(4), 0.5)
    case("div.Tensor", n(2, 2), t([[1.0, 0.0], [-0.0, 2.0]]))
    case("div.Tensor_mode", n(5).mul(10), t([3.0, -3.0, 2.0, -2.0, 1.5]), "floor")
    case("div.Tensor_mode", n(5).mul(10), t([3.0, -3.0, 2.0, -2.0, 1.5]), "trunc")
    case("div.Scalar", i(1, 9, 3), 2)
    case("remainder.Tensor", t([5, -5, 5, -5], dtype=torch.int64), t([3, 3, -3, -3], dtype=torch.int64))
    case("fmod.Tensor", t([5, -5, 5, -5], dtype=torch.int64), t([3, 3, -3, -3], dtype=torch.int64))
    case("floor_divide", t([7, -7], dtype=torch.int64), t([2, 2], dtype=torch.int64))
    case("pow.Tensor_Scalar", n(4).abs(), 0.5)
    case("pow.Tensor_Scalar", n(4), 2)
    case("pow.Scalar", 2, n(3))
    case("pow.Tensor_Tensor", n(3).abs(), n(3))
    case("maximum", n(4), n(4))
    case("minimum", t([1.0, float("nan")]), t([2.0, 2.0]))
    for unary in ("neg", "abs", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tanh",
                  "sigmoid", "silu", "relu", "erf", "floor", "ceil", "round", "sign", "square"):
        case(unary, n(6))
    case("exp", n(6, dtype=f64))
    case("silu", n(6, dtype=bf16))
    case("gelu", n(6))
    case("gelu", n(6), "tanh")
    case("softplus", n(4), 2, 1)
    case("clamp", n(6), -0.5, None)
    case("clamp", n(6), None, 0.25)
    case("clamp", i(-5, 5, 6), -2, 2)
    for predicate in ("isfinite", "isnan", "isinf"):
        case(predicate, t([1.0, float("nan"), float("inf"), float("-inf")]))
    case("logical_not", t([0.0, 2.0]))
    case("bitwise_and.Tensor", i(0, 255, 4), i(0, 255, 4))
    case("bitwise_or.Scalar", i(0, 255, 4, dtype=torch.uint8), 15)
    case("eq.Scalar", i(0, 3, 6), 1)
    case("lt.Tensor", n(5), n(5))
    case("ge.Scalar", n(5), 0)
    case("where.self", t([True, False, True], dtype=torch.bool), n(3), n(3))
    case("masked_fill.Scalar", n(2, 3), t([[True, False, True]], dtype=torch.bool), float("-inf"))
    case("lerp.Scalar", n(3), n(3), 0.25)
    case("addcmul", n(3), n(3), n(3), 0.5)
    case("nan_to_num", t([float("nan"), float("inf"), 1.0]), 7.0, None, None)
    # in place
    case("add_.Tensor", n(3), n(3), 2)
    case("mul_.Scalar", n(3), 3)
    case("masked_fill_.Scalar", n(3), t([True, False, True], dtype=torch.bool), 9)
    case("index_copy_", n(3, 2), 0, t([2, 0], dtype=torch.int64), n(2, 2))
    case("index_add_", n(3, 2), 0, t([1, 1], dtype=torch.int64), n(2, 2), 0.5)
    case("index_put_", n(3, 3), [t([0, 2], dtype=torch.int64), t([1, 1], dtype=torch.int64)], n(2), True)
    case("index_put_", n(3, 3), [None, t([0, 2], dtype=torch.int64)], n(3, 2), None)
    case("scatter_.src", n(2, 3), 1, t([[2, 0], [1, 1]], dtype=torch.int64), n(2, 2))
    case("copy_", n(2, 2), n(2, 2, dtype=f64))
    case("fill_.Scalar", n(2), 3.25)
    case("_foreach_add_.Scalar", [n(2), n(3)], 2)
    case("_foreach_mul_.List", [n(2), n(3)], [n(2), n(3)])
    case("_foreach_addcmul_.ScalarList", [n(2), n(3)], [n(2), n(3)], [n(2), n(3)], [0.5, 2])
    case("_foreach_norm.Scalar", [n(4), n(5)], 2)
    # reductions: optional lists of dimensions, dtypes, keepdim
    case("sum.dim_IntList", n(2, 3, 4), [0, -1], True)
    case("sum.dim_IntList", n(2, 3), None)
    case("sum.dim_IntList", i(0, 5, 2, 3, dtype=torch.int32), [1], False, torch.float64)
    case("mean.dim", n(3, 4, dtype=bf16), [1])
    case("prod.dim_int", n(2, 3), 1)
    case("amax", n(3, 4), [0, 1])
    case("argmax", n(3, 4), 1)
    case("argmax", n(3, 4), None)
    case("max.dim", n(3, 4), 1)
    case("min.dim", i(0, 9, 3, 4), 0, True)
    case("all.dims", i(0, 2, 2, 3).bool(), [1])
    case("any.dims", i(0, 2, 2, 3).bool(), None, True)
    case("var.correction", n(3, 5), [1])
    case("std.correction", n(3, 5), [1])
    case("var.correction", n(3, 5), None)
    case("linalg_vector_norm", n(3, 4), 3, [1])
    case("logsumexp", n(3, 4), [1])
    case("cumsum", n(2, 4), 1)
    case("cumsum", i(0, 5, 5), 0, torch.float32)
    case("count_nonzero.dim_IntList", i(0, 2, 3, 4), [0])
    # shapes and indices
    case("view", n(2, 6), [3, -1])
    case("view.dtype", n(4, dtype=bf16), torch.int16)
    case("reshape", n(2, 6).t(), [4, 3])
    case("permute", n(2, 3, 4), [2, 0, 1])
    case("transpose.int", n(2, 3), 0, 1)
    case("expand", n(1, 3), [2, -1])
    case("repeat", n(1, 2), [2, 3])
    case("repeat_interleave.self_int", n(3), 2, 0)
    case("squeeze", n(1, 3, 1))
    case("squeeze.dim", n(1, 3, 1), 0)
    case("unsqueeze", n(3), -1)
    case("narrow", n(4, 3), 0, 1, 2)
    case("select.int", n(4, 3), 1, -1)
    case("slice.Tensor", n(6, 2), 0, 1, 5, 2)
    case("slice.Tensor", n(6, 2), 0, None, -1)
    case("split.Tensor", n(5, 2), 2)
    case("split_with_sizes", n(5, 2), [1, 4])
    case("chunk", n(5), 2)
    case("unbind.int", n(2, 3), 0)
    case("cat", [n(2, 3), n(1, 3)], 0)
    case("stack", [n(2), n(2)], -1)
    case("index_select", n(4, 3), 0, i(0, 4, 2))
    case("index.Tensor", n(4, 3), [i(0, 4, 2), i(0, 3, 2)])
    case("index.Tensor", n(4, 3), [None, i(0, 3, 2)])
    case("gather", n(3, 4), 1, i(0, 4, 3, 2))
    case("masked_select", n(5), t([True, False, True, False, True], dtype=torch.bool))
    case("flip", n(2, 3), [0, 1])
    case("roll", n(5), [2], [0])
    case("clone", n(1, 2, 2, 2), torch.channels_last)
    case("_to_copy", n(3), torch.float16, None, torch.device("cpu"))
    case("as_strided", n(6), [2, 2], [2, 1], 1)
    case("constant_pad_nd", n(2, 2), [1, 0, 0, 2], 5)
    case("triu", n(3, 3), 1)
    case("nonzero", i(0, 2, 3, 3))
    case("unique_dim", t([3, 1, 3, 2], dtype=torch.int64), 0, True, True, True)
    case("bincount", t([0, 2, 2, 5], dtype=torch.int64))
    case("arange.start_step", 1, 4, 0.5, torch.float32)
    case("full", [2, 2], 7, torch.int32)
    case("eye", 3)
    case("linspace", 0, 1, 5)
    case("zeros_like", n(2), torch.float64)
    # products
    case("mm", n(3, 4), n(4, 2))
    case("mm", n(3, 4, dtype=bf16), n(4, 2, dtype=bf16))
    case("bmm", n(2, 3, 4), n(2, 4, 2))
    case("addmm", n(2), n(3, 4), n(4, 2), 0.5, 2)
    case("matmul", n(2, 3, 4), n(4))
    case("linear", n(2, 4), n(3, 4), n(3))
    case("linear", n(2, 4), n(3, 4))
    case("einsum", "bij,bjk->bik", [n(2, 3, 4), n(2, 4, 2)])
    case("outer", n(3), n(2))
    # networks
    case("embedding", n(5, 3), i(0, 5, 2, 2))
    case("layer_norm", n(2, 4), [4], n(4), n(4), 1e-6)
    case("rms_norm", n(2, 4), [4], n(4), 1e-5)
    case("group_norm", n(1, 4, 3), 2, n(4), n(4))
    case("conv2d", n(1, 2, 5, 5), n(3, 2, 3, 3), n(3), [2], [1])
    case("conv2d.padding", n(1, 2, 5, 5), n(3, 2, 3, 3), None, [1, 1], "same")
    case("conv1d", n(1, 2, 6), n(3, 2, 3), None)
    case("convolution_backward", n(1, 2, 2, 2), n(1, 1, 4, 4), n(2, 1, 3, 3), [2], [1, 1], [0, 0], [1, 1], False, [0, 0], 1,
         [False, True, True])
    case("avg_pool2d", n(1, 1, 4, 4), [2])
    case("max_pool2d_with_indices", n(1, 1, 4, 4), [2, 2])
    case("adaptive_avg_pool2d", n(1, 1, 5, 4), [2, 2])
    case("upsample_bilinear2d", n(1, 1, 2, 3), [4, 5], False)
    case("upsample_bilinear2d.vec", n(1, 1, 2, 3), None, True, [2.0, 1.5])
    case("upsample_bicubic2d", n(1, 1, 3, 3), [5, 4], False, 1.5, None)
    case("upsample_nearest2d", n(1, 1, 2, 2), [3, 3])
    case("softmax.int", n(2, 4), 1)
    case("softmax.int", n(2, 4, dtype=f16), 1, torch.float32)
    case("log_softmax.int", n(2, 4), -1)
    case("scaled_dot_product_attention", n(1, 2, 4, 8), n(1, 2, 4, 8), n(1, 2, 4, 8))
    case("scaled_dot_product_attention", n(1, 1, 3, 4), n(1, 1, 3, 4), n(1, 1, 3, 4),
         t([[True, False, True]] * 3, dtype=torch.bool), 0.0, False, 0.25)
    case("cross_entropy_loss", n(3, 5), t([1, 4, -100], dtype=torch.int64), None, 1, -100, 0.1)
    case("mse_loss", n(3), n(3), 0)
    case("binary_cross_entropy_with_logits", n(3), t([1.0, 0.0, 1.0]))
    case("one_hot", t([0, 2], dtype=torch.int64), 4)
    case("glu", n(2, 4))
    # sorting
    case("topk", n(3, 6), 2)
    case("topk", n(6), 3, 0, False, True)
    case("sort", n(2, 5), 1, True)
    case("sort.stable", t([2, 1, 2, 1], dtype=torch.int64), True, 0)
    case("argsort", n(5))
    case("kthvalue", n(5), 2)
    case("searchsorted.Tensor", t([1.0, 3.0, 5.0]), n(4).mul(4))
    case("histc", n(20), 4, -2, 2)
    # linear algebra
    spd = n(3, 3, dtype=f64)
    spd = spd @ spd.T + torch.eye(3, dtype=f64)
    case("linalg_inv", spd)
    case("linalg_det", spd)
    case("linalg_cholesky", spd)
    case("linalg_solve", spd, n(3, dtype=f64))
    case("linalg_svd", n(3, 2, dtype=f64), False)
    # results that are no tensors
    case("equal", n(2), n(2))
    case("allclose", t([1.0]), t([1.0 + 1e-9]))
    case("_local_scalar_dense", t([2.5]))
    case("_local_scalar_dense", t([3], dtype=torch.int64))
    case("_local_scalar_dense", t([True], dtype=torch.bool))
    case("is_nonzero", t([0.0]))
    case("sym_size.int", n(2, 3), 1)


def draw(shape, dtype, seed, name, *args):
    """`out = empty(shape); out.name(*args, generator=Generator(seed))`, and the 64 bits that come after."""
    generator = torch.Generator().manual_seed(seed)
    out = torch.empty(shape, dtype=dtype)
    getattr(out, name)(*args, generator=generator)
    return {"draw": name, "shape": shape, "dtype": name_of(dtype), "seed": str(seed), "args": list(args), "result": encode(out),
            "next": encode(torch.rand(2, generator=generator))}


def make_random_cases():
    results = []
    f16, bf16, f32, f64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
    for dtype in (f32, f64, f16, bf16):
        # From 16 elements on, normal numbers of CPUs come in another order.
        for shape in ([5], [4, 9]):
            results.append(draw(shape, dtype, 7, "normal_", 1.5, 2.0))
            results.append(draw(shape, dtype, 7, "uniform_", -1.0, 3.0))
        results.append(draw([6], dtype, 3, "exponential_", 0.5))
    results.append(draw([8], torch.bool, 3, "bernoulli_", 0.3))
    results.append(draw([8], f32, 3, "bernoulli_", 0.3))
    for seed in (0, 42, 2**32 + 5, 2**63 + 1, -1):
        results.append(draw([3], f32, seed, "uniform_", 0.0, 1.0))

    def function(name, seed, *args, **kwargs):
        generator = torch.Generator().manual_seed(seed)
        out = getattr(torch, name)(*args, generator=generator, **kwargs)
        entry = {"function": name, "seed": str(seed), "args": encode(args), "result": encode(out)}
        if "dtype" in kwargs:
            entry["dtype"] = name_of(kwargs["dtype"])
        results.append(entry)

    for dtype in (f32, f64, bf16, f16):
        function("rand", 1, [3, 2], dtype=dtype)
        function("randn", 1, [3, 7], dtype=dtype)
    for dtype in (torch.int64, torch.int32, torch.uint8, f32):
        function("randint", 2, 3, 100, [9], dtype=dtype)
    function("randint", 2, -(2**40), 2**40, [4], dtype=torch.int64)
    function("randperm", 3, 12)
    function("randperm", 3, 1)
    weights = torch.tensor([[0.1, 0.0, 0.5, 0.4], [1.0, 1.0, 1.0, 1.0]])
    function("multinomial", 4, weights, 2, False)
    function("multinomial", 4, weights, 6, True)
    function("bernoulli", 4, weights)
    return results


def write(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        for entry in [{"torch": torch.__version__.split("+")[0]}, *value]:
            file.write(json.dumps(entry, separators=(",", ":")) + "\n")
    print(name, len(value))


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_op_cases()
    write("ops.jsonl", cases)
    write("random.jsonl", make_random_cases())

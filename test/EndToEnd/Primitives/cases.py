"""What is checked of the language, one line a case: an expression, its inputs, the same in PyTorch.

A case is `case(name, text, inputs, reference)`. `text` is an expression of the language over the inputs, `reference` one of
Python over tensors of PyTorch, where text itself does not do (the names of the language are known there, but for '^' and
subscripts of another meaning). figures.json holds what the references give; generate.py makes it.
"""

import math

REAL, WHOLE = "real", "whole"


def real(shape, low=-2.0, high=2.0):
    """Numbers of three decimals, spread over [low, high] without order."""
    count = 1
    for size in shape:
        count *= size
    numbers = [round(low + (high - low) * ((i + 1) * 0.6180339887 % 1), 3) for i in range(count)]
    return REAL, shape, numbers


def reals(shape, *numbers):
    return REAL, shape, [float(n) for n in numbers]


def whole(shape, *numbers):
    return WHOLE, shape, list(numbers)


class Case:
    def __init__(self, name, text, inputs, reference, covers="", slopes=True, differences=True, f32=True, batches=False, shared="",
                 bends=True, rows=True):
        self.name, self.text, self.inputs = name, text, inputs
        self.reference = reference or text
        self.covers = covers.split()  # what text uses without its name
        self.slopes = slopes  # has derivatives
        self.differences = slopes and differences  # which central differences can confirm
        self.bends = slopes and bends  # has second derivatives that PyTorch knows
        self.rows = rows  # is run with inputs that vary over the batch
        self.f32 = f32  # is in the range of f32
        self.batches = batches  # is run on several sizes of the batch
        self.shared = shared.split()  # inputs that must not vary over the batch
        self.mixed = False  # is run with a first input that varies over the batch and others that do not
        self.reals = [name for name, (kind, _, _) in inputs.items() if kind == REAL]


def weight(k):
    """Numbers that stand for the derivative of what comes after a case."""
    return round(math.cos(1.3 * k + 0.4), 3)


def direction(case, name):
    """Where an input goes from one row of the batch to the next; not at all where a tie or a limit is the point."""
    kind, _, numbers = case.inputs[name]
    moves = kind == REAL and (case.differences or case.batches)
    return [weight(k + 7) if moves else 0.0 for k in range(len(numbers))]


def row_shift(r):
    return round(0.04 * math.sin(1.7 * r + 0.3), 4)


def row_weight(r):
    return round(math.cos(0.9 * r), 3)


ROWS = 33  # whole vectors and a tail on every target
BATCHES = (1, 7, 16, 17, 150)  # the last is evaluated in several chunks
WIDE_SHIFT = 25  # of the family 'batch', whose rows should differ more


def fold(numbers):
    """A long list as a few sums, to keep the figures small."""
    if len(numbers) <= 48:
        return numbers
    if any(n is None for n in numbers):
        return [None]
    return [sum(weight(k) * numbers[k] for k in range(start, len(numbers), 16)) for start in range(16)]


FAMILIES = {}


def family(name):
    cases = FAMILIES.setdefault(name, [])

    def case(name, text, inputs, reference=None, **options):
        new = Case(name, text, inputs, reference, **options)
        telling = new.batches or name.startswith(("broadcast", "product", "slope", "two", "outer"))
        new.mixed = telling and len(new.reals) > 1 and new.rows and not new.shared
        cases.append(new)

    return case


# ---------------------------------------------------------------------------------------------- one operand
case = family("unary")
for name in "neg exp expm1 sin cos tanh sigmoid erf abs sign floor ceil round copy".split():
    case(name, f"{name}(x)", {"x": real([2, 3])}, batches=name == "tanh")
for name in "log sqrt rsqrt".split():
    case(name, f"{name}(x)", {"x": real([2, 3], 0.2, 3)})
case("log1p", "log1p(x)", {"x": real([2, 3], -0.7, 3)})
case("minus", "-x", {"x": real([5])})
case("stop_gradient", "x * stop_gradient(x)", {"x": real([5])}, differences=False)
case("cast", 'cast(x, "i32") + 0.5', {"x": reals([6], -2.7, -1.2, -0.4, 0.4, 1.6, 2.9)}, "torch.trunc(x) + 0.5", slopes=False)
case("cast_u8", 'cast(x, "u8") * x', {"x": reals([4], 0.4, 1.6, 7.9, 254.5)}, "torch.trunc(x) * x", slopes=False)
case("cast_bool", 'cast(x, "bool")', {"x": reals([4], 0, 0.5, -3, 0)}, "(x != 0).double()", slopes=False)
case("cast_f64", 'cast(x, "f64")', {"x": real([4])}, "x")
case("cast_same", 'cast(x * x, "f32")', {"x": real([4])}, "x * x")
case("ties_to_even", "round(x)", {"x": reals([7], -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5)}, differences=False)
case("sign_of_zero", "sign(x)", {"x": reals([3], -2, 0, 5)}, differences=False)
case("abs_at_zero", "abs(x)", {"x": reals([3], -2, 0, 5)}, differences=False)
case("exp_range", "exp(x)", {"x": reals([4], -700, -30, 30, 700)}, differences=False, f32=False)
case("sigmoid_range", "sigmoid(x)", {"x": reals([4], -800, -40, 40, 800)}, differences=False, f32=False)
case("tanh_range", "tanh(x)", {"x": reals([6], -400, -20, -1e-9, 1e-9, 20, 400)}, differences=False)
case("erf_range", "erf(x)", {"x": reals([6], -30, -4, -1e-9, 1e-9, 4, 30)}, differences=False)
case("log_range", "log(x)", {"x": reals([4], 1e-300, 1e-9, 1e9, 1e300)}, differences=False, f32=False)
case("log1p_small", "log1p(x) + expm1(x)", {"x": reals([4], -1e-12, 1e-18, 1e-9, 1e-3)}, differences=False)
case("sin_range", "sin(x) + cos(x)", {"x": reals([4], -1000, -50, 50, 1000)}, differences=False)
case("third", "grad(fn(t) { grad(fn(u) { sin(u) * u^3 })(t) })(scalar(x))", {"x": reals([1], 0.7)},
     "((6*x - x**3) * torch.sin(x) + 6*x**2 * torch.cos(x)).reshape([])")

# ---------------------------------------------------------------------------------------------- two operands
case = family("binary")
A, B, POSITIVE = real([2, 3]), reals([2, 3], 1.5, -0.7, 2.2, 0.4, -1.1, 0.9), real([2, 3], 0.3, 2.5)
for name, sign in {"add": "+", "sub": "-", "mul": "*", "div": "/"}.items():
    case(name, f"{name}(x, y)", {"x": A, "y": B}, f"x {sign} y")
    case(f"operator_{name}", f"x {sign} y", {"x": A, "y": B}, batches=False)
case("max", "max(x, y)", {"x": A, "y": B}, "torch.maximum(x, y)")
case("min", "min(x, y)", {"x": A, "y": B}, "torch.minimum(x, y)")
# Of equal operands the second has the derivative.
TIED = {"x": reals([4], 1, -1, 0, 2), "y": reals([4], 1, 0, 0, 1)}
case("max_ties", "max(x, y)", TIED, "torch.where(x > y, x, y)", differences=False)
case("min_ties", "min(x, y)", TIED, "torch.where(x < y, x, y)", differences=False)
case("max_number", "max(x, 0) + min(0.5, x)", {"x": A}, "torch.relu(x) + torch.clamp(x, max=0.5)")
case("pow", "pow(x, y)", {"x": POSITIVE, "y": B})
case("power", "x ^ y", {"x": POSITIVE, "y": B}, "x ** y")
for exponent in ("0.5", "1", "2", "3", "4", "-1", "5", "2.5", "0", "-2"):
    case(f"power_{exponent}".replace("-", "minus_").replace(".", "_"), f"x ^ ({exponent})", {"x": POSITIVE}, f"x ** {exponent}")
case("power_negative_base", "x ^ 5 + x ^ 3 + x ^ 2", {"x": reals([3], -2, -0.3, 0.8)}, "x ** 5 + x ** 3 + x ** 2")
case("power_of_zero", "x ^ 0 + x ^ 1 + x ^ 2 + x ^ 3 + x ^ 4 + x ^ 5 + x ^ 6 + x ^ 7", {"x": reals([3], 0, 0.5, -1)},
     "x ** 0 + x ** 1 + x ** 2 + x ** 3 + x ** 4 + x ** 5 + x ** 6 + x ** 7")
case("power_tensor_zero", "pow(x, y)", {"x": reals([4], 0, 0, 2, 3), "y": reals([4], 0, 2, 1, 3)}, differences=False, bends=False)
case("number_power", "2 ^ x", {"x": A}, "2 ** x")
case("constants", "x * pi + e", {"x": A}, "x * torch.pi + torch.e")
case("mod", "mod(x, y)", {"x": real([2, 3], -7, 7), "y": B}, "torch.fmod(x, y)")
case("mod_number", "mod(x, 2) + mod(5, x)", {"x": reals([3], 3.3, -2.7, 0.6)}, "torch.fmod(x, 2) + torch.fmod(torch.tensor(5.), x)")
case("mod_whole", "mod(i, 3) + max(i, 1) + abs(i) - min(i, 0) + neg(i)", {"i": whole([5], -7, -1, 0, 4, 8)},
     "torch.fmod(i, 3) + torch.clamp(i, min=1) + abs(i) - torch.clamp(i, max=0) - i", slopes=False)
case("whole_arithmetic", "i * 3 - i + 2", {"i": whole([5], -7, -1, 0, 4, 8)}, slopes=False)
case("whole_division", "i / 2 + sqrt(abs(i))", {"i": whole([5], -7, -1, 0, 4, 8)}, "i / 2 + torch.sqrt(abs(i).double())", slopes=False)
for name, sign in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    case(name, f"cast({name}(x, y), \"f32\")", TIED, f"(x {sign} y).double()", slopes=False)
    case(f"operator_{name}", f"where(x {sign} y, x * x, y * 3)", {"x": A, "y": reals([2, 3], 1, -1, 0, 1, -1, 0)},
         f"torch.where(x {sign} y, x * x, y * 3)")
    case(f"{name}_whole", f"where(i {sign} 2, 1, 0)", {"i": whole([3], 1, 2, 3)}, f"(i {sign} 2).double()", slopes=False)
case("where", "where(x > 0, x, y)", {"x": A, "y": B}, "torch.where(x > 0, x, y)", batches=True)
case("select", "select(x > 0, x * y, y)", {"x": A, "y": B}, "torch.where(x > 0, x * y, y)")
case("where_number", "where(x > 0, x, 0) + where(x > 0, 1, -x)", {"x": A}, "torch.where(x > 0, x, 0) + torch.where(x > 0, 1, -x)")
case("where_known", "where(true, x, 2 * x) + where(false, x, 3 * x)", {"x": A}, "x + 3 * x")
case("where_one_side", "where(x > 0, log(max(x, 0.1)), x) * y", {"x": A, "y": real([3])},
     "torch.where(x > 0, torch.log(torch.clamp(x, min=0.1)), x) * y")
case("logic", "where(x > 0 and not (y > 0) or x < -1, x, y)", {"x": A, "y": B}, "torch.where((x > 0) & ~(y > 0) | (x < -1), x, y)",
     covers="and or not")
SHAPES = [([2, 3], [3]), ([3], [2, 3]), ([2, 3], [2, 1]), ([3], [2, 1]), ([2, 3], []), ([], [2, 3]), ([2, 1, 3], [2, 1]), ([1, 3], [2, 1, 1]),
          ([1], [3]), ([1, 1], [2, 3]), ([2, 1, 1], [1, 2, 3]), ([], [])]
for n, (left, right) in enumerate(SHAPES):
    case(f"broadcast_{n}", "x * y + x / (y * y)", {"x": real(left), "y": real(right, 0.5, 2)}, batches=n in (2, 4))
case("three_operands", "x * y - y * z + sin(x * z)", {"x": real([2, 3]), "y": real([3], 0.5, 2), "z": real([2, 1])})
case("reused", "x * x * x + exp(x) * x / (1 + x * x)", {"x": A})

# ---------------------------------------------------------------------------------------------- reductions
case = family("reduce")
CUBE = real([2, 3, 4])
PYTHON = {"sum": "torch.sum(x, {})", "mean": "torch.mean(x, {})", "max": "torch.amax(x, {})", "min": "torch.amin(x, {})"}
for name, python in PYTHON.items():
    for over in ("0", "1", "2", "-1", "(0, 2)", "(1, 2)", "(0, 1)", "..."):
        dims = "(0, 1, 2)" if over == "..." else over
        case(f"{name}_over_{dims}", f"{name}(x * x * x, over = {over})", {"x": CUBE}, python.replace("x,", "x ** 3,").format(dims),
             batches=over == "1")
    case(f"{name}_all", f"{name}(x)", {"x": CUBE}, python.format("(0, 1, 2)"))
    case(f"{name}_keep", f"x * {name}(x, over = 1, keep = true)", {"x": real([2, 3])}, "x * " + python.format("1, keepdim=True"))
    case(f"{name}_long", f"{name}(x * x, over = 1)", {"x": real([2, 301])}, python.replace("x,", "x * x,").format(1), differences=False)
    case(f"{name}_tall", f"{name}(x * x, over = 0)", {"x": real([37, 11])}, python.replace("x,", "x * x,").format(0), differences=False)
    case(f"{name}_one", f"{name}(x, over = 0)", {"x": real([1, 3])}, python.format(0))
# Ties share the derivative.
EQUAL = {"x": reals([2, 4], 3, 1, 3, 3, -1, -1, 0, -2)}
for name in ("max", "min"):
    case(f"{name}_shared", f"{name}(x, over = 1)", EQUAL, PYTHON[name].format(1), differences=False)
    case(f"{name}_constant", f"{name}(x)", {"x": reals([5], 2, 2, 2, 2, 2)}, PYTHON[name].format(0), differences=False)
    case(f"{name}_whole", f"{name}(i, over = 1) + {name}(i)", {"i": whole([2, 3], 4, -9, 2, -7, -3, -5)}, f"i.a{name}(1) + i.a{name}()",
         slopes=False)
    case(f"{name}_u8", f'{name}(cast(x, "u8"))', {"x": reals([3], 7, 200, 9)}, f"x.a{name}()", slopes=False)
case("sum_bool", "sum(x > 0, over = 0) + mean(x > 0)", {"x": CUBE}, "(x > 0).double().sum(0) + (x > 0).double().mean()", slopes=False)
case("sum_whole", "sum(i, over = 1) + mean(i)", {"i": whole([2, 3], 4, -9, 2, -7, -3, -5)}, "i.sum(1) + i.double().mean()", slopes=False)
case("max_of_row", "max(x, over = 1) + min(x * x, over = 1)", {"x": real([1, 5])}, "x.amax(1) + (x * x).amin(1)")
case("max_of_max", "min(max(x, over = 0, keep = true), over = 1, keep = true)", {"x": real([3, 4])},
     "x.amax(0, keepdim=True).amin(1, keepdim=True)")
for length in (1, 5):  # tails of a single number: what lies behind it must not count
    case(f"quotients_{length}", "sum(x / y, over = 1)", {"x": real([3, length]), "y": real([3, length], 0.5, 2)}, "(x / y).sum(1)")
case("variance", "mean((x - mean(x, over = 1, keep = true))^2, over = 1)", {"x": real([2, 5])}, "x.var(1, correction=0)")
case("norm", "sqrt(sum(x * x))", {"x": CUBE}, "torch.linalg.vector_norm(x)")
case("sum_of_sums", "sum(sum(x * y, over = 1) * sum(y, over = 1))", {"x": real([2, 3]), "y": real([2, 3])}, "((x * y).sum(1) * y.sum(1)).sum()")
case("sum_repeated", "sum(x * full(2, 2, 3) + expand(y), over = 1)", {"x": real([3]), "y": real([2])},
     "(x * 2 + y.reshape(2, 1)).sum(1)")
case("reduce_scalar", "sum(x) + mean(x) + max(x) + min(x)", {"x": real([])}, "4 * x")

# ---------------------------------------------------------------------------------------------- products
case = family("matmul")
PRODUCTS = [([2, 3], [3, 4]), ([3], [3, 4]), ([2, 3], [3]), ([3], [3]), ([2, 2, 3], [3, 2]), ([2, 2, 3], [2, 3, 2]), ([2, 3], [2, 3, 2]),
            ([1, 2, 2, 2], [1, 2, 2, 3]), ([2, 2, 2], [1, 2, 2, 3]), ([1, 3], [3, 1]), ([2, 1], [1, 2]), ([1], [1, 3]), ([2, 2, 3], [3])]
for n, (left, right) in enumerate(PRODUCTS):
    case(f"product_{n}", "x @ y", {"x": real(left), "y": real(right)}, batches=n in (0, 5))
case("matmul", "matmul(x, y) @ z", {"x": real([2, 3]), "y": real([3, 2]), "z": real([2, 2])}, "x @ y @ z")
case("transposed_right", "x @ transpose(y)", {"x": real([2, 3]), "y": real([4, 3])}, "x @ y.T")
case("transposed_left", "transpose(x) @ y", {"x": real([3, 2]), "y": real([3, 4])}, "x.T @ y")
case("quadratic", "x @ transpose(x)", {"x": real([2, 3])}, "x @ x.T")
case("heads", "transpose(x, 1, 0, 2) @ transpose(y, 1, 2, 0)", {"x": real([2, 2, 3]), "y": real([2, 2, 3])},
     "x.permute(1, 0, 2) @ y.permute(1, 2, 0)")
case("attention", "softmax(x @ transpose(y) * 0.5) @ z", {"x": real([3, 2]), "y": real([3, 2]), "z": real([3, 2])},
     "torch.softmax(x @ y.T * 0.5, -1) @ z", batches=True)
case("tails", "x @ y", {"x": real([17, 33]), "y": real([33, 19])}, differences=False)
case("tails_column", "x @ y", {"x": real([13, 21]), "y": real([21, 1])}, differences=False)
case("activated", "tanh(x @ y + z) * 2", {"x": real([2, 3]), "y": real([3, 5]), "z": real([5])})
case("whole_matmul", "i @ y", {"i": whole([2, 2], 1, 2, 3, 4), "y": real([2, 3])}, "i.double() @ y")

# ---------------------------------------------------------------------------------------------- shapes and tables
case = family("shapes")
case("reshape", "reshape(x * x, 3, 2) * y", {"x": real([2, 3]), "y": real([2])}, "(x * x).reshape(3, 2) * y")
case("reshape_open", "reshape(x, -1, 2)", {"x": real([2, 4])}, "x.reshape(-1, 2)")
case("reshape_tuple", "reshape(x, (2, 2, 2))", {"x": real([8])}, "x.reshape(2, 2, 2)")
case("flatten", "flatten(sin(x)) * y", {"x": real([2, 3]), "y": real([6])}, "torch.sin(x).reshape(6) * y")
case("scalar", "scalar(x) * y", {"x": real([1, 1]), "y": real([3])}, "x.reshape([]) * y")
case("expand", "expand(x) * expand(y, axis = 0) + expand(x, 1)", {"x": real([3]), "y": real([2])}, "x[:, None] * y[None, :] + x[:, None]")
case("transpose", "transpose(x) * y", {"x": real([2, 3]), "y": real([3, 2])}, "x.T * y")
case("transpose_cube", "transpose(exp(x), 2, 0, 1) * y", {"x": CUBE, "y": real([3])}, "torch.exp(x).permute(2, 0, 1) * y", batches=True)
case("transpose_reverse", "transpose(x)", {"x": CUBE}, "x.permute(2, 1, 0)")
case("transpose_tuple", "transpose(x, (1, 0, 2)) * 2", {"x": CUBE}, "x.permute(1, 0, 2) * 2")
for n, subscript in enumerate(("1", "-1", ":, 1", "0:1", "::2", "1::2", ":, ::3", "..., 0", ":, 1:", "0, ...", ":, :, 1:4:2", ":-1", ":, -2:",
                               "1, 2, 3", "0, :, 1", "..., 1:3")):
    case(f"slice_{n}", f"x[{subscript}] * x[{subscript}]", {"x": real([3, 3, 4]) if n in (4, 5) else CUBE}, f"x[{subscript}] ** 2",
         batches=n == 10, differences=n not in (4, 5))
case("split_parts", "split_parts(x, 3)[1] * split_parts(x, 3)[2] + split_parts(y, 2, axis = 0)[0]", {"x": real([2, 6]), "y": real([4, 2])},
     "x[:, 2:4] * x[:, 4:6] + y[:2]")
case("pad", "pad(x, 1, 2) * y", {"x": real([2, 3]), "y": real([6])}, "F.pad(x, (1, 2)) * y", batches=True)
case("pad_axis", "pad(x * x, 2, 0, axis = 0) + pad(y, 0, 1, -2)", {"x": real([2, 3]), "y": real([3, 3])},
     "F.pad(x * x, (0, 0, 2, 0)) + F.pad(y, (0, 0, 0, 1))")
case("concat", "concat(x, y * y) * z", {"x": real([2, 3]), "y": real([2, 2]), "z": real([5])}, "torch.cat([x, y * y], -1) * z", batches=True)
case("concat_axis", "concat(x, y, x, axis = 0)", {"x": real([1, 3]), "y": real([2, 3])}, "torch.cat([x, y, x], 0)")
case("concat_many", "concat(x, [1, 2], x, y)", {"x": real([3]), "y": real([9])}, "torch.cat([x, torch.tensor([1., 2.]), x, y])")
case("full", "full(x, 2, 3) * y", {"x": real([]), "y": real([3])}, "x.expand(2, 3) * y")
case("zeros_ones", "zeros(2, 3) + x * ones(3)", {"x": real([2, 1])}, "x * torch.ones(3)")
case("iota", "x * iota(5) + iota(5)", {"x": real([5])}, "x * torch.arange(5.) + torch.arange(5.)")
case("linspace", "x * linspace(-1, 2, 7)", {"x": real([7])}, "x * torch.linspace(-1, 2, 7, dtype=torch.float64)")
case("shape", "x * shape(x)[0] + size(x) + shape(x)[-1]", {"x": real([2, 3])}, "x * 2 + 6 + 3")
case("take", "take(x, i) * y", {"x": real([4, 2]), "i": whole([5], 3, 1, 1, 0, 1), "y": real([2])}, "x[i] * y", shared="x")
case("take_twice", "take(x * x, i)", {"x": real([3, 2]), "i": whole([2, 2], 0, 2, 2, 0)}, "(x * x)[i]", shared="x")
case("take_numbers", "take(x, i)", {"x": real([6]), "i": whole([4], 5, 5, 5, 2)}, "x[i]", shared="x")
case("take_outside", "take(x, i)", {"x": real([4, 2]), "i": whole([4], -3, 4, 99, 2)}, "x[i.clamp(0, 3)]", shared="x")
case("take_wide", "take(x, i)", {"x": real([3, 37]), "i": whole([4], 2, 0, 2, 2)}, "x[i]", differences=False, shared="x")
case("take_plane", "sum(take(x, i), over = 0)", {"x": real([2, 2, 3]), "i": whole([3], 1, 0, 1)}, "x[i].sum(0)", shared="x")
case("views", "transpose(reshape(x[:, 1:3], 2, 6))[::2] * 3", {"x": real([2, 3, 3])}, "x[:, 1:3].reshape(2, 6).T[::2] * 3")
case("view_of_view", "pad(transpose(concat(x, y, axis = 0))[1:], 1, 1, axis = 0)", {"x": real([2, 3]), "y": real([1, 3])},
     "F.pad(torch.cat([x, y], 0).T[1:], (0, 0, 1, 1))")

# ---------------------------------------------------------------------------------------------- derivatives of derivatives
case = family("nested")
case("square_slope", "sum(grad(fn(u) { sum(u^3 * y) })(x) * x)", {"x": real([3]), "y": real([3])}, "(3 * x ** 3 * y).sum()")
case("penalty", "sum(grad(fn(u) { sum(tanh(u @ y)) })(x)^2)", {"x": real([2, 3]), "y": real([3, 2])},
     "(((1 - torch.tanh(x @ y) ** 2) @ y.T) ** 2).sum()", batches=True)
case("outer_name", "x * grad(fn(u) { x + u * x })(y)", {"x": real([]), "y": real([])}, "x * x + 0 * y")
case("two_slopes", "grad(fn(u, v) { u^2 * v^3 })(x, y)[0] + grad(fn(u, v) { u^2 * v^3 })(x, y)[1]",
     {"x": real([], 0.5, 1), "y": real([], 0.5, 1)}, "2 * x * y ** 3 + 3 * x ** 2 * y ** 2")
case("slope_of_take", "grad(fn(u) { sum(take(u * u, i) * y) })(x)", {"x": real([3]), "i": whole([4], 0, 2, 2, 1), "y": real([4])},
     "torch.stack([2 * x[0] * y[0], 2 * x[1] * y[3], 2 * x[2] * (y[1] + y[2])])", rows=False)
case("slope_of_max", "grad(fn(u) { max(u * u * y) })(x)", {"x": reals([3], 1, 2, 3), "y": reals([3], 1, 2, 0.5)},
     "torch.stack([0 * x[0], 2 * x[1] * y[1], 0 * x[2]])", slopes=True)
case("slope_of_slice", "grad(fn(u) { sum((u^2)[1::2] * y) })(x)", {"x": real([5]), "y": real([2])},
     "torch.stack([0 * x[0], 2 * x[1] * y[0], 0 * x[2], 2 * x[3] * y[1], 0 * x[4]])")
case("slope_of_pad", "grad(fn(u) { sum(pad(u * u, 1, 1) * y) })(x)", {"x": real([3]), "y": real([5])}, "2 * x * y[1:4]")
case("no_dependence", "grad(fn(u) { sum(x * x) })(y) + x", {"x": real([3]), "y": real([3])}, "x + 0 * y")
case("argument_itself", "grad(fn(u) { u })(y) * x", {"x": real([3]), "y": real([])}, "x + 0 * y")
case("primitive", "grad(sum)(x) * x + grad(mean)(x)", {"x": real([4])}, "x + 0.25")
case("slope_of_product", "sum(grad(fn(u, v) { sum((u @ v)^2) })(x, y)[1] * y)", {"x": real([2, 3]), "y": real([3, 2])},
     "2 * ((x @ y) ** 2).sum()")

# ---------------------------------------------------------------------------------------------- the standard library
case = family("std")
X, LOGITS, LABEL = real([2, 3]), real([5]), whole([], 3)
case("relu", "relu(x)", {"x": X}, "torch.relu(x)")
case("relu_at_zero", "relu(x)", {"x": reals([3], -1, 0, 1)}, "torch.relu(x)", differences=False)
case("leaky_relu", "leaky_relu(x) + leaky_relu(x, slope = 0.3)", {"x": X}, "F.leaky_relu(x, 0.01) + F.leaky_relu(x, 0.3)")
case("gelu", "gelu(x)", {"x": X}, "F.gelu(x)")
case("gelu_approximate", "gelu(x, approximate = true)", {"x": X}, "F.gelu(x, approximate='tanh')")
case("softplus", "softplus(x)", {"x": X}, "F.softplus(x)")
case("softplus_range", "softplus(x)", {"x": reals([4], -1000, -50, 50, 1000)}, "torch.relu(x) + torch.log1p(torch.exp(-abs(x)))", differences=False)
case("softplus_at_zero", "softplus(x)", {"x": reals([3], 0, -1, 0.5)}, "F.softplus(x)", differences=False)
case("softmax", "softmax(x)", {"x": X}, "torch.softmax(x, -1)", batches=True)
case("softmax_axis", "softmax(x, axis = 0)", {"x": X}, "torch.softmax(x, 0)")
case("softmax_range", "softmax(x)", {"x": reals([3], 1000, 999, -1000)}, "torch.softmax(x, -1)", differences=False)
case("log_softmax", "log_softmax(x)", {"x": X}, "torch.log_softmax(x, -1)")
case("log_softmax_axis", "log_softmax(x, axis = 0)", {"x": X}, "torch.log_softmax(x, 0)")
case("log_softmax_range", "log_softmax(x)", {"x": reals([3], 1000, 999, -1000)}, "torch.log_softmax(x, -1)", differences=False)
case("mse", "mse(x, y)", {"x": A, "y": B}, "F.mse_loss(x, y)")
case("mse_scalar", "mse(x, y)", {"x": real([]), "y": reals([], 3)}, "F.mse_loss(x, y)")
case("mae", "mae(x, y)", {"x": A, "y": B}, "F.l1_loss(x, y)")
case("huber", "huber(x, y) + huber(x, y, delta = 0.4)", {"x": A, "y": B}, "F.huber_loss(x, y) + F.huber_loss(x, y, delta=0.4)")
case("binary_cross_entropy", "binary_cross_entropy(x, y)", {"x": A, "y": real([2, 3], 0, 1)}, "F.binary_cross_entropy_with_logits(x, y)")
case("binary_cross_entropy_range", "binary_cross_entropy(x, y)", {"x": reals([4], -1000, 1000, -30, 30), "y": reals([4], 0, 1, 1, 0)},
     "F.binary_cross_entropy_with_logits(x, y)", differences=False)
# Logits of 0 are what a net starts with whose last weights are 0.
case("binary_cross_entropy_at_zero", "binary_cross_entropy(x, y)", {"x": reals([3], 0, 0, 1), "y": reals([3], 0, 1, 1)},
     "F.binary_cross_entropy_with_logits(x, y)", differences=False)
case("cross_entropy", "cross_entropy(x, i)", {"x": LOGITS, "i": LABEL}, "F.cross_entropy(x, i)", batches=True)
case("cross_entropy_range", "cross_entropy(x, i)", {"x": reals([3], 1000, -1000, 0), "i": whole([], 1)}, "F.cross_entropy(x, i)",
     differences=False)
case("argmax", "argmax(x)", {"x": LOGITS}, "torch.argmax(x).double()", slopes=False)
case("argmax_ties", "argmax(x)", {"x": reals([4], 1, 3, 3, 0)}, "torch.tensor(1.)", slopes=False)
case("one_hot", "one_hot(i, 4) * x", {"i": whole([3], 0, 3, 1), "x": real([4])}, "F.one_hot(i, 4) * x")
case("scale", "scale(x, 0.1)", {"x": X}, "x * 0.1")

# ---------------------------------------------------------------------------------------------- over the batch
# x varies over the batch and is a tensor with the batch in front for the reference; y does not.
case = family("batch")
ROW, SHARED = real([3]), reals([3], 0.6, 1.4, -0.8)
PLAIN = {"x": ROW, "y": SHARED}
case("sum", "sum(x * y, over = batch)", PLAIN, "(x * y).sum(0)")
case("mean", "mean(sin(x * y), over = batch)", PLAIN, "torch.sin(x * y).mean(0)")
case("max", "max(x * y, over = batch)", PLAIN, "(x * y).amax(0)")
case("min", "min(x * y, over = batch)", PLAIN, "(x * y).amin(0)")
case("sum_all", "sum(x * y, over = (batch, ...))", PLAIN, "(x * y).sum()")
case("mean_all", "mean(exp(x * y), over = (batch, ...))", PLAIN, "torch.exp(x * y).mean()")
case("max_all", "max(x * y, over = (batch, 0))", PLAIN, "(x * y).amax()")
case("centred", "mean((x * y - mean(x * y, over = batch))^2, over = batch)", PLAIN, "(x * y).var(0, correction=0)")
case("normalized", "sum(((x - mean(x, over = batch)) / sqrt(mean((x - mean(x, over = batch))^2, over = batch) + 0.1) * y)^3, over = batch)", PLAIN,
     "((((x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 0.1)) * y) ** 3).sum(0)")
case("keep", "sum(x * sum(x * y, over = 0, keep = true), over = batch)", PLAIN, "(x * (x * y).sum(1, keepdim=True)).sum(0)")
case("count", "sum(0 * x + y, over = batch) + mean(x * 0 + y, over = batch)", PLAIN, "x.shape[0] * y + y")
case("shared_slope", "sum(grad(fn(u) { sum(u * y * y) })(x), over = batch)", PLAIN, "x.shape[0] * y * y")
case("row_product", "sum(x @ reshape(y, 3, 1), over = batch)", PLAIN, "(x @ y.reshape(3, 1)).sum(0)")
case("outer_product", "flatten(count_pairs(x * y, sin(x) + y))", PLAIN, "((x * y).T @ (torch.sin(x) + y)).flatten()")
case("rmse", "rmse(x * y, x)", PLAIN, "torch.sqrt(F.mse_loss(x * y, x))")
case("r2", "r2(x * y, x)", PLAIN, "1 - ((x - x * y) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()")
case("accuracy", "accuracy(x * y, mod(row, 3))", PLAIN, "(torch.argmax(x * y, 1) == torch.fmod(row, 3)).double().mean()", slopes=False)
case("confusion", "flatten(confusion(x * y, mod(row, 3)))", PLAIN,
     "(F.one_hot(torch.fmod(row, 3).long(), 3).T @ F.one_hot(torch.argmax(x * y, 1), 3)).double().flatten()", slopes=False)
case("take", "sum(take(y, mod(row, 3)) * x, over = batch)", PLAIN, "(y[torch.fmod(row, 3).long()][:, None] * x).sum(0)")
case("clipped", "mean(max(x * y, 0.2), over = batch)", PLAIN, "torch.clamp(x * y, min=0.2).mean(0)")

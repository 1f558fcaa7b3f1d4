#!/usr/bin/env python3
"""Writes hand-made nasty cases for each target: cases.py FOLDER makes FOLDER/csv/..., FOLDER/npy/... and so on."""
import struct
import sys
from pathlib import Path


def program(model="param w: f32 = 1\n w*x", data="x: f32 = linspace(0, 1, 8)\n y: f32 = x", rest="", before="", report=""):
    return (f"{before}\ndata {{\n {data}\n}}\nmodel m(x: f32) -> f32 {{\n {model}\n}}\ntrain {{\n loss = mse(m(x), y)\n"
            f" optimizer = sgd(lr = 0.1)\n batch = all\n steps = 1\n {rest}\n}}\nreport {{ {report} }}\n")


def npy(header, data=b"", version=(1, 0), length=None):
    head = header.encode()
    length = len(head) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version[0] == 1 else "<I", length) + head + data


def array(kind, order, shape, data=b""):
    return npy(f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n", data)


def state(header, data=b"", length=None):
    head = header.encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + data


def tensor(kind, shape, offsets, name="a"):
    return f'"{name}":{{"dtype":"{kind}","shape":{shape},"data_offsets":{offsets}}}'


def idx(kind, sizes, data=b""):
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + data


CASES = {
    "lexer": {
        "empty": "", "nul": "x = \0 1\n", "bad-utf8": b"x = \xff\xfe\xc3(\n", "unterminated-string": 'x = "abc\n',
        "string-at-end": 'x = "', "escape-at-end": 'x = "\\', "long-number": "x = " + "9" * 5000,
        "exponents": "x = 1e99999999999999999999 + 1e-99999999999 + .5 + 1.e + 1e + 0x1p3", "percent": "x = 80% % 3 %%",
        "comment-at-end": "# no line end", "carriage-returns": "x = 1\ry = 2\r", "tabs": "\tx\t=\t1\t\n",
        "dots": "... .. . .... ..... 1..2 1...2", "byte-order-mark": b"\xef\xbb\xbfx = 1\n", "signs": "<<-->>|>|>==!=<=>=@@^^",
    },
    "parser": {
        "empty": "", "only-braces": "{{{{}}}}", "deep-parentheses": "x = " + "(" * 3000 + "1" + ")" * 3000,
        "deep-unary": "x = " + "-" * 5000 + "1", "deep-power": "x = " + "2^" * 4000 + "2",
        "deep-if": "fn f(x) { " + "if x { " * 1500 + "1" + " }" * 1500 + " }", "deep-lambda": "x = " + "fn() { " * 1500 + "1" + " }" * 1500,
        "deep-subscript": "x = a" + "[0]" * 4000, "deep-pipe": "x = 1" + " |> f" * 4000, "unclosed": "model m(x: f32[3) -> f32 {",
        "missing-names": "fn (,) { = <- : }", "nested-sections": "data { data { } train { } }",
        "no-line-ends": "data{x:f32=linspace(0,1,3)}model m(x:f32)->f32{x}", "stray-else": "else { }", "arrow": "fn f(x) -> { }",
        "many-errors": "x = )\n" * 500, "nul": "fn f(x) { x \0 }",
    },
    "check": {
        "good": program(), "empty": "", "recursion": program("f(x)", before="fn f(x) { f(x) }"),
        "mutual-recursion": program("f(x)", before="fn f(x) { g(x) }\nfn g(x) { f(x) }"),
        "huge-shape": program("param w: f32[100000, 100000, 100000] = 0\n sum(w) * x"),
        "overflowing-shape": program("param w: f32[9223372036854775807, 3] = 0\n sum(w) * x"), "zero-shape": program("sum(zeros(0)) + x"),
        "negative-shape": program("sum(zeros(-3)) + x"), "division-by-zero": program("x * (1/0)"), "nan-size": program("sum(zeros(0/0)) + x"),
        "repeat-forever": program("repeat 1e18 { x = x + 1 }\n x"), "repeat-negative": program("repeat -1 { x = x }\n x"),
        "repeat-nested": program("repeat 10000 { repeat 10000 { x = x + 1 } }\n x"),
        "grad-of-grad": program("param w: f32 = 1\n grad(fn(t) { grad(fn(s) { s*s*s*w })(t) })(x)"), "grad-of-nothing": program("grad()(x)"),
        "setting-of-itself": program("a*x", before="a = a"), "setting-cycle": program("a*x", before="a = b\nb = a"),
        "wrong-slices": program("iota(5)[::0][9:-9][3] * x"), "concat-nothing": program("concat() * x"),
        "reshape-wrong": program("sum(reshape(iota(6), -1, -1)) * x"), "take-of-scalar": program("take(x, x)"), "matmul-scalars": program("x @ x"),
        "transpose-wrong": program("transpose(x, 3, 3)"), "over-wrong": program("sum(x, over = 7) + sum(x, over = (batch, batch, ...))"),
        "model-in-itself": program("m(x)"), "lambda-in-itself": program("f = fn(g) { g(g) }\n f(f)"), "optimizer-as-function": program("adam(x)"),
        "report-wrong": program(report="a = m.q\n b = m.w.w\n plot()\n scatter(1)\n gradient_norms(3)"),
        "columns-wrong": program(data="x: f32 = column(-1)\n y: f32[3] = columns(9..2)"),
        "class-zero": program(data="x: f32 = linspace(0,1,3)\n y: class(0)"),
        "split-wrong": program(data="x: f32 = linspace(0,1,3)\n y: f32 = x\n split(train = -1, test = 200%)"),
        "batch-wrong": program(rest="batch = -5\n epochs = 1e300"), "huge-linspace": program(data="x: f32 = linspace(0,1,1e15)\n y: f32 = x"),
        "string-arithmetic": program('"a" + x * "b"'), "tuple-arithmetic": program("(x, x) + [x, 1]"), "deep-sum": program("x" + " + x" * 3000),
    },
    "csv": {
        "empty": "", "only-header": "a,b\n", "byte-order-mark": b"\xef\xbb\xbfa,b\n1,2\n", "quotes": '"a ""b""",c\n"1,5","2\n3"\n',
        "unterminated-quote": 'a,b\n"1,2\n', "text-after-quote": 'a,b\n"1"x,2\n', "ragged": "a,b\n1,2,3\n", "no-line-end": "1,2",
        "carriage-returns": "a,b\r1,2\r3,4\r", "nul": b"a,b\n1\0,2\n", "only-commas": ",,,,\n,,,,\n", "blank-lines": "\n\n1,2\n\n\n3,4\n\n",
        "long-cell": "a\n" + "9" * 5000 + "\n", "numbers": "1e999,-1e999,nan,inf,+5,0x10,1e-999\n", "bad-utf8": b"a,b\n\xff\xfe,\xc3(\n",
        "binary": bytes(range(256)),
    },
    "idx": {
        "empty": b"", "short-magic": b"\0\0", "wrong-magic": b"\1\2\3\4", "unknown-type": idx(7, [1], b"x"), "no-dimensions": idx(8, [], b"\5"),
        "cut-dimensions": idx(8, [1, 1, 1])[:8], "overflow": idx(8, [0xFFFFFFFF] * 4), "zero-size": idx(8, [0, 28]),
        "too-few-bytes": idx(8, [100], b"abc"), "too-many-bytes": idx(8, [2], b"abcdef"), "many-dimensions": idx(8, [1] * 255, b"x"),
        "doubles": idx(14, [1], struct.pack(">d", 1.5)), "shorts": idx(11, [2], struct.pack(">hh", -1, 300)), "good": idx(8, [2, 3], b"abcdef"),
    },
    "npy": {
        "empty": b"", "cut-magic": b"\x93NUM", "good": array("<f4", False, "(2,)", struct.pack("<ff", 1, 2)),
        "big-endian": array(">i2", False, "(2, 1)", struct.pack(">hh", 1, 2)), "fortran": array("<f8", True, "(2, 2)", struct.pack("<4d", 1, 2, 3, 4)),
        "scalar": array("<i8", False, "()", struct.pack("<q", 5)), "objects": array("|O", False, "(1,)", b"x"),
        "strings": array("<U3", False, "(1,)", b"x" * 12), "negative-shape": array("<f4", False, "(-1,)"),
        "overflow": array("<f8", False, "(4611686018427387904, 8)"), "long-number": array("<f8", False, "(" + "9" * 400 + ",)"),
        "length-past-end": npy("{}", length=65535), "length-of-4-gib": npy("{}", version=(2, 0), length=0xFFFFFFFF),
        "version-9": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", b"abcd", version=(9, 0)),
        "no-shape": npy("{'descr': '<f4', 'fortran_order': False}\n", b"abcd"), "unclosed": npy("{'descr': '<f4', 'shape': (1,", b"abcd"),
        "unclosed-string": npy("{'descr': '<f4", b"abcd"), "zero-rows": array("<f4", False, "(0, 3)"), "bools": array("|b1", False, "(3,)", b"\0\1\2"),
        "too-short": array("<f4", False, "(3,)", b"abcd"), "record": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", b"abcd"),
    },
    "safetensors": {
        "empty": b"", "cut-length": b"\1\0\0", "length-past-end": state("{}", length=1000), "length-huge": state("{}", length=2**63),
        "length-largest": state("{}", length=2**64 - 1), "no-tensors": state("{}"),
        "good": state("{" + tensor("F32", [2], [0, 8]) + "}", b"12345678"),
        "overlap": state("{" + tensor("F32", [1], [0, 4]) + "," + tensor("F32", [1], [2, 6], "b") + "}", b"123456"),
        "hole": state("{" + tensor("F32", [1], [4, 8]) + "}", b"12345678"), "reversed-offsets": state("{" + tensor("F32", [1], [8, 4]) + "}", b"12345678"),
        "negative-offsets": state("{" + tensor("F32", [1], [-4, 0]) + "}", b"1234"),
        "shape-overflow": state("{" + tensor("F64", [2**32, 2**32, 8], [0, 8]) + "}", b"12345678"),
        "negative-shape": state("{" + tensor("F32", [-1], [0, 4]) + "}", b"1234"), "unknown-type": state("{" + tensor("Q7", [1], [0, 4]) + "}", b"1234"),
        "not-an-object": state("[1,2]"), "twice": state("{" + tensor("U8", [1], [0, 1]) + "," + tensor("U8", [1], [1, 2]) + "}", b"12"),
        "metadata-numbers": state('{"__metadata__":{"x":5}}'), "metadata-array": state('{"__metadata__":[]}'), "deep": state("[" * 5000),
        "fractions": state("{" + tensor("U8", [1], [0.5, 1.5]) + "}", b"12"), "exponents": state("{" + tensor("U8", "[1e300]", [0, 1]) + "}", b"1"),
        "no-data": state("{" + tensor("F32", [2], [0, 8]) + "}"),
    },
    "json": {
        "empty": "", "deep-arrays": "[" * 100000, "deep-objects": '{"a":' * 50000,
        "numbers": "[1e999,-0,1e-999,12345678901234567890123,-9223372036854775808,9223372036854775808]", "bad-numbers": "[01,+1,.5,1.,1e,--1]",
        "surrogates": '["\\ud800","\\udc00\\ud800","\\ud83d\\ude00","\\u00"]', "bad-escapes": '["\\x41","\\', "unterminated": '{"a":"b',
        "trailing": "{} {}", "nul": '{"a\0":"\0"}', "bad-utf8": b'"\xff\xfe\xc3("', "commas": "[1,,2]", "colon": '{"a" 1}',
        "words": "[tru,nul,falsey]", "twice": '{"a":1,"a":2}',
    },
}

for target, cases in CASES.items():
    folder = Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in cases.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

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
        "cut-byte-order-mark": b"\xef\xbb", "single-quotes": "a = 'x\nb = ''\nc = '", "escapes": 'a = "\\n\\t\\"\\q\\\n"',
        "numbers": "a = 1..2 + 1e+ + 1e+1 + 1x + 9007199254740993 + 1e300 + 0." + "0" * 4000 + "1", "unbalanced": "((([[}{)])]}}}{{{(\n)\n",
        "foreign-operators": "a ** b := c && d || e += f // g % ! ? $ ` ~ | & \\ \x7f\n", "wide": "x = \u4f60 + \U0001f600 $\nna\u00efve = 1\n",
        "long-line": "a = " + "x + " * 3000 + "$\n",
    },
    "parser": {
        "empty": "", "only-braces": "{{{{}}}}", "deep-parentheses": "x = " + "(" * 3000 + "1" + ")" * 3000,
        "deep-unary": "x = " + "-" * 5000 + "1", "deep-power": "x = " + "2^" * 4000 + "2",
        "deep-if": "fn f(x) { " + "if x { " * 1500 + "1" + " }" * 1500 + " }", "deep-lambda": "x = " + "fn() { " * 1500 + "1" + " }" * 1500,
        "deep-subscript": "x = a" + "[0]" * 4000, "deep-pipe": "x = 1" + " |> f" * 4000, "pipes": "x = 1" + " |> f" * 100, "lists": "x = " + "[" * 100 + "1" + "]" * 100, "unclosed": "model m(x: f32[3) -> f32 {",
        "missing-names": "fn (,) { = <- : }", "nested-sections": "data { data { } train { } }",
        "no-line-ends": "data{x:f32=linspace(0,1,3)}model m(x:f32)->f32{x}", "stray-else": "else { }", "arrow": "fn f(x) -> { }",
        "many-errors": "x = )\n" * 500, "nul": "fn f(x) { x \0 }",
        "deep-brackets": "a = " + "[" * 3000, "deep-not": "a = " + "not " * 3000 + "true", "deep-repeat": "fn f(x) { " + "repeat 2 { " * 1500,
        "deep-type": "fn f(x: f32[" * 800, "long-calls": "a = f" + "()" * 3000, "long-members": "a = x" + ".b" * 3000,
        "slices": "a = x[:, ::, 1:, :1, 1:2:3, ..., -1, ::0, :::]\n",
        "words-as-names": "fn if(else, fn = fn) { param = state\nrepeat repeat { fit } }\n",
        "only-words": "data train report model fn optimizer", "cut-off": "data { x: f32[", "only-ends": "\n;;\n\n;",
        "other-language": "def f(x):\n    return [i for i in x]\nwhile (1) { let x = 1; }\n",
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
        "half-read": program("sum(x)\n y = )") + "fn f(x: f32[n, n, ..., ...], y: class, z: int[3], w: f32(3), v: nosuch) -> g[1] { x }\n",
        "fraction-size": program("sum(zeros(2.5)) * x"), "infinite-size": program("sum(zeros(1/0)) * x"),
        "huge-layer": program("expand(x) |> dense(1e15) |> sum"),
        "far-slices": program("sum(iota(4)[9:1:-1]) + iota(4)[4] + iota(4)[-5] + sum(iota(4)[1e18:])"),
        "empty-maximum": program("max(iota(4)[2:2]) * x"),
        "huge-pad": program("sum(pad(iota(4), -3, 1)) + sum(pad(iota(4), 1e18, 1e18)) + x"), "huge-iota": program("sum(iota(1e18)) * x"),
        "huge-reshape": program("reshape(iota(4), 4294967296, 4294967296) |> sum"), "huge-one-hot": program("sum(one_hot(iota(3), 1e15)) * x"),
        "huge-counts": program("sum(count_pairs(iota(3), iota(3), 1e9, 1e9)) * x"),
        "random-wrong": program("sum(random_uniform(batch, batch)) + random_normal(-1) * x"),
        "grad-of-itself": program("grad(grad)(x)"), "grad-of-no-function": program("grad(1)(x) + grad(fn() { 1 })()"),
        "deep-expand": program("x" + " |> expand" * 40 + " |> sum"),
        "fields-of-nothing": program(data="x: f32[0]\n y: f32[-1]\n z: f32[1e10, 1e10]\n w: f32[...]\n c: class(99999999999)\n d: class(2.5)"),
        "train-wrong": program(rest="optimizer = 3\n validate = 2\n keep = best(1)\n stop = patience(-1)\n seed = 1e300\n gradient = 0"),
        "optimizer-wrong": program(rest="optimizer = o", before="optimizer o(lr = 1) { state m = 1; state m: f32[3] = 2; m <- m; n <- 1; m }"),
        "state-of-other-shape": program("state s: f32[4] = zeros(3)\n s <- x\n sum(s)"),
        "parameter-twice": program("param w: f32 = 1\n param w: f32 = 2\n param v = w\n w*x*v"),
        "fit-of-fit": program("fit m = mean(x, over = batch)\n fit n = m + n\n x - m + n"),
        "numbers-overflow": program("x * 2^1024 * 1e308 * 10 + mod(5, 0)", before="a = 9007199254740992 * 9007199254740992"),
        "calls-wrong": program('x(1)(2) + 3(x) + "a"(x) + m(x = x, x = x, y = 1) + dense(x, 1, 2, 3, units = 2)'),
        "broadcast-wrong": program("sum(iota(4) + zeros(3)) + sum(iota(4) @ zeros(3, 3)) * x"),
        "names-of-the-library": program("x |> dense |> sum", before="relu = 1\nfn dense(x) { x }\nfn dense(x) { x }\nmodel sum(x) { x }"),
        "nul-in-strings": program(data='x: f32 = column("a\0b")\n y: f32 = x', rest='keep = "\0"'),
        "linspace-wrong": program("sum(linspace(0, 1, 0)) + sum(linspace(0, 1/0, 1)) + linspace(0, 1, -5) * x"),
        "concat-wrong": program("sum(concat((x, zeros(2, 2)), axis = 7)) + sum(split_parts(x, 3))"),
        "doubling": program("f0(x)", before="".join(f"fn f{i}(x) {{ f{i+1}(x) + f{i+1}(x) }}\n" for i in range(9)) + "fn f9(x) { x }"),
    },
    "csv": {
        "empty": "", "only-header": "a,b\n", "byte-order-mark": b"\xef\xbb\xbfa,b\n1,2\n", "quotes": '"a ""b""",c\n"1,5","2\n3"\n',
        "unterminated-quote": 'a,b\n"1,2\n', "text-after-quote": 'a,b\n"1"x,2\n', "ragged": "a,b\n1,2,3\n", "no-line-end": "1,2",
        "carriage-returns": "a,b\r1,2\r3,4\r", "nul": b"a,b\n1\0,2\n", "only-commas": ",,,,\n,,,,\n", "blank-lines": "\n\n1,2\n\n\n3,4\n\n",
        "long-cell": "a\n" + "9" * 5000 + "\n", "numbers": "1e999,-1e999,nan,inf,+5,0x10,1e-999\n", "bad-utf8": b"a,b\n\xff\xfe,\xc3(\n",
        "binary": bytes(range(256)),
        "one-byte": ",", "latin-1": b"na\xefve;caf\xe9\n1;2\n", "cut-utf8": b"a,b\n1,\xe2\x82", "only-byte-order-mark": b"\xef\xbb\xbf",
        "quote-at-end": 'a,b\n1,"',
        "quotes-at-end": 'a,b\n1,""""', "quoted-separators": '"a;b\t";c\n"1,\n2";3\n', "many-cells": "," * 2000 + "\n",
        "all-missing": "NA,?\nNaN,null\n",
        "words": 'a,b,word\n1,2.5,red\n-3,4,"gr""een"\n', "signs": "a,b\n++1,-\n+,.\n5.,.5\n", "blanks": " a\t; b \n 1 ;\t2\t\n",
    },
    "idx": {
        "empty": b"", "short-magic": b"\0\0", "wrong-magic": b"\1\2\3\4", "unknown-type": idx(7, [1], b"x"), "no-dimensions": idx(8, [], b"\5"),
        "cut-dimensions": idx(8, [1, 1, 1])[:8], "overflow": idx(8, [0xFFFFFFFF] * 4), "zero-size": idx(8, [0, 28]),
        "too-few-bytes": idx(8, [100], b"abc"), "too-many-bytes": idx(8, [2], b"abcdef"), "many-dimensions": idx(8, [1] * 255, b"x"),
        "doubles": idx(14, [1], struct.pack(">d", 1.5)), "shorts": idx(11, [2], struct.pack(">hh", -1, 300)), "good": idx(8, [2, 3], b"abcdef"),
        "bytes": idx(9, [2, 3], bytes([0, 1, 127, 128, 254, 255])), "floats": idx(13, [2], struct.pack(">ff", 1.5, -2)),
        "ints": idx(12, [1], struct.pack(">i", -5)),
        "overflow-to-zero": idx(8, [2**31] * 8), "overflow-with-width": idx(14, [2**32 - 1, 2**32 - 1, 2**29]),
        "zero-behind-huge": idx(9, [2**32 - 1, 2**32 - 1, 0]),
    },
    "npy": {
        "empty": b"", "cut-magic": b"\x93NUM", "good": array("<f4", False, "(2,)", struct.pack("<ff", 1, 2)),
        "big-endian": array(">i2", False, "(2, 1)", struct.pack(">hh", 1, 2)),
        "fortran": array("<f8", True, "(2, 2)", struct.pack("<4d", 1, 2, 3, 4)),
        "scalar": array("<i8", False, "()", struct.pack("<q", 5)), "objects": array("|O", False, "(1,)", b"x"),
        "strings": array("<U3", False, "(1,)", b"x" * 12), "negative-shape": array("<f4", False, "(-1,)"),
        "overflow": array("<f8", False, "(4611686018427387904, 8)"), "long-number": array("<f8", False, "(" + "9" * 400 + ",)"),
        "length-past-end": npy("{}", length=65535), "length-of-4-gib": npy("{}", version=(2, 0), length=0xFFFFFFFF),
        "version-9": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", b"abcd", version=(9, 0)),
        "no-shape": npy("{'descr': '<f4', 'fortran_order': False}\n", b"abcd"), "unclosed": npy("{'descr': '<f4', 'shape': (1,", b"abcd"),
        "unclosed-string": npy("{'descr': '<f4", b"abcd"), "zero-rows": array("<f4", False, "(0, 3)"),
        "bools": array("|b1", False, "(3,)", b"\0\1\2"),
        "too-short": array("<f4", False, "(3,)", b"abcd"),
        "record": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", b"abcd"),
        "version-2": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", b"abcd", version=(2, 0)),
        "bytes": array("|i1", False, "(3,)", b"\0\1\xff"),
        "longs": array("<i8", False, "(2,)", struct.pack("<qq", 2**31 - 1, -2**31)),
        "long-too-large": array("<i8", False, "(1,)", struct.pack("<q", 2**31)),
        "unsigned-too-large": array("<u4", False, "(1,)", b"\xff" * 4), "shorts": array("<u2", False, "(2,)", b"abcd"),
        "fortran-empty": array("<f4", True, "(0, 5)"),
        "overflow-to-zero": array("<f4", False, "(1048576, 1048576, 1048576, 16)"),
        "rank-1000": array("<f4", False, "(" + "1," * 1000 + ")", b"abcd"),
        "no-header": npy(""), "nul-header": npy("\0" * 60), "only-keys": npy("'descr''fortran_order''shape'", b"abcd"),
        "no-kind": array("", False, "(1,)", b"abcd"),
    },
    "safetensors": {
        "empty": b"", "cut-length": b"\1\0\0", "length-past-end": state("{}", length=1000), "length-huge": state("{}", length=2**63),
        "length-largest": state("{}", length=2**64 - 1), "no-tensors": state("{}"),
        "good": state("{" + tensor("F32", [2], [0, 8]) + "}", b"12345678"),
        "overlap": state("{" + tensor("F32", [1], [0, 4]) + "," + tensor("F32", [1], [2, 6], "b") + "}", b"123456"),
        "hole": state("{" + tensor("F32", [1], [4, 8]) + "}", b"12345678"),
        "reversed-offsets": state("{" + tensor("F32", [1], [8, 4]) + "}", b"12345678"),
        "negative-offsets": state("{" + tensor("F32", [1], [-4, 0]) + "}", b"1234"),
        "shape-overflow": state("{" + tensor("F64", [2**32, 2**32, 8], [0, 8]) + "}", b"12345678"),
        "negative-shape": state("{" + tensor("F32", [-1], [0, 4]) + "}", b"1234"),
        "unknown-type": state("{" + tensor("Q7", [1], [0, 4]) + "}", b"1234"),
        "not-an-object": state("[1,2]"), "twice": state("{" + tensor("U8", [1], [0, 1]) + "," + tensor("U8", [1], [1, 2]) + "}", b"12"),
        "metadata-numbers": state('{"__metadata__":{"x":5}}'), "metadata-array": state('{"__metadata__":[]}'), "deep": state("[" * 5000),
        "fractions": state("{" + tensor("U8", [1], [0.5, 1.5]) + "}", b"12"), "exponents": state("{" + tensor("U8", "[1e300]", [0, 1]) + "}", b"1"),
        "no-data": state("{" + tensor("F32", [2], [0, 8]) + "}"),
        "scalar": state("{" + tensor("F32", [], [0, 4]) + "}", b"1234"), "empty-tensor": state("{" + tensor("F32", [0, 5], [0, 0]) + "}"),
        "checksum-wrong": state("{" + tensor("U8", [1], [0, 1]) + ',"__metadata__":{"crc32.a":"00000000"}}', b"1"),
        "metadata-checksum-wrong": state('{"__metadata__":{"a":"b","crc32":"00000000"}}'),
        "zero-size-hole": state("{" + tensor("U8", [0], [1, 1]) + "}", b"1"),
        "overflow-to-size": state("{" + tensor("F32", [2**53 - 1, 2049, 2], [0, 8]) + "}", b"12345678"),
        "name-twice": state("{" + tensor("U8", [1], [0, 1]) + "," + tensor("U8", [1], [0, 1]) + "}", b"1"),
        "nul-header": state("\0" * 40), "no-type": state('{"a":{}}'), "no-object": state('{"a":3}'),
        "too-much-data": state("{" + tensor("U8", [1], [0, 1]) + "}", b"12"),
    },
    "json": {
        "empty": "", "deep-arrays": "[" * 100000, "deep-objects": '{"a":' * 50000,
        "numbers": "[1e999,-0,1e-999,12345678901234567890123,-9223372036854775808,9223372036854775808]", "bad-numbers": "[01,+1,.5,1.,1e,--1]",
        "surrogates": '["\\ud800","\\udc00\\ud800","\\ud83d\\ude00","\\u00"]', "bad-escapes": '["\\x41","\\', "unterminated": '{"a":"b',
        "trailing": "{} {}", "nul": '{"a\0":"\0"}', "bad-utf8": b'"\xff\xfe\xc3("', "commas": "[1,,2]", "colon": '{"a" 1}',
        "words": "[tru,nul,falsey]", "twice": '{"a":1,"a":2}',
        "deepest": "[" * 64 + "1" + "]" * 64, "blanks": " \t\r\n", "nul-behind": "1\0", "escapes": '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\u20ac"',
        "cut-pair": '"\\ud83d', "wrong-pair": '"\\ud83d\\u0041"', "sign-in-escape": '"\\u+123"', "long-number": "9" * 3000,
        "cut-utf8": b'["\xe2\x82"]',
    },
}

for target, cases in CASES.items():
    folder = Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in cases.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

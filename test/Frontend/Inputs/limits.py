"""Programs that are too deep or too large."""
import sys

USE = """
data { x: f32[4] = reshape(sin(iota(400)), 100, 4) }
model net(x: f32[4]) -> f32 { x |> dense(1) |> scalar }
train { loss = net(x); optimizer = adam; epochs = a }
"""
PROGRAMS = {
    "parentheses": "a = " + "(" * 5000,
    "choices": "fn f(x) { " + "if true { 1 } else " * 3000 + "{ 2 } }",
    "signs": "a = " + "- " * 5000 + "1",
    "settings": "".join(f"a{i} = a{i + 1}\n" for i in range(5000)) + "a5000 = 1\na = a0" + USE,
    "calls": "a = f(0)\nfn f(x) { if x == 90 { 1 } else { " + "-" * 150 + "f(x + 1) } }" + USE,
    "sum": "a = 1" + " + 1" * 20000 + USE,
    "pipe": "fn f(x) { x }\na = 1" + " |> f" * 20000 + USE,
    "subscripts": "a = x" + "[0]" * 20000 + USE,
    "members": "a = x" + ".b" * 20000 + USE,
    "doubling": "".join(f"fn f{i}(x) {{ f{i + 1}(x) + f{i + 1}(x) }}\n" for i in range(60)) + "fn f60(x) { x }\na = f0(1)" + USE,
    "turns": "fn f(x) { repeat 10000 { repeat 10000 { x = x + 1 } }; x }\na = f(1)" + USE,
    "empty": "fn f(x) { repeat 10000 { repeat 10000 { } }; x }\na = f(1)" + USE,
    "endless": "fn f(x) { g(x) + g(x) }\nfn g(x) { f(x) + f(x) }\na = f(1)" + USE,
    "within": USE.replace("x |> dense(1) |>", "net(x) |> expand |> dense(1) |>").replace("epochs = a", "epochs = 2"),
    "chain": "".join(f"fn f{i}(x) {{ f{i + 1}(x) }}\n" for i in range(3000)) + "fn f3000(x) { x }\na = f0(1)" + USE,
    "arguments": "a = " + "f(" * 60 + "1" + ")" * 60,
    "indices": "a = " + "f[" * 60 + "1" + "]" * 60,
    "fine": "fn f(n: int) { if n == 0 { 0 } else { 1 + f(n - 1) } }\na = f(90)" + " + 1" * 900 + " + " + "(" * 50 + "1" + ")" * 50 + USE,
}
print(PROGRAMS[sys.argv[1]])

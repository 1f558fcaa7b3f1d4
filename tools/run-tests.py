#!/usr/bin/env python3
"""Runs GoogleTest binaries, lit and the format check of a build folder, and prints one line of counts."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def run_googletest(build):
    """Passed, failed and skipped over all test binaries."""
    passed = failed = skipped = 0
    for binary in sorted((build / "test").glob("*Tests")):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            process = subprocess.run([binary, "--gtest_brief=1", f"--gtest_output=json:{out.name}"], cwd=SOURCE)
            text = Path(out.name).read_text()
        if not text:  # it crashed before it could report
            print(f"{binary.name}: ended with status {process.returncode}")
            failed += 1
            continue
        for suite in json.loads(text)["testsuites"]:
            for test in suite["testsuite"]:
                if test["result"] == "SKIPPED":
                    skipped += 1
                elif test.get("failures"):
                    failed += 1
                else:
                    passed += 1
    return passed, failed, skipped


def run_lit(build):
    lit = Path("/usr/lib/llvm-22/bin/lit")
    command = [str(lit)] if lit.exists() else [sys.executable, "/usr/lib/llvm-22/build/utils/lit/lit.py"]
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([*command, "-q", str(build / "test"), "--output", out.name, "-v"], cwd=SOURCE)
        results = json.loads(Path(out.name).read_text())["tests"]
    count = lambda *codes: sum(test["code"] in codes for test in results)
    passed = count("PASS", "XFAIL")
    skipped = count("UNSUPPORTED", "SKIPPED")
    return passed, len(results) - passed - skipped, skipped


def run_format():
    """One test for each source: is it formatted as .clang-format says?"""
    listed = subprocess.run(["git", "ls-files", "*.h", "*.cpp", "*.c"], cwd=SOURCE, capture_output=True, text=True, check=True)
    failed = 0
    sources = listed.stdout.split()
    for source in sources:
        if subprocess.run(["clang-format-22", "--dry-run", "-Werror", source], cwd=SOURCE, capture_output=True).returncode:
            print(f"not formatted: {source} (clang-format-22 -i {source})")
            failed += 1
    return len(sources) - failed, failed, 0


def main():
    build = Path(sys.argv[1]).resolve()
    totals = [sum(values) for values in zip(run_googletest(build), run_lit(build), run_format())]
    passed, failed, skipped = totals
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

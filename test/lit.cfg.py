import os
import shutil
import subprocess

import lit.formats

config.name = "dlc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".dl", ".test"]
config.excludes = ["Inputs", "Benchmarks", "Corpus"]
config.test_source_root = os.path.join(config.dlc_source, "test")
config.test_exec_root = os.path.join(config.dlc_build, "test")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.dlc_build, "bin"), config.llvm_tools, config.environment["PATH"]])
config.environment["DLC_DATA"] = os.path.join(config.dlc_source, "examples", "data")
config.substitutions.append(("%examples", os.path.join(config.dlc_source, "examples")))
config.substitutions.append(("%source", config.dlc_source))
config.substitutions.append(("%build", config.dlc_build))
# A device that is there everywhere: test/Emulator.
config.substitutions.append(("%emulated", "env LD_LIBRARY_PATH=" + os.path.join(config.dlc_build, "test", "Emulator")))
# NVIDIA's assembler, where CUDA is installed.
ptxas = shutil.which("ptxas") or shutil.which("/usr/local/cuda/bin/ptxas")
if ptxas:
    config.available_features.add("ptxas")
config.substitutions.append(("%ptxas", ptxas or "ptxas"))
# Python with PyTorch and JAX, where there is one: dlc's peers in benchmarks.
peers_python = os.environ.get("DLC_PYTHON", "python3")
find = "from importlib.util import find_spec as find; raise SystemExit(not (find('torch') and find('jax')))"
if shutil.which(peers_python) and subprocess.run([peers_python, "-c", find]).returncode == 0:
    config.available_features.add("peers")
config.substitutions.append(("%peers_python", peers_python))

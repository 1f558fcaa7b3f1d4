import os

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

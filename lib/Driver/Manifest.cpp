//===- Manifest.cpp - What the runtime must know, as JSON -------------------------------------===//
#include "LaunchesManifest.h"
#include "dlc/IR/Cost.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"

using namespace dlc;
using namespace mlir;

namespace {

class ManifestWriter {
public:
  ManifestWriter(ModuleOp module, const ProgramInfo &program, std::vector<std::string> &functions)
      : module(module), program(program), functions(functions), stream(text), json(stream) {}

  std::string write(StringRef name, const TargetDescription &target, bool doublePrecision) {
    json.objectBegin();
    json.attribute("abi", DLRT_ABI_VERSION);
    json.attribute("name", name);
    json.attribute("precision", doublePrecision   ? "f64"
                                : target.isDevice ? target.products
                                                  : "f32");
    json.attribute("target", target.text());
    json.attribute("arena_bytes", module->getAttrOfType<IntegerAttr>("dl.arena_bytes").getInt());
    json.attribute("copy_bytes", module->getAttrOfType<IntegerAttr>("dl.copy_bytes").getInt());
    json.attribute("parameters", program.parameters);
    json.attribute("flop", flopOf("train"));
    writeData();
    json.attributeArray("tensors", [&] { writeTensors(); });
    json.attributeObject("functions", [&] { writeFunctions(); });
    if (target.isDevice) {
      json.attribute("early_launches", target.earlyLaunches);
      auto tiles = module->getAttrOfType<IntegerAttr>("dl.measured_tiles");
      json.attribute("measured_tiles", tiles ? tiles.getInt() : 0);
      json.attribute("loop_forced", target.loop == "persistent");
      json.attributeObject("routines", [&] { writeRoutines(module, program, json); });
      functions.clear(); // there is nothing to call
    }
    if (program.train.given)
      json.attributeObject("train", [&] { writeTrain(); });
    json.attributeArray("report", [&] { writeReport(); });
    json.objectEnd();
    return std::move(stream.str());
  }

  std::string writeDataOnly() {
    json.objectBegin();
    writeData();
    json.objectEnd();
    return std::move(stream.str());
  }

private:
  void writeData() {
    json.attributeArray("fields", [&] { writeFields(); });
    if (program.split.given)
      json.attributeObject("split", [&] {
        json.attribute("train", program.split.train);
        json.attribute("test", program.split.test);
        json.attribute("seed", program.split.seed);
        json.attribute("shuffle", program.split.shuffle);
      });
  }

  static StringRef typeName(Type type) {
    return type.isF32()         ? "f32"
           : type.isF64()       ? "f64"
           : type.isInteger(32) ? "i32"
           : type.isInteger(8)  ? "u8"
                                : "bool";
  }

  void writeType(RankedTensorType type) {
    json.attribute("type", typeName(type.getElementType()));
    json.attributeArray("shape", [&] {
      for (int64_t size : type.getShape())
        json.value(ShapedType::isDynamic(size) ? int64_t(-1) : size);
    });
  }

  void writeFields() {
    for (const FieldInfo &field : program.fields)
      json.object([&] {
        auto symbol = module.lookupSymbol<FieldOp>(field.name);
        json.attribute("name", field.name);
        writeType(cast<RankedTensorType>(symbol.getType()));
        if (field.classes)
          json.attribute("classes", field.classes);
        json.attributeObject("source", [&] { writeSource(field); });
      });
  }

  void writeSource(const FieldInfo &field) {
    if (!field.missing.empty())
      json.attribute("missing", field.missing);
    if (field.generated) {
      json.attribute("kind", "generated");
    } else if (!field.firstColumn.empty()) {
      json.attribute("kind", "columns");
      json.attribute("first", field.firstColumn);
      json.attribute("last", field.lastColumn);
    } else if (field.columnNumbers) {
      json.attribute("kind", "columns");
      json.attribute("first", field.columnNumbers->first);
      json.attribute("last", field.columnNumbers->second);
    } else if (!field.columns.empty()) {
      json.attribute("kind", "columns");
      json.attributeArray("names", [&] {
        for (const std::string &column : field.columns)
          json.value(column);
      });
    } else {
      json.attribute("kind", "array");
      json.attribute("name", field.name);
    }
  }

  void writeTensors() {
    for (auto variable : module.getOps<VariableOp>()) {
      if (variable.getKind() == "accumulator")
        continue;
      json.object([&] {
        json.attribute("name", variable.getSymName());
        json.attribute("kind", variable.getKind());
        writeType(cast<RankedTensorType>(variable.getType()));
        json.attribute("offset", variable->getAttrOfType<IntegerAttr>("offset").getInt());
        if (auto panel = variable->getAttrOfType<IntegerAttr>("panel"))
          json.attribute("panel", panel.getInt());
      });
    }
  }

  func::FuncOp lookup(const Twine &name) { return module.lookupSymbol<func::FuncOp>(name.str()); }

  void writeOutputs(func::FuncOp function) {
    json.attributeArray("outputs", [&] {
      for (auto output : function.getOps<OutputOp>())
        json.object([&] {
          json.attribute("name", output.getName());
          writeType(cast<RankedTensorType>(output.getX().getType()));
          json.attribute("offset", output->getAttrOfType<IntegerAttr>("offset").getInt());
        });
    });
  }

  /// The fields that the functions read.
  void writeInputs(ArrayRef<func::FuncOp> functions) {
    json.attributeArray("inputs", [&] {
      for (const FieldInfo &field : program.fields)
        if (llvm::any_of(functions, [&](func::FuncOp function) {
              return llvm::any_of(function.getOps<InputOp>(),
                                  [&](InputOp input) { return input.getField() == field.name; });
            }))
          json.value(field.name);
    });
  }

  void use(StringRef key, func::FuncOp function) {
    json.attribute(key, function.getName());
    functions.push_back(function.getName().str());
  }

  void writeBatch(func::FuncOp function) {
    if (auto batch = function->getAttrOfType<IntegerAttr>("dl.batch"))
      json.attribute("batch", batch.getInt());
  }

  void writeFunctions() {
    for (StringRef name : {"generate", "init", "train", "predict", "series"}) {
      auto function = lookup(name);
      if (!function)
        continue;
      json.attributeObject(name, [&] {
        use("symbol", function);
        writeBatch(function);
        writeInputs(function);
        if (name == "generate") {
          json.attribute("rows", program.generatedRows);
          json.attribute("recipe", program.recipe);
        }
        writeOutputs(function);
        if (name == "train")
          json.attributeArray("kernels", [&] { writeKernels(function); });
      });
    }
    for (StringRef name : {"fit", "evaluate"}) {
      auto reset = lookup(name + ".reset");
      if (!reset)
        continue;
      json.attributeObject(name, [&] {
        writeBatch(reset);
        use("reset", reset);
        SmallVector<func::FuncOp> passes;
        while (func::FuncOp pass = lookup(name + "." + Twine(passes.size())))
          passes.push_back(pass);
        json.attributeArray("passes", [&] {
          for (func::FuncOp pass : passes) {
            json.value(pass.getName());
            functions.push_back(pass.getName().str());
          }
        });
        writeInputs(passes);
        auto final = lookup(name + ".final");
        use("final", final);
        writeOutputs(final);
      });
    }
  }

  int64_t flopOf(StringRef name) {
    auto function = lookup(name);
    if (!function)
      return 0;
    auto batch = function->getAttrOfType<IntegerAttr>("dl.batch");
    int64_t total = 0;
    for (auto kernel : function.getOps<KernelOp>())
      total += costOf(kernel, batch ? batch.getInt() : 1).flop;
    return total;
  }

  void writeKernels(func::FuncOp function) {
    auto batch = function->getAttrOfType<IntegerAttr>("dl.batch").getInt();
    for (auto [number, kernel] : llvm::enumerate(function.getOps<KernelOp>()))
      json.object([&, number = number, kernel = kernel]() mutable {
        std::string symbol = (function.getName() + ".k" + Twine(number)).str();
        functions.push_back(symbol);
        Cost cost = costOf(kernel, batch);
        json.attribute("symbol", symbol);
        json.attribute("name", kernel.getLabel());
        json.attribute("flop", cost.flop);
        json.attribute("bytes", cost.bytes);
      });
  }

  void writeTrain() {
    const TrainInfo &train = program.train;
    json.attribute("batch", train.batch);
    json.attribute("epochs", train.epochs);
    json.attribute("steps", train.steps);
    json.attribute("validate", train.validate);
    json.attribute("shuffle", true);
    json.attribute("seed", train.seed);
    if (!train.keepMetric.empty())
      json.attributeObject("keep", [&] {
        json.attribute("metric", train.keepMetric);
        json.attribute("best", train.keepHighest ? "highest" : "lowest");
      });
    if (train.patience)
      json.attribute("patience", train.patience);
  }

  void writeReport() {
    for (const ReportInfo &entry : program.report)
      json.object([&] {
        json.attribute("name", entry.name);
        json.attribute("kind", entry.kind);
        auto list = [&](StringRef key, const std::vector<std::string> &items) {
          json.attributeArray(key, [&] {
            for (const std::string &item : items)
              json.value(item);
          });
        };
        list("outputs", entry.outputs);
        if (!entry.labels.empty())
          list("labels", entry.labels);
      });
  }

  ModuleOp module;
  const ProgramInfo &program;
  std::vector<std::string> &functions;
  std::string text;
  llvm::raw_string_ostream stream;
  llvm::json::OStream json;
};

} // namespace

std::string dlc::writeManifest(ModuleOp module, const ProgramInfo &program, StringRef name,
                               const TargetDescription &target, bool doublePrecision,
                               std::vector<std::string> &functions) {
  return ManifestWriter(module, program, functions).write(name, target, doublePrecision);
}

std::string dlc::writeDataManifest(ModuleOp module, const ProgramInfo &program) {
  std::vector<std::string> functions;
  return ManifestWriter(module, program, functions).writeDataOnly();
}

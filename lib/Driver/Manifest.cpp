//===- Manifest.cpp - What the runtime must know, as JSON -------------------------------------===//
#include "dlc/Driver/Compiler.h"
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
      json.attributeObject("routines", [&] { writeRoutines(); });
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

  /// The launches of each function and of each kernel that can be measured alone.
  void writeRoutines() {
    for (auto function : module.getOps<func::FuncOp>()) {
      json.attributeArray(function.getName(), [&] {
        for (auto kernel : function.getOps<KernelOp>())
          writeLaunch(kernel);
      });
      if (function.getName() != "train")
        continue;
      for (auto output : function.getOps<OutputOp>())
        if (output.getName() == "loss")
          writeAdvance(function, output->getAttrOfType<IntegerAttr>("offset").getInt());
      if (module->hasAttr("dl.persistent"))
        writeLoop(function);
      for (auto [number, kernel] : llvm::enumerate(function.getOps<KernelOp>()))
        json.attributeArray((function.getName() + ".k" + Twine(number)).str(),
                            [&, kernel = kernel] { writeLaunch(kernel); });
    }
  }

  void writeLaunch(KernelOp kernel) {
    json.object([&] {
      auto launch = kernel->getAttrOfType<DictionaryAttr>("launch");
      json.attribute("symbol", kernel->getAttrOfType<StringAttr>("symbol").getValue());
      for (StringRef name : {"blocks", "threads", "shared_bytes"})
        json.attribute(name, cast<IntegerAttr>(launch.get(name)).getInt());
      if (kernel->hasAttr("of_step"))
        json.attribute("of_step", true);
      json.attributeArray("places", [&] {
        for (Value input : kernel.getInputs())
          json.value(placeOf(input));
        for (Value result : kernel.getResults())
          json.value(placeOf(result));
      });
      if (auto maps = kernel->getAttrOfType<ArrayAttr>("tensor_maps"))
        json.attributeArray("tensor_maps", [&] {
          for (auto map : maps.getAsRange<DictionaryAttr>())
            writeTensorMap(kernel, map);
        });
    });
  }

  void writeTensorMap(KernelOp kernel, DictionaryAttr map) {
    json.object([&] {
      int64_t input = map.getAs<IntegerAttr>("input").getInt();
      json.attribute("place", placeOf(kernel.getInputs()[input]));
      json.attribute("type", map.getAs<StringAttr>("type").getValue());
      for (StringRef name : {"sizes", "box"})
        json.attributeArray(name, [&] {
          for (int64_t size : map.getAs<DenseI64ArrayAttr>(name).asArrayRef())
            json.value(size);
        });
    });
  }

  /// What goes on to the next step on the device: see TrainingLoop.h.
  void writeAdvance(func::FuncOp train, int64_t loss) {
    json.attributeArray("train.advance", [&] {
      json.object([&] {
        json.attribute("symbol", "advance");
        json.attribute("blocks", 1);
        json.attribute("threads", 1);
        json.attribute("shared_bytes", 0);
        json.attributeArray("places", [&] {
          json.value(loss);
          for (auto kernel : train.getOps<KernelOp>())
            if (kernel->hasAttr("of_step"))
              for (Value result : kernel.getResults())
                json.value(placeOf(result));
        });
      });
    });
  }

  /// The kernel of the whole loop: as many blocks as any phase of it has, if there is room.
  void writeLoop(func::FuncOp train) {
    int64_t threads = 1;
    llvm::DenseMap<int64_t, int64_t> blocks; // of each phase
    for (auto kernel : train.getOps<KernelOp>()) {
      auto launch = kernel->getAttrOfType<DictionaryAttr>("launch");
      auto number = [&](StringRef name) { return cast<IntegerAttr>(launch.get(name)).getInt(); };
      auto place = kernel->getAttrOfType<DictionaryAttr>("loop");
      blocks[cast<IntegerAttr>(place.get("phase")).getInt()] += number("blocks");
      threads = std::max(threads, number("threads"));
    }
    int64_t most = 1;
    for (auto [phase, count] : blocks)
      most = std::max(most, count);
    json.attributeArray("train.loop", [&] {
      json.object([&] {
        json.attribute("symbol", "train_loop");
        json.attribute("blocks", most);
        json.attribute("threads", threads);
        json.attribute("shared_bytes",
                       train->getAttrOfType<IntegerAttr>("dl.shared_bytes").getInt());
        json.attributeArray("resident", [&] { writeResidentState(train); });
        json.attributeArray("places", [&] {
          json.value(0); // the arena
          for (size_t field = 0; field < program.fields.size(); ++field)
            json.value(-1 - static_cast<int64_t>(field));
        });
      });
    });
  }

  /// Bytes of shared memory that each block of a kernel can use from step to step.
  void writeResidentState(func::FuncOp train) {
    for (auto kernel : train.getOps<KernelOp>())
      if (auto resident = kernel->getAttrOfType<DictionaryAttr>("resident"))
        json.object([&] {
          auto launch = kernel->getAttrOfType<DictionaryAttr>("launch");
          json.attribute("blocks", cast<IntegerAttr>(launch.get("blocks")).getInt());
          json.attribute("bytes", cast<IntegerAttr>(resident.get("bytes")).getInt());
        });
  }

  /// Where a tensor lies in the arena or, below 0, -1 - the number of a field.
  int64_t placeOf(Value value) {
    if (auto input = value.getDefiningOp<InputOp>()) {
      auto field = llvm::find_if(program.fields, [&](const FieldInfo &candidate) {
        return candidate.name == input.getField();
      });
      return -1 - (field - program.fields.begin());
    }
    if (auto read = value.getDefiningOp<ReadOp>())
      return module.lookupSymbol<VariableOp>(read.getVariable())
          ->getAttrOfType<IntegerAttr>("offset")
          .getInt();
    auto offsets = value.getDefiningOp<KernelOp>()->getAttrOfType<DenseI64ArrayAttr>("offsets");
    return offsets[cast<OpResult>(value).getResultNumber()];
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

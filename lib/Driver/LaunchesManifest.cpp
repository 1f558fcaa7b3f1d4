//===- LaunchesManifest.cpp - What a device is given to do, as JSON ---------------------------===//
#include "LaunchesManifest.h"

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace dlc;
using namespace mlir;

namespace {

class LaunchesWriter {
public:
  LaunchesWriter(ModuleOp module, const ProgramInfo &program, llvm::json::OStream &json)
      : module(module), program(program), json(json) {}

  void write() {
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

private:
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

  ModuleOp module;
  const ProgramInfo &program;
  llvm::json::OStream &json;
};

} // namespace

void dlc::writeRoutines(ModuleOp module, const ProgramInfo &program, llvm::json::OStream &json) {
  LaunchesWriter(module, program, json).write();
}

//===- Devices.cpp ----------------------------------------------------------------------------===//
#include "Devices.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace dlc;

llvm::SmallVector<llvm::StringRef> dlc::wordsOf(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ',');
  return words;
}

std::string dlc::capabilityText(const dlrt::cuda::DeviceInfo &device) {
  return std::to_string(device.major) + "." + std::to_string(device.minor);
}

dlrt::Status dlc::targetOfGpu(int number, std::string &outTarget,
                              dlrt::cuda::DeviceInfo &outDevice) {
  outTarget.clear();
  if (dlrt::Status status = dlrt::cuda::findDevice(number, outDevice); !status.ok())
    return status;
  outTarget = targetOfCapability(outDevice.major, outDevice.minor);
  if (!outTarget.empty())
    return dlrt::Status();
  return dlrt::Status::error(outDevice.name + " has compute capability " +
                             capabilityText(outDevice) + ", and dlc needs 7.5 or newer");
}

std::string dlc::choosePlaces(const CommandLine &line, CompileOptions &compile,
                              dlrt::DeviceChoice &choice) {
  bool cpu = false, gpu = false;
  for (llvm::StringRef place : wordsOf(line.device.empty() ? "cpu" : line.device)) {
    cpu |= place == "cpu";
    gpu |= place == "gpu";
    if (place != "cpu" && place != "gpu")
      return "'--device' expects cpu, gpu or cpu,gpu, found '" + line.device + "'";
  }
  if (!gpu)
    return compile.secondTarget.empty()
               ? ""
               : "'" + compile.secondTarget + "' is a GPU; --device cpu,gpu makes code for one";
  dlrt::cuda::DeviceInfo device;
  if (compile.secondTarget.empty() && !targetOfGpu(0, compile.secondTarget, device).ok())
    compile.secondTarget = "sm_75";
  choice.kind = cpu ? dlrt::DeviceChoice::Processor : dlrt::DeviceChoice::Gpu;
  if (!cpu)
    compile.target = std::exchange(compile.secondTarget, "");
  return "";
}

dlrt::Status dlc::listDevices(llvm::raw_ostream &out) {
  std::vector<dlrt::cuda::DeviceInfo> devices;
  if (dlrt::Status status = dlrt::cuda::listDevices(devices); !status.ok())
    return status;
  for (auto [number, device] : llvm::enumerate(devices)) {
    std::string target = targetOfCapability(device.major, device.minor);
    out << "gpu:" << number << "  " << device.name << ", " << dlrt::formatBytes(device.bytes)
        << (device.freeBytes < 0 ? " (busy)"
                                 : " (" + dlrt::formatBytes(device.freeBytes) + " free)")
        << ", " << device.multiprocessors << " multiprocessors, capability "
        << capabilityText(device) << ", driver for CUDA " << device.driverVersion / 1000 << '.'
        << device.driverVersion % 1000 / 10 << ": "
        << (target.empty() ? "too old for dlc, which needs 7.5" : "compiles for " + target) << '\n';
  }
  if (devices.empty())
    out << "the driver sees no GPU\n";
  return dlrt::Status();
}

dlrt::Status dlc::chooseDevice(const CommandLine &line, CompileOptions &compile,
                               dlrt::RunOptions &options) {
  dlrt::Status status =
      dlrt::DeviceChoice::parse(line.device.empty() ? "cpu" : line.device, options.device);
  if (!status.ok())
    return dlrt::Status::error("'--device' " + status.message());
  std::string asked = std::exchange(compile.secondTarget, "");
  if (options.device.kind == dlrt::DeviceChoice::Processor)
    return asked.empty() ? status
                         : dlrt::Status::error("'" + asked + "' is a GPU; --device gpu runs there");
  std::string target;
  dlrt::cuda::DeviceInfo device;
  status = targetOfGpu(options.device.number, target, device);
  if (options.device.kind == dlrt::DeviceChoice::Automatic) {
    if (!status.ok())
      llvm::errs() << "dlc: note: runs on the processor: " << status.message() << '\n';
    else
      compile.target = target;
    return dlrt::Status();
  }
  compile.target = asked.empty() ? target : asked;
  return status;
}
